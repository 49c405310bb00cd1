//! Revoking a share: first every copy of its key goes, then the ciphertext.

use futures_util::future::try_join;

use crate::api::Transport;
use crate::api::keystore::spaces::Space;
use crate::crypto::engine::Engine;
use crate::crypto::records::{ShareIds, open_own_dek, open_share};
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Deletes the share's encryption space in the Keystore and the share in the Vault. What was read cannot be unread.
    /// In this order a call that was cut can be repeated, from any device: the share is still listed.
    pub async fn revoke_share(&self, id: Id) -> Result<()> {
        self.keys()?;
        let space = self.own_space(id).await;
        if let Ok(Some(space)) = space {
            self.delete_space_if_there(space).await?;
        }
        self.services().delete_share(id).await?;
        // The share is gone either way; that its key could not be found out is still to be told.
        space?;
        let mut memory = self.inner.memory.borrow_mut();
        memory.homes.remove(&id);
        if let Some(space) = memory.own_spaces.remove(&id) {
            memory.deks.remove(&space);
        }
        Ok(())
    }

    /// Deletes a space; that it is gone already is as good.
    pub(super) async fn delete_space_if_there(&self, space: Id) -> Result<()> {
        match self.services().delete_space(space).await {
            Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }

    /// The encryption space of a share of one's own: known here, or proven by opening the share with its key. A Vault
    /// that names another space would else keep the right one alive. A share that is gone or expired has none any more.
    async fn own_space(&self, id: Id) -> Result<Option<Id>> {
        let known = self.inner.memory.borrow().own_spaces.get(&id).copied();
        if known.is_some() {
            return Ok(known);
        }
        let found = self.services().stored_shares(&[id]).await?.pop();
        let Some(stored) = found.and_then(|found| found.item) else {
            return Ok(None);
        };
        let record = &stored.record;
        if record.from != self.account() {
            return Err(Error::NotFound);
        }
        let spaces = [record.space_id];
        let entry = self.services().entry(record.connection_id);
        let (entry, mut spaces) = try_join(entry, self.services().spaces(&spaces)).await?;
        let Some(Space::Sender { own, .. }) = spaces.pop() else {
            return Ok(None);
        };
        let note = self.open_entry_note(&entry)?;
        let pin = note.pin.as_ref().ok_or(Error::RecordRejected)?;
        let at = ShareIds {
            from: self.account(),
            to: pin.account,
            connection: record.connection_id,
            space: record.space_id,
            share: id,
        };
        let keys = self.keys()?;
        let dek = open_own_dek(&keys.kek, &at, &own)?;
        open_share(
            self.engine(),
            &at,
            &dek,
            keys.signing.public(),
            &pin.signing_key()?,
            &stored.share,
        )
        .await?;
        Ok(Some(at.space))
    }
}
