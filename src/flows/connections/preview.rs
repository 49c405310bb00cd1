//! Looking at an invitation before anybody has signed in.

use serde::Serialize;

use crate::api::Transport;
use crate::api::vault::invitations::InvitationState;
use crate::crypto::engine::Engine;
use crate::crypto::invitation_link::Ticket;
use crate::crypto::records::{Delivery, Role, check_publication, is_plain_text};
use crate::error::{Error, Result};
use crate::flows::session::Client;

/// Where an invitation stands. All of it but `keys_match` is the Vault's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Its way to the invited person.
    pub delivery: Delivery,
    /// Whether it can be accepted.
    pub state: InvitationState,
    /// In milliseconds since 1970.
    pub expires_at: i64,
    /// Whether the inviter's keys are those that the link names; nothing of a mail, which names none.
    pub keys_match: Option<bool>,
    /// The address that the inviter had confirmed when they invited.
    pub inviter_email: Option<String>,
}

impl<T: Transport, E: Engine> Client<T, E> {
    /// Looks at somebody's invitation. Nothing is changed by it, but that a key is made for accepting.
    pub async fn preview_invitation(&self, ticket: &Ticket) -> Result<Preview> {
        let (id, token) = (ticket.id(), ticket.token()?);
        // Whoever looks at it is likely to accept it.
        self.stock_up();
        let found = self.services.preview_invitation(id, &token.to_text());
        let found = found.await?;
        if found.id != id || found.delivery != ticket.delivery() {
            return Err(Error::RecordRejected);
        }
        let checked = check_publication(&found.publication, found.inviter, id, Role::Inviter);
        let keys_match = match (ticket, checked) {
            (_, Err(Error::UpdateNeeded)) => return Err(Error::UpdateNeeded),
            (Ticket::Link { inviter, .. }, checked) => {
                Some(checked.is_ok_and(|(signing_key, _)| signing_key.kid() == inviter))
            }
            (Ticket::Mail { .. }, checked) => checked.map(|_| None)?,
        };
        Ok(Preview {
            delivery: found.delivery,
            state: found.state,
            expires_at: found.expires_at,
            keys_match,
            inviter_email: found.email.filter(|email| is_plain_text(email)),
        })
    }
}
