//! The timers of the page.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    // In the package these are those of `pkg-template/timers.js`.
    #[wasm_bindgen(js_name = setTimeout, catch)]
    fn set_timeout(callback: &Function, millis: u32) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// Whether a process of Node.js goes on for a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It does.
    Alone,
    /// It may end, unless it waits for something else.
    Beside,
}

/// Waits; with 0 it lets the page draw and answer to clicks. Dropping the future takes the timer back.
pub(crate) async fn sleep(millis: u32, wait: Wait) {
    let mut timer = None;
    let promise = Promise::new(&mut |resolve, _| match set_timeout(&resolve, millis) {
        Ok(id) => timer = Some(Timer(id)),
        // Without a timer the wait is over at once, which is better than never.
        Err(_) => drop(resolve.call0(&JsValue::UNDEFINED)),
    });
    if wait == Wait::Beside
        && let Some(Timer(id)) = &timer
        && let Ok(unref) = Reflect::get(id, &"unref".into()).and_then(JsCast::dyn_into::<Function>)
    {
        let _ = unref.call0(id);
    }
    let _ = JsFuture::from(promise).await;
    drop(timer);
}

/// The id of a timer, which is cleared when this is dropped.
struct Timer(JsValue);

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.0);
    }
}
