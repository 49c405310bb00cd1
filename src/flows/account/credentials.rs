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
use crate::error::Result;
use crate::ids::Id;

/// OPAQUE's registration of a new passphrase, up to the message that the Keystore is to keep, and the KEK under it.
pub(super) async fn make_passphrase<T: Transport, E: Engine>(
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
