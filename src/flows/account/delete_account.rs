//! Deleting the account, in both services.

use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::session::Session;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Deletes the account with everything in it, and forgets every key. Shares are revoked and connections end; what
    /// was read cannot be unread. After an interruption it can be repeated: the Vault's part goes first, because the
    /// Keystore's is needed to show the Vault who asks.
    pub async fn delete_account(&self, passphrase: &str) -> Result<()> {
        match self.confirm(passphrase).await {
            // Only the Keystore's answer may be missing; the session that asked it can ask again.
            Err(Error::WrongCredentials) if self.inner.deleting.get() => {}
            other => {
                other?;
                self.services().delete_vault_account().await?;
            }
        }
        self.inner.deleting.set(true);
        self.services().delete_keystore_account().await?;
        self.lock();
        self.end();
        Ok(())
    }
}
