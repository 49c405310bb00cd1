//! What recovering and the changes of passphrase and recovery key have in common.

use zeroize::Zeroizing;

use super::sign_in::sign_in;
use crate::api::keystore::credentials::{CredentialsStart, NewPassphrase, NewRecovery};
use crate::api::{Services, Transport};
use crate::crypto::encoding::{from_base64url, to_base64url};
use crate::crypto::engine::{Engine, Operation};
use crate::crypto::keys::SymmetricKey;
use crate::crypto::opaque;
use crate::crypto::records::{
    Wrap, open_signing_key, open_vault_key, passphrase_wrapping_key, seal_kek,
};
use crate::crypto::recovery_key::RecoveryKey;
use crate::error::{Error, Result};
use crate::flows::{Change, Keys, Session};
use crate::ids::Id;

/// The keys under a KEK. One KEK opens both, so a Keystore cannot choose either.
pub(in crate::flows) fn open_keys(
    account: Id,
    kek: SymmetricKey,
    vault_key: &str,
    signing_key: &str,
) -> Result<Keys> {
    let vault = open_vault_key(account, &kek, vault_key)?;
    let signing = open_signing_key(account, &kek, signing_key)?;
    Ok(Keys {
        kek,
        vault,
        signing,
    })
}

/// OPAQUE's registration of a new passphrase, up to the message that the Keystore is to keep, and the KEK under it.
pub(in crate::flows) async fn make_passphrase<T: Transport, E: Engine>(
    services: &Services<T>,
    engine: &E,
    account: Id,
    kek: &SymmetricKey,
    passphrase: &[u8],
) -> Result<NewPassphrase> {
    let started = opaque::start(engine, Operation::Registration, passphrase)?;
    let request = CredentialsStart {
        registration_request: to_base64url(&started.message),
    };
    let answer = services.start_credentials(&request).await?;
    let response =
        from_base64url(&answer.registration_response).map_err(|_| crate::api::unreadable())?;
    let finished = engine
        .finish_opaque(
            Operation::Registration,
            &started.state,
            passphrase,
            &response,
        )
        .await?;
    let wrapping = passphrase_wrapping_key(&finished.export_key)?;
    Ok(NewPassphrase {
        registration_record: to_base64url(&finished.message),
        kek_passphrase: seal_kek(engine, account, Wrap::Passphrase, &wrapping, kek)?,
    })
}

/// A new recovery key in its written form, and what the Keystore is to keep of it.
pub(in crate::flows) fn make_recovery(
    engine: &impl Engine,
    account: Id,
    kek: &SymmetricKey,
) -> Result<(Zeroizing<String>, NewRecovery)> {
    let key = RecoveryKey::make(engine)?;
    let recovery = NewRecovery {
        kek_recovery: seal_kek(engine, account, Wrap::Recovery, &key.wrapping_key()?, kek)?,
        recovery_verifier: to_base64url(&key.verifier()?),
    };
    Ok((key.to_written()?, recovery))
}

impl Keys {
    /// Whether these are the very same keys.
    fn are(&self, other: &Self) -> bool {
        self.kek.kid() == other.kek.kid()
            && self.vault.kid() == other.vault.kid()
            && self.signing.public().kid() == other.signing.public().kid()
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Signs in afresh, which proves the passphrase, and goes on with that Keystore session. Returns the version of the
    /// credentials. Keys never change, so other ones than this session has are refused.
    pub(in crate::flows) async fn confirm(&self, passphrase: &str) -> Result<u64> {
        self.keys()?;
        let (answer, keys) =
            sign_in(self.services(), self.engine(), &self.login()?, passphrase).await?;
        if answer.account_id != self.account() {
            return Err(Error::WrongCredentials);
        }
        if !keys.are(&*self.keys()?) {
            return Err(Error::RecordRejected);
        }
        self.adopt(answer.session).await;
        Ok(answer.credentials_version)
    }

    /// Goes on with this Keystore session; the one before ends. Calls that are under way, and who listens, go over to it.
    pub(in crate::flows) async fn adopt(&self, session: Zeroizing<String>) {
        let before = self.services().fresh();
        before.set_session(self.services().set_session(Some(session)));
        self.changed(Change::Access);
        self.follow_events();
        // It is of no more use; should ending it fail, its age ends it.
        let _ = before.end_session().await;
    }
}
