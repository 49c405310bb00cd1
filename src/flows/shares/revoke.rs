//! Revoking: of one share every copy of the key goes first, then the ciphertext; of all that a card has, what finds it again last.

use futures_util::future::try_join_all;

use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::crypto::marks::{ContentDigest, Kind};
use crate::crypto::records::Audience;
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

    /// Revokes all shares and links of a card. Of a row that does not open nobody knows whether it is one of the card's: then
    /// nothing is revoked.
    pub(in crate::flows) async fn revoke_shares_of(&self, card: Id) -> Result<()> {
        let rows = self.rows_of(card).await?.into_iter();
        let rows = rows.map(|found| found.row).collect::<Result<Vec<_>>>()?;
        for some in rows.chunks(8) {
            try_join_all(some.iter().map(|row| self.revoke_shown(row.at))).await?;
        }
        Ok(())
    }

    /// Revokes what a row names. The row goes last: a call that was cut finds it again by its card.
    pub(super) async fn revoke_shown(&self, at: Audience) -> Result<()> {
        let ids = match at {
            Audience::Person(ids) => ids,
            Audience::Link { id, .. } => return self.erase_link(id).await,
        };
        match self.services().delete_share(ids.share).await {
            Ok(()) | Err(Error::NotFound) => self.delete_space_if_there(ids.space).await?,
            other => return other,
        }
        self.forget_share(ids.share, ids.space)
    }

    /// Erases a link of one's own, as far as it is there. The Vault goes first: whoever has the link needs no key of the
    /// Keystore's.
    pub(in crate::flows) async fn erase_link(&self, id: Id) -> Result<()> {
        match self.services().delete_link(id).await {
            Ok(()) | Err(Error::NotFound) => self.erase_row_of_link(id).await,
            other => other,
        }
    }

    /// Erases what the Keystore keeps of a link that the Vault has no more.
    pub(in crate::flows) async fn erase_row_of_link(&self, id: Id) -> Result<()> {
        self.delete_space_if_there(id).await?;
        self.see_end(id)
    }

    /// The same, without being waited for.
    pub(in crate::flows) fn erase_later(&self, id: Id) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            let _ = session.erase_link(id).await;
        });
    }

    /// Revokes a share whose space is proven.
    async fn revoke_at(&self, id: Id, space: Id) -> Result<()> {
        self.delete_space_if_there(space).await?;
        match self.services().delete_share(id).await {
            // Without a key there is nothing left to be read, whatever the Vault says.
            Ok(()) | Err(Error::NotFound) => {}
            other => return other,
        }
        self.forget_share(id, space)
    }

    fn forget_share(&self, id: Id, space: Id) -> Result<()> {
        let mut memory = self.inner.memory.borrow_mut();
        memory.homes.remove(&id);
        memory.own_spaces.remove(&id);
        memory.deks.remove(&space);
        drop(memory);
        self.see_end(id)
    }

    /// From now on no row of this share or link is taken for one in force, whatever the services say.
    pub(super) fn see_end(&self, id: Id) -> Result<()> {
        self.see_digest(Kind::Sent, id, u64::MAX, &ContentDigest::default())
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
        let Some(space) = self.newest_space_of(id).await? else {
            return Ok(None);
        };
        match self.open_row(space)?.at {
            Audience::Person(at) if at.share == id => Ok(Some(at.space)),
            _ => Err(Error::RecordRejected),
        }
    }
}
