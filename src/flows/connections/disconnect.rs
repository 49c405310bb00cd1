//! Ending a connection, and with it every share that was sent through it.

use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::crypto::records::NoteState;
use crate::error::Result;
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
        if note.state != NoteState::Ended {
            self.write_note(id, note, |note| note.state = NoteState::Ended)
                .await?;
        }
        Ok(())
    }
}
