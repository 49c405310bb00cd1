//! Ending a connection, and with it every share that was sent through it.

use super::Session;
use crate::api::{PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::records::NoteState;
use crate::error::{Error, Result};
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Ends the connection and revokes one's own shares. What was read cannot be unread. This works whatever keys the
    /// Vault serves for the other person.
    pub async fn disconnect(&self, id: Id) -> Result<()> {
        self.keys()?;
        let entry = self.services().entry(id).await?;
        let note = self.open_entry_note(&entry)?;
        if note.state == NoteState::Invited {
            // A pending invitation is cancelled, not disconnected.
            self.services().stored_connection(id).await?;
        }
        let mut page = PageRequest {
            cursor: None,
            limit: Some(200),
        };
        loop {
            let shares = self.services().list_outgoing(&page, Some(id)).await?;
            for share in shares.items {
                self.services().delete_share(share.id).await?;
                self.delete_space_if_there(share.space_id).await?;
            }
            page.cursor = shares.next;
            if page.cursor.is_none() {
                break;
            }
        }
        self.services().end_connection(id).await?;
        if note.state != NoteState::Ended {
            self.write_note(id, note, |note| note.state = NoteState::Ended)
                .await?;
        }
        Ok(())
    }

    /// Deletes a space; that it is gone already is as good.
    pub(super) async fn delete_space_if_there(&self, space: Id) -> Result<()> {
        match self.services().delete_space(space).await {
            Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }
}
