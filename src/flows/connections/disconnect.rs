//! Ending a connection, and with it every share that was sent through it.

use super::notes::MAX_ATTEMPTS;
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::crypto::records::{Note, NoteState};
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Ends the connection and revokes one's own shares. What was read cannot be unread. This works whatever keys the
    /// Vault serves for the other person.
    pub async fn disconnect(&self, id: Id) -> Result<()> {
        self.keys()?;
        let mut entry = self.services().entry(id).await?;
        let note = self.open_newest_note(&mut entry).await?;
        if note.state == NoteState::Invited {
            // A pending invitation is cancelled, not disconnected.
            self.services().stored_connection(id).await?;
        }
        // The keys go first, and by the connection: which shares there are the Vault alone would tell. It erases them itself.
        self.services().delete_spaces_of(id).await?;
        self.services().end_connection(id).await?;
        self.note_end(id, note).await
    }

    /// Takes leave of a connection that the other person has ended, without being waited for: what its shares were, and the keys,
    /// are of no use any more.
    pub(super) fn leave_later(&self, id: Id, note: Note) {
        let leaving = &mut self.inner.memory.borrow_mut().leaving;
        if leaving.contains(&id) {
            return;
        }
        leaving.insert(id, ());
        let session = self.clone();
        self.services().transport.spawn(async move {
            let _ = session.leave(id, note).await;
            session.inner.memory.borrow_mut().leaving.remove(&id);
        });
    }

    async fn leave(&self, id: Id, note: Note) -> Result<()> {
        self.services().delete_spaces_of(id).await?;
        self.note_end(id, note).await
    }

    /// Notes that the connection has ended. What another call notes meanwhile stays.
    async fn note_end(&self, id: Id, mut note: Note) -> Result<()> {
        let mut attempts = 0;
        while note.state != NoteState::Ended {
            attempts += 1;
            let written = self.write_note(id, note, |note| note.state = NoteState::Ended);
            note = match written.await {
                Err(Error::Conflict(_)) if attempts < MAX_ATTEMPTS => {
                    let mut entry = self.services().entry(id).await?;
                    self.open_newest_note(&mut entry).await?
                }
                other => other?,
            };
        }
        Ok(())
    }
}
