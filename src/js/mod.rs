//! Means of JavaScript that more than one folder needs: the engine of browsers and the transport both end what nobody
//! waits for any more, and both wait for the page's timers.

mod abort;
mod timer;

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

pub(crate) use abort::Abort;
pub(crate) use timer::{Wait, sleep};

/// A function that windows, workers and Node.js all have as a global.
pub(crate) fn global_function(name: &str) -> Result<Function, JsValue> {
    Reflect::get(&js_sys::global(), &name.into())?.dyn_into()
}
