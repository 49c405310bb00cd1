//! Revoking a share: first the ciphertext goes, then every copy of its key.

use super::Session;
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::Result;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Deletes the share in the Vault and its encryption space in the Keystore. What was read cannot be unread.
    pub async fn revoke_share(&self, id: Id) -> Result<()> {
        self.keys()?;
        let space = self.space_of(id).await?;
        self.services().delete_share(id).await?;
        if let Some(space) = space {
            self.delete_space_if_there(space).await?;
        }
        let mut memory = self.0.memory.borrow_mut();
        if let Some((_, space)) = memory.places.remove(&id) {
            memory.deks.remove(&space);
        }
        Ok(())
    }

    /// The share's space, from memory or from the Vault. A share that is gone or expired has none any more.
    async fn space_of(&self, id: Id) -> Result<Option<Id>> {
        let known = self.0.memory.borrow().places.get(&id).map(|place| place.1);
        if known.is_some() {
            return Ok(known);
        }
        let found = self.services().stored_shares(&[id]).await?.pop();
        Ok(found
            .and_then(|found| found.item)
            .map(|stored| stored.record.space_id))
    }
}
