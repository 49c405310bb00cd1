//! Revoking links.

use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Ends a link: the Vault erases what it shows, and the Keystore what was kept of it. What was read cannot be unread. A call
    /// that was cut can be repeated.
    pub async fn revoke_link(&self, id: Id) -> Result<()> {
        self.keys()?;
        let was_there = match self.services().delete_link(id).await {
            Ok(()) => true,
            Err(Error::NotFound) => false,
            other => return other,
        };
        match self.services().spaces(&[id]).await?.pop() {
            Some(space) if space.is_of_link() => self.erase_row_of_link(id).await,
            // A space of this id that is no link's stays.
            _ if was_there => Ok(()),
            _ => Err(Error::NotFound),
        }
    }
}
