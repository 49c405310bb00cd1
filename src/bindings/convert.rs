//! Between Rust and plain JavaScript objects.

use std::cell::RefCell;
use std::pin::Pin;

use futures_util::future::{AbortHandle, AbortRegistration, Abortable};
use js_sys::{Array, Object, Promise, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::future_to_promise;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::flows::Reason;
use crate::json::{self, Misfit, Text, Value};

/// The largest whole number up to which JavaScript has all of them.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_991.0;

/// A promise's rejection: `{ code, message }`, `quota`, `argument` and `retryAfter` of the codes that have them, `retryable` where the code does not say it, and
/// `cause`, if there is one. The package makes it an `Error`.
pub(super) fn to_rejection(error: &Error) -> JsValue {
    let rejection = to_js(&Reason::from(error)).unwrap_or_else(|value| value);
    if let Some(cause) = error.cause() {
        let thrown = cause.downcast_ref::<JsValue>().cloned();
        let told = || Some(js_sys::Error::new(cause.downcast_ref::<String>()?).into());
        let _ = Reflect::set(
            &rejection,
            &"cause".into(),
            &thrown.or_else(told).unwrap_or_default(),
        );
    }
    rejection
}

/// A plain object of `value`; `null` for what is missing.
pub(super) fn to_js(value: &impl Serialize) -> std::result::Result<JsValue, JsValue> {
    js_of(json::to_value(value))
}

fn js_of(value: std::result::Result<Value<'_>, Misfit>) -> std::result::Result<JsValue, JsValue> {
    value
        .ok()
        .and_then(|value| value.serialize(&Serializer::json_compatible()).ok())
        .ok_or_else(|| to_rejection(&crate::api::unreadable()))
}

/// A member that an object has itself, else `undefined`: what a script has put into `Object.prototype` is nobody's wish.
pub(super) fn own_member(object: &JsValue, name: &str) -> JsValue {
    let name = JsValue::from(name);
    let found = Reflect::get_own_property_descriptor::<Object>(object.unchecked_ref(), &name);
    if found.is_ok_and(|descriptor| !descriptor.is_undefined()) {
        Reflect::get(object, &name).unwrap_or(JsValue::UNDEFINED)
    } else {
        JsValue::UNDEFINED
    }
}

/// Reads an argument; the error names it.
pub(super) fn from_js<R: DeserializeOwned>(name: &str, value: JsValue) -> Result<R> {
    json::from_value(&value_of(&value)).map_err(|misfit| unexpected(name, misfit))
}

fn unexpected(name: &str, misfit: Misfit) -> Error {
    Error::bad_input(format!("`{name}` is not as expected: {misfit}."))
}

/// The tree of a value of JavaScript, of the members that objects have themselves. (The deserializer of `serde-wasm-bindgen`
/// would bring the formatting of floating-point numbers along, for its messages: 18 kB, gzipped.)
fn value_of(value: &JsValue) -> Value<'static> {
    if let Some(number) = value.as_f64() {
        return match number {
            _ if number.fract() != 0.0 || number.abs() > LARGEST_WHOLE => Value::Strange,
            _ if number < 0.0 => Value::Negative(number as i64),
            _ => Value::Natural(number as u64),
        };
    }
    if let Some(text) = value.as_string() {
        return Value::Text(Text::Owned(Zeroizing::new(text)));
    }
    if let Some(value) = value.as_bool() {
        return Value::Bool(value);
    }
    if Array::is_array(value) {
        let items = value.unchecked_ref::<Array>().iter();
        return Value::List(items.map(|item| value_of(&item)).collect());
    }
    if value.is_object() {
        let members = Object::entries(value.unchecked_ref());
        let members = members.iter().map(|member| member_of(&member));
        return Value::Object(members.collect());
    }
    if value.is_null() || value.is_undefined() {
        Value::Null
    } else {
        Value::Strange
    }
}

/// A member of an object, from an array of its name and its value.
fn member_of(member: &JsValue) -> (Text<'static>, Value<'static>) {
    let member: &Array = member.unchecked_ref();
    let name = member.get(0).as_string().unwrap_or_default();
    (Text::Owned(Zeroizing::new(name)), value_of(&member.get(1)))
}

/// The end of a call: its result as a plain object, or the rejection.
pub(super) fn finish<R: Serialize>(result: Result<R>) -> std::result::Result<JsValue, JsValue> {
    match result {
        Ok(value) => to_js(&value),
        Err(error) => Err(to_rejection(&error)),
    }
}

type Work = Pin<Box<dyn Future<Output = std::result::Result<JsValue, JsValue>>>>;

/// Begins a call. One promise for all: the machinery behind it would else be compiled for each method.
pub(super) fn start(
    control: Option<&Control>,
    work: impl Future<Output = std::result::Result<JsValue, JsValue>> + 'static,
) -> Promise {
    start_boxed(control, Box::pin(work))
}

/// Apart from [`start`], because the inside of a generic function is compiled as often as that function.
fn start_boxed(control: Option<&Control>, work: Work) -> Promise {
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
