//! Noting that two people compared their safety number.

use super::{Connection, Trust};
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::crypto::records::{NoteState, VerifiedBy};
use crate::crypto::safety_number::{derive_safety_number, is_same_number};
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Verifies the connection, if `typed` is its safety number.
    pub async fn mark_verified(&self, id: Id, typed: &str) -> Result<Connection> {
        let keys = self.keys()?;
        let mut checked = self.checked_connection(id).await?;
        let pin = checked.peer()?;
        let number = derive_safety_number(
            (self.account(), keys.signing.public()),
            (pin.account, &pin.signing_key()?),
        );
        if !is_same_number(typed, &number) {
            return Err(Error::SafetyNumberMismatch);
        }
        if checked.note.verified_by.is_none() {
            checked.note = self
                .write_note(id, checked.note, |note| {
                    note.state = NoteState::Accepted;
                    note.verified_by = Some(VerifiedBy::SafetyNumber);
                })
                .await?;
            checked.trust = Trust::Verified;
        }
        checked.into_connection(self)
    }
}
