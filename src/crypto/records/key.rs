//! The account's other keys, wrapped under the KEK.

use crate::crypto::connection_key::ConnectionKey;
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::keys::{SigningKey, SymmetricKey};
use crate::error::{Error, Result};
use crate::ids::Id;

const KIND: Kind = Kind::new("vs-key");

fn vault_place(account: Id) -> Place {
    Place::new(KIND, &[&account, &"vault"])
}

fn signing_place(account: Id) -> Place {
    Place::new(KIND, &[&account, &"signing"])
}

fn connection_place(account: Id, key: &str) -> Place {
    Place::new(KIND, &[&account, &"connection", &key])
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

/// Wraps a connection's private keys.
pub fn seal_connection_key(
    engine: &impl Engine,
    account: Id,
    kek: &SymmetricKey,
    key: &ConnectionKey,
) -> Result<String> {
    envelope::seal(
        engine,
        kek,
        &connection_place(account, key.public().id()),
        &key.to_json()?,
    )
}

/// Unwraps the connection key with this id.
pub fn open_connection_key(
    account: Id,
    kek: &SymmetricKey,
    id: &str,
    jwe: &str,
) -> Result<ConnectionKey> {
    let key = ConnectionKey::from_json(&envelope::open(kek, &connection_place(account, id), jwe)?)?;
    if key.public().id() == id {
        Ok(key)
    } else {
        Err(Error::RecordRejected)
    }
}
