//! What whoever made a link keeps of it in the Keystore: which card it shows, and what it takes to show the card anew.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::base64url::from_base64url_exact;
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::invitation_link::LinkSecret;
use crate::crypto::keys::{OkpPrivateJwk, SigningKey, SymmetricKey};
use crate::crypto::padding::{from_padded_json, to_padded_json};
use crate::error::Result;
use crate::ids::Id;

/// The largest class of the padded plaintext, in bytes: that of what was shared with a person.
const MAX_CLASS_BYTES: usize = 1 << 16;

/// A link as its maker remembers it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkSent {
    /// Grows by one with every write.
    pub version: u64,
    /// The edition that is to be in the Vault.
    pub edition: u64,
    /// The card.
    pub card: Id,
    /// The version of the card that this edition shows.
    pub card_version: u64,
    /// The digest of what this edition shows.
    pub shown: String,
    /// The names of the chosen fields; all fields if `None`.
    pub fields: Option<Vec<String>>,
    /// Whether it follows the card.
    pub live: bool,
    /// In milliseconds since 1970.
    pub expires_at: i64,
    /// How often it is served; without a bound if `None`.
    pub max_reads: Option<u64>,
    /// The name that its maker goes by.
    pub name: String,
    /// The link's secret, as it stands in the link.
    pub secret: Zeroizing<String>,
    /// The key that signs what it shows.
    pub(crate) signing_key: OkpPrivateJwk,
}

impl LinkSent {
    /// The link's secret.
    pub fn secret(&self) -> Result<LinkSecret> {
        LinkSecret::from_text(&self.secret)
    }

    /// The key that signs what it shows.
    pub fn signing_key(&self) -> Result<SigningKey> {
        SigningKey::from_members(&self.signing_key)
    }
}

impl std::fmt::Debug for LinkSent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkSent")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn place(account: Id, id: Id) -> Place {
    Place::new(Kind::new("vs-link-sent"), &[&account, &"link", &id])
}

/// Seals it under the vault key.
pub fn seal_link_sent(
    engine: &impl Engine,
    account: Id,
    id: Id,
    vault_key: &SymmetricKey,
    sent: &LinkSent,
) -> Result<String> {
    let plaintext = to_padded_json(sent, MAX_CLASS_BYTES)?;
    envelope::seal(engine, vault_key, &place(account, id), &plaintext)
}

/// Opens it.
pub fn open_link_sent(
    account: Id,
    id: Id,
    vault_key: &SymmetricKey,
    jwe: &str,
) -> Result<LinkSent> {
    let plaintext = envelope::open(vault_key, &place(account, id), jwe)?;
    let sent: LinkSent = from_padded_json(&plaintext, MAX_CLASS_BYTES)?;
    from_base64url_exact::<32>(&sent.shown)?;
    Ok(sent)
}
