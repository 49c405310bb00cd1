//! The three copies of a share's DEK: the sender's own, the peer's, and the recipient's claim; and the one copy of the key of
//! a link, its maker's.

use crate::crypto::connection_key::{ConnectionKey, ConnectionPublicKey};
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::keys::SymmetricKey;
use crate::error::Result;
use crate::ids::Id;

use super::share::ShareIds;

/// The peer's copy.
const PEER: Kind = Kind::new("vs-dek");

fn own_place(account: Id, at: &ShareIds) -> Place {
    Place::new(Kind::new("vs-own"), &[&account, &at.connection, &at.space])
}

fn claim_place(account: Id, at: &ShareIds) -> Place {
    Place::new(
        Kind::new("vs-claim"),
        &[&account, &at.connection, &at.space],
    )
}

/// The sender's copy, under the sender's KEK (step 24).
pub fn seal_own_dek(
    engine: &impl Engine,
    kek: &SymmetricKey,
    at: &ShareIds,
    dek: &SymmetricKey,
) -> Result<String> {
    envelope::seal(engine, kek, &own_place(at.from, at), &dek.to_jwk()?)
}

/// Opens the sender's copy.
pub fn open_own_dek(kek: &SymmetricKey, at: &ShareIds, jwe: &str) -> Result<SymmetricKey> {
    SymmetricKey::from_jwk(&envelope::open(kek, &own_place(at.from, at), jwe)?)
}

fn own_link_place(account: Id, id: Id) -> Place {
    Place::new(Kind::new("vs-own"), &[&account, &"link", &id])
}

/// The maker's copy of the key of a link.
pub fn seal_own_link_key(
    engine: &impl Engine,
    account: Id,
    id: Id,
    kek: &SymmetricKey,
    key: &SymmetricKey,
) -> Result<String> {
    envelope::seal(engine, kek, &own_link_place(account, id), &key.to_jwk()?)
}

/// Opens the maker's copy of the key of a link.
pub fn open_own_link_key(
    account: Id,
    id: Id,
    kek: &SymmetricKey,
    jwe: &str,
) -> Result<SymmetricKey> {
    SymmetricKey::from_jwk(&envelope::open(kek, &own_link_place(account, id), jwe)?)
}

/// The peer's copy, for the peer's connection key (step 25).
pub async fn seal_peer_dek(
    engine: &impl Engine,
    key: &ConnectionPublicKey,
    at: &ShareIds,
    dek: &SymmetricKey,
) -> Result<String> {
    envelope::seal_for(engine, key, &at.place(PEER), &dek.to_jwk()?).await
}

/// Opens the peer's copy with the private keys (step 39); `rsa` is the RSA half, imported.
pub async fn open_peer_dek<E: Engine>(
    engine: &E,
    rsa: &E::PrivateKey,
    key: &ConnectionKey,
    at: &ShareIds,
    jwe: &str,
) -> Result<SymmetricKey> {
    let plaintext = envelope::open_with(engine, rsa, key, &at.place(PEER), jwe).await?;
    SymmetricKey::from_jwk(&plaintext)
}

/// The recipient's claim, under the recipient's KEK (step 40).
pub fn seal_claim(
    engine: &impl Engine,
    kek: &SymmetricKey,
    at: &ShareIds,
    dek: &SymmetricKey,
) -> Result<String> {
    envelope::seal(engine, kek, &claim_place(at.to, at), &dek.to_jwk()?)
}

/// Opens the claim.
pub fn open_claim(kek: &SymmetricKey, at: &ShareIds, jwe: &str) -> Result<SymmetricKey> {
    SymmetricKey::from_jwk(&envelope::open(kek, &claim_place(at.to, at), jwe)?)
}
