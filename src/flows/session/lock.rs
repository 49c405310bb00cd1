//! Forgetting keys: for a while, or for good.

use std::rc::Rc;

use super::{Change, Keys, Memory, Session};
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};

impl<T: Transport, E: Engine> Session<T, E> {
    /// Whether the keys are forgotten.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.inner.keys.borrow().is_none()
    }

    /// Forgets every key. The passphrase brings them back: [`Session::unlock`].
    pub fn lock(&self) {
        self.forget();
        self.changed(Change::Access);
    }

    /// Brings the keys back, unless the session was signed out meanwhile.
    pub(in crate::flows) fn open_with(&self, keys: Keys) -> Result<()> {
        if self.is_over() {
            return Err(Error::SessionExpired);
        }
        *self.inner.keys.borrow_mut() = Some(Rc::new(keys));
        Ok(())
    }

    /// The session has ended elsewhere: forgets every key, and sends nothing any more.
    pub fn end(&self) {
        self.forget();
        self.inner.signed_out.set(true);
        self.inner.live.end();
        self.services().set_session(None);
    }

    /// Whether it was signed out, or has ended elsewhere.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.inner.signed_out.get()
    }

    pub(super) fn forget(&self) {
        *self.inner.keys.borrow_mut() = None;
        *self.inner.memory.borrow_mut() = Memory::default();
        self.inner.stock.forget();
    }

    /// Forgets every key and ends the session at the Keystore. The keys are gone even when the Keystore cannot be
    /// reached; the error then says that its session lives on, and the call can be repeated.
    pub async fn sign_out(&self) -> Result<()> {
        self.lock();
        self.inner.signed_out.set(true);
        self.inner.live.end();
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
