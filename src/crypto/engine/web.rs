//! The engine of browsers: RSA, checks of signatures and randomness by WebCrypto, passphrases by a worker that the package starts.
//!
//! The Rust engine in a browser asks the worker through here, too.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Function, JsString, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Crypto, CryptoKey, CryptoKeyPair, SubtleCrypto};
use zeroize::Zeroizing;

use super::{Engine, Finished, Gcm, IV_BYTES, MODULUS_BYTES, Operation, Way};
use crate::error::{Error, Failure, Result};
use crate::js::Abort;

/// At or above this size WebCrypto encrypts, off the main thread; below, the promise costs more than the work. In bytes.
pub(super) const MIN_WEB_CRYPTO_BYTES: usize = 1 << 17;

/// A worker: a function of the package that does an operation elsewhere, so that the page does not stand still.
#[derive(Clone)]
pub struct Worker(Function);

impl Worker {
    /// `work(operation, parts, signal)` returns a promise of an object with bytes, and rejects with `{ code, message }`. When
    /// `signal` is aborted, nobody waits for it any more.
    #[must_use]
    pub fn new(work: Function) -> Self {
        Self(work)
    }

    /// Makes an RSA key pair as [`Engine::make_rsa_key`] does.
    #[cfg(feature = "rust-rsa")]
    pub(super) async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        secret(&self.run("makeRsaKey", &[]).await?, "pkcs8")
    }

    /// Opens what was encrypted for the private key in `pkcs8`, as [`Engine::rsa_decrypt`] does.
    #[cfg(feature = "rust-rsa")]
    pub(super) async fn rsa_decrypt(
        &self,
        pkcs8: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        secret(
            &self.run("rsaDecrypt", &[pkcs8, ciphertext]).await?,
            "plaintext",
        )
    }

    pub(super) async fn stretch(
        &self,
        passphrase: &[u8],
        salt: &[u8; 16],
    ) -> Result<Zeroizing<Vec<u8>>> {
        secret(
            &self.run("stretch", &[passphrase, salt]).await?,
            "stretched",
        )
    }

    pub(super) async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        let result = match operation {
            Operation::Registration(suite) => {
                let suite = [suite.number()];
                let parts = [&suite[..], state, passphrase, response];
                self.run("registration", &parts).await?
            }
            Operation::SignIn(suite, keystore) => {
                let suite = [suite.number()];
                let keystore = keystore.as_bytes();
                let parts = [&suite[..], keystore, state, passphrase, response];
                self.run("signIn", &parts).await?
            }
        };
        Ok(Finished {
            message: member(&result, "message")?.to_vec(),
            export_key: secret(&result, "exportKey")?,
        })
    }

    async fn run(&self, operation: &str, parts: &[&[u8]]) -> Result<JsValue> {
        let parts: Array = parts.iter().map(|part| Uint8Array::from(*part)).collect();
        let controller = Abort::new().map_err(|_| Error::InsecureContext)?;
        let promise = self
            .0
            .call3(
                &JsValue::UNDEFINED,
                &operation.into(),
                &parts,
                &controller.signal(),
            )
            .map_err(|error| worker_error(&error))?;
        JsFuture::from(Promise::resolve(&promise))
            .await
            .map_err(|error| worker_error(&error))
    }
}

/// By its shape: where pages are tested, the worker's classes are others than the page's.
fn member(result: &JsValue, name: &str) -> Result<Uint8Array> {
    Reflect::get(result, &name.into())
        .ok()
        .filter(ArrayBuffer::is_view)
        .map(Uint8Array::unchecked_from_js)
        .ok_or_else(|| Error::WorkerUnavailable("The worker answered something unexpected.".into()))
}

/// A member's bytes, which JavaScript then no longer holds.
fn secret(result: &JsValue, name: &str) -> Result<Zeroizing<Vec<u8>>> {
    let array = member(result, name)?;
    let bytes = Zeroizing::new(array.to_vec());
    array.fill(0, 0, array.length());
    Ok(bytes)
}

