//! Replacing the recovery key.

use zeroize::Zeroizing;

use super::credentials::make_recovery;
use crate::api::Transport;
use crate::api::keystore::credentials::CredentialsUpdate;
use crate::crypto::engine::Engine;
use crate::error::Result;
use crate::flows::session::Session;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Makes a new recovery key, in its written form, to be shown once; the one before opens nothing any more, and all
    /// other sessions end. After an interruption it can be repeated: the newest key counts.
    pub async fn make_recovery_key(&self, passphrase: &str) -> Result<Zeroizing<String>> {
        let keys = self.keys()?;
        let credentials_version = self.confirm(passphrase).await?;
        let (recovery_key, recovery) = make_recovery(self.engine(), self.account(), &keys.kek)?;
        let update = CredentialsUpdate {
            credentials_version,
            passphrase: None,
            recovery: Some(recovery),
        };
        self.services().replace_credentials(&update).await?;
        Ok(recovery_key)
    }
}
