//! Calling the other person by another name.

use super::Connection;
use super::notes::MAX_ATTEMPTS;
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::checks::check_name;
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Sets this side's name for the other person, of a connection that has ended, too. What else another device changes
    /// meanwhile stays.
    pub async fn rename_connection(&self, id: Id, name: &str) -> Result<Connection> {
        self.keys()?;
        check_name(name)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut checked = self.checked_connection(id).await?;
            if checked.note.name != name {
                let rename =
                    self.write_note(id, checked.note, |note| name.clone_into(&mut note.name));
                checked.note = match rename.await {
                    Err(Error::Conflict(_)) if attempts < MAX_ATTEMPTS => continue,
                    other => other?,
                };
            }
            return checked.into_connection(self);
        }
    }
}
