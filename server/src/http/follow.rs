//! Following a request: it gets an id, which stands in its log lines, in its answer, and in the body of an error; it is
//! counted; and it gets a line in the log, which tells of no person.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use rand_core::{OsRng, RngCore};
use tracing::{Instrument, Span};

use super::forwarded::Proxies;
use super::trace::TraceParent;
use crate::config::{AccessLog, Config};
use crate::metrics::{self, Destination, Open};
use crate::traces::{Traced, Traces};
use crate::urls::Urls;

/// The header with the id of a request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a proxy.
const MAX_ID_LENGTH: usize = 64;
/// The route of all that no route answers: a path may hold anything.
const NO_ROUTE: &str = "none";

tokio::task_local! {
    static ID: Arc<str>;
}

/// The id of the request that is answered here.
pub(super) fn request_id() -> Option<String> {
    ID.try_with(|id| id.to_string()).ok()
}

/// What is known of all requests.
pub(crate) struct Following {
    /// The paths of the services, each with its name, the longest first.
    bases: Vec<(String, &'static str)>,
    proxies: Arc<Proxies>,
    access_log: AccessLog,
    traces: Option<Traces>,
}

impl Following {
    pub(crate) fn new(
        config: &Config,
        urls: &Urls,
        proxies: Arc<Proxies>,
        traces: Option<Traces>,
    ) -> Self {
        let mut bases = Vec::new();
        if config.services.vault() {
            bases.push((urls.vault.path.clone(), "vault"));
        }
        if config.services.keystore() {
            bases.push((urls.keystore.path.clone(), "keystore"));
        }
        bases.sort_by_key(|(base, _)| std::cmp::Reverse(base.len()));
        Self {
            bases,
            proxies,
            access_log: config.access_log,
            traces,
        }
    }

    /// The service, and the route as it describes it, of a route's whole path.
    fn name<'a>(&self, path: &'a str) -> (&'static str, &'a str) {
        let within = |(base, service): &(String, &'static str)| {
            let route = path.strip_prefix(base.as_str())?;
            let is_its_own = route.starts_with("/v1/") || !base.is_empty();
            (is_its_own && route.starts_with('/')).then_some((*service, route))
        };
        self.bases
            .iter()
            .find_map(within)
            .unwrap_or(("process", path))
    }

    /// The id of a request: that of a trusted proxy, or a new one.
    fn id(&self, request: &Request) -> Arc<str> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let is_trusted = peer.is_some_and(|info| self.proxies.trusts(info.0.ip()));
        let passed_on = is_trusted.then(|| passed_on(request.headers())).flatten();
        passed_on.unwrap_or_else(new_id)
    }

    fn tell(&self, to: &Destination<'_>, status: u16, millis: u64, bytes: Option<u64>) {
        let Destination {
            service,
            route,
            method,
        } = to;
        match self.access_log {
            AccessLog::Off => {}
            AccessLog::Debug => {
                tracing::debug!(target: "vouchsafe_server::access", method, service, route, status, millis, bytes, "request");
            }
            AccessLog::Info => {
                tracing::info!(target: "vouchsafe_server::access", method, service, route, status, millis, bytes, "request");
            }
        }
    }
}

/// The id that a proxy passes on, if it is one, and can stand in a log.
fn passed_on(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut sent = headers.get_all(REQUEST_ID).iter();
    let (Some(only), None) = (sent.next(), sent.next()) else {
        return None;
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let id = only.to_str().ok()?;
    let fits = (1..=MAX_ID_LENGTH).contains(&id.len()) && id.bytes().all(is_plain);
    fits.then(|| id.into())
}

/// A random UUID.
fn new_id() -> Arc<str> {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    id.hyphenated().to_string().into()
}

/// The method's name. What is none that anybody uses has one name: clients can make up others.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

/// Follows a request until its answer is sent.
pub(super) async fn follow(following: Arc<Following>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = following.id(&request);
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let (service, route) = match &matched {
        Some(path) => following.name(path.as_str()),
        None => ("process", NO_ROUTE),
    };
    let to = Destination {
        service,
        route,
        method: method_name(request.method()),
    };
    let parent = TraceParent::of(request.headers());
    let traces = following.traces.as_ref();
    let traced = traces.map(|traces| traces.begin(&to, parent));
    let trace = traced.as_ref().map(Traced::trace);
    // An error's line has its id, too, so the span is there at every level.
    let span = tracing::error_span!("request", %id, trace = tracing::field::Empty);
    if let Some(trace) = trace.or(parent.map(|parent| parent.trace)) {
        span.record(
            "trace",
            tracing::field::display(format_args!("{trace:032x}")),
        );
    }
    let answering = next.run(request).instrument(span.clone());
    let mut response = ID.scope(Arc::clone(&id), answering).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), began.elapsed());
    metrics::request(&to, status, took);
    if let Some(traced) = traced {
        traced.end(status);
    }
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let bytes = response.body().size_hint().exact();
    span.in_scope(|| following.tell(&to, status, millis, bytes));
    match bytes {
        Some(_) => response,
        None => watch_body(response, span),
    }
}

/// Keeps up the span while an answer is made that is longer than what was there at once.
fn watch_body(response: Response, span: Span) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let open = is_stream.then(metrics::event_stream);
    response.map(|body| {
        Body::new(FollowedBody {
            body,
            span,
            _open: open,
        })
    })
}

/// An answer's body that says in its log lines which request it answers.
struct FollowedBody {
    body: Body,
    span: Span,
    _open: Option<Open>,
}

impl HttpBody for FollowedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let _in_span = this.span.enter();
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_ids_are_passed_on() {
        let sent = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(REQUEST_ID, value.parse().unwrap());
            }
            passed_on(&headers).map(|id| id.to_string())
        };
        let longest = "x".repeat(MAX_ID_LENGTH);
        for good in ["1", "a-B_c.9", &longest, &new_id()] {
            assert_eq!(sent(&[good]).as_deref(), Some(good));
        }
        for wrong in [
            "",
            "a b",
            "a\tb",
            "a\"",
            "a=b",
            "a,b",
            "ä",
            &format!("{longest}x"),
        ] {
            assert_eq!(sent(&[wrong]), None, "{wrong}");
        }
        assert_eq!(sent(&[]), None);
        assert_eq!(sent(&["a", "b"]), None, "which one is the proxy's?");
    }

    #[test]
    fn routes_are_named_by_their_service() {
        let name = |bases: &[(&str, &'static str)], path| {
            let bases = bases
                .iter()
                .map(|(base, service)| ((*base).to_owned(), *service));
            let following = Following {
                bases: bases.collect(),
                proxies: Arc::new(Proxies::new(&Config::new("x")).unwrap()),
                access_log: AccessLog::Off,
                traces: None,
            };
            let (service, route) = following.name(path);
            format!("{service} {route}")
        };
        let both = [("/keystore", "keystore"), ("/vault", "vault")];
        assert_eq!(name(&both, "/vault/v1/cards/{id}"), "vault /v1/cards/{id}");
        assert_eq!(name(&both, "/keystore/ready"), "keystore /ready");
        assert_eq!(name(&both, "/vaults/x"), "process /vaults/x");
        assert_eq!(name(&both, "/ready"), "process /ready");
        let root = [("/vault", "vault"), ("", "keystore")];
        assert_eq!(name(&root, "/vault/v1/cards"), "vault /v1/cards");
        assert_eq!(name(&root, "/v1/jwks"), "keystore /v1/jwks");
        assert_eq!(name(&root, "/ready"), "process /ready");
    }
}
