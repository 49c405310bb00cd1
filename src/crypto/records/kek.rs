//! The KEK: random, one per account, wrapped under the passphrase and under the recovery key.

use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::keys::SymmetricKey;
use crate::crypto::suite::Suite;
use crate::error::Result;
use crate::ids::Id;

/// One of the two wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// Under a key from OPAQUE's export key, by a passphrase of this suite.
    Passphrase(Suite),
    /// Under a key from the recovery key.
    Recovery,
}

/// The key from the export key that wraps the KEK.
pub fn passphrase_wrapping_key(export_key: &[u8]) -> Result<SymmetricKey> {
    SymmetricKey::derive(export_key, "vouchsafe/1 kek passphrase")
}

fn place(account: Id, wrap: Wrap) -> Place {
    let kind = Kind::new("vs-kek");
    match wrap {
        Wrap::Passphrase(suite) => Place::new(kind, &[&account, &"passphrase", &suite]),
        Wrap::Recovery => Place::new(kind, &[&account, &"recovery"]),
    }
}

/// Wraps the KEK.
pub fn seal_kek(
    engine: &impl Engine,
    account: Id,
    wrap: Wrap,
    wrapping: &SymmetricKey,
    kek: &SymmetricKey,
) -> Result<String> {
    envelope::seal(engine, wrapping, &place(account, wrap), &kek.to_jwk()?)
}

/// Unwraps the KEK.
pub fn open_kek(
    account: Id,
    wrap: Wrap,
    wrapping: &SymmetricKey,
    jwe: &str,
) -> Result<SymmetricKey> {
    SymmetricKey::from_jwk(&envelope::open(wrapping, &place(account, wrap), jwe)?)
}
