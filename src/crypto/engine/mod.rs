//! The raw algorithms that differ by platform: randomness, RSA, checks of signatures, and the stretching of passphrases.
//!
//! In a browser RSA is WebCrypto's ([`web`]); natively, and for runtimes without WebCrypto, it is the `rsa` crate's
//! ([`rust`]); the package's `full` entry has both. Both read what the other wrote. The hashes are the same Rust code
//! everywhere; so are AES-GCM, but that WebCrypto takes large records off the page, and Ed25519, but that WebCrypto checks
//! signatures where it can.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::Zeroizing;

use crate::crypto::stretching::stretch;
use crate::crypto::suite::Suite;
use crate::error::{Error, Result};

#[cfg(all(feature = "browser", feature = "rust-rsa", target_arch = "wasm32"))]
pub mod full;
#[cfg(feature = "rust-rsa")]
pub mod rust;
mod watch;
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub mod web;

pub(crate) use watch::Watch;
pub use watch::Watched;

/// The modulus length of every RSA key, in bytes.
pub const MODULUS_BYTES: usize = 384;

/// The length of the IV of AES-256-GCM.
pub const IV_BYTES: usize = 12;
/// The length of its tag.
pub const TAG_BYTES: usize = 16;

/// The result of OPAQUE's `finish`: the message for the Keystore and the export key.
#[derive(Debug)]
pub struct Finished {
    /// The registration record or the credential finalization.
    pub message: Vec<u8>,
    /// 64 bytes that only the passphrase gives.
    pub export_key: Zeroizing<Vec<u8>>,
}

/// One of OPAQUE's two `finish` operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// At sign-up, and when a passphrase is replaced: under this suite.
    Registration(Suite),
    /// At sign-in: under the suite of the account, at the Keystore of this base URL.
    SignIn(Suite, &'a str),
}

/// The direction of a cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the plaintext.
    Encrypt,
    /// To the plaintext.
    Decrypt,
}

/// A job for AES-256-GCM.
#[derive(Clone, Copy)]
pub struct Gcm<'a> {
    /// The direction.
    pub way: Way,
    /// The key.
    pub key: &'a [u8; 32],
    /// The IV.
    pub iv: &'a [u8; IV_BYTES],
    /// The additional data.
    pub aad: &'a [u8],
    /// The plaintext; or the ciphertext and, after it, the tag.
    pub data: &'a [u8],
}

impl fmt::Debug for Gcm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gcm")
            .field("way", &self.way)
            .finish_non_exhaustive()
    }
}

/// The means of a platform.
#[allow(
    async_fn_in_trait,
    reason = "one thread: browsers have no other, and native tests need none"
)]
pub trait Engine: Clone + 'static {
    /// A private RSA key, imported and ready for use.
    type PrivateKey: Clone + 'static;

    /// Fills `buffer` with random bytes.
    fn fill_random(&self, buffer: &mut [u8]) -> Result<()>;

    /// The NFC form of a text (Unicode Standard Annex 15).
    fn to_nfc(&self, text: &str) -> Zeroizing<String>;

    /// The lower-case form of a text. A browser has its own tables for it.
    fn to_lowercase(&self, text: &str) -> String {
        text.to_lowercase()
    }

    /// Whether key pairs are made elsewhere than here, so that nobody notices when one is made ahead.
    fn makes_keys_aside(&self) -> bool {
        false
    }

    /// Makes an RSA key pair (3072 bits, exponent 65537), as PKCS#8.
    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>>;

    /// Imports a private key from PKCS#8.
    async fn import_rsa_key(&self, pkcs8: &[u8]) -> Result<Self::PrivateKey>;

    /// RSA-OAEP with SHA-256 (RFC 8017, section 7.1), empty label, for the public key in `spki`.
    async fn rsa_encrypt(&self, spki: &[u8], plaintext: &[u8]) -> Result<Vec<u8>>;

    /// The inverse of [`Engine::rsa_encrypt`]. Every failure is `record_rejected`.
    async fn rsa_decrypt(
        &self,
        key: &Self::PrivateKey,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>>;

    /// AES-256-GCM. It is done here, unless the platform has a better place for what is large.
    async fn gcm(&self, job: Gcm<'_>) -> Result<Vec<u8>> {
        job.run()
    }

    /// Whether a signature by Ed25519 (RFC 8032) is good, by the platform; nothing where Rust has to look. Platforms may take an
    /// `R` of small order, which Rust refuses.
    async fn is_signed(
        &self,
        key: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Option<bool> {
        let _ = (key, message, signature);
        None
    }

    /// Argon2id, see [`crate::crypto::stretching`].
    async fn stretch(&self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<Vec<u8>>> {
        stretch(passphrase, salt)
    }

    /// OPAQUE's `finish`, in which Argon2id runs. See [`crate::crypto::opaque::finish`].
    async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished>;
}

/// An array of random bytes.
pub(crate) fn make_random<const N: usize>(engine: &impl Engine) -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    engine.fill_random(&mut bytes[..])?;
    Ok(bytes)
}

impl Gcm<'_> {
    /// Does it in Rust. Every failure is `record_rejected`.
    pub(crate) fn run(&self) -> Result<Vec<u8>> {
        let Self {
            way,
            key,
            iv,
            aad,
            data,
        } = *self;
        let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| Error::RecordRejected)?;
        let (nonce, payload) = (Nonce::from(*iv), Payload { msg: data, aad });
        match way {
            Way::Encrypt => cipher.encrypt(&nonce, payload),
            Way::Decrypt => cipher.decrypt(&nonce, payload),
        }
        .map_err(|_| Error::RecordRejected)
    }
}
