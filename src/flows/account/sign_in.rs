//! Signing in: OPAQUE login, then the KEK and the keys under it.

use super::passphrase::check_passphrase;
use crate::api::keystore::accounts::{SignInFinish, SignInStart, SignedIn};
use crate::api::{Services, Transport};
use crate::crypto::base64url::{from_base64url, to_base64url};
use crate::crypto::engine::{Engine, Operation};
use crate::crypto::opaque;
use crate::crypto::records::{Wrap, open_kek, passphrase_wrapping_key};
use crate::crypto::suite::Suite;
use crate::error::Result;
use crate::flows::session::{Client, Keys, Login, Session};

impl<T: Transport, E: Engine> Client<T, E> {
    /// Signs in. That there is no such account and that the passphrase is wrong are the same error.
    pub async fn sign_in(
        &self,
        login: impl Into<Login>,
        passphrase: &str,
    ) -> Result<Session<T, E>> {
        let login = login.into().check()?;
        let services = self.services_for(&login)?;
        let (answer, keys) = sign_in(&services, &self.engine, &login, passphrase).await?;
        services.set_session(Some(answer.session));
        // The address is the one that was typed, whatever the Keystore calls it.
        let session = self.session(services, answer.account_id, login, Some(keys));
        session.tell_failed_sign_ins(answer.failed_sign_ins);
        Ok(session)
    }
}

/// Signs in; what comes back was opened and checked.
pub(super) async fn sign_in<T: Transport, E: Engine>(
    services: &Services<T>,
    engine: &E,
    login: &Login,
    passphrase: &str,
) -> Result<(SignedIn, Keys)> {
    let passphrase = check_passphrase(engine, passphrase, "passphrase")?;
    let started = opaque::start_sign_in(engine, &passphrase)?;
    let request = SignInStart {
        email: login.email(),
        identity_token: login.identity_token(),
        keystore: services.keystore().to_owned(),
        credential_request: to_base64url(&started.message),
    };
    let answer = services.start_sign_in(&request).await?;
    let response =
        from_base64url(&answer.credential_response).map_err(|_| crate::api::unreadable())?;
    let suite = Suite::from_number(answer.suite)?;
    let operation = Operation::SignIn(suite, services.keystore());
    let finished = engine
        .finish_opaque(operation, &started.state, &passphrase, &response)
        .await?;

    let request = SignInFinish {
        login: answer.login,
        credential_finalization: to_base64url(&finished.message),
    };
    let answer = services.finish_sign_in(&request).await?;
    let account = answer.account_id;
    let wrapping = passphrase_wrapping_key(&finished.export_key)?;
    let wrap = Wrap::Passphrase(suite);
    let kek = open_kek(account, wrap, &wrapping, &answer.kek_passphrase)?;
    let keys = Keys::open(account, kek, &answer.vault_key, &answer.signing_key)?;
    Ok((answer, keys))
}
