//! The transport of browsers: `fetch`, the page's or the app's own. The only file that reaches the network.

use std::pin::pin;

use futures_util::future::{Either, select};
use gloo_net::http::Headers;
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;
use zeroize::Zeroizing;

use super::{ByteStream, Request, Response, Transport};
use crate::error::{Error, Failure, Result};
use crate::js::{self, Abort, Wait};

/// At or above this size a body is handed over as a [`Blob`]; below, the browser's own copy of a text costs no time.
const MIN_BLOB_BYTES: usize = 1 << 17;
/// The time for a look at what a browser hides, in milliseconds.
const LOOK_MS: u32 = 5_000;

/// `fetch`, the timers and the clock of the page.
#[derive(Debug, Clone, Default)]
pub struct Fetch(Option<Function>);

impl Fetch {
    /// With a `fetch` of the app's own, if it has one. Each request is `(url, init)`.
    #[must_use]
    pub fn new(own: Option<Function>) -> Self {
        Self(own)
    }

    /// Begins a request, up to the head of its answer.
    async fn start(&self, request: &Request, abort: &Abort) -> Result<JsValue> {
        let bearer = request.bearer.as_ref();
        let bearer = bearer.map(|bearer| Zeroizing::new(format!("Bearer {bearer}")));
        let body = request.body.as_deref();
        // A `fetch` of the app's own sees all addresses.
        let target = match self.0 {
            None => target_of(request),
            Some(_) => None,
        };
        let headers = Headers::new();
        for (name, value) in [
            ("authorization", bearer.as_deref().map(String::as_str)),
            ("last-event-id", request.last_event_id.as_deref()),
            ("vouchsafe-device", request.device.as_deref()),
            ("vouchsafe-target", target.map(|(_, target)| target)),
            ("content-type", body.map(|_| "application/json")),
        ] {
            if let Some(value) = value {
                headers.set(name, shown(value)?);
            }
        }
        let body = body.map_or(Ok(JsValue::UNDEFINED), to_js)?;
        let members = [
            ("method", request.method.as_str().into()),
            ("headers", headers.into_raw().into()),
            ("body", body),
            // Otherwise Chromium would ask for permission each time, whatever it was told before; answers say themselves that
            // they are not to be kept.
            (
                "cache",
                match target {
                    Some(_) => JsValue::UNDEFINED,
                    None => "no-store".into(),
                },
            ),
        ];
        let url = match target {
            Some((base, _)) => &[base, "/v1/-"].concat(),
            None => &request.url,
        };
        self.ask(url, &members, abort).await
    }

    async fn ask(&self, url: &str, members: &[(&str, JsValue)], abort: &Abort) -> Result<JsValue> {
        let always = [
            ("credentials", "omit".into()),
            // Some runtimes know no `error`. What leads elsewhere is no answer.
            ("redirect", "manual".into()),
            ("referrerPolicy", "no-referrer".into()),
            ("signal", abort.signal().into()),
        ];
        let init = object(&[&always[..], members].concat())?;
        let fetch = match &self.0 {
            Some(own) => own.clone(),
            None => js::global_function("fetch").map_err(offline)?,
        };
        let promise = fetch.call2(&JsValue::UNDEFINED, &url.into(), &init);
        let answer = JsFuture::from(Promise::resolve(&promise.map_err(offline)?)).await;
        answer.map_err(offline)
    }
}

impl Transport for Fetch {
    type Stream = Body;

    async fn send(&self, request: &Request) -> Result<Response> {
        // When the call is ended in the middle, or the answer is too large, the request ends with it.
        let abort = Abort::new().map_err(offline)?;
        let answer = self.start(request, &abort).await?;
        let mut response = head_of(&answer)?;
        let stream = get(&answer, "body")?;
        if stream.is_null() || stream.is_undefined() {
            return Ok(response);
        }
        let mut body = Body::new(&stream, abort)?;
        let (mut pieces, mut length) = (Vec::new(), 0);
        while length <= request.max_answer {
            let Some(piece) = body.next().await?.map(Zeroizing::new) else {
                break;
            };
            length += piece.len();
            pieces.push(piece);
        }
        // In one allocation: one that grows would leave copies behind.
        response.body.reserve_exact(length);
        for piece in pieces {
            response.body.extend_from_slice(&piece);
        }
        Ok(response)
    }

    async fn open_stream(&self, request: &Request) -> Result<(Response, Body)> {
        let abort = Abort::new().map_err(offline)?;
        let answer = self.start(request, &abort).await?;
        let stream = get(&answer, "body")?;
        Ok((head_of(&answer)?, Body::new(&stream, abort)?))
    }

