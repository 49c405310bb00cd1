//! Forgetting keys: for a while, or for good.

use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::{Change, Memory, Session};

impl<T: Transport, E: Engine> Session<T, E> {
    /// Forgets every key. The passphrase brings them back: [`Session::unlock`].
    pub fn lock(&self) {
        self.forget();
        self.changed(Change::Access);
    }

    /// The session has ended elsewhere: forgets every key, and sends nothing any more.
    pub fn end(&self) {
        self.forget();
        self.0.signed_out.set(true);
        self.0.live.end();
        self.services().set_session(None);
    }

    /// Whether it was signed out, or has ended elsewhere.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.signed_out.get()
    }

    pub(in crate::flows) fn forget(&self) {
        *self.0.keys.borrow_mut() = None;
        // Versions stay: what this device saw must not be rolled back by a lock.
        let mut memory = self.0.memory.borrow_mut();
        let versions = std::mem::take(&mut memory.versions);
        *memory = Memory {
            versions,
            ..Memory::default()
        };
    }

    /// Forgets every key and ends the session at the Keystore. The keys are gone even when the Keystore cannot be
    /// reached; the error then says that its session lives on, and the call can be repeated.
    pub async fn sign_out(&self) -> Result<()> {
        self.lock();
        self.0.signed_out.set(true);
        self.0.live.end();
        match self.services().end_session().await {
            // It was over already, which is what was asked for.
            Ok(()) | Err(Error::SessionExpired) => {
                self.services().set_session(None);
                Ok(())
            }
            other => other,
        }
    }
}