/// The lower-case form by JavaScript, whose tables are not this module's.
pub(super) fn to_lowercase(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}

/// The NFC form by JavaScript, whose tables are not this module's.
pub(super) fn to_nfc(text: &str) -> Zeroizing<String> {
    Zeroizing::new(JsString::from(text).normalize("NFC").into())
}

/// The public keys that were used last to check signatures, imported.
#[derive(Default)]
struct Verifiers {
    keys: RefCell<Vec<([u8; 32], CryptoKey)>>,
    /// This browser has no Ed25519.
    are_missing: Cell<bool>,
}

/// The most of them.
const MAX_VERIFIERS: usize = 16;

/// WebCrypto, and a worker.
#[derive(Clone)]
pub struct WebEngine {
    crypto: Crypto,
    worker: Worker,
    verifiers: Rc<Verifiers>,
}

impl std::fmt::Debug for WebEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebEngine").finish_non_exhaustive()
    }
}

impl WebEngine {
    /// Fails with [`Error::InsecureContext`] where there is no WebCrypto.
    pub fn new(worker: Worker) -> Result<Self> {
        let verifiers = Verifiers::default();
        // Node.js 20 has Ed25519, and warns of it on the console.
        verifiers.are_missing.set(is_node());
        Ok(Self {
            crypto: find_crypto()?,
            worker,
            verifiers: Rc::new(verifiers),
        })
    }

    fn subtle(&self) -> SubtleCrypto {
        self.crypto.subtle()
    }

    /// A public key of Ed25519, which was checked to be one; nothing where the browser knows no such keys.
    async fn verifier(&self, key: &[u8; 32]) -> Option<CryptoKey> {
        let Verifiers { keys, are_missing } = &*self.verifiers;
        let known = |keys: &[([u8; 32], CryptoKey)]| {
            let found = keys.iter().find(|(bytes, _)| bytes == key)?;
            Some(found.1.clone())
        };
        if are_missing.get() {
            return None;
        }
        if let Some(found) = known(&keys.borrow()) {
            return Some(found);
        }
        let (data, usages) = (Uint8Array::from(&key[..]), usages(&["verify"]));
        let subtle = self.subtle();
        let imported = match subtle.import_key_with_str("raw", &data, "Ed25519", true, &usages) {
            Ok(promise) => JsFuture::from(promise).await,
            Err(error) => Err(error),
        };
        let imported: CryptoKey = match imported {
            Ok(imported) => imported.unchecked_into(),
            Err(error) => {
                let name = Reflect::get(&error, &"name".into());
                are_missing.set(name.is_ok_and(|name| name == "NotSupportedError"));
                return None;
            }
        };
        let mut keys = keys.borrow_mut();
        if known(&keys).is_none() {
            keys.truncate(MAX_VERIFIERS - 1);
            keys.insert(0, (*key, imported.clone()));
        }
        Some(imported)
    }

    /// Imports a key for one way of use. It cannot be taken out again.
    async fn import(
        &self,
        format: &str,
        key: &[u8],
        algorithm: &Object,
        way: Way,
    ) -> Result<CryptoKey> {
        let usage = match way {
            Way::Encrypt => "encrypt",
            Way::Decrypt => "decrypt",
        };
        let (data, usages) = (Uint8Array::from(key), usages(&[usage]));
        let subtle = self.subtle();
        let imported =
            run(subtle.import_key_with_object(format, &data, algorithm, false, &usages)).await;
        data.fill(0, 0, data.length());
        Ok(imported?.unchecked_into())
    }
}

