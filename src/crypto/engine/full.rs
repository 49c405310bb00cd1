//! The engine of the package's `full` entry: WebCrypto where there is one, else Rust's RSA, in a worker where it is slow.

use zeroize::Zeroizing;

use super::rust::RustEngine;
use super::web::{MIN_WEB_CRYPTO_BYTES, WebEngine, Worker, to_lowercase, to_nfc};
use super::{Engine, Finished, Gcm, Operation};
use crate::error::Result;
use crate::js::{Wait, sleep};

/// RSA by WebCrypto or in Rust, as was chosen when the client was made.
#[derive(Clone)]
pub enum FullEngine {
    /// WebCrypto's.
    Web(WebEngine),
    /// The `rsa` crate's. What uses a private key takes longer than a page may stand still, so the worker does it.
    Rust(Worker),
}

impl std::fmt::Debug for FullEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Web(_) => "FullEngine::Web",
            Self::Rust(_) => "FullEngine::Rust",
        })
    }
}

/// A private key of either engine.
#[derive(Clone)]
pub enum FullKey {
    /// A handle of WebCrypto.
    Web(<WebEngine as Engine>::PrivateKey),
    /// The PKCS#8, checked, to be handed to the worker.
    Rust(Zeroizing<Vec<u8>>),
}

impl std::fmt::Debug for FullKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FullKey").finish_non_exhaustive()
    }
}

impl Engine for FullEngine {
    type PrivateKey = FullKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        RustEngine.fill_random(buffer)
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        to_nfc(text)
    }

    fn to_lowercase(&self, text: &str) -> String {
        to_lowercase(text)
    }

    /// In Rust it takes the worker seconds, and a passphrase may need that.
    fn makes_keys_aside(&self) -> bool {
        matches!(self, Self::Web(_))
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::Web(engine) => engine.make_rsa_key().await,
            Self::Rust(worker) => worker.make_rsa_key().await,
        }
    }

    async fn import_rsa_key(&self, pkcs8: &[u8]) -> Result<FullKey> {
        match self {
            Self::Web(engine) => engine.import_rsa_key(pkcs8).await.map(FullKey::Web),
            Self::Rust(_) => {
                RustEngine.import_rsa_key(pkcs8).await?;
                Ok(FullKey::Rust(Zeroizing::new(pkcs8.to_vec())))
            }
        }
    }

    async fn rsa_encrypt(&self, spki: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Web(engine) => engine.rsa_encrypt(spki, plaintext).await,
            Self::Rust(_) => RustEngine.rsa_encrypt(spki, plaintext).await,
        }
    }

    async fn rsa_decrypt(&self, key: &FullKey, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        match (self, key) {
            (Self::Web(engine), FullKey::Web(key)) => engine.rsa_decrypt(key, ciphertext).await,
            (Self::Rust(worker), FullKey::Rust(pkcs8)) => {
                worker.rsa_decrypt(pkcs8, ciphertext).await
            }
            // A key of the other engine, which this one never made.
            _ => Err(crate::error::Error::RecordRejected),
        }
    }

    async fn gcm(&self, job: Gcm<'_>) -> Result<Vec<u8>> {
        match self {
            Self::Web(engine) => engine.gcm(job).await,
            Self::Rust(_) if job.data.len() < MIN_WEB_CRYPTO_BYTES => job.run(),
            Self::Rust(_) => {
                // Before it a record was decoded or signed, after it that is checked or encoded: a task for each.
                sleep(0, Wait::Alone).await;
                let done = job.run();
                sleep(0, Wait::Alone).await;
                done
            }
        }
    }

    async fn is_signed(
        &self,
        key: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Option<bool> {
        match self {
            Self::Web(engine) => engine.is_signed(key, message, signature).await,
            Self::Rust(_) => None,
        }
    }

    async fn stretch(&self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::Web(engine) => engine.stretch(passphrase, salt).await,
            Self::Rust(worker) => worker.stretch(passphrase, salt).await,
        }
    }

    async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        match self {
            Self::Web(engine) => {
                engine
                    .finish_opaque(operation, state, passphrase, response)
                    .await
            }
            Self::Rust(worker) => {
                worker
                    .finish_opaque(operation, state, passphrase, response)
                    .await
            }
        }
    }
}
