//! An engine that remembers the secrets that it makes and handles, so that they can be looked for.

use std::cell::RefCell;
use std::rc::Rc;

use vouchsafe::Result;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Finished, Operation};
use zeroize::Zeroizing;

use crate::support::{Hooked, Hooks};

/// What one person's devices have handled.
#[derive(Debug, Default)]
pub struct Seen {
    /// PKCS#8 of every RSA key that was made, used or not.
    pub rsa_keys: Vec<Vec<u8>>,
    /// OPAQUE's export keys, each once.
    pub export_keys: Vec<Vec<u8>>,
    /// The PSKs of the peers' copies that were sealed.
    pub psks: Vec<Vec<u8>>,
}

/// The Rust engine, and what went through it.
pub type Witness = Hooked<Sight>;

#[derive(Clone, Debug, Default)]
pub struct Sight {
    pub seen: Rc<RefCell<Seen>>,
}

impl Hooks for Sight {
    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        let key = RustEngine.make_rsa_key().await?;
        self.seen.borrow_mut().rsa_keys.push(key.to_vec());
        Ok(key)
    }

    fn before_rsa_encrypt(&self, plaintext: &[u8]) {
        self.seen.borrow_mut().psks.push(plaintext.to_vec());
    }

    async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        let finished = RustEngine
            .finish_opaque(operation, state, passphrase, response)
            .await?;
        let export_key = finished.export_key.to_vec();
        let seen = &mut self.seen.borrow_mut().export_keys;
        if !seen.contains(&export_key) {
            seen.push(export_key);
        }
        Ok(finished)
    }
}
