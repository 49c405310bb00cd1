//! An engine that remembers the secrets that it makes and handles, so that they can be looked for.

use std::cell::RefCell;
use std::rc::Rc;

use vouchsafe::Result;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Finished, Operation};
use zeroize::Zeroizing;

/// What one person's devices have handled.
#[derive(Debug, Default)]
pub struct Seen {
    /// PKCS#8 of every RSA key that was made, used or not.
    pub rsa_keys: Vec<Vec<u8>>,
    /// OPAQUE's export keys, each once.
    pub export_keys: Vec<Vec<u8>>,
    /// The content keys of the RSA envelopes that were sealed.
    pub content_keys: Vec<Vec<u8>>,
}

/// The Rust engine, and what went through it.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    inner: RustEngine,
    pub seen: Rc<RefCell<Seen>>,
}

impl Engine for Witness {
    type PrivateKey = <RustEngine as Engine>::PrivateKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        self.inner.fill_random(buffer)
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        self.inner.to_nfc(text)
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.inner.make_rsa_key().await?;
        self.seen.borrow_mut().rsa_keys.push(key.to_vec());
        Ok(key)
    }

    async fn import_rsa_key(&self, pkcs8: &[u8]) -> Result<Self::PrivateKey> {
        self.inner.import_rsa_key(pkcs8).await
    }

    async fn rsa_encrypt(&self, spki: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        self.seen.borrow_mut().content_keys.push(plaintext.to_vec());
        self.inner.rsa_encrypt(spki, plaintext).await
    }

    async fn rsa_decrypt(
        &self,
        key: &Self::PrivateKey,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        self.inner.rsa_decrypt(key, ciphertext).await
    }

    async fn finish_opaque(
        &self,
        operation: Operation,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        let finished = self
            .inner
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
