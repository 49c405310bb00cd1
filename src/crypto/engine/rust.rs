//! The engine of native builds and of the `full` entry: RSA by the `rsa` crate, everything inline.

use getrandom::SysRng;
use pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey, rand_core::UnwrapErr, traits::PublicKeyParts};
use spki::DecodePublicKey;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{Engine, Finished, MODULUS_BYTES, Operation, Watch};
use crate::crypto::opaque;
use crate::error::{Error, Result};

/// RSA in Rust, randomness from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RustEngine;

impl Engine for RustEngine {
    type PrivateKey = RsaPrivateKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        getrandom::fill(buffer).map_err(|_| Error::NoRandomness)
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.nfc().collect())
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        let key =
            RsaPrivateKey::new(&mut rng()?, MODULUS_BYTES * 8).map_err(|_| Error::NoRandomness)?;
        let der = key.to_pkcs8_der().map_err(|_| Error::RecordRejected)?;
        Ok(Zeroizing::new(der.as_bytes().to_vec()))
    }

    async fn import_rsa_key(&self, pkcs8: &[u8]) -> Result<RsaPrivateKey> {
        let key = RsaPrivateKey::from_pkcs8_der(pkcs8).map_err(|_| Error::RecordRejected)?;
        key.validate().map_err(|_| Error::RecordRejected)?;
        Ok(key)
    }

    async fn rsa_encrypt(&self, spki: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        let key = RsaPublicKey::from_public_key_der(spki).map_err(|_| Error::RecordRejected)?;
        key.encrypt(&mut rng()?, Oaep::<sha2_for_rsa::Sha256>::new(), plaintext)
            .map_err(|_| Error::RecordRejected)
    }

    async fn rsa_decrypt(
        &self,
        key: &RsaPrivateKey,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        if ciphertext.len() != key.size() {
            return Err(Error::RecordRejected);
        }
        key.decrypt_blinded(&mut rng()?, Oaep::<sha2_for_rsa::Sha256>::new(), ciphertext)
            .map(Zeroizing::new)
            .map_err(|_| Error::RecordRejected)
    }

    async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        opaque::finish(operation, state, passphrase, response)
    }
}

/// The operating system's generator, after two draws have shown that it works.
fn rng() -> Result<UnwrapErr<SysRng>> {
    Watch::default().fill(&mut [0; 32], |block| RustEngine.fill_random(block))?;
    Ok(UnwrapErr(SysRng))
}
