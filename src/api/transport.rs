//! The way out for requests. The browser's is `fetch`; native tests bring their own.

use std::fmt;

use zeroize::ZeroizeOnDrop;

use crate::error::Result;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads nothing but the head of what [`Method::Get`] reads.
    Head,
    /// Reads.
    Get,
    /// Acts.
    Post,
    /// Writes at an id.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// The method's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Head => "HEAD",
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A request. Its body may hold a token, so all of it is wiped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Request {
    /// The method.
    #[zeroize(skip)]
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// For the `Authorization` header.
    pub bearer: Option<String>,
    /// JSON.
    pub body: Option<String>,
    /// For an event stream that goes on.
    pub last_event_id: Option<String>,
    /// By which the Keystore knows this device again: 32 bytes in base64url, for the header `Vouchsafe-Device`.
    pub device: Option<String>,
    /// The most bytes of the answer's body, unless it is a stream.
    #[zeroize(skip)]
    pub max_answer: usize,
}

impl Request {
    /// A request that has no address yet, and shows nobody's token.
    pub(crate) fn new(method: Method, body: Option<String>, max_answer: usize) -> Self {
        Self {
            method,
            url: String::new(),
            bearer: None,
            body,
            last_event_id: None,
            device: None,
            max_answer,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// An answer. Its body may hold a session or a token, so it is wiped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Response {
    /// The HTTP status; 0 for a redirect that a browser does not show.
    pub status: u16,
    /// The header `Content-Type`; empty without one.
    pub content_type: String,
    /// The seconds of `Retry-After`.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Whether the body is of this media type.
    pub(crate) fn is_of(&self, media_type: &str) -> bool {
        let start = self.content_type.get(..media_type.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(media_type))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The body of an event stream.
#[allow(async_fn_in_trait, reason = "one thread")]
pub trait ByteStream {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>>;
}

/// The outside: requests, time, and tasks that nobody waits for.
#[allow(
    async_fn_in_trait,
    reason = "one thread: browsers have no other, and native tests need none"
)]
pub trait Transport: Clone + 'static {
    /// The body of a stream.
    type Stream: ByteStream;

    /// Sends a request and reads the whole answer, whatever its status, and follows no redirect. A service that cannot be
    /// reached is `offline`. It stops reading at an answer that is larger than the request allows, and may then give any part of it that shows
    /// that. It knows no time limit; dropping the future ends the request.
    async fn send(&self, request: &Request) -> Result<Response>;

    /// Sends a request and leaves the body to be read: that of the answer is empty.
    async fn open_stream(&self, request: &Request) -> Result<(Response, Self::Stream)>;

    /// Whether something answers at this address, though its answers are kept from whoever asks, as a browser does with those
    /// of another origin.
    async fn is_hidden(&self, _url: &str) -> bool {
        false
    }

    /// Waits.
    async fn sleep(&self, millis: u32);

    /// Lets others have their turn.
    async fn pause(&self) {
        self.sleep(0).await;
    }

    /// Waits beside something else that is awaited, which alone keeps the process alive.
    async fn watch(&self, millis: u32) {
        self.sleep(millis).await;
    }

    /// Runs a task that nobody waits for.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// Milliseconds since 1970.
    fn now(&self) -> i64;
}
