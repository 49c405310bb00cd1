//! The transport of browsers: `fetch`, through gloo-net. The only file that reaches the network.

use gloo_net::http::{Request as FetchRequest, RequestBuilder};
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader, ReadableStreamReadResult};
use zeroize::Zeroizing;

use super::{ByteStream, Method, Request, Response, Transport};
use crate::error::{Error, Failure, Result};
use crate::js::{self, Abort};

/// At or above this size a body is handed over as a [`Blob`]; below, the browser's own copy of a text costs no time.
const MIN_BLOB_BYTES: usize = 1 << 17;

/// `fetch`, `setTimeout` and the clock of the page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fetch;

impl Transport for Fetch {
    type Stream = Body;

    async fn send(&self, request: &Request) -> Result<Response> {
        // When the call is ended in the middle, or the answer is too large, the request ends with it.
        let abort = Abort::new().ok_or_else(no_fetch)?;
        let answer = start(request, &abort).await?;
        let mut response = head_of(&answer);
        let Some(stream) = answer.body() else {
            return Ok(response);
        };
        let mut body = Body::new(&stream, abort);
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
        let abort = Abort::new().ok_or_else(no_fetch)?;
        let answer = start(request, &abort).await?;
        let stream = answer.body().ok_or_else(no_fetch)?;
        Ok((head_of(&answer), Body::new(&stream, abort)))
    }

    async fn sleep(&self, millis: u32) {
        js::sleep(millis).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        wasm_bindgen_futures::spawn_local(task);
    }

    fn now(&self) -> i64 {
        js_sys::Date::now() as i64
    }
}

/// Begins a request, up to the head of its answer.
async fn start(request: &Request, abort: &Abort) -> Result<web_sys::Response> {
    let builder: RequestBuilder = match request.method {
        Method::Get => FetchRequest::get(&request.url),
        Method::Post => FetchRequest::post(&request.url),
        Method::Put => FetchRequest::put(&request.url),
        Method::Delete => FetchRequest::delete(&request.url),
    };
    let mut builder = builder
        .cache(web_sys::RequestCache::NoStore)
        .credentials(web_sys::RequestCredentials::Omit)
        .redirect(web_sys::RequestRedirect::Error)
        .referrer_policy(web_sys::ReferrerPolicy::NoReferrer)
        .abort_signal(Some(&abort.signal()));
    if let Some(bearer) = &request.bearer {
        let shown = Zeroizing::new(format!("Bearer {bearer}"));
        builder = builder.header("authorization", &shown);
    }
    if let Some(last_event_id) = &request.last_event_id {
        builder = builder.header("last-event-id", last_event_id);
    }
    if let Some(device) = &request.device {
        builder = builder.header("vouchsafe-device", device);
    }
    let built = match request.body.as_deref() {
        Some(body) => builder
            .header("content-type", "application/json")
            .body(to_js(body)?),
        None => builder.build(),
    };
    let built: web_sys::Request = built.map_err(|_| no_fetch())?.into();
    // Not by gloo-net: it keeps no more of the browser's error than its text, and panics at one that is no `Error`.
    let fetch = js::global_function("fetch").map_err(offline)?;
    let promise = fetch.call1(&JsValue::UNDEFINED, &built).map_err(offline)?;
    let answer = JsFuture::from(Promise::resolve(&promise)).await;
    answer.map_err(offline)?.dyn_into().map_err(offline)
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
fn head_of(answer: &web_sys::Response) -> Response {
    Response {
        status: answer.status(),
        retry_after: answer
            .headers()
            .get("retry-after")
            .ok()
            .flatten()
            .and_then(|seconds| seconds.parse().ok()),
        body: Vec::new(),
    }
}

const UNREACHABLE: &str = "The service cannot be reached: check the connection and try again.";

/// The failure of `fetch` or of a body, with the browser's own error.
fn offline(cause: JsValue) -> Error {
    Error::Offline(Failure::new(UNREACHABLE, cause))
}

/// A platform without `AbortController`, or an answer without a body.
fn no_fetch() -> Error {
    Error::Offline(UNREACHABLE.into())
}

/// A body that is read piece by piece; dropping it closes the connection.
#[derive(Debug)]
pub struct Body {
    reader: ReadableStreamDefaultReader,
    _abort: Abort,
}

impl Body {
    fn new(stream: &ReadableStream, abort: Abort) -> Self {
        Self {
            reader: stream.get_reader().unchecked_into(),
            _abort: abort,
        }
    }
}

impl ByteStream for Body {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let result = JsFuture::from(self.reader.read()).await.map_err(offline)?;
        let result: ReadableStreamReadResult = result.unchecked_into();
        if result.get_done().unwrap_or(true) {
            return Ok(None);
        }
        Ok(Some(Uint8Array::new(&result.get_value()).to_vec()))
    }
}