impl Engine for WebEngine {
    type PrivateKey = CryptoKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        getrandom::fill(buffer).map_err(|_| Error::NoRandomness)
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        to_nfc(text)
    }

    fn to_lowercase(&self, text: &str) -> String {
        to_lowercase(text)
    }

    fn makes_keys_aside(&self) -> bool {
        true
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        let algorithm = rsa_oaep()?;
        set(
            &algorithm,
            "modulusLength",
            &JsValue::from((MODULUS_BYTES * 8) as u32),
        )?;
        set(
            &algorithm,
            "publicExponent",
            &Uint8Array::from(&[1, 0, 1][..]),
        )?;
        // Extractable: it is wrapped with the KEK and stored.
        let pair = run(self.subtle().generate_key_with_object(
            &algorithm,
            true,
            &usages(&["encrypt", "decrypt"]),
        ))
        .await?;
        let pair: CryptoKeyPair = pair.unchecked_into();
        let exported = run(self.subtle().export_key("pkcs8", &pair.get_private_key())).await?;
        Ok(take(&exported))
    }

    async fn import_rsa_key(&self, pkcs8: &[u8]) -> Result<CryptoKey> {
        self.import("pkcs8", pkcs8, &rsa_oaep()?, Way::Decrypt)
            .await
    }

    async fn rsa_encrypt(&self, spki: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        let algorithm = rsa_oaep()?;
        let key = self.import("spki", spki, &algorithm, Way::Encrypt).await?;
        cipher(Way::Encrypt, &key, &algorithm, plaintext).await
    }

    async fn rsa_decrypt(&self, key: &CryptoKey, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        cipher(Way::Decrypt, key, &rsa_oaep()?, ciphertext)
            .await
            .map(Zeroizing::new)
    }

    async fn gcm(&self, job: Gcm<'_>) -> Result<Vec<u8>> {
        if job.data.len() < MIN_WEB_CRYPTO_BYTES {
            return job.run();
        }
        let algorithm = aes_gcm(job.aad, job.iv)?;
        let key = self.import("raw", job.key, &algorithm, job.way).await?;
        cipher(job.way, &key, &algorithm, job.data).await
    }

    async fn is_signed(
        &self,
        key: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Option<bool> {
        let key = self.verifier(key).await?;
        // Both are copied before the call returns (Web Cryptography, section 14.3.4).
        let subtle = self.subtle();
        let begun =
            subtle.verify_with_str_and_u8_array_and_u8_array("Ed25519", &key, signature, message);
        run(begun).await.ok()?.as_bool()
    }

    async fn stretch(&self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<Vec<u8>>> {
        self.worker.stretch(passphrase, salt).await
    }

    async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        self.worker
            .finish_opaque(operation, state, passphrase, response)
            .await
    }
}

