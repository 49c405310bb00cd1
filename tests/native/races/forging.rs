//! RSA keys in no time: a real key's numbers with a random modulus. Nothing is wrapped with them where they are
//! used, and both services and the client look at their form alone.

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use vouchsafe::Result;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::rsa_key::RsaKey;
use zeroize::Zeroizing;

use crate::support::{Hooked, Hooks};

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
        let key = RsaKey::from_pkcs8(Zeroizing::new(pkcs8.clone())).unwrap();
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

/// The Rust engine, whose RSA keys are forged.
pub type Forging = Hooked<Forge>;

#[derive(Clone, Debug, Default)]
pub struct Forge;

impl Hooks for Forge {
    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        Ok(forge_key())
    }
}
