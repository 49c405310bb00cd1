//! Marks: what this device has seen of records, here or in other sessions. They are stored beside the sessions of the browser, by
//! whoever holds this one.

use super::Session;
use crate::api::Transport;
use crate::crypto::canonical_json::to_json;
use crate::crypto::engine::Engine;
use crate::crypto::marks::{ContentDigest, Kind, digest_of, marks_id, open_marks, seal_marks};
use crate::crypto::records::{Note, Pin};
use crate::error::{Error, Result};
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Remembers a record that was opened, or that a service has taken. One that is older than one seen before is
    /// `record_rejected`, and so is another ciphertext of the same number.
    pub(in crate::flows) fn see(
        &self,
        kind: Kind,
        id: Id,
        number: u64,
        ciphertext: &str,
    ) -> Result<()> {
        self.see_digest(kind, id, number, &digest_of(ciphertext.as_bytes()))
    }

    /// The same for a ciphertext that is at hand no more.
    pub(in crate::flows) fn see_digest(
        &self,
        kind: Kind,
        id: Id,
        number: u64,
        digest: &ContentDigest,
    ) -> Result<()> {
        let news = self
            .inner
            .marks
            .borrow_mut()
            .see(kind, id, number, digest)?;
        if news {
            self.marks_changed();
        }
        Ok(())
    }

    /// Remembers a record that a service has taken as the next version of one. That a call has seen a newer version by now says
    /// only that this answer was long on its way.
    pub(in crate::flows) fn see_written(
        &self,
        kind: Kind,
        id: Id,
        number: u64,
        digest: &ContentDigest,
    ) -> Result<()> {
        match number < self.mark_of(kind, id) {
            true => Ok(()),
            false => self.see_digest(kind, id, number, digest),
        }
    }

    /// The number of the newest one that this device has seen; 0 if it has seen none.
    pub(in crate::flows) fn mark_of(&self, kind: Kind, id: Id) -> u64 {
        self.inner.marks.borrow().number_of(kind, id)
    }

    fn marks_changed(&self) {
        let changes = &self.inner.marks_changes;
        changes.set(changes.get().wrapping_add(1));
    }

    /// Remembers a note as [`Session::see`] does, and the keys that it calls verified. Other keys are refused ever after.
    pub(in crate::flows) fn see_note(&self, id: Id, note: &Note, ciphertext: &str) -> Result<()> {
        if let Some(pin) = &note.pin {
            if self.was_verified(id, pin)? == Some(false) {
                return Err(Error::RecordRejected);
            }
            if note.verified_by.is_some() {
                self.see_digest(Kind::Verified, id, 1, &digest_of(&to_json(pin)?))?;
            }
        }
        self.see(Kind::Note, id, note.version, ciphertext)
    }

    /// Whether these keys were verified as far as this device has seen; nothing if none were.
    pub(in crate::flows) fn was_verified(&self, connection: Id, pin: &Pin) -> Result<Option<bool>> {
        let marks = self.inner.marks.borrow();
        Ok(marks.is_of(Kind::Verified, connection, &digest_of(&to_json(pin)?)))
    }

    /// Takes older versions of a card, note or share than this device has seen, after the services were restored from a
    /// backup. Keys that were verified stay the only ones.
    pub fn accept_older(&self, id: Id) -> Result<()> {
        self.keys()?;
        if !self.inner.marks.borrow_mut().accept_older(id) {
            return Err(Error::NotFound);
        }
        self.marks_changed();
        Ok(())
    }

    /// The name under which the marks are stored; nothing while the session is locked or over.
    #[must_use]
    pub fn marks_id(&self) -> Option<String> {
        marks_id(&self.keys().ok()?.vault).ok()
    }

    /// A number that changes with every mark that is not stored yet.
    #[must_use]
    pub fn marks_changes(&self) -> u32 {
        self.inner.marks_changes.get()
    }

    /// The marks as they are to be stored.
    pub async fn seal_marks(&self) -> Result<Vec<u8>> {
        let keys = self.keys()?;
        let marks = self.inner.marks.borrow().clone();
        seal_marks(self.engine(), &keys.vault, &marks).await
    }

    /// Takes in marks that were stored, also by other sessions of the account.
    pub async fn open_marks(&self, sealed: &[u8]) -> Result<()> {
        let keys = self.keys()?;
        let stored = open_marks(self.engine(), &keys.vault, sealed).await?;
        self.inner.marks.borrow_mut().merge(stored);
        Ok(())
    }
}
