//! Encryption spaces: who gets which copy of a DEK.

use serde::{Deserialize, Serialize};

use crate::api::bodies::{Found, Ids, Outcome, Outcomes, body_of};
use crate::api::services::Answer;
use crate::api::{Access, Method, Services, Transport};
use crate::error::Result;
use crate::ids::Id;

/// A new space (steps 26-27).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSpace {
    /// Chosen by the client, the same in the Vault.
    pub id: Id,
    /// The connection.
    pub connection_id: Id,
    /// The account that gets the peer's copy.
    pub recipient: Id,
    /// The time from which it is not served, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The sender's copy.
    pub own: String,
    /// The peer's copy.
    pub peer: String,
}

/// `POST /spaces`.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewSpaces {
    /// 1 to 200.
    pub spaces: Vec<NewSpace>,
}

/// A space as its sender or recipient sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    tag = "role",
    rename_all = "lowercase",
    rename_all_fields = "camelCase",
    try_from = "EitherSpace"
)]
pub enum Space {
    /// For the sender.
    Sender {
        /// The space.
        id: Id,
        /// The connection.
        connection_id: Id,
        /// The other person.
        recipient: Id,
        /// The sender's copy.
        own: String,
        /// The time of the recipient's claim, in milliseconds since 1970.
        claimed_at: Option<i64>,
        /// The time of its making, in milliseconds since 1970.
        created_at: i64,
        /// The time of its end, in milliseconds since 1970.
        expires_at: Option<i64>,
    },
    /// For the recipient.
    Recipient {
        /// The space.
        id: Id,
        /// The connection.
        connection_id: Id,
        /// The other person.
        sender: Id,
        /// The peer's copy.
        peer: String,
        /// The recipient's claim.
        claim: Option<String>,
        /// The time of its making, in milliseconds since 1970.
        created_at: i64,
        /// The time of its end, in milliseconds since 1970.
        expires_at: Option<i64>,
    },
}

/// The members of both kinds. Reading them at once, and not by `role` first, saves a browser the machinery for it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EitherSpace {
    role: String,
    id: Id,
    connection_id: Id,
    recipient: Option<Id>,
    sender: Option<Id>,
    own: Option<String>,
    peer: Option<String>,
    claim: Option<String>,
    claimed_at: Option<i64>,
    created_at: i64,
    expires_at: Option<i64>,
}

impl TryFrom<EitherSpace> for Space {
    type Error = &'static str;

    fn try_from(space: EitherSpace) -> Result<Self, Self::Error> {
        let EitherSpace {
            id,
            connection_id,
            created_at,
            expires_at,
            ..
        } = space;
        match (
            space.role.as_str(),
            space.recipient,
            space.own,
            space.sender,
            space.peer,
        ) {
            ("sender", Some(recipient), Some(own), None, None) => Ok(Self::Sender {
                id,
                connection_id,
                recipient,
                own,
                claimed_at: space.claimed_at,
                created_at,
                expires_at,
            }),
            ("recipient", None, None, Some(sender), Some(peer)) => Ok(Self::Recipient {
                id,
                connection_id,
                sender,
                peer,
                claim: space.claim,
                created_at,
                expires_at,
            }),
            _ => Err("neither a sender's nor a recipient's space"),
        }
    }
}

impl Space {
    /// The space's id.
    #[must_use]
    pub fn id(&self) -> Id {
        match self {
            Self::Sender { id, .. } | Self::Recipient { id, .. } => *id,
        }
    }
}

/// `PUT /spaces/{id}/claim`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Claim {
    /// The DEK under the recipient's KEK.
    pub claim: String,
}

impl<T: Transport> Services<T> {
    pub(crate) fn create_spaces(&self, spaces: Vec<NewSpace>) -> Answer<'_, Vec<Outcome>> {
        self.call_and(
            Access::Keystore,
            Method::Post,
            "/spaces",
            Some(&NewSpaces { spaces }),
            |answer| body_of(answer).map(|made: Outcomes<Outcome>| made.results),
        )
    }

    pub(crate) fn spaces(&self, ids: &[Id]) -> Answer<'_, Vec<Space>> {
        if ids.is_empty() {
            return Answer::known(|_| Ok(Vec::new()));
        }
        self.call_and(
            Access::Keystore,
            Method::Post,
            "/spaces/query",
            Some(&Ids::of(ids)),
            |answer| body_of(answer).map(|found: Found<Space>| found.items),
        )
    }

    pub(crate) fn claim_space(&self, id: Id, body: &Claim) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Keystore,
            Method::Put,
            &format!("/spaces/{id}/claim"),
            Some(body),
        )
    }

    pub(crate) fn delete_spaces_of(&self, connection: Id) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Keystore,
            Method::Delete,
            &format!("/connections/{connection}/spaces"),
            None::<&()>,
        )
    }

    pub(crate) fn delete_space(&self, id: Id) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Keystore,
            Method::Delete,
            &format!("/spaces/{id}"),
            None::<&()>,
        )
    }
}
