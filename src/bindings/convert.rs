//! Between Rust and plain JavaScript objects.

use std::cell::RefCell;
use std::pin::Pin;

use futures_util::future::{AbortHandle, AbortRegistration, Abortable};
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
    control: Option<&Control>,
    work: impl Future<Output = std::result::Result<JsValue, JsValue>> + 'static,
) -> Promise {
    let work: Pin<Box<dyn Future<Output = std::result::Result<JsValue, JsValue>>>> = Box::pin(work);
    let registration = control.and_then(|control| control.registration.take());
    let registration = registration.unwrap_or_else(|| AbortHandle::new_pair().1);
    future_to_promise(async {
        let ended = Abortable::new(work, registration).await;
        ended.unwrap_or_else(|_| Err(to_rejection(&Error::Aborted)))
    })
}

/// Ends a call in the middle: what it was about to do is dropped.
#[derive(Debug)]
pub(super) struct Control {
    handle: AbortHandle,
    registration: RefCell<Option<AbortRegistration>>,
}

impl Control {
    /// For the next call, and no other.
    pub(super) fn new() -> Self {
        let (handle, registration) = AbortHandle::new_pair();
        Self {
            handle,
            registration: RefCell::new(Some(registration)),
        }
    }

    /// Its promise rejects with `aborted`.
    pub(super) fn abort(&self) {
        self.handle.abort();
    }
}