    async fn is_hidden(&self, url: &str) -> bool {
        let Ok(abort) = Abort::new() else {
            return false;
        };
        // Without permission a page may only follow.
        let members = [
            ("mode", "no-cors".into()),
            ("redirect", "follow".into()),
            ("cache", "no-store".into()),
        ];
        let look = pin!(self.ask(url, &members, &abort));
        let timer = pin!(self.watch(LOOK_MS));
        let Either::Left((Ok(answer), _)) = select(look, timer).await else {
            return false;
        };
        // What is not shown has no status.
        get(&answer, "status").is_ok_and(|status| status.as_f64() == Some(0.0))
    }

    async fn sleep(&self, millis: u32) {
        js::sleep(millis, Wait::Alone).await;
    }

    async fn watch(&self, millis: u32) {
        js::sleep(millis, Wait::Beside).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        wasm_bindgen_futures::spawn_local(task);
    }

    fn now(&self) -> i64 {
        js_sys::Date::now() as i64
    }
}

/// The base and the route of a request that names its route in a header. A browser asks a service of another origin for
/// permission at each new address (Fetch, section 4.9), and so does not for each id. Requests without a token and a body need
/// none.
fn target_of(request: &Request) -> Option<(&str, &str)> {
    let is_asked_for = request.bearer.is_some() || request.body.is_some();
    // `str::rfind` would be five kilobytes of the module.
    let mut places = request.url.as_bytes().windows(4);
    let at = places.rposition(|place| place == b"/v1/");
    let (base, route) = request.url.split_at_checked(at.filter(|_| is_asked_for)?)?;
    let target = route.strip_prefix("/v1")?;
    // Windows and workers have one; elsewhere nobody asks.
    let own = Reflect::get(&js_sys::global(), &"origin".into()).ok()?;
    let own = own.as_string()?;
    let is_own = base.strip_prefix(&*own);
    let is_own = is_own.is_some_and(|path| path.is_empty() || path.starts_with('/'));
    (!is_own).then_some((base, target))
}

/// A value that a header takes. Tokens and events come from the services, and [`Headers`] panics at what is none.
fn shown(value: &str) -> Result<&str> {
    let is_shown = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let what =
        || Error::ServerError("The service gave a token or an event's id that is none.".into());
    is_shown.then_some(value).ok_or_else(what)
}

/// An object with these members, but for those that are `undefined`. It inherits nothing, as what a script has put into
/// `Object.prototype` is nobody's wish.
fn object(members: &[(&str, JsValue)]) -> Result<Object> {
    let object = Object::create(JsValue::NULL.unchecked_ref());
    for (name, value) in members {
        if !value.is_undefined() {
            Reflect::set(&object, &(*name).into(), value).map_err(offline)?;
        }
    }
    Ok(object)
}

/// A body as `fetch` takes it. A large text would be copied over to the browser while the page stands still.
fn to_js(body: &str) -> Result<JsValue> {
    if body.len() < MIN_BLOB_BYTES {
        return Ok(body.into());
    }
    let parts = Array::of1(&Uint8Array::from(body.as_bytes()));
    let blob = Blob::new_with_u8_array_sequence(&parts).map_err(offline)?;
    Ok(blob.into())
}

/// The answer without its body.
fn head_of(answer: &JsValue) -> Result<Response> {
    let headers = get(answer, "headers")?;
    let header = |name: &str| call(&headers, "get", &name.into()).map(|value| value.as_string());
    let status = get(answer, "status")?.as_f64();
    let status = status.ok_or_else(|| offline(answer.clone()))?;
    Ok(Response {
        status: status as u16,
        content_type: header("content-type")?.unwrap_or_default(),
        retry_after: header("retry-after")?.and_then(|seconds| seconds.parse().ok()),
        body: Vec::new(),
    })
}

/// A member of what `fetch` gave, which may be anything where it is the app's.
fn get(object: &JsValue, name: &str) -> Result<JsValue> {
    Reflect::get(object, &name.into()).map_err(offline)
}

/// Calls a method, likewise.
fn call(object: &JsValue, name: &str, argument: &JsValue) -> Result<JsValue> {
    let method: Function = get(object, name)?.dyn_into().map_err(offline)?;
    method.call1(object, argument).map_err(offline)
}

/// The failure of `fetch` or of a body, with what was thrown.
fn offline(cause: JsValue) -> Error {
    Error::Offline(Failure::new(
        "The service cannot be reached: check the connection and try again.",
        cause,
    ))
}

/// A body that is read piece by piece; dropping it closes the connection.
#[derive(Debug)]
pub struct Body {
    reader: JsValue,
    _abort: Abort,
}

impl Body {
    fn new(stream: &JsValue, abort: Abort) -> Result<Self> {
        Ok(Self {
            reader: call(stream, "getReader", &JsValue::UNDEFINED)?,
            _abort: abort,
        })
    }
}

impl ByteStream for Body {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let read = call(&self.reader, "read", &JsValue::UNDEFINED)?;
        let result = JsFuture::from(Promise::resolve(&read))
            .await
            .map_err(offline)?;
        if get(&result, "done")?.is_truthy() {
            return Ok(None);
        }
        Ok(Some(Uint8Array::new(&get(&result, "value")?).to_vec()))
    }
}
