//! A new passphrase and a new recovery key, as the Keystore keeps them.

use zeroize::Zeroizing;

use crate::api::keystore::credentials::{CredentialsStart, NewPassphrase, NewRecovery};
use crate::api::{Services, Transport};
use crate::crypto::base64url::{from_base64url, to_base64url};
use crate::crypto::engine::{Engine, Operation};
use crate::crypto::keys::SymmetricKey;
use crate::crypto::opaque;
use crate::crypto::records::{Wrap, passphrase_wrapping_key, seal_kek};
use crate::crypto::recovery_key::RecoveryKey;
use crate::error::{Error, Result};
use crate::ids::Id;

/// A passphrase that OPAQUE has registered.
pub(super) struct Registered {
    /// OPAQUE's third message, which the Keystore is to keep.
    pub(super) record: String,
    /// The key that wraps the KEK.
    pub(super) wrapping: SymmetricKey,
}

/// OPAQUE's registration of a passphrase. `ask` sends its first message to the Keystore and gives the second one.
pub(super) async fn register<E: Engine>(
    engine: &E,
    passphrase: &[u8],
    ask: impl AsyncFnOnce(String) -> Result<String>,
) -> Result<Registered> {
    let started = opaque::start(engine, Operation::Registration, passphrase)?;
    let response = ask(to_base64url(&started.message)).await?;
    let response = from_base64url(&response).map_err(|_| crate::api::unreadable())?;
    let finished = engine
        .finish_opaque(
            Operation::Registration,
            &started.state,
            passphrase,
            &response,
        )
        .await?;
    Ok(Registered {
        record: to_base64url(&finished.message),
        wrapping: passphrase_wrapping_key(&finished.export_key)?,
    })
}

/// A new passphrase of an account, and its KEK under it.
pub(super) async fn make_passphrase<T: Transport, E: Engine>(
    services: &Services<T>,
    engine: &E,
    account: Id,
    kek: &SymmetricKey,
    passphrase: &[u8],
) -> Result<NewPassphrase> {
    let ask = async |registration_request: String| {
        let request = CredentialsStart {
            registration_request,
        };
        let answer = services.start_credentials(&request).await?;
        Ok::<_, Error>(answer.registration_response)
    };
    let Registered { record, wrapping } = register(engine, passphrase, ask).await?;
    Ok(NewPassphrase {
        registration_record: record,
        kek_passphrase: seal_kek(engine, account, Wrap::Passphrase, &wrapping, kek)?,
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
