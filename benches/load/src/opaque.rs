//! Signing up and in. The client stretches passphrases before OPAQUE sees them; here nothing is stretched, so that the time
//! is the services' alone.

use anyhow::{Result, anyhow};
use data_encoding::BASE64URL_NOPAD;
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse,
    Ristretto255, TripleDh, ksf,
};
use rand_core::OsRng;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sha2::Sha512;
use uuid::Uuid;

use crate::bodies::{self, length};
use crate::call::{call, text};

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = ksf::Identity;
}

const SERVER: Identifiers<'static> = Identifiers {
    client: None,
    server: Some(b"vouchsafe-keystore"),
};

fn bytes(value: &Value, name: &str) -> Result<Vec<u8>> {
    Ok(BASE64URL_NOPAD.decode(text(value, name)?.as_bytes())?)
}

/// OPAQUE's errors have no text of ours.
fn failed(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow!("OPAQUE: {error:?}")
}

/// Opens an account. Returns its first session.
pub(crate) async fn sign_up(
    http: &Client,
    keystore: &str,
    email: &str,
    passphrase: &str,
) -> Result<String> {
    let start =
        ClientRegistration::<Suite>::start(&mut OsRng, passphrase.as_bytes()).map_err(failed)?;
    let body = json!({
        "suite": 1, "keystore": keystore, "email": email, "identityToken": null,
        "registrationRequest": BASE64URL_NOPAD.encode(&start.message.serialize()),
    });
    let url = format!("{keystore}/v1/sign-up/start");
    let begun = call(http, Method::POST, &url, None, Some(&body))
        .await?
        .json()?;
    let response = RegistrationResponse::deserialize(&bytes(&begun, "registrationResponse")?)
        .map_err(failed)?;
    let parameters = ClientRegistrationFinishParameters::new(SERVER, None);
    let finish = start
        .state
        .finish(&mut OsRng, passphrase.as_bytes(), response, parameters)
        .map_err(failed)?;
    let body = json!({
        "accountId": Uuid::new_v4().to_string(), "email": email, "identityToken": null,
        "registration": begun["registration"],
        "registrationRecord": BASE64URL_NOPAD.encode(&finish.message.serialize()),
        "kekPassphrase": bodies::jwe(length::KEK), "kekRecovery": bodies::jwe(length::KEK),
        "vaultKey": bodies::jwe(length::KEK), "signingKey": bodies::jwe(length::SIGNING_KEY),
        "recoveryVerifier": bodies::random(32),
    });
    let url = format!("{keystore}/v1/sign-up/finish");
    let made = call(http, Method::POST, &url, None, Some(&body))
        .await?
        .json()?;
    Ok(text(&made, "session")?.to_owned())
}

/// Opens a session.
pub(crate) async fn sign_in(
    http: &Client,
    keystore: &str,
    email: &str,
    passphrase: &str,
) -> Result<String> {
    let start = ClientLogin::<Suite>::start(&mut OsRng, passphrase.as_bytes()).map_err(failed)?;
    let body = json!({
        "keystore": keystore, "email": email, "identityToken": null,
        "credentialRequest": BASE64URL_NOPAD.encode(&start.message.serialize()),
    });
    let url = format!("{keystore}/v1/sign-in/start");
    let begun = call(http, Method::POST, &url, None, Some(&body))
        .await?
        .json()?;
    let response =
        CredentialResponse::deserialize(&bytes(&begun, "credentialResponse")?).map_err(failed)?;
    let context = format!("vouchsafe/1 suite {} {keystore}", begun["suite"]);
    let parameters = ClientLoginFinishParameters::new(Some(context.as_bytes()), SERVER, None);
    let finish = start
        .state
        .finish(&mut OsRng, passphrase.as_bytes(), response, parameters)
        .map_err(failed)?;
    let body = json!({
        "login": begun["login"],
        "credentialFinalization": BASE64URL_NOPAD.encode(&finish.message.serialize()),
    });
    let url = format!("{keystore}/v1/sign-in/finish");
    let made = call(http, Method::POST, &url, None, Some(&body))
        .await?
        .json()?;
    Ok(text(&made, "session")?.to_owned())
}

/// A token for the Vault.
pub(crate) async fn token(
    http: &Client,
    keystore: &str,
    vault: &str,
    session: &str,
) -> Result<String> {
    let url = format!("{keystore}/v1/tokens");
    let body = json!({ "audience": vault });
    let made = call(http, Method::POST, &url, Some(session), Some(&body))
        .await?
        .json()?;
    Ok(text(&made, "token")?.to_owned())
}
