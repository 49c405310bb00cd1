//! Shared cards: signed by the sender over everything that gives them meaning, then sealed under the DEK.

use serde::{Deserialize, Serialize};

use super::card::CardContent;
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::keys::{SigningKey, SymmetricKey, VerifyingKey};
use crate::crypto::padding::{from_padded_json, to_padded_json};
use crate::crypto::signature;
use crate::error::{Error, Result};
use crate::ids::Id;

/// The largest class of the padded payload, in bytes: one above a card's.
const MAX_CLASS_BYTES: usize = 2 << 20;
const KIND: Kind = Kind::new("vs-share");
const CONTENT: Kind = Kind::new("vs-share-content");

/// The ids that a share's envelopes name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareIds {
    /// The sender's account.
    pub from: Id,
    /// The recipient's account.
    pub to: Id,
    /// The connection.
    pub connection: Id,
    /// The encryption space.
    pub space: Id,
    /// The share.
    pub share: Id,
}

impl ShareIds {
    pub(super) fn place(&self, kind: Kind) -> Place {
        Place::new(
            kind,
            &[
                &self.from,
                &self.to,
                &self.connection,
                &self.space,
                &self.share,
            ],
        )
    }
}

/// A person in a share: account id and signing-key thumbprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// The account id.
    pub account: Id,
    /// The thumbprint.
    pub signing_key: String,
}

impl Party {
    /// A person by account and key.
    #[must_use]
    pub fn new(account: Id, key: &VerifyingKey) -> Self {
        Self {
            account,
            signing_key: key.kid().to_owned(),
        }
    }
}

/// The content that the sender signs; `C` is a card, or borrows one to be sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareContent<C = CardContent> {
    share: Id,
    connection: Id,
    space: Id,
    from: Party,
    to: Party,
    /// The DEK's thumbprint.
    dek: String,
    /// The card, whole or in part.
    pub card: C,
    /// The time of its making by the sender's clock, in milliseconds since 1970.
    pub made_at: i64,
    /// The time from which it is not served, in milliseconds since 1970.
    pub expires_at: Option<i64>,
}

/// Signs and seals a card (step 30).
#[allow(
    clippy::too_many_arguments,
    reason = "each is something that the signature covers"
)]
pub async fn seal_share(
    engine: &impl Engine,
    at: &ShareIds,
    dek: &SymmetricKey,
    sender: &SigningKey,
    recipient: &VerifyingKey,
    card: &CardContent,
    made_at: i64,
    expires_at: Option<i64>,
) -> Result<String> {
    card.check()?;
    let content = ShareContent {
        share: at.share,
        connection: at.connection,
        space: at.space,
        from: Party::new(at.from, sender.public()),
        to: Party::new(at.to, recipient),
        dek: dek.kid().to_owned(),
        card,
        made_at,
        expires_at,
    };
    let payload = to_padded_json(&content, MAX_CLASS_BYTES)?;
    let signed = signature::sign(sender, CONTENT, &payload)?;
    envelope::seal_large(engine, dek, &at.place(KIND), signed.as_bytes()).await
}

/// Opens a shared card and checks who signed it, and for whom (step 43).
pub async fn open_share(
    engine: &impl Engine,
    at: &ShareIds,
    dek: &SymmetricKey,
    sender: &VerifyingKey,
    recipient: &VerifyingKey,
    jwe: &str,
) -> Result<ShareContent> {
    let signed = envelope::open_large(engine, dek, &at.place(KIND), jwe).await?;
    let signed = std::str::from_utf8(&signed).map_err(|_| Error::RecordRejected)?;
    let payload = signature::verify(sender, CONTENT, signed)?;
    let content: ShareContent = from_padded_json(&payload, MAX_CLASS_BYTES)?;
    let as_expected = (content.share, content.connection, content.space)
        == (at.share, at.connection, at.space)
        && content.from == Party::new(at.from, sender)
        && content.to == Party::new(at.to, recipient)
        && content.dek == dek.kid();
    content.card.check().map_err(|_| Error::RecordRejected)?;
    if as_expected {
        Ok(content)
    } else {
        Err(Error::RecordRejected)
    }
}
