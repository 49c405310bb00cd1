//! Shares, each created together with its encryption space.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::api::bodies::{Ids, Looked, Outcome, Outcomes, body_of};
use crate::api::services::Answer;
use crate::api::{Access, Method, Page, PageRequest, Services, Transport, WireError};
use crate::error::Result;
use crate::ids::Id;

/// A new share (steps 28-32).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewShare {
    /// Chosen by the client.
    pub id: Id,
    /// The connection.
    pub connection_id: Id,
    /// The encryption space, the same in the Keystore.
    pub space_id: Id,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// From 1.
    pub edition: u64,
    /// The envelope.
    pub share: String,
    /// The files that it names.
    pub files: Vec<Id>,
}

/// `POST /shares`.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewShares {
    /// 1 to 200.
    pub shares: Vec<NewShare>,
}

/// One answer of `POST /shares`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareCreated {
    /// The share.
    pub id: Id,
    /// The reason, if it failed.
    pub error: Option<WireError>,
    /// The time of its making, in milliseconds since 1970.
    pub created_at: Option<i64>,
}

/// A new edition of a share.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewEdition {
    /// The share.
    pub id: Id,
    /// The edition that this replaces.
    pub replaces: u64,
    /// Greater than that.
    pub edition: u64,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The envelope.
    pub share: String,
    /// The files that it names.
    pub files: Vec<Id>,
}

/// `PUT /shares`.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewEditions {
    /// 1 to 200.
    pub editions: Vec<NewEdition>,
}

/// One answer of `PUT /shares`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditionStored {
    /// The share.
    pub id: Id,
    /// The reason, if it failed.
    pub error: Option<WireError>,
    /// The time of this edition, in milliseconds since 1970.
    pub updated_at: Option<i64>,
}

/// An edition that a recipient has read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Read {
    /// The share.
    pub id: Id,
    /// The edition.
    pub edition: u64,
}

/// `PUT /shares/read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reads {
    /// 1 to 200.
    pub reads: Vec<Read>,
}

/// The newest edition that the recipient's client said it has opened, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The edition.
    pub edition: u64,
    /// In milliseconds since 1970, by the Vault's clock.
    pub at: i64,
}

/// A share without its content.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareRecord {
    /// The share.
    pub id: Id,
    /// The connection.
    pub connection_id: Id,
    /// The encryption space.
    pub space_id: Id,
    /// The sender.
    pub from: Id,
    /// The recipient.
    pub to: Id,
    /// The time of its making, in milliseconds since 1970.
    pub created_at: i64,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// From 1.
    pub edition: u64,
    /// The time of this edition, in milliseconds since 1970.
    pub updated_at: i64,
    /// For the sender.
    pub read: Option<Receipt>,
}

/// A share with its content.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "FlatShare")]
pub struct StoredShare {
    /// Everything else.
    #[serde(flatten)]
    pub record: ShareRecord,
    /// The envelope.
    pub share: String,
}

/// The same with all members side by side, as they travel.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FlatShare {
    id: Id,
    connection_id: Id,
    space_id: Id,
    from: Id,
    to: Id,
    created_at: i64,
    expires_at: Option<i64>,
    edition: u64,
    updated_at: i64,
    read: Option<Receipt>,
    share: String,
}

impl From<FlatShare> for StoredShare {
    fn from(flat: FlatShare) -> Self {
        let FlatShare {
            id,
            connection_id,
            space_id,
            from,
            to,
            created_at,
            expires_at,
            edition,
            updated_at,
            read,
            share,
        } = flat;
        let record = ShareRecord {
            id,
            connection_id,
            space_id,
            from,
            to,
            created_at,
            expires_at,
            edition,
            updated_at,
            read,
        };
        Self { record, share }
    }
}

/// One answer of `POST /shares/query`.
pub type ShareFound = Looked<StoredShare>;

impl<T: Transport> Services<T> {
    pub(crate) fn create_shares(&self, shares: Vec<NewShare>) -> Answer<'_, Vec<ShareCreated>> {
        self.call_and(
            Access::Vault,
            Method::Post,
            "/shares",
            Some(&NewShares { shares }),
            |answer| body_of(answer).map(|made: Outcomes<ShareCreated>| made.results),
        )
    }

    /// New editions of shares, or of links.
    pub(crate) fn update_editions(
        &self,
        editions: Vec<NewEdition>,
        are_links: bool,
    ) -> Answer<'_, Vec<EditionStored>> {
        self.call_and(
            Access::Vault,
            Method::Put,
            if are_links { "/links" } else { "/shares" },
            Some(&NewEditions { editions }),
            |answer| body_of(answer).map(|stored: Outcomes<EditionStored>| stored.results),
        )
    }

    pub(crate) fn tell_reads(&self, reads: Vec<Read>) -> Answer<'_, Vec<Outcome>> {
        self.call_and(
            Access::Vault,
            Method::Put,
            "/shares/read",
            Some(&Reads { reads }),
            |answer| body_of(answer).map(|told: Outcomes<Outcome>| told.results),
        )
    }

    pub(crate) fn list_incoming(&self, page: &PageRequest) -> Answer<'_, Page<ShareRecord>> {
        self.read_page("/shares/incoming", page, "")
    }

    pub(crate) fn list_outgoing(
        &self,
        page: &PageRequest,
        connection: Option<Id>,
    ) -> Answer<'_, Page<ShareRecord>> {
        let narrow = connection
            .map(|id| format!("&connection={id}"))
            .unwrap_or_default();
        self.read_page("/shares/outgoing", page, &narrow)
    }

    /// The records that the Vault has under these ids. Asks as often as it takes: one answer holds as many as fit. What the
    /// Vault does not answer is left out.
    pub(super) async fn stored<R: DeserializeOwned>(
        &self,
        path: &str,
        ids: &[Id],
    ) -> Result<Vec<Looked<R>>> {
        let (mut rest, mut found) = (Ids::of(ids), Vec::new());
        while !rest.ids.is_empty() {
            let asked = self.call(Access::Vault, Method::Post, path, Some(&rest.first()));
            let answer: Outcomes<Looked<R>> = asked.await?;
            let before = rest.ids.len();
            let is_answered = |id: &Id| answer.results.iter().any(|one| one.id == *id);
            rest.ids.retain(|id| !is_answered(id));
            // What nobody asked for, or had before, is not kept.
            let (most, results) = (before - rest.ids.len(), answer.results.into_iter());
            found.extend(results.filter(|one| ids.contains(&one.id)).take(most));
            if most == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// The shares that the Vault has; see [`Services::stored`].
    pub(crate) async fn stored_shares(&self, ids: &[Id]) -> Result<Vec<ShareFound>> {
        self.stored("/shares/query", ids).await
    }

    pub(crate) fn delete_share(&self, id: Id) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Vault,
            Method::Delete,
            &format!("/shares/{id}"),
            None::<&()>,
        )
    }
}
