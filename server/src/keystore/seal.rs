//! Sealing what the Keystore stores or hands out for a moment. The keys come from its setup, so that a copy of the database
//! opens nothing of it.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::http::error::{ApiError, Result};
use crate::http::values::Bytes;

/// The length of a nonce, which is random and stands in front.
const NONCE_BYTES: usize = 12;
/// What is sealed is longer than its plaintext by this.
pub(super) const SEAL_BYTES: usize = NONCE_BYTES + 16;

/// A key of AES-256-GCM (NIST SP 800-38D).
pub(super) struct SealKey(Aes256Gcm);

impl SealKey {
    /// The key that HKDF-SHA-256 (RFC 5869) derives from a secret, with an empty salt.
    pub(super) fn derive(secret: &Bytes<32>, info: &str) -> Option<Self> {
        let mut key = [0; 32];
        let hkdf = Hkdf::<Sha256>::new(None, secret.as_bytes());
        hkdf.expand(info.as_bytes(), &mut key).ok()?;
        Aes256Gcm::new_from_slice(&key).ok().map(Self)
    }

    /// The nonce, the ciphertext and its tag. It opens for the same `place` alone.
    pub(super) fn seal(&self, place: &str, plaintext: &[u8]) -> Result<Vec<u8>> {
        let nonce = *Bytes::<NONCE_BYTES>::make().as_bytes();
        let payload = Payload {
            msg: plaintext,
            aad: place.as_bytes(),
        };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|error| ApiError::internal("nothing was sealed", error))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The plaintext, or nothing: it was sealed for another place or under another key, or was changed.
    pub(super) fn open(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        self.0.decrypt(&Nonce::from(*nonce), payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_at_its_place_under_its_key_alone() {
        fn key(secret: &Bytes<32>, info: &str) -> SealKey {
            SealKey::derive(secret, info).unwrap()
        }
        let secret = Bytes::make();
        let sealed = key(&secret, "a").seal("here", b"state").unwrap();
        assert_eq!(sealed.len(), 5 + SEAL_BYTES);
        assert_eq!(
            key(&secret, "a").open("here", &sealed),
            Some(b"state".to_vec())
        );
        assert_eq!(key(&secret, "a").open("there", &sealed), None);
        assert_eq!(key(&secret, "b").open("here", &sealed), None);
        assert_eq!(key(&Bytes::make(), "a").open("here", &sealed), None);
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(key(&secret, "a").open("here", &changed), None, "{index}");
            assert_eq!(key(&secret, "a").open("here", &sealed[..index]), None);
        }
        assert_ne!(key(&secret, "a").seal("here", b"state").unwrap(), sealed);
    }
}
