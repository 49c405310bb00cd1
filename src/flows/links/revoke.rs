//! Revoking links.

use futures_util::future::try_join_all;

use crate::api::Transport;
use crate::api::keystore::spaces::Space;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Ends a link: the Vault erases what it shows, and the Keystore what was kept of it. What was read cannot be unread. A call
    /// that was cut can be repeated.
    pub async fn revoke_link(&self, id: Id) -> Result<()> {
        self.keys()?;
        // A space of this id that is no link's stays.
        match self.services().spaces(&[id]).await?.pop() {
            Some(space) if space.is_of_link() => self.erase_link(id).await,
            Some(_) => Err(Error::NotFound),
            None => self.services().delete_link(id).await,
        }
    }

    /// Revokes the links of a card, whose rows these are. Of a row that does not open nobody knows whether it is one of the
    /// card's: then nothing is revoked.
    pub(in crate::flows) async fn revoke_links_of(&self, card: Id, rows: &[Space]) -> Result<()> {
        let mut ids = Vec::with_capacity(rows.len());
        for space in rows {
            let row = self.open_link_row(space)?;
            if row.sent.card != card {
                return Err(Error::RecordRejected);
            }
            ids.push(row.id);
        }
        for some in ids.chunks(8) {
            try_join_all(some.iter().map(|id| self.erase_link(*id))).await?;
        }
        Ok(())
    }

    /// Erases a link of one's own, as far as it is there. The Vault goes first: whoever has the link needs no key of the
    /// Keystore's.
    pub(super) async fn erase_link(&self, id: Id) -> Result<()> {
        match self.services().delete_link(id).await {
            Ok(()) | Err(Error::NotFound) => {}
            other => return other,
        }
        match self.services().delete_space(id).await {
            Ok(()) | Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }
}
