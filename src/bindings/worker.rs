//! The worker's entry: OPAQUE's `finish` and the stretching of a link's passphrase, in both of which Argon2id runs, and the
//! operations of Rust's RSA with private keys.

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use super::convert::{start, to_rejection};
use crate::crypto::engine::Operation;
#[cfg(feature = "rust-rsa")]
use crate::crypto::engine::{Engine as _, rust::RustEngine};
use crate::crypto::opaque;
use crate::crypto::stretching::stretch;
use crate::crypto::suite::Suite;
use crate::error::{Error, Result};

/// Does the operation of this name with the arrays of bytes in `parts`. Its results are the members of an object.
#[wasm_bindgen]
pub fn work(operation: String, parts: Array) -> Promise {
    start(None, async move {
        let parts: Vec<_> = parts
            .iter()
            .map(|part| Zeroizing::new(Uint8Array::new(&part).to_vec()))
            .collect();
        let results = run(&operation, &parts)
            .await
            .map_err(|error| to_rejection(&error))?;
        let object = Object::new();
        for (name, bytes) in results {
            Reflect::set(&object, &name.into(), &Uint8Array::from(bytes.as_slice()))?;
        }
        Ok(object.into())
    })
}

type Results = Vec<(&'static str, Zeroizing<Vec<u8>>)>;

async fn run(operation: &str, parts: &[Zeroizing<Vec<u8>>]) -> Result<Results> {
    match (operation, parts) {
        ("registration", [suite, state, passphrase, response]) => {
            let operation = Operation::Registration(read_suite(suite)?);
            finish(operation, state, passphrase, response)
        }
        ("signIn", [suite, keystore, state, passphrase, response]) => {
            let keystore = std::str::from_utf8(keystore).map_err(|_| unknown())?;
            let operation = Operation::SignIn(read_suite(suite)?, keystore);
            finish(operation, state, passphrase, response)
        }
        ("stretch", [passphrase, salt]) => {
            let salt = salt.as_slice().try_into().map_err(|_| unknown())?;
            Ok(vec![("stretched", stretch(passphrase, salt)?)])
        }
        #[cfg(feature = "rust-rsa")]
        ("makeRsaKey", []) => Ok(vec![("pkcs8", RustEngine.make_rsa_key().await?)]),
        #[cfg(feature = "rust-rsa")]
        ("rsaDecrypt", [pkcs8, ciphertext]) => {
            let key = RustEngine.import_rsa_key(pkcs8).await?;
            let plaintext = RustEngine.rsa_decrypt(&key, ciphertext).await?;
            Ok(vec![("plaintext", plaintext)])
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Error {
    Error::WorkerUnavailable(
        "The worker does not know this operation: load the worker of this version.".into(),
    )
}

fn read_suite(part: &[u8]) -> Result<Suite> {
    match part {
        [number] => Suite::from_number(u64::from(*number)).map_err(|_| unknown()),
        _ => Err(unknown()),
    }
}

fn finish(
    operation: Operation<'_>,
    state: &[u8],
    passphrase: &[u8],
    response: &[u8],
) -> Result<Results> {
    let finished = opaque::finish(operation, state, passphrase, response)?;
    Ok(vec![
        ("message", Zeroizing::new(finished.message)),
        ("exportKey", finished.export_key),
    ])
}