/// Seals what is to be stored beside a key that cannot be taken out of the browser: AES-256-GCM, with `context` for
/// additional data. The nonce goes first.
pub async fn seal_for_storage(
    key: &CryptoKey,
    context: &str,
    iv: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>> {
    let algorithm = aes_gcm(context.as_bytes(), iv)?;
    let mut stored = iv.to_vec();
    stored.extend(cipher(Way::Encrypt, key, &algorithm, plaintext).await?);
    Ok(stored)
}

/// The inverse of [`seal_for_storage`].
pub async fn open_from_storage(
    key: &CryptoKey,
    context: &str,
    stored: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let (iv, sealed) = stored
        .split_at_checked(IV_BYTES)
        .ok_or(Error::RecordRejected)?;
    cipher(Way::Decrypt, key, &aes_gcm(context.as_bytes(), iv)?, sealed)
        .await
        .map(Zeroizing::new)
}

/// Encrypts or decrypts. What JavaScript held of it is erased.
async fn cipher(way: Way, key: &CryptoKey, algorithm: &Object, data: &[u8]) -> Result<Vec<u8>> {
    let data = Uint8Array::from(data);
    let subtle = find_crypto()?.subtle();
    let done = run(match way {
        Way::Encrypt => subtle.encrypt_with_object_and_js_u8_array(algorithm, key, &data),
        Way::Decrypt => subtle.decrypt_with_object_and_js_u8_array(algorithm, key, &data),
    })
    .await;
    data.fill(0, 0, data.length());
    Ok(std::mem::take(&mut *take(&done?)))
}

fn aes_gcm(aad: &[u8], iv: &[u8]) -> Result<Object> {
    let algorithm = named("AES-GCM")?;
    set(&algorithm, "iv", &Uint8Array::from(iv))?;
    set(&algorithm, "additionalData", &Uint8Array::from(aad))?;
    Ok(algorithm)
}

/// The bytes of an `ArrayBuffer`, which is erased.
fn take(buffer: &JsValue) -> Zeroizing<Vec<u8>> {
    let array = Uint8Array::new(buffer);
    let bytes = Zeroizing::new(array.to_vec());
    array.fill(0, 0, array.length());
    bytes
}

fn find_crypto() -> Result<Crypto> {
    let global = js_sys::global();
    let member = |object: &JsValue, name: &str| Reflect::get(object, &name.into());
    // What stands in for a page in tests may hide that of Node.js behind one without `subtle`.
    let of_node = || {
        let process = member(&global, "process")?;
        let find: Function = member(&process, "getBuiltinModule")?.dyn_into()?;
        member(&find.call1(&process, &"node:crypto".into())?, "webcrypto")
    };
    // Outside a window the class may go by another name, so the shape is what counts.
    let whole = |found: &JsValue| member(found, "subtle").is_ok_and(|subtle| subtle.is_truthy());
    let own = member(&global, "crypto").ok().filter(whole);
    own.or_else(|| of_node().ok().filter(whole))
        .map(JsCast::unchecked_into)
        .ok_or(Error::InsecureContext)
}

/// Whether this is Node.js, or takes itself for it.
fn is_node() -> bool {
    let member = |object: JsValue, name: &str| Reflect::get(&object, &name.into());
    let versions =
        member(js_sys::global().into(), "process").and_then(|process| member(process, "versions"));
    versions
        .and_then(|versions| member(versions, "node"))
        .is_ok_and(|node| node.is_string())
}

fn rsa_oaep() -> Result<Object> {
    let algorithm = named("RSA-OAEP")?;
    set(&algorithm, "hash", &"SHA-256".into())?;
    Ok(algorithm)
}

/// The name of an algorithm, in a plain object: web-sys has no type for some of their parameters. It inherits nothing, or a
/// `tagLength` in `Object.prototype` would shorten each tag.
fn named(name: &str) -> Result<Object> {
    let algorithm = Object::create(JsValue::NULL.unchecked_ref());
    set(&algorithm, "name", &name.into())?;
    Ok(algorithm)
}

fn set(object: &Object, name: &str, value: &JsValue) -> Result<()> {
    Reflect::set(object, &name.into(), value)
        .map(|_| ())
        .map_err(|_| Error::RecordRejected)
}

fn usages(names: &[&str]) -> JsValue {
    names
        .iter()
        .map(|name| JsValue::from_str(name))
        .collect::<Array>()
        .into()
}

/// Every failure of WebCrypto is the same error.
async fn run(promise: std::result::Result<Promise, JsValue>) -> Result<JsValue> {
    let promise = promise.map_err(|_| Error::RecordRejected)?;
    JsFuture::from(promise)
        .await
        .map_err(|_| Error::RecordRejected)
}

/// The worker's rejection: an error of the operation, or of a worker that did not start, with what the browser threw.
fn worker_error(error: &JsValue) -> Error {
    let text = |name: &str| {
        Reflect::get(error, &name.into())
            .ok()
            .and_then(|value| value.as_string())
    };
    let message =
        text("message").unwrap_or_else(|| "The worker for the passphrase did not start.".into());
    match text("code").as_deref() {
        Some("wrong_credentials") => Error::WrongCredentials,
        Some("record_rejected") => Error::RecordRejected,
        Some("server_error") => Error::ServerError(message.into()),
        Some("no_randomness") => Error::NoRandomness,
        Some("aborted") => Error::Aborted,
        _ => Error::WorkerUnavailable(match Reflect::get(error, &"cause".into()) {
            Ok(cause) if !cause.is_undefined() => Failure::new(message, cause),
            _ => message.into(),
        }),
    }
}
