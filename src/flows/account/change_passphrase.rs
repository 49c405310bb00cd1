//! Replacing the passphrase.

use super::credentials::make_passphrase;
use super::passphrase::check_new_passphrase;
use crate::api::Transport;
use crate::api::keystore::credentials::CredentialsUpdate;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::session::Session;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Replaces the passphrase; all other sessions of the account end. The keys and the recovery key stay. Of several
    /// devices at once, one wins. After an interruption it can be repeated: where the new passphrase signs in, it is done.
    pub async fn change_passphrase(&self, passphrase: &str, new: &str) -> Result<()> {
        let keys = self.keys()?;
        let new_bytes = check_new_passphrase(self.engine(), new, "newPassphrase")?;
        let credentials_version = match self.confirm(passphrase).await {
            Err(Error::WrongCredentials) => return self.confirm(new).await.map(|_| ()),
            other => other?,
        };
        let passphrase = make_passphrase(
            self.services(),
            self.engine(),
            self.account(),
            &keys.kek,
            &new_bytes,
        )
        .await?;
        let update = CredentialsUpdate {
            credentials_version,
            passphrase: Some(passphrase),
            recovery: None,
        };
        self.services().replace_credentials(&update).await?;
        Ok(())
    }
}
