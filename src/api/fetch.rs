//! The transport of browsers: `fetch`, through gloo-net. The only file that reaches the network.

use gloo_net::http::{Request as FetchRequest, RequestBuilder, Response as FetchResponse};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStreamDefaultReader, ReadableStreamReadResult};
use zeroize::Zeroizing;

use super::{ByteStream, Method, Request, Response, Transport};
use crate::error::{Error, Result};
use crate::js::{self, Abort, Timer};

/// A request that takes longer is given up; the services themselves give up after 30 seconds.
const LONGEST_REQUEST: u32 = 60_000;
/// A body of so many bytes or more is handed over as a [`Blob`].
const LARGE: usize = 1 << 17;

/// `fetch`, `setTimeout` and the clock of the page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fetch;

impl Transport for Fetch {
    type Stream = Body;

    async fn send(&self, request: Request) -> Result<Response> {
        // The controller is our own: gloo-net panics when a signal is aborted with a reason that is no Error. When the
        // call is ended in the middle, the request ends with it.
        let abort = Abort::new().ok_or_else(offline)?;
        let timer = Timer::start(LONGEST_REQUEST, {
            let controller = abort.controller();
            move || controller.abort()
        })
        .ok_or_else(offline)?;
        let answer = start(request, &abort).await?;
        let mut response = head_of(&answer);
        response.body = answer.binary().await.map_err(|_| offline())?;
        drop(timer);
        Ok(response)
    }

    async fn open_stream(&self, request: Request) -> Result<(Response, Body)> {
        let abort = Abort::new().ok_or_else(offline)?;
        let answer = start(request, &abort).await?;
        let stream = answer.body().ok_or_else(offline)?;
        let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
        let body = Body {
            reader,
            _abort: abort,
        };
        Ok((head_of(&answer), body))
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

async fn start(request: Request, abort: &Abort) -> Result<FetchResponse> {
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
    let sent = match request.body.as_deref() {
        Some(body) => {
            builder
                .header("content-type", "application/json")
                .body(to_js(body)?)
                .map_err(|_| offline())?
                .send()
                .await
        }
        None => builder.send().await,
    };
    sent.map_err(|_| offline())
}

/// A body as `fetch` takes it. A large text would be copied over to the browser while the page stands still.
fn to_js(body: &str) -> Result<JsValue> {
    if body.len() < LARGE {
        return Ok(body.into());
    }
    let parts = Array::of1(&Uint8Array::from(body.as_bytes()));
    let blob = Blob::new_with_u8_array_sequence(&parts).map_err(|_| offline())?;
    Ok(blob.into())
}

/// The answer without its body.
fn head_of(answer: &FetchResponse) -> Response {
    Response {
        status: answer.status(),
        retry_after: answer
            .headers()
            .get("retry-after")
            .and_then(|seconds| seconds.parse().ok()),
        body: Vec::new(),
    }
}

fn offline() -> Error {
    Error::Offline("The service cannot be reached: check the connection and try again.".into())
}

/// The body of a stream; dropping it closes the connection.
#[derive(Debug)]
pub struct Body {
    reader: ReadableStreamDefaultReader,
    _abort: Abort,
}

impl ByteStream for Body {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let result = JsFuture::from(self.reader.read())
            .await
            .map_err(|_| offline())?;
        let result: ReadableStreamReadResult = result.unchecked_into();
        if result.get_done().unwrap_or(true) {
            return Ok(None);
        }
        Ok(Some(Uint8Array::new(&result.get_value()).to_vec()))
    }
}
