//! A new passphrase and a new recovery key, as the Keystore keeps them.

use zeroize::Zeroizing;

use crate::api::keystore::credentials::{
    CredentialsStart, NewPassphrase, NewRecovery, RegistrationStarted,
};
use crate::api::{Services, Transport};
use crate::crypto::base64url::{from_base64url, to_base64url};
use crate::crypto::engine::{Engine, Operation};
use crate::crypto::keys::SymmetricKey;
use crate::crypto::opaque::{self, Started};
use crate::crypto::records::{Wrap, passphrase_wrapping_key, seal_kek};
use crate::crypto::recovery_key::RecoveryKey;
use crate::crypto::suite::Suite;
use crate::error::Result;
use crate::ids::Id;

/// A passphrase that OPAQUE has registered.
pub(super) struct Registered {
    /// The Keystore's name for the registration.
    pub(super) registration: String,
    /// OPAQUE's third message, which the Keystore is to keep.
    pub(super) record: String,
    /// The wrap of the KEK, and the key for it.
    pub(super) wrap: Wrap,
    pub(super) wrapping: SymmetricKey,
}

/// OPAQUE's registration of a passphrase, under the newest suite, up to the first message.
pub(super) struct Registration<'a> {
    passphrase: &'a [u8],
    started: Started,
}

impl<'a> Registration<'a> {
    pub(super) const SUITE: Suite = Suite::NEWEST;

    pub(super) fn start(engine: &impl Engine, passphrase: &'a [u8]) -> Result<Self> {
        let started = opaque::start_registration(engine, passphrase)?;
        Ok(Self {
            passphrase,
            started,
        })
    }

    /// The first message, for the Keystore.
    pub(super) fn request(&self) -> String {
        to_base64url(&self.started.message)
    }

    /// Registers the passphrase with the Keystore's answer.
    pub(super) async fn finish(
        self,
        engine: &impl Engine,
        answer: RegistrationStarted,
    ) -> Result<Registered> {
        let response =
            from_base64url(&answer.registration_response).map_err(|_| crate::api::unreadable())?;
        let finished = engine
            .finish_opaque(
                Operation::Registration(Self::SUITE),
                &self.started.state,
                self.passphrase,
                &response,
            )
            .await?;
        Ok(Registered {
            registration: answer.registration,
            wrap: Wrap::Passphrase(Self::SUITE),
            record: to_base64url(&finished.message),
            wrapping: passphrase_wrapping_key(&finished.export_key)?,
        })
    }
}

/// A new passphrase of an account, and its KEK under it.
pub(super) async fn make_passphrase<T: Transport, E: Engine>(
    services: &Services<T>,
    engine: &E,
    account: Id,
    kek: &SymmetricKey,
    passphrase: &[u8],
) -> Result<NewPassphrase> {
    let registration = Registration::start(engine, passphrase)?;
    let request = CredentialsStart {
        suite: Registration::SUITE.number(),
        registration_request: registration.request(),
    };
    let answer = services.start_credentials(&request).await?;
    let made = registration.finish(engine, answer).await?;
    Ok(NewPassphrase {
        registration: made.registration,
        registration_record: made.record,
        kek_passphrase: seal_kek(engine, account, made.wrap, &made.wrapping, kek)?,
    })
}

/// A new recovery key in its written form, and what the Keystore is to keep of it.
pub(super) fn make_recovery(
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
