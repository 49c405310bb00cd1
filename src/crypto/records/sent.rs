//! What was shared with whom: the sender's own memory of a share, kept in the Keystore beside the copies of its DEK. Who serves
//! shares does not keep what was meant.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::card::CardContent;
use super::share::ShareIds;
use crate::crypto::base64url::{from_base64url_exact, to_base64url};
use crate::crypto::canonical_json::to_json;
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::keys::{SymmetricKey, derive, thumbprint_of};
use crate::crypto::padding::{from_padded_json, to_padded_json};
use crate::error::{Error, Result};
use crate::ids::Id;

/// The largest class of the padded plaintext, in bytes.
const MAX_CLASS_BYTES: usize = 1 << 16;

/// What was shared.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Grows by one with every write.
    pub version: u64,
    /// The edition that is to be in the Vault.
    pub edition: u64,
    /// The card.
    pub card: Id,
    /// The version of the card that this edition shows.
    pub card_version: u64,
    /// [`shown_digest`] of what this edition shows.
    pub shown: String,
    /// The names of the chosen fields; all fields if `None`.
    pub fields: Option<Vec<String>>,
    /// Whether it follows the card.
    pub live: bool,
    /// In milliseconds since 1970; never if `None`.
    pub expires_at: Option<i64>,
    /// Whether it was shared although nobody had verified the keys.
    pub accept_unverified: bool,
    /// [`card_reference`].
    #[serde(rename = "ref")]
    pub reference: String,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn place(at: &ShareIds) -> Place {
    let ids: [&dyn std::fmt::Display; 4] = [&at.from, &at.connection, &at.space, &at.share];
    Place::new(Kind::new("vs-sent"), &ids)
}

/// Seals it under the vault key.
pub fn seal_sent(
    engine: &impl Engine,
    vault_key: &SymmetricKey,
    at: &ShareIds,
    sent: &Sent,
) -> Result<String> {
    let plaintext = to_padded_json(sent, MAX_CLASS_BYTES)?;
    envelope::seal(engine, vault_key, &place(at), &plaintext)
}

/// Opens it.
pub fn open_sent(vault_key: &SymmetricKey, at: &ShareIds, jwe: &str) -> Result<Sent> {
    let sent: Sent = from_padded_json(
        &envelope::open(vault_key, &place(at), jwe)?,
        MAX_CLASS_BYTES,
    )?;
    from_base64url_exact::<16>(&sent.reference)?;
    from_base64url_exact::<32>(&sent.shown)?;
    Ok(sent)
}

/// The tag by which the Keystore finds all shares of a card.
pub fn card_tag(vault_key: &SymmetricKey, card: Id) -> Result<String> {
    short_mac(vault_key, "vouchsafe/1 card tag", &[card])
}

/// What a card is called towards one other person: the same when it comes again.
pub fn card_reference(vault_key: &SymmetricKey, card: Id, connection: Id) -> Result<String> {
    short_mac(vault_key, "vouchsafe/1 card ref", &[card, connection])
}

/// The SHA-256 of a card's JSON, in base64url: whether an edition would show anything new.
pub fn shown_digest(card: &CardContent) -> Result<String> {
    Ok(thumbprint_of(&to_json(card)?))
}

/// The first 16 bytes of an HMAC-SHA-256 over raw ids, in base64url.
fn short_mac(vault_key: &SymmetricKey, info: &str, ids: &[Id]) -> Result<String> {
    let key = derive::<32>(vault_key.as_bytes(), info)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key[..]).map_err(|_| Error::RecordRejected)?;
    for id in ids {
        mac.update(id.as_bytes());
    }
    Ok(to_base64url(&mac.finalize().into_bytes()[..16]))
}
