//! An engine for thousands of runs: the Rust engine, but passphrases are not stretched and RSA keys are made once.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Mutex;

use opaque_ke::ksf::Identity;
use opaque_ke::rand::{CryptoRng, Error as RandError, RngCore};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse,
    Ristretto255, TripleDh,
};
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Finished, Operation};
use vouchsafe::{Error, Result};
use zeroize::Zeroizing;

/// Every stage hands out the same keys, in the same order.
static KEYS: Mutex<Vec<Zeroizing<Vec<u8>>>> = Mutex::new(Vec::new());

/// The product's suite without Argon2id.
struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = Identity;
}

/// The operating system's generator, for `opaque-ke`.
struct Random;

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        getrandom::u32().unwrap()
    }

    fn next_u64(&mut self) -> u64 {
        getrandom::u64().unwrap()
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        getrandom::fill(buffer).unwrap();
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RandError> {
        self.fill_bytes(buffer);
        Ok(())
    }
}

impl CryptoRng for Random {}

#[derive(Clone, Debug)]
pub struct Quick {
    inner: RustEngine,
    keys: Rc<Cell<usize>>,
}

impl Quick {
    /// `keys` counts the RSA keys that were handed out on a stage: no two publications there have the same.
    pub fn new(keys: Rc<Cell<usize>>) -> Self {
        Self {
            inner: RustEngine,
            keys,
        }
    }
}

impl Engine for Quick {
    type PrivateKey = <RustEngine as Engine>::PrivateKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        self.inner.fill_random(buffer)
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        self.inner.to_nfc(text)
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        let number = self.keys.replace(self.keys.get() + 1);
        loop {
            if let Some(key) = KEYS.lock().unwrap().get(number) {
                return Ok(key.clone());
            }
            let made = self.inner.make_rsa_key().await?;
            KEYS.lock().unwrap().push(made);
        }
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
        let refused = |_| Error::WrongCredentials;
        let identifiers = Identifiers {
            client: None,
            server: Some(&b"vouchsafe-keystore"[..]),
        };
        let (message, export_key) = match operation {
            Operation::Registration => {
                let state = ClientRegistration::<Suite>::deserialize(state).map_err(refused)?;
                let response = RegistrationResponse::deserialize(response).map_err(refused)?;
                let parameters = ClientRegistrationFinishParameters::new(identifiers, None);
                let result = state
                    .finish(&mut Random, passphrase, response, parameters)
                    .map_err(refused)?;
                (result.message.serialize().to_vec(), result.export_key)
            }
            Operation::SignIn => {
                let state = ClientLogin::<Suite>::deserialize(state).map_err(refused)?;
                let response = CredentialResponse::deserialize(response).map_err(refused)?;
                let parameters =
                    ClientLoginFinishParameters::new(Some(b"vouchsafe/1"), identifiers, None);
                let result = state
                    .finish(&mut Random, passphrase, response, parameters)
                    .map_err(refused)?;
                (result.message.serialize().to_vec(), result.export_key)
            }
        };
        Ok(Finished {
            message,
            export_key: Zeroizing::new(export_key.to_vec()),
        })
    }
}
