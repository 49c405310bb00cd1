//! What the worker calls: OPAQUE's `finish`, in which Argon2id runs.

use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use super::convert::to_rejection;
use crate::crypto::engine::Operation;
use crate::crypto::opaque;

/// The end of a registration: `{ message, exportKey }`.
#[wasm_bindgen(js_name = finishRegistration)]
pub fn finish_registration(
    state: Vec<u8>,
    passphrase: Vec<u8>,
    response: &[u8],
) -> Result<JsValue, JsValue> {
    finish(Operation::Registration, state, passphrase, response)
}

/// The end of a sign-in: `{ message, exportKey }`.
#[wasm_bindgen(js_name = finishSignIn)]
pub fn finish_sign_in(
    state: Vec<u8>,
    passphrase: Vec<u8>,
    response: &[u8],
) -> Result<JsValue, JsValue> {
    finish(Operation::SignIn, state, passphrase, response)
}

fn finish(
    operation: Operation,
    state: Vec<u8>,
    passphrase: Vec<u8>,
    response: &[u8],
) -> Result<JsValue, JsValue> {
    let (state, passphrase) = (Zeroizing::new(state), Zeroizing::new(passphrase));
    let finished = opaque::finish(operation, &state, &passphrase, response)
        .map_err(|error| to_rejection(&error))?;
    let result = Object::new();
    Reflect::set(
        &result,
        &"message".into(),
        &Uint8Array::from(finished.message.as_slice()),
    )?;
    Reflect::set(
        &result,
        &"exportKey".into(),
        &Uint8Array::from(finished.export_key.as_slice()),
    )?;
    Ok(result.into())
}
