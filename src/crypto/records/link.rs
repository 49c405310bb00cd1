//! What a link shows to somebody without an account: a card, signed by a key made for this link alone, then sealed under the
//! key that follows from the link.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::card::{CardContent, written};
use super::plain_text::is_plain_text;
use crate::crypto::base64url::from_base64url;
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::keys::{OkpPublicJwk, SigningKey, SymmetricKey, VerifyingKey};
use crate::crypto::padding::{from_padded_json, to_padded_json};
use crate::crypto::signature;
use crate::error::{Error, Result};
use crate::ids::Id;

/// The largest class of the padded payload, in bytes: that of a share.
const MAX_CLASS_BYTES: usize = 2 << 20;
/// In the second form the card has files.
const KIND: Kind = Kind {
    name: "vs-link",
    newest: 2,
    written: 1,
};
/// A link's content has the form of the link.
const CONTENT: Kind = Kind {
    name: "vs-link-content",
    ..KIND
};
/// The most bytes of the name that whoever made the link goes by.
const MAX_NAME_BYTES: usize = 200;

/// The content that is signed; `C` is a card, or borrows one to be sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkContent<C = CardContent> {
    /// The link.
    pub share: Id,
    /// Grows with each change, from 1.
    pub edition: u64,
    /// The key that signed it.
    pub key: OkpPublicJwk,
    /// The thumbprint of the key that opens it.
    pub dek: String,
    /// The name that whoever made the link goes by; nobody has proven it.
    pub name: String,
    /// The card, whole or in part.
    pub card: C,
    /// The time of its making by its maker's clock, in milliseconds since 1970.
    pub made_at: i64,
    /// The time from which it is not served, in milliseconds since 1970.
    pub expires_at: i64,
    /// How often it is served; without a bound if `None`.
    pub max_reads: Option<u64>,
}

fn place(kind: Kind, id: Id, edition: u64) -> Place {
    Place::new(kind, &[&id, &edition])
}

/// Signs and seals an edition. Its `key` and `dek` are those of these keys.
pub async fn seal_link(
    engine: &impl Engine,
    key: &SymmetricKey,
    signer: &SigningKey,
    content: &LinkContent<&CardContent>,
) -> Result<String> {
    content.card.check()?;
    let payload = to_padded_json(content, MAX_CLASS_BYTES)?;
    let signed = signature::sign(signer, written(CONTENT, content.card), &payload)?;
    let kind = written(KIND, content.card);
    let place = place(kind, content.share, content.edition);
    envelope::seal_large(engine, key, &place, signed.as_bytes()).await
}

/// Opens an edition of a link whose signer has this thumbprint, and checks everything but its end.
pub async fn open_link(
    engine: &impl Engine,
    id: Id,
    edition: u64,
    key: &SymmetricKey,
    signer: &str,
    jwe: &str,
) -> Result<LinkContent> {
    let place = place(KIND, id, edition);
    let (form, signed) = envelope::open_large(engine, key, &place, jwe).await?;
    let signed = std::str::from_utf8(&signed).map_err(|_| Error::RecordRejected)?;
    // The content names its key; what it says counts for nothing before the signature was checked.
    let payload = signed.split('.').nth(1).ok_or(Error::RecordRejected)?;
    let payload = Zeroizing::new(from_base64url(payload)?);
    let content: LinkContent = from_padded_json(&payload, MAX_CLASS_BYTES)?;
    let verifying = VerifyingKey::from_jwk(&content.key)?;
    signature::verify(&verifying, CONTENT, form, signed)?;
    let name = &content.name;
    let is_name = name.len() <= MAX_NAME_BYTES && !name.trim().is_empty() && is_plain_text(name);
    let is_right = verifying.kid() == signer
        && (content.share, content.edition) == (id, edition)
        && content.dek == key.kid()
        && is_name
        && content.card.check().is_ok()
        && content.card.is_of(KIND, form);
    is_right.then_some(content).ok_or(Error::RecordRejected)
}
