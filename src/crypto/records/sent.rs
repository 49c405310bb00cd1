//! What was shown to whom, by a share or by a link: the sender's own memory, kept in the Keystore beside the copies of the DEK.
//! Who serves shares and links does not keep what was meant.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::card::{CardContent, Part};
use super::share::ShareIds;
use crate::crypto::base64url::{from_base64url_exact, to_base64url};
use crate::crypto::canonical_json::to_json;
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::invitation_link::LinkSecret;
use crate::crypto::keys::{OkpPrivateJwk, SigningKey, SymmetricKey, derive, thumbprint_of};
use crate::crypto::marks;
use crate::crypto::padding::{from_padded_json, to_padded_json};
use crate::error::{Error, Result};
use crate::ids::Id;

/// The largest class of the padded plaintext, in bytes.
const MAX_CLASS_BYTES: usize = 1 << 16;

/// In the second form files are chosen.
const KIND: Kind = Kind {
    name: "vs-sent",
    newest: 2,
    written: 1,
};

/// Those whom a card is shown to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The recipient of a share.
    Person(ShareIds),
    /// Whoever has a link.
    Link {
        /// The account that made it.
        from: Id,
        /// The link, which is its share and its encryption space, too.
        id: Id,
    },
}

impl Audience {
    /// The share, or the link.
    #[must_use]
    pub fn share(&self) -> Id {
        match self {
            Self::Person(ids) => ids.share,
            Self::Link { id, .. } => *id,
        }
    }

    /// The encryption space.
    #[must_use]
    pub fn space(&self) -> Id {
        match self {
            Self::Person(ids) => ids.space,
            Self::Link { id, .. } => *id,
        }
    }

    /// The kind of its mark.
    #[must_use]
    pub fn mark(&self) -> marks::Kind {
        match self {
            Self::Person(_) => marks::Kind::Share,
            Self::Link { .. } => marks::Kind::Link,
        }
    }

    /// The ids of a share; none for a link.
    #[must_use]
    pub fn person(&self) -> Option<&ShareIds> {
        match self {
            Self::Person(ids) => Some(ids),
            Self::Link { .. } => None,
        }
    }

    fn place(&self, kind: Kind) -> Place {
        match self {
            Self::Person(at) => Place::new(kind, &[&at.from, &at.connection, &at.space, &at.share]),
            Self::Link { from, id } => Place::new(kind, &[from, &"link", id]),
        }
    }
}

/// What was shown.
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
    /// As of a [`Part`].
    pub fields: Option<Vec<String>>,
    /// As of a [`Part`]. Where none are chosen it is written as of old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<Id>>,
    /// Whether it follows the card.
    pub live: bool,
    /// In milliseconds since 1970; never if `None`.
    pub expires_at: Option<i64>,
    /// Whether it was shared although nobody had verified the keys.
    pub accept_unverified: bool,
    /// [`card_reference`]; none for a link.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The rest of a link; none for a share.
    pub link: Option<SentLink>,
}

/// What a link has, and a share has not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentLink {
    /// How often it is served; without a bound if `None`.
    pub max_reads: Option<u64>,
    /// The name that its maker goes by.
    pub name: String,
    /// The link's secret, as it stands in the link.
    pub secret: Zeroizing<String>,
    /// The key that signs what it shows.
    pub(crate) signing_key: OkpPrivateJwk,
}

impl SentLink {
    /// The link's secret.
    pub fn secret(&self) -> Result<LinkSecret> {
        LinkSecret::from_text(&self.secret)
    }

    /// The key that signs what it shows.
    pub fn signing_key(&self) -> Result<SigningKey> {
        SigningKey::from_members(&self.signing_key)
    }
}

impl Sent {
    /// The part of the card that is shown.
    #[must_use]
    pub fn part(&self) -> Part {
        Part {
            fields: self.fields.clone(),
            files: self.files.clone(),
        }
    }
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SentLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentLink").finish_non_exhaustive()
    }
}

/// Seals it under the vault key.
pub fn seal_sent(
    engine: &impl Engine,
    vault_key: &SymmetricKey,
    at: &Audience,
    sent: &Sent,
) -> Result<String> {
    let plaintext = to_padded_json(sent, MAX_CLASS_BYTES)?;
    let kind = match sent.files {
        None => KIND,
        Some(_) => KIND.written_as(KIND.newest),
    };
    envelope::seal(engine, vault_key, &at.place(kind), &plaintext)
}

/// Opens it.
pub fn open_sent(vault_key: &SymmetricKey, at: &Audience, jwe: &str) -> Result<Sent> {
    let (form, plaintext) = envelope::open_form(vault_key, &at.place(KIND), jwe)?;
    let sent: Sent = from_padded_json(&plaintext, MAX_CLASS_BYTES)?;
    from_base64url_exact::<32>(&sent.shown)?;
    if sent.files.is_some() != (form == KIND.newest) {
        return Err(Error::RecordRejected);
    }
    match (at, &sent.reference, &sent.link) {
        (Audience::Person(_), Some(reference), None) => {
            from_base64url_exact::<16>(reference)?;
        }
        (Audience::Link { .. }, None, Some(_)) if sent.expires_at.is_some() => {}
        _ => return Err(Error::RecordRejected),
    }
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
