//! Making an account: OPAQUE registration, the KEK and the keys under it, the recovery key.

use zeroize::Zeroizing;

use super::credentials::{Registration, make_recovery};
use super::passphrase::check_new_passphrase;
use crate::api::Transport;
use crate::api::keystore::accounts::{SignUpFinish, SignUpStart};
use crate::crypto::engine::{Engine, make_random};
use crate::crypto::keys::{SigningKey, SymmetricKey};
use crate::crypto::records::{seal_kek, seal_signing_key, seal_vault_key};
use crate::error::Result;
use crate::flows::session::{Client, Keys, Login, Session};
use crate::ids::Id;

/// The result of a sign-up, or of a recovery.
#[derive(Debug)]
pub struct SignedUp<T: Transport, E: Engine> {
    /// Signed in.
    pub session: Session<T, E>,
    /// In its written form; to be shown once.
    pub recovery_key: Zeroizing<String>,
}

impl<T: Transport, E: Engine> Client<T, E> {
    /// Makes an account and signs it in, if both services are there: the Keystore alone would make an account that can do
    /// nothing.
    pub async fn sign_up(
        &self,
        login: impl Into<Login>,
        passphrase: &str,
    ) -> Result<SignedUp<T, E>> {
        let login = login.into().check()?;
        let passphrase = check_new_passphrase(&self.engine, passphrase, "passphrase")?;
        let engine = &self.engine;
        let services = self.services_for(&login)?;

        let registration = Registration::start(engine, &passphrase)?;
        let request = SignUpStart {
            email: login.email(),
            identity_token: login.identity_token(),
            keystore: services.keystore().to_owned(),
            suite: Registration::SUITE.number(),
            registration_request: registration.request(),
        };
        services.check().await?;
        let answer = services.start_sign_up(&request).await?;
        let registered = registration.finish(engine, answer).await?;

        let account = Id::v4(*make_random(engine)?);
        let keys = Keys {
            kek: SymmetricKey::make(engine)?,
            vault: SymmetricKey::make(engine)?,
            signing: SigningKey::make(engine)?,
        };
        let (recovery_key, recovery) = make_recovery(engine, account, &keys.kek)?;
        let request = SignUpFinish {
            account_id: account,
            email: login.email(),
            identity_token: login.identity_token(),
            registration: registered.registration,
            registration_record: registered.record,
            kek_passphrase: seal_kek(
                engine,
                account,
                registered.wrap,
                &registered.wrapping,
                &keys.kek,
            )?,
            kek_recovery: recovery.kek_recovery,
            vault_key: seal_vault_key(engine, account, &keys.kek, &keys.vault)?,
            signing_key: seal_signing_key(engine, account, &keys.kek, &keys.signing)?,
            recovery_verifier: recovery.recovery_verifier,
        };
        let made = services.finish_sign_up(&request).await?;
        services.set_session(Some(made.session));
        let session = self.session(services, account, login, Some(keys));
        // The next thing is to invite somebody, or to accept.
        session.stock_up();
        Ok(SignedUp {
            session,
            recovery_key,
        })
    }
}
