//! The timers of the page.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Waits; with 0 it lets the page draw and answer to clicks.
pub(crate) async fn sleep(millis: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        // Without a timer the wait is over at once, which is better than never.
        if set_timeout(&resolve, millis).is_err() {
            let _ = resolve.call0(&JsValue::UNDEFINED);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// A timer that ends when it is dropped.
pub(crate) struct Timer {
    id: JsValue,
    _callback: Closure<dyn FnMut()>,
}

impl Timer {
    /// Calls back after so many milliseconds; `None` where there is no `setTimeout`.
    pub(crate) fn start(millis: u32, callback: impl FnMut() + 'static) -> Option<Self> {
        let callback = Closure::<dyn FnMut()>::new(callback);
        let id = set_timeout(callback.as_ref().unchecked_ref(), millis).ok()?;
        Some(Self {
            id,
            _callback: callback,
        })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Ok(clear) = global_function("clearTimeout") {
            let _ = clear.call1(&JsValue::UNDEFINED, &self.id);
        }
    }
}

fn set_timeout(callback: &Function, millis: u32) -> Result<JsValue, JsValue> {
    global_function("setTimeout")?.call2(&JsValue::UNDEFINED, callback, &JsValue::from(millis))
}

/// Windows, workers and Node all have these as globals.
fn global_function(name: &str) -> Result<Function, JsValue> {
    Reflect::get(&js_sys::global(), &name.into())?.dyn_into()
}
