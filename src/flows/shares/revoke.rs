//! Revoking shares: first every copy of the key goes, then the ciphertext.

use super::rows::CardRows;
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Deletes the share's encryption space in the Keystore and the share in the Vault. What was read cannot be unread.
    /// In this order a call that was cut can be repeated, from any device: the share is still listed.
    pub async fn revoke_share(&self, id: Id) -> Result<()> {
        self.keys()?;
        match self.own_space(id).await? {
            Some(space) => self.revoke_at(id, space).await,
            None => self.services().delete_share(id).await,
        }
    }

    /// Revokes all shares and links of a card. Of a row that does not open nobody knows whether it is one of the card's: then nothing is
    /// revoked.
    pub(in crate::flows) async fn revoke_shares_of(&self, card: Id) -> Result<()> {
        let CardRows { shares, links } = self.card_rows(card).await?;
        let rows = shares.into_iter().map(|found| found.row);
        let rows = rows.collect::<Result<Vec<_>>>()?;
        self.revoke_links_of(card, &links).await?;
        for row in rows {
            self.revoke_at(row.at.share, row.at.space).await?;
        }
        Ok(())
    }

    /// Revokes a share whose space is proven.
    async fn revoke_at(&self, id: Id, space: Id) -> Result<()> {
        self.delete_space_if_there(space).await?;
        match self.services().delete_share(id).await {
            // Without a key there is nothing left to be read, whatever the Vault says.
            Ok(()) | Err(Error::NotFound) => {}
            other => return other,
        }
        let mut memory = self.inner.memory.borrow_mut();
        memory.homes.remove(&id);
        memory.own_spaces.remove(&id);
        memory.deks.remove(&space);
        Ok(())
    }

    /// Deletes a space; that it is gone already is as good.
    pub(super) async fn delete_space_if_there(&self, space: Id) -> Result<()> {
        match self.services().delete_space(space).await {
            Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }

    /// The encryption space of a share of one's own: known here, or proven by the Keystore's row, which opens for no other share.
    /// A Vault that names another space would else keep the right one alive. None if it was revoked before.
    async fn own_space(&self, id: Id) -> Result<Option<Id>> {
        let known = self.inner.memory.borrow().own_spaces.get(&id).copied();
        if known.is_some() {
            return Ok(known);
        }
        let Some(space) = self.services().space_of_share(id).await? else {
            return Ok(None);
        };
        let at = self.open_row(space)?.at;
        if at.share == id {
            Ok(Some(at.space))
        } else {
            Err(Error::RecordRejected)
        }
    }
}
