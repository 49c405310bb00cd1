//! Shared cards: signed by the sender over everything that gives them meaning, then sealed under the DEK.

use serde::{Deserialize, Serialize};

use super::card::{CardContent, FirstCard, written};
use crate::crypto::base64url::from_base64url_exact;
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
/// The second form names its edition; in the third the card has files.
const KIND: Kind = Kind {
    name: "vs-share",
    newest: 3,
    written: 2,
};
/// A share's content has the form of the share.
const CONTENT: Kind = Kind {
    name: "vs-share-content",
    ..KIND
};

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
    /// Grows with each change, from 1.
    pub edition: u64,
    /// The same for all shares of a card over a connection; none in the first form.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The card, whole or in part.
    pub card: C,
    /// The time of its making by the sender's clock, in milliseconds since 1970.
    pub made_at: i64,
    /// The time from which it is not served, in milliseconds since 1970.
    pub expires_at: Option<i64>,
}

/// The content of the first form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstForm {
    share: Id,
    connection: Id,
    space: Id,
    from: Party,
    to: Party,
    dek: String,
    card: FirstCard,
    made_at: i64,
    expires_at: Option<i64>,
}

impl From<FirstForm> for ShareContent {
    fn from(first: FirstForm) -> Self {
        Self {
            share: first.share,
            connection: first.connection,
            space: first.space,
            from: first.from,
            to: first.to,
            dek: first.dek,
            edition: 1,
            reference: None,
            card: first.card.into(),
            made_at: first.made_at,
            expires_at: first.expires_at,
        }
    }
}

/// What a share says of a card: `card` is it, or borrows it.
#[derive(Debug, Clone)]
pub struct Edition<C = CardContent> {
    /// From 1.
    pub number: u64,
    /// The same for all shares of the card over the connection, 16 bytes in base64url.
    pub reference: String,
    /// The card, whole or in part.
    pub card: C,
    /// By the sender's clock, in milliseconds since 1970.
    pub made_at: i64,
    /// In milliseconds since 1970; never if `None`.
    pub expires_at: Option<i64>,
}

/// Signs and seals a card (step 30).
pub async fn seal_share(
    engine: &impl Engine,
    at: &ShareIds,
    dek: &SymmetricKey,
    sender: &SigningKey,
    recipient: &VerifyingKey,
    edition: Edition<&CardContent>,
) -> Result<String> {
    edition.card.check()?;
    let card = edition.card;
    let content = ShareContent {
        share: at.share,
        connection: at.connection,
        space: at.space,
        from: Party::new(at.from, sender.public()),
        to: Party::new(at.to, recipient),
        dek: dek.kid().to_owned(),
        edition: edition.number,
        reference: Some(edition.reference),
        card,
        made_at: edition.made_at,
        expires_at: edition.expires_at,
    };
    let payload = to_padded_json(&content, MAX_CLASS_BYTES)?;
    let signed = signature::sign(sender, written(CONTENT, card), &payload)?;
    let place = at.place(written(KIND, card)).since_second(edition.number);
    envelope::seal_large(engine, dek, &place, signed.as_bytes()).await
}

/// Opens an edition of a shared card, and checks who signed it, and for whom (step 43). What has the first form is edition 1.
pub async fn open_share(
    engine: &impl Engine,
    at: &ShareIds,
    edition: u64,
    dek: &SymmetricKey,
    sender: &VerifyingKey,
    recipient: &VerifyingKey,
    jwe: &str,
) -> Result<ShareContent> {
    let place = at.place(KIND).since_second(edition);
    let (form, signed) = envelope::open_large(engine, dek, &place, jwe).await?;
    let signed = std::str::from_utf8(&signed).map_err(|_| Error::RecordRejected)?;
    let payload = signature::verify_by(engine, sender, CONTENT, form, signed).await?;
    let content: ShareContent = match form {
        1 => from_padded_json::<FirstForm>(&payload, MAX_CLASS_BYTES)?.into(),
        _ => from_padded_json(&payload, MAX_CLASS_BYTES)?,
    };
    let reference = content.reference.as_deref();
    let as_expected = (content.share, content.connection, content.space)
        == (at.share, at.connection, at.space)
        && content.from == Party::new(at.from, sender)
        && content.to == Party::new(at.to, recipient)
        && content.dek == dek.kid()
        && content.edition == edition
        && content.card.is_of(KIND, form)
        && reference.map_or(form == 1, |text| from_base64url_exact::<16>(text).is_ok());
    content.card.check().map_err(|_| Error::RecordRejected)?;
    if as_expected {
        Ok(content)
    } else {
        Err(Error::RecordRejected)
    }
}
