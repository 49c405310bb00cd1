//! Ends work that JavaScript does, when nobody waits for it any more.

use wasm_bindgen::JsValue;
use web_sys::{AbortController, AbortSignal};

/// An `AbortController` that aborts when it is dropped.
#[derive(Debug)]
pub(crate) struct Abort(AbortController);

impl Abort {
    /// Fails where there is no `AbortController`.
    pub(crate) fn new() -> Result<Self, JsValue> {
        AbortController::new().map(Self)
    }

    /// The signal, for whoever does the work.
    pub(crate) fn signal(&self) -> AbortSignal {
        self.0.signal()
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}
