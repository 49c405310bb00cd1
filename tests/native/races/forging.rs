//! Connection keys in no time: a real key's numbers with a random modulus. Nothing is wrapped with them where they are
//! used, and both services and the client look at their form alone.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use vouchsafe::Result;
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Finished, Operation};
use zeroize::Zeroizing;

/// A key pair that was made honestly: its PKCS#8, and where its modulus lies therein.
static MODEL: LazyLock<(Vec<u8>, usize)> = LazyLock::new(|| {
    let made = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let pkcs8 = runtime
            .block_on(RustEngine.make_rsa_key())
            .unwrap()
            .to_vec();
        let key = ConnectionKey::from_pkcs8(Zeroizing::new(pkcs8.clone())).unwrap();
        let jwk = serde_json::to_value(key.public().to_jwk().unwrap()).unwrap();
        let modulus = BASE64URL_NOPAD
            .decode(jwk["n"].as_str().unwrap().as_bytes())
            .unwrap();
        let at = pkcs8
            .windows(modulus.len())
            .position(|bytes| bytes == modulus)
            .unwrap();
        (pkcs8, at)
    });
    made.join().unwrap()
});

/// The modulus' length in bytes.
const MODULUS: usize = 384;

/// PKCS#8 of a key pair that nobody could decrypt with.
pub fn forge_key() -> Zeroizing<Vec<u8>> {
    let (model, at) = &*MODEL;
    let mut forged = Zeroizing::new(model.clone());
    let modulus = &mut forged[*at..at + MODULUS];
    getrandom::fill(modulus).unwrap();
    modulus[0] |= 0x80;
    modulus[MODULUS - 1] |= 1;
    forged
}

/// The Rust engine; its RSA keys are forged where it is told so.
#[derive(Clone, Debug, Default)]
pub struct Forging {
    inner: RustEngine,
    pub forges: Rc<Cell<bool>>,
}

impl Forging {
    /// Makes forged keys only.
    pub fn new() -> Self {
        let engine = Self::default();
        engine.forges.set(true);
        engine
    }
}

impl Engine for Forging {
    type PrivateKey = <RustEngine as Engine>::PrivateKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        self.inner.fill_random(buffer)
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        self.inner.to_nfc(text)
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        if self.forges.get() {
            return Ok(forge_key());
        }
        self.inner.make_rsa_key().await
    }

    async fn import_rsa_key(&self, pkcs8: &[u8]) -> Result<Self::PrivateKey> {
        self.inner.import_rsa_key(pkcs8).await
    }

    async fn rsa_encrypt(&self, spki: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
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
        self.inner
            .finish_opaque(operation, state, passphrase, response)
            .await
    }
}
