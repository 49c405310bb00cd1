//! The timers of the page.

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::global_function;

/// Waits; with 0 it lets the page draw and answer to clicks. Dropping the future takes the timer back, which would keep a
/// process of Node.js alive.
pub(crate) async fn sleep(millis: u32) {
    let mut timer = None;
    let promise = Promise::new(&mut |resolve, _| match set_timeout(&resolve, millis) {
        Ok(id) => timer = Some(Timer(id)),
        // Without a timer the wait is over at once, which is better than never.
        Err(_) => drop(resolve.call0(&JsValue::UNDEFINED)),
    });
    let _ = JsFuture::from(promise).await;
    drop(timer);
}

/// The id of a timer, which is cleared when this is dropped.
struct Timer(JsValue);

impl Drop for Timer {
    fn drop(&mut self) {
        if let Ok(clear) = global_function("clearTimeout") {
            let _ = clear.call1(&JsValue::UNDEFINED, &self.0);
        }
    }
}

fn set_timeout(callback: &Function, millis: u32) -> Result<JsValue, JsValue> {
    global_function("setTimeout")?.call2(&JsValue::UNDEFINED, callback, &JsValue::from(millis))
}
