//! Noting that two people compared their safety number.

use super::{Connection, Trust};
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::crypto::records::{NoteState, VerifiedBy};
use crate::crypto::safety_number::{
    compare_safety_number, derive_safety_number, read_safety_number,
};
use crate::error::Result;
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Verifies the connection, if `typed` is its safety number. What can only be a typing error is `bad_input`.
    pub async fn mark_verified(&self, id: Id, typed: &str) -> Result<Connection> {
        let keys = self.keys()?;
        let typed = read_safety_number(typed)?;
        let mut checked = self.checked_connection(id).await?;
        let pin = checked.peer()?;
        let number = derive_safety_number(
            (self.account(), keys.signing.public()),
            (pin.account, &pin.signing_key()?),
        );
        compare_safety_number(&typed, &number)?;
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
