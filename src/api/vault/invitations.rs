//! Invitations: made, listed, cancelled, opened, declined.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::bodies::Nothing;
use crate::api::services::Answer;
use crate::api::{Access, Method, Page, PageRequest, Services, Transport};
use crate::crypto::records::{Delivery, Publication};
use crate::ids::Id;

/// `PUT /invitations/{id}` (step 7).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewInvitation {
    /// The id of the published key.
    pub public_key_id: String,
    /// Its way to the invited person.
    pub delivery: Delivery,
    /// The address of the mail.
    pub email: Option<String>,
    /// SHA-256 of a link's token.
    pub token_hash: Option<String>,
    /// The page that a mail's link leads to, if it is not the Vault's first one.
    pub page: Option<String>,
    /// The tag of a mail's language.
    pub language: Option<String>,
    /// In milliseconds since 1970.
    pub expires_at: i64,
}

/// The state of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// Open.
    Pending,
    /// A connection was made.
    Accepted,
    /// The invited person declined.
    Declined,
    /// The inviter took it back.
    Cancelled,
    /// Its time is over.
    Expired,
    /// Its mail was given up.
    Undeliverable,
}

/// Why the mail of an invitation was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Undeliverable {
    /// A mail server refuses the address.
    Refused,
    /// No mail server took it, for days.
    Unsent,
}

/// An invitation as its inviter sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredInvitation {
    /// The invitation.
    pub id: Id,
    /// The published key.
    pub public_key_id: String,
    /// Its way to the invited person.
    pub delivery: Delivery,
    /// The address of the mail.
    pub email: Option<String>,
    /// By the Vault's clock.
    pub state: InvitationState,
    /// Why it is undeliverable.
    pub reason: Option<Undeliverable>,
    /// In milliseconds since 1970.
    pub created_at: i64,
    /// In milliseconds since 1970.
    pub expires_at: i64,
}

/// `POST /invitations/{id}/open` and `…/decline`.
#[derive(Serialize, Deserialize)]
pub struct TokenBody {
    /// The token.
    pub token: Zeroizing<String>,
}

impl fmt::Debug for TokenBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBody").finish_non_exhaustive()
    }
}

/// An invitation as whoever has the token sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenedInvitation {
    /// The invitation.
    pub id: Id,
    /// The inviter's account.
    pub inviter: Id,
    /// The inviter's keys.
    #[serde(deserialize_with = "crate::json::exactly")]
    pub publication: Publication,
    /// Its way to the invited person.
    pub delivery: Delivery,
    /// In milliseconds since 1970.
    pub expires_at: i64,
}

/// An invitation as whoever has the token sees it without a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitationPreview {
    /// The invitation.
    pub id: Id,
    /// The inviter's account.
    pub inviter: Id,
    /// The inviter's keys.
    #[serde(deserialize_with = "crate::json::exactly")]
    pub publication: Publication,
    /// Its way to the invited person.
    pub delivery: Delivery,
    /// By the Vault's clock.
    pub state: InvitationState,
    /// The inviter's confirmed address.
    pub email: Option<String>,
    /// In milliseconds since 1970.
    pub expires_at: i64,
}

impl<T: Transport> Services<T> {
    pub(crate) fn create_invitation(
        &self,
        id: Id,
        body: &NewInvitation,
    ) -> Answer<'_, StoredInvitation> {
        self.call(
            Access::Vault,
            Method::Put,
            &format!("/invitations/{id}"),
            Some(body),
        )
    }

    pub(crate) fn stored_invitation(&self, id: Id) -> Answer<'_, StoredInvitation> {
        self.read(Access::Vault, &format!("/invitations/{id}"))
    }

    pub(crate) fn stored_invitations(
        &self,
        page: &PageRequest,
    ) -> Answer<'_, Page<StoredInvitation>> {
        self.read_page("/invitations", page, "")
    }

    pub(crate) fn cancel_invitation(&self, id: Id) -> Answer<'_, StoredInvitation> {
        self.call(
            Access::Vault,
            Method::Post,
            &format!("/invitations/{id}/cancel"),
            Some(&Nothing {}),
        )
    }

    pub(crate) fn open_invitation(&self, id: Id, token: &str) -> Answer<'_, OpenedInvitation> {
        let body = TokenBody {
            token: Zeroizing::new(token.to_owned()),
        };
        self.call(
            Access::Vault,
            Method::Post,
            &format!("/invitations/{id}/open"),
            Some(&body),
        )
    }

    pub(crate) fn preview_invitation(&self, id: Id, token: &str) -> Answer<'_, InvitationPreview> {
        let body = TokenBody {
            token: Zeroizing::new(token.to_owned()),
        };
        self.call(
            Access::VaultOpen,
            Method::Post,
            &format!("/invitations/{id}/preview"),
            Some(&body),
        )
    }

    pub(crate) fn decline_invitation(&self, id: Id, token: &str) -> Answer<'_, ()> {
        let body = TokenBody {
            token: Zeroizing::new(token.to_owned()),
        };
        self.call_for_nothing(
            Access::Vault,
            Method::Post,
            &format!("/invitations/{id}/decline"),
            Some(&body),
        )
    }
}
