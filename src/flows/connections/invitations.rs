//! One's own invitations: list, cancel; and declining somebody else's.

use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::api::keystore::connections::Entry;
use crate::api::vault::invitations::{InvitationState, StoredInvitation, Undeliverable};
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::invitation_link::{Ticket, to_link};
use crate::crypto::records::{Delivery, Note, NoteState, Role};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::opened::Opened;
use crate::flows::session::Session;
use crate::ids::Id;

/// An invitation of one's own.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// The invitation.
    pub id: Id,
    /// Its way to the invited person.
    pub delivery: Delivery,
    /// As the Vault tells, but for a cancellation that it has not got yet.
    pub state: InvitationState,
    /// Why it is undeliverable, as the Vault tells.
    pub reason: Option<Undeliverable>,
    /// The address of the mail.
    pub email: Option<String>,
    /// This side's name for the invited person.
    pub name: String,
    /// The link, while it is of use.
    pub link: Option<Zeroizing<String>>,
    /// The time of its making, in milliseconds since 1970: by the inviter's clock, or, where the note does not hold it, by
    /// the Vault's.
    pub created_at: i64,
    /// In milliseconds since 1970.
    pub expires_at: i64,
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Invitation {
    pub(super) fn new(
        stored: StoredInvitation,
        note: &Note,
        link: Option<Zeroizing<String>>,
    ) -> Self {
        // The note knows of a cancellation that the Vault has not got yet.
        let state = if note.state == NoteState::Cancelled {
            InvitationState::Cancelled
        } else {
            stored.state
        };
        Self {
            id: stored.id,
            delivery: note.delivery,
            state,
            reason: stored.reason,
            email: stored.email,
            name: note.name.clone(),
            link: link.filter(|_| state == InvitationState::Pending),
            created_at: note.created_at.unwrap_or(stored.created_at),
            expires_at: stored.expires_at,
        }
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// A page of one's own invitations, newest first.
    pub async fn invitations(&self, page: &PageRequest) -> Result<Page<Opened<Invitation>>> {
        self.keys()?;
        let Page { items: found, next } = self.services().stored_invitations(page).await?;
        let ids: Vec<Id> = found.iter().map(|stored| stored.id).collect();
        let entries = self.services().entries(&ids).await?;
        let mut entries: ById<Entry> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
        let mut work = self.work(found.len());
        let mut items = Vec::with_capacity(found.len());
        for stored in found {
            let id = stored.id;
            let result = match entries.remove(&id) {
                Some(entry) => self.open_invitation(stored, entry).await,
                None => Err(Error::RecordRejected),
            };
            items.push(Opened { id, result });
            work.advance().await;
        }
        Ok(Page { items, next })
    }

    async fn open_invitation(
        &self,
        stored: StoredInvitation,
        mut entry: Entry,
    ) -> Result<Invitation> {
        let note = self.open_newest_note(&mut entry).await?;
        if note.role != Role::Inviter || note.delivery != stored.delivery {
            return Err(Error::RecordRejected);
        }
        let keys = self.keys()?;
        let link = note.secret()?.zip(self.inner.invitation_url.as_deref());
        let link =
            link.map(|(secret, base)| to_link(base, stored.id, keys.signing.public(), &secret));
        Ok(Invitation::new(stored, &note, link))
    }

    /// Takes an invitation back. The note is marked first, so that whatever the Vault does, a later acceptance is refused.
    pub async fn cancel_invitation(&self, id: Id) -> Result<Invitation> {
        self.keys()?;
        let mut entry = self.services().entry(id).await?;
        let mut note = self.open_newest_note(&mut entry).await?;
        match note.state {
            _ if note.role != Role::Inviter => return Err(Error::NotFound),
            NoteState::Invited => {
                note = self
                    .write_note(id, note, |note| note.state = NoteState::Cancelled)
                    .await?
            }
            NoteState::Cancelled => {}
            _ => return Err(Error::InvitationUsed),
        }
        let stored = match self.services().cancel_invitation(id).await {
            // Accepted behind our back: that connection is not wanted.
            Err(Error::InvitationUsed) => {
                self.services().end_connection(id).await?;
                self.services().stored_invitation(id).await?
            }
            other => other?,
        };
        if stored.id != id {
            return Err(Error::RecordRejected);
        }
        Ok(Invitation::new(stored, &note, None))
    }

    /// Declines somebody else's invitation. Nobody can accept it then.
    pub async fn decline_invitation(&self, ticket: &Ticket) -> Result<()> {
        self.keys()?;
        self.services()
            .decline_invitation(ticket.id(), &ticket.token()?.to_text())
            .await
    }
}
