//! Unlocking: the passphrase brings the keys back.

use super::sign_in::sign_in;
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::session::Session;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Brings the keys back after [`Session::lock`], by signing in anew.
    pub async fn unlock(&self, passphrase: &str) -> Result<()> {
        if self.is_over() {
            return Err(Error::SessionExpired);
        }
        let (answer, keys) =
            sign_in(self.services(), self.engine(), &self.login()?, passphrase).await?;
        if answer.account_id != self.account() {
            return Err(Error::WrongCredentials);
        }
        self.open_with(keys)?;
        self.tell_failed_sign_ins(answer.failed_sign_ins);
        self.adopt(answer.session).await;
        Ok(())
    }
}
