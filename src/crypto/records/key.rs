//! The account's other keys, wrapped under the KEK.

use crate::crypto::connection_key::ConnectionKey;
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::keys::{SigningKey, SymmetricKey};
use crate::error::{Error, Result};
use crate::ids::Id;

const TYP: &str = "vs-key";

fn vault_place(account: Id) -> Place {
    Place::new(TYP, &[&account, &"vault"])
}

fn signing_place(account: Id) -> Place {
    Place::new(TYP, &[&account, &"signing"])
}

fn connection_place(account: Id, thumbprint: &str) -> Place {
    Place::new(TYP, &[&account, &"connection", &thumbprint])
}

/// Wraps the vault key.
pub fn seal_vault_key(
    engine: &impl Engine,
    account: Id,
    kek: &SymmetricKey,
    key: &SymmetricKey,
) -> Result<String> {
    envelope::seal(engine, kek, &vault_place(account), &key.to_jwk()?)
}

/// Unwraps the vault key.
pub fn open_vault_key(account: Id, kek: &SymmetricKey, jwe: &str) -> Result<SymmetricKey> {
    SymmetricKey::from_jwk(&envelope::open(kek, &vault_place(account), jwe)?)
}

/// Wraps the signing key.
pub fn seal_signing_key(
    engine: &impl Engine,
    account: Id,
    kek: &SymmetricKey,
    key: &SigningKey,
) -> Result<String> {
    envelope::seal(engine, kek, &signing_place(account), &key.to_jwk()?)
}

/// Unwraps the signing key.
pub fn open_signing_key(account: Id, kek: &SymmetricKey, jwe: &str) -> Result<SigningKey> {
    SigningKey::from_jwk(&envelope::open(kek, &signing_place(account), jwe)?)
}

/// Wraps a connection's private key.
pub fn seal_connection_key(
    engine: &impl Engine,
    account: Id,
    kek: &SymmetricKey,
    key: &ConnectionKey,
) -> Result<String> {
    envelope::seal(
        engine,
        kek,
        &connection_place(account, key.public().thumbprint()),
        &key.to_jwk()?,
    )
}

/// Unwraps the connection key with this thumbprint.
pub fn open_connection_key(
    account: Id,
    kek: &SymmetricKey,
    thumbprint: &str,
    jwe: &str,
) -> Result<ConnectionKey> {
    let key = ConnectionKey::from_jwk(&envelope::open(
        kek,
        &connection_place(account, thumbprint),
        jwe,
    )?)?;
    if key.public().thumbprint() == thumbprint {
        Ok(key)
    } else {
        Err(Error::RecordRejected)
    }
}
