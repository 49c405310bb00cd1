//! Cards of one's own, as ciphertext.

use serde::{Deserialize, Serialize};

use crate::api::bodies::{Ids, body_of};
use crate::api::services::Answer;
use crate::api::{Access, Method, Page, PageRequest, Services, Transport};
use crate::ids::Id;

/// `PUT /cards/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CardWrite {
    /// The envelope.
    pub card: String,
    /// The version that it replaces; 0 for a new card.
    pub version: u64,
    /// Whether shares of the card may lag from now on; `false` changes nothing.
    pub unsettled: bool,
    /// The files that it names.
    pub files: Vec<Id>,
}

/// `PUT /cards/{id}/settled`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settled {
    /// The version that the shares show.
    pub version: u64,
}

/// Its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CardWritten {
    /// The card.
    pub id: Id,
    /// The version now.
    pub version: u64,
    /// The time of the first version, in milliseconds since 1970.
    pub created_at: i64,
    /// The time of this version, in milliseconds since 1970.
    pub updated_at: i64,
}

/// A stored card.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredCard {
    /// The card.
    pub id: Id,
    /// The envelope.
    pub card: String,
    /// The version.
    pub version: u64,
    /// The time of the first version, in milliseconds since 1970.
    pub created_at: i64,
    /// The time of this version, in milliseconds since 1970.
    pub updated_at: i64,
}

impl<T: Transport> Services<T> {
    pub(crate) fn write_card(&self, id: Id, body: &CardWrite) -> Answer<'_, CardWritten> {
        self.call(
            Access::Vault,
            Method::Put,
            &format!("/cards/{id}"),
            Some(body),
        )
    }

    pub(crate) fn stored_card(&self, id: Id) -> Answer<'_, StoredCard> {
        self.read(Access::Vault, &format!("/cards/{id}"))
    }

    pub(crate) fn stored_cards(&self, page: &PageRequest) -> Answer<'_, Page<StoredCard>> {
        self.read_page("/cards", page, "")
    }

    /// Cards whose shares may lag, so that whichever session comes next brings them up to date.
    pub(crate) fn unsettled_cards(&self) -> Answer<'_, Vec<Id>> {
        self.call_and(
            Access::Vault,
            Method::Get,
            "/cards/unsettled",
            None::<&()>,
            |answer| body_of(answer).map(|found: Ids<Vec<Id>>| found.ids),
        )
    }

    /// The shares show this version of the card.
    pub(crate) fn settle_card(&self, id: Id, version: u64) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Vault,
            Method::Put,
            &format!("/cards/{id}/settled"),
            Some(&Settled { version }),
        )
    }

    pub(crate) fn delete_card(&self, id: Id) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Vault,
            Method::Delete,
            &format!("/cards/{id}"),
            None::<&()>,
        )
    }
}
