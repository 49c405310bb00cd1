//! Private notes, read and written with their versions.

use crate::api::Transport;
use crate::api::keystore::connections::{Entry, NoteUpdate};
use crate::crypto::engine::Engine;
use crate::crypto::marks::Kind;
use crate::crypto::records::{Note, open_note, seal_note};
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

/// The most times that a note is written, where other calls change it at the same time.
pub(super) const MAX_ATTEMPTS: u8 = 3;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Opens the note of what the Keystore has, and refuses one that is older than one seen before. What another call has written
    /// anew meanwhile looks older than it is, so it is fetched again, once.
    pub(super) async fn open_newest_note(&self, entry: &mut Entry) -> Result<Note> {
        let id = entry.id;
        if entry.version < self.mark_of(Kind::Note, id) {
            *entry = self.services().entry(id).await?;
            if entry.id != id {
                return Err(Error::RecordRejected);
            }
        }
        self.open_entry_note(entry)
    }

    fn open_entry_note(&self, entry: &Entry) -> Result<Note> {
        let keys = self.keys()?;
        let note = open_note(self.account(), entry.id, &keys.vault, &entry.note)?;
        if note.version != entry.version {
            return Err(Error::RecordRejected);
        }
        self.see_note(entry.id, &note, &entry.note)?;
        Ok(note)
    }

    /// Writes a changed note by compare-and-set.
    pub(super) async fn write_note(
        &self,
        id: Id,
        mut note: Note,
        change: impl FnOnce(&mut Note),
    ) -> Result<Note> {
        let keys = self.keys()?;
        let replaced = note.version;
        change(&mut note);
        note.version = replaced + 1;
        let update = NoteUpdate {
            note: seal_note(self.engine(), self.account(), id, &keys.vault, &note)?,
            version: replaced,
        };
        self.services().update_note(id, &update).await?;
        // Another call may have seen a newer one by now, while this answer was on its way.
        if note.version >= self.mark_of(Kind::Note, id) {
            self.see_note(id, &note, &update.note)?;
        }
        Ok(note)
    }
}
