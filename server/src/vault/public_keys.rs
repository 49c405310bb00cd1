//! Connection public keys, published with the word of their owner's signing key.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::state::VaultState;
use crate::base64url::base64url;
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::sizes::{MAX_SPKI_BYTES, MAX_STATEMENT_BYTES};
use crate::http::values::{Bytes, Jws, Message};
use crate::store::new_row::NewRow;

/// The bytes before and after the 384 bytes of the modulus, in the one DER form of an RSA key of 3072 bits with the
/// exponent 65537. Comparing with them is stricter than parsing.
const DER_BEFORE_MODULUS: [u8; 33] = [
    0x30, 0x82, 0x01, 0xa2, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x8f, 0x00, 0x30, 0x82, 0x01, 0x8a, 0x02, 0x82, 0x01, 0x81,
    0x00,
];
const DER_AFTER_MODULUS: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

/// A public Ed25519 JWK.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SigningKey {
    crv: Curve,
    kty: KeyType,
    x: Bytes<32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
enum Curve {
    Ed25519,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
enum KeyType {
    #[serde(rename = "OKP")]
    Okp,
}

/// A key to publish: of RSA in DER, of X-Wing as it is.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewPublicKey {
    spki: Message,
    xwing: Bytes<1216>,
    signing_key: SigningKey,
    statement: Jws,
}

/// The answer to it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicKeyId {
    id: String,
}

/// A published key.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Publication {
    id: String,
    spki: String,
    xwing: String,
    signing_key: SigningKey,
    statement: Jws,
}

impl Publication {
    /// The key whose parts stand in these columns.
    pub(super) fn stored(
        id: String,
        spki: String,
        xwing: String,
        x: Bytes<32>,
        statement: Jws,
    ) -> Self {
        let signing_key = SigningKey {
            crv: Curve::Ed25519,
            kty: KeyType::Okp,
            x,
        };
        Self {
            id,
            spki,
            xwing,
            signing_key,
            statement,
        }
    }
}

/// The id of a connection key, if its RSA key is one of 3072 bits with the exponent 65537: the hash of that one's RFC 7638
/// thumbprint and of the X-Wing key.
fn key_id(spki: &[u8], xwing: &[u8; 1216]) -> Option<String> {
    let modulus = spki
        .strip_prefix(&DER_BEFORE_MODULUS)?
        .strip_suffix(&DER_AFTER_MODULUS)?;
    if modulus.len() != 384 || modulus[0] < 0x80 || modulus[383] % 2 == 0 {
        return None;
    }
    let jwk = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, base64url(modulus));
    let id = Sha256::new()
        .chain_update("vouchsafe/1 connection key")
        .chain_update(Sha256::digest(jwk))
        .chain_update(xwing)
        .finalize();
    Some(base64url(&id))
}

/// Publishes a key, once.
#[utoipa::path(
    put, path = "/public-keys/{key}", params(("key" = String, Path)), request_body = NewPublicKey,
    responses((status = 200, body = PublicKeyId), (status = 201, body = PublicKeyId), (status = "default", body = ErrorBody)),
)]
pub(super) async fn publish(
    State(vault): VaultState,
    caller: VaultCaller,
    Path(id): Path<String>,
    Input(input): Input<NewPublicKey>,
) -> Result<(StatusCode, Json<PublicKeyId>)> {
    if input.spki.0.len() > MAX_SPKI_BYTES {
        return Err(Code::TooLarge.into());
    }
    let statement = input.statement.within(MAX_STATEMENT_BYTES)?;
    match key_id(&input.spki.0, input.xwing.as_bytes()) {
        Some(made) if made == id => {}
        Some(_) => {
            return Err(ApiError::bad_input(
                "Name the key by its id, the hash of its RSA and X-Wing keys.",
            ));
        }
        None => {
            return Err(ApiError::bad_input(
                "Publish an RSA key of 3072 bits with the exponent 65537.",
            ));
        }
    }
    let (spki, xwing) = (base64url(&input.spki.0), input.xwing.to_text());
    let x = input.signing_key.x.to_text();
    let mut tx = vault.begin_for(&caller).await?;
    let is_new = NewRow::of("public_keys")
        .key("id", &id)
        .given("account", &caller.account)
        .given("spki", &spki)
        .given("xwing", &xwing)
        .given("signing_key", &x)
        .given("statement", statement)
        .made("created_at", vault.clock.now())
        .write_once(&mut tx)
        .await?;
    if is_new {
        vault.hold_keys(&mut tx, &caller.account).await?;
    }
    tx.commit().await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(PublicKeyId { id })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spki(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = [&DER_BEFORE_MODULUS[..], &[0x81; 384], &DER_AFTER_MODULUS].concat();
        change(&mut bytes);
        bytes
    }

    fn id_of(spki: &[u8]) -> Option<String> {
        key_id(spki, &[7; 1216])
    }

    #[test]
    fn the_id_is_of_both_keys() {
        let ids = [(0x81, 7), (0x83, 7), (0x81, 8)].map(|(rsa, xwing)| {
            let spki = spki(|der| der[33..33 + 384].fill(rsa));
            key_id(&spki, &[xwing; 1216]).unwrap()
        });
        // By Python's hashlib.
        assert_eq!(ids[0], "2UP3tonLWHLihuWsxSA6Apixg9nxeq2uOa2D3pxCMzc");
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
    }

    #[test]
    fn only_the_one_kind_of_key() {
        assert!(id_of(&spki(|_| {})).is_some());
        assert!(
            id_of(&spki(|der| *der.last_mut().unwrap() = 3)).is_none(),
            "another exponent"
        );
        assert!(
            id_of(&spki(|der| der[33] = 0x7f)).is_none(),
            "a shorter modulus"
        );
        assert!(
            id_of(&spki(|der| der[33 + 383] = 0x80)).is_none(),
            "an even modulus"
        );
        assert!(id_of(&spki(|der| der.push(0))).is_none(), "trailing bytes");
        assert!(
            id_of(&spki(|der| der.truncate(der.len() - 1))).is_none(),
            "truncated"
        );
        assert!(id_of(&[]).is_none());
    }
}
