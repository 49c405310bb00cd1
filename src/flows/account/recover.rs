//! Recovering: the recovery key opens the account when the passphrase is lost.

use zeroize::Zeroizing;

use super::credentials::{make_passphrase, make_recovery};
use super::passphrase::check_new_passphrase;
use super::sign_in::sign_in;
use super::sign_up::SignedUp;
use crate::api::keystore::credentials::{
    CredentialsUpdate, NewPassphrase, RecoveryStart, RecoveryStarted,
};
use crate::api::{Services, Transport};
use crate::crypto::base64url::to_base64url;
use crate::crypto::engine::Engine;
use crate::crypto::records::{Wrap, open_kek};
use crate::crypto::recovery_key::RecoveryKey;
use crate::error::{Error, Result};
use crate::flows::session::{Client, Keys, Login};
use crate::ids::Id;

/// An account whose keys are open, and what to replace.
struct Opened {
    account: Id,
    keys: Keys,
    credentials_version: u64,
    passphrase: Option<NewPassphrase>,
}

impl<T: Transport, E: Engine> Client<T, E> {
    /// Sets `passphrase` and a new recovery key with the old recovery key, and signs in. All sessions of the account and
    /// the old recovery key end. After an interruption it can be repeated: where the key is refused but the passphrase
    /// signs in, an earlier call came through, and only its recovery key is made anew.
    pub async fn recover(
        &self,
        login: impl Into<Login>,
        recovery_key: &str,
        passphrase: &str,
    ) -> Result<SignedUp<T, E>> {
        let login = login.into().check()?;
        let new_bytes = check_new_passphrase(&self.engine, passphrase, "passphrase")?;
        let recovery_key = RecoveryKey::from_written(recovery_key)?;
        let services = self.services_for(&login)?;
        let request = RecoveryStart {
            email: login.email(),
            identity_token: login.identity_token(),
            recovery_auth: Zeroizing::new(to_base64url(&recovery_key.auth()?[..])),
        };
        let opened = match services.start_recovery(&request).await {
            Err(Error::WrongCredentials) => {
                self.resume_recovery(&services, &login, passphrase).await?
            }
            answer => {
                self.open_recovered(&services, answer?, &recovery_key, &new_bytes)
                    .await?
            }
        };
        let Opened {
            account,
            keys,
            credentials_version,
            passphrase,
        } = opened;
        let (recovery_key, recovery) = make_recovery(&self.engine, account, &keys.kek)?;
        let update = CredentialsUpdate {
            credentials_version,
            passphrase,
            recovery: Some(recovery),
        };
        services.replace_credentials(&update).await?;
        Ok(SignedUp {
            session: self.session(services, account, login, Some(keys)),
            recovery_key,
        })
    }

    /// Opens the account with the recovery key. Nothing is registered before the KEK, and the keys under it, have opened.
    async fn open_recovered(
        &self,
        services: &Services<T>,
        answer: RecoveryStarted,
        recovery_key: &RecoveryKey,
        passphrase: &[u8],
    ) -> Result<Opened> {
        let account = answer.account_id;
        let wrapping = recovery_key.wrapping_key()?;
        let kek = open_kek(account, Wrap::Recovery, &wrapping, &answer.kek_recovery)?;
        let keys = Keys::open(account, kek, &answer.vault_key, &answer.signing_key)?;
        services.set_session(Some(answer.session));
        let passphrase =
            make_passphrase(services, &self.engine, account, &keys.kek, passphrase).await?;
        Ok(Opened {
            account,
            keys,
            credentials_version: answer.credentials_version,
            passphrase: Some(passphrase),
        })
    }

    /// Opens the account with the new passphrase, if an earlier call has set it.
    async fn resume_recovery(
        &self,
        services: &Services<T>,
        login: &Login,
        passphrase: &str,
    ) -> Result<Opened> {
        let (answer, keys) = match sign_in(services, &self.engine, login, passphrase).await {
            // It was the recovery key that was wrong.
            Err(Error::RecoveryNeeded) => return Err(Error::WrongCredentials),
            other => other?,
        };
        services.set_session(Some(answer.session));
        Ok(Opened {
            account: answer.account_id,
            keys,
            credentials_version: answer.credentials_version,
            passphrase: None,
        })
    }
}
