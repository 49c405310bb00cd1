//! Proving the passphrase again, before it changes what is most worth protecting.

use super::sign_in::sign_in;
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::session::Session;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Signs in afresh, which proves the passphrase, and goes on with that Keystore session. Returns the version of the
    /// credentials. Keys never change, so other ones than this session has are refused.
    pub(super) async fn confirm(&self, passphrase: &str) -> Result<u64> {
        self.keys()?;
        let (answer, keys) =
            sign_in(self.services(), self.engine(), &self.login()?, passphrase).await?;
        if answer.account_id != self.account() {
            return Err(Error::WrongCredentials);
        }
        if !keys.are(&*self.keys()?) {
            return Err(Error::RecordRejected);
        }
        self.tell_failed_sign_ins(answer.failed_sign_ins);
        self.adopt(answer.session).await;
        Ok(answer.credentials_version)
    }
}
