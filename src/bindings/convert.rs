//! Between Rust and plain JavaScript objects.

use std::pin::Pin;

use js_sys::Promise;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;

use crate::error::{Error, Result};
use crate::flows::Reason;

/// What a promise rejects with: `{ code, message }`, made an `Error` by the package.
pub(super) fn to_rejection(error: &Error) -> JsValue {
    to_js(&Reason::from(error)).unwrap_or_else(|value| value)
}

/// A plain object of `value`; `null` for what is missing.
pub(super) fn to_js(value: &impl Serialize) -> std::result::Result<JsValue, JsValue> {
    value
        .serialize(&Serializer::json_compatible())
        .map_err(JsValue::from)
}

/// Reads an argument; the error names it.
pub(super) fn from_js<R: DeserializeOwned>(name: &str, value: JsValue) -> Result<R> {
    serde_wasm_bindgen::from_value(value)
        .map_err(|error| Error::BadInput(format!("`{name}` is not as expected: {error}.")))
}

/// The end of a call: its result as a plain object, or the rejection.
pub(super) fn finish<R: Serialize>(result: Result<R>) -> std::result::Result<JsValue, JsValue> {
    match result {
        Ok(value) => to_js(&value),
        Err(error) => Err(to_rejection(&error)),
    }
}

/// Begins a call. One promise for all: the machinery behind it would else be compiled for each method.
pub(super) fn start(
    work: impl Future<Output = std::result::Result<JsValue, JsValue>> + 'static,
) -> Promise {
    let work: Pin<Box<dyn Future<Output = std::result::Result<JsValue, JsValue>>>> = Box::pin(work);
    future_to_promise(work)
}
