//! The engines of the tests: the Rust engine, with something done in another way, or noted on the way.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Mutex;

use tokio::sync::Semaphore;
use vouchsafe::Result;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Finished, Operation};
use zeroize::Zeroizing;

use crate::support::opaque;
use crate::support::sample::is_thorough;

/// The key pairs that were made, by their numbers.
static RSA_KEYS: Mutex<Vec<Zeroizing<Vec<u8>>>> = Mutex::new(Vec::new());

thread_local! {
    /// The number of the next key pair. A test has a thread, so what it gets is new to it.
    static NEXT_RSA_KEY: Cell<usize> = const { Cell::new(0) };
}

/// The key pair of this number, which is made when it is first asked for: making one takes up to a second.
pub async fn rsa_key(number: usize) -> Result<Zeroizing<Vec<u8>>> {
    loop {
        if let Some(key) = RSA_KEYS.lock().unwrap().get(number) {
            return Ok(key.clone());
        }
        let made = RustEngine.make_rsa_key().await?;
        RSA_KEYS.lock().unwrap().push(made);
    }
}

/// A key pair that this test has not had before.
async fn new_rsa_key() -> Result<Zeroizing<Vec<u8>>> {
    if is_thorough() {
        return RustEngine.make_rsa_key().await;
    }
    rsa_key(NEXT_RSA_KEY.replace(NEXT_RSA_KEY.get() + 1)).await
}

/// Where a test may step in. What it leaves out, the Rust engine does; but unless everything is tried, passphrases are
/// not stretched, and other tests get the same RSA keys.
pub trait Hooks: Clone + 'static {
    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        RustEngine.fill_random(buffer)
    }

    /// Whether keys are made ahead. None are, where a test counts them.
    fn makes_keys_aside(&self) -> bool {
        false
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        new_rsa_key().await
    }

    /// Sees what RSA is about to encrypt.
    fn before_rsa_encrypt(&self, _plaintext: &[u8]) {}

    /// Is called before each private-key operation.
    fn before_rsa_decrypt(&self) {}

    async fn stretch(&self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<Vec<u8>>> {
        if !is_thorough() {
            return Ok(Zeroizing::new([salt, passphrase].concat()));
        }
        RustEngine.stretch(passphrase, salt).await
    }

    async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        if !is_thorough() {
            return opaque::finish(operation, state, passphrase, response);
        }
        RustEngine
            .finish_opaque(operation, state, passphrase, response)
            .await
    }
}

/// The Rust engine with hooks in it. Clones share what the hooks share.
#[derive(Clone, Debug, Default)]
pub struct Hooked<H>(pub H);

impl<H> Deref for Hooked<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.0
    }
}

impl<H: Hooks> Engine for Hooked<H> {
    type PrivateKey = <RustEngine as Engine>::PrivateKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        self.0.fill_random(buffer)
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        RustEngine.to_nfc(text)
    }

    fn makes_keys_aside(&self) -> bool {
        self.0.makes_keys_aside()
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        self.0.make_rsa_key().await
    }

    async fn import_rsa_key(&self, pkcs8: &[u8]) -> Result<Self::PrivateKey> {
        RustEngine.import_rsa_key(pkcs8).await
    }

    async fn rsa_encrypt(&self, spki: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        self.0.before_rsa_encrypt(plaintext);
        RustEngine.rsa_encrypt(spki, plaintext).await
    }

    async fn rsa_decrypt(
        &self,
        key: &Self::PrivateKey,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        self.0.before_rsa_decrypt();
        RustEngine.rsa_decrypt(key, ciphertext).await
    }

    async fn stretch(&self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<Vec<u8>>> {
        self.0.stretch(passphrase, salt).await
    }

    async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        self.0
            .finish_opaque(operation, state, passphrase, response)
            .await
    }
}

/// Counts private-key operations: the engine of most tests.
pub type Counting = Hooked<Counts>;

#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub decryptions: Rc<Cell<usize>>,
    /// Given out instead of new RSA keys, for tests that make many and look at none.
    pub ready_made: Rc<RefCell<Option<Zeroizing<Vec<u8>>>>>,
    /// If it is there, keys are made ahead, as a browser does, and each takes a permit.
    pub permits: Option<Rc<Semaphore>>,
    pub begun_keys: Rc<Cell<usize>>,
}

impl Hooks for Counts {
    fn makes_keys_aside(&self) -> bool {
        self.permits.is_some()
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        self.begun_keys.set(self.begun_keys.get() + 1);
        if let Some(permits) = &self.permits {
            permits.acquire().await.unwrap().forget();
        }
        let ready_made = self.ready_made.borrow().clone();
        match ready_made {
            Some(key) => Ok(key),
            None => new_rsa_key().await,
        }
    }

    fn before_rsa_decrypt(&self) {
        self.decryptions.set(self.decryptions.get() + 1);
    }
}
