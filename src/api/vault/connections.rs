//! Connections: one per accepted invitation, with both sides' publications.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::bodies::{Found, Ids, body_of};
use crate::api::services::Answer;
use crate::api::{Access, Method, Page, PageRequest, Services, Transport};
use crate::crypto::records::{Publication, Role};
use crate::ids::Id;

/// `POST /connections` (step 17).
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewConnection {
    /// The invitation, whose id the connection gets.
    pub invitation_id: Id,
    /// The right to accept.
    pub token: Zeroizing<String>,
    /// The invitee's published key.
    pub public_key_id: String,
    /// For a link: the proof that the invitee held it.
    pub proof: Option<String>,
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection")
            .field("invitation_id", &self.invitation_id)
            .finish_non_exhaustive()
    }
}

/// Whether a connection is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionState {
    /// In force.
    Active,
    /// Ended by one of the two.
    Ended,
}

/// One side of a connection, as the Vault tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Side {
    /// The account.
    pub account: Id,
    /// The keys.
    #[serde(deserialize_with = "crate::json::exactly")]
    pub publication: Publication,
}

/// A connection, as the Vault tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredConnection {
    /// The connection.
    pub id: Id,
    /// Whether it is in force.
    pub state: ConnectionState,
    /// The inviter's side.
    pub inviter: Side,
    /// The invitee's side.
    pub invitee: Side,
    /// For a link: the invitee's proof.
    pub proof: Option<String>,
    /// The time of its making, in milliseconds since 1970.
    pub created_at: i64,
}

impl StoredConnection {
    /// The side in this role.
    pub(crate) fn side(&self, role: Role) -> &Side {
        match role {
            Role::Inviter => &self.inviter,
            Role::Invitee => &self.invitee,
        }
    }
}

impl<T: Transport> Services<T> {
    pub(crate) fn create_connection(&self, body: &NewConnection) -> Answer<'_, StoredConnection> {
        self.call(Access::Vault, Method::Post, "/connections", Some(body))
    }

    pub(crate) fn stored_connection(&self, id: Id) -> Answer<'_, StoredConnection> {
        self.read(Access::Vault, &format!("/connections/{id}"))
    }

    pub(crate) fn stored_connections(&self, ids: &[Id]) -> Answer<'_, Vec<StoredConnection>> {
        if ids.is_empty() {
            return Answer::known(|_| Ok(Vec::new()));
        }
        self.call_and(
            Access::Vault,
            Method::Post,
            "/connections/query",
            Some(&Ids::of(ids)),
            |answer| body_of(answer).map(|found: Found<StoredConnection>| found.items),
        )
    }

    pub(crate) fn list_connections(
        &self,
        page: &PageRequest,
    ) -> Answer<'_, Page<StoredConnection>> {
        self.read_page("/connections", page, "")
    }

    pub(crate) fn end_connection(&self, id: Id) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Vault,
            Method::Delete,
            &format!("/connections/{id}"),
            None::<&()>,
        )
    }
}
