//! The layers around every route: time-outs, headers, cross-origin rules, what follows requests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use crate::http::error::{ApiError, Code};
use crate::http::follow::{Following, REQUEST_ID, follow};
use crate::http::forwarded::Proxies;
use crate::http::readiness::{self, Draining, Readiness};
use crate::http::refusal::check_head;
use crate::http::room::{Rooms, enter};
use crate::http::target::TARGET;
use crate::start_error::StartError;
use crate::urls::web_origin;

/// The time for a request, its body included.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Adds to a service's routes its description, its health and its answers to wrong methods.
pub(crate) fn service<S: Readiness + 'static>(
    title: &str,
    base: &str,
    routes: OpenApiRouter<Arc<S>>,
    state: Arc<S>,
) -> Router {
    let (router, mut api) = OpenApiRouter::new().nest("/v1", routes).split_for_parts();
    describe(&mut api, title, base);
    // The bytes are shared by all who ask: anybody may, and take them as slowly as they like.
    let description = axum::body::Bytes::from(api.to_json().unwrap_or_default());
    let open = move || async move { ([(header::CONTENT_TYPE, "application/json")], description) };
    let away = state.away();
    let router = router
        .layer(from_fn(move |request, next| {
            while_there(away.clone(), request, next)
        }))
        .with_state(Arc::clone(&state))
        .route("/v1/openapi.json", get(open))
        .method_not_allowed_fallback(wrong_method);
    // A service that is mounted at the root shares the process's own.
    if base.is_empty() {
        router
    } else {
        let service: Arc<dyn Readiness> = state;
        router.merge(readiness::routes(Arc::new(vec![service])))
    }
}

fn describe(api: &mut OpenApi, title: &str, base: &str) {
    let session = SecurityRequirement::new("bearer", Vec::<String>::new());
    let own = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title(title)
                .version(env!("CARGO_PKG_VERSION"))
                .build(),
        )
        .servers(Some([utoipa::openapi::Server::new(if base.is_empty() {
            "/"
        } else {
            base
        })]))
        .security(Some([session]))
        .build();
    (api.info, api.servers, api.security) = (own.info, own.servers, own.security);
    api.components.get_or_insert_default().add_security_scheme(
        "bearer",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
}

/// Puts the whole process's layers around its routes.
pub(crate) fn surround(
    router: Router,
    cors: CorsLayer,
    proxies: Arc<Proxies>,
    following: Following,
    draining: Draining,
) -> Router {
    let following = Arc::new(following);
    let rooms = Arc::new(Rooms::default());
    let enter = move |address, request, next| enter(Arc::clone(&rooms), address, request, next);
    router
        .layer(from_fn(enter))
        .layer(from_fn(time_out))
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::from(Code::ServerError).into_response()
        }))
        .layer(from_fn(check_head))
        .layer(cors)
        .layer(from_fn(secure))
        .layer(from_fn(move |request, next| {
            follow(Arc::clone(&following), request, next)
        }))
        .layer(axum::Extension(proxies))
        .layer(axum::Extension(draining))
}

/// The answer to a route that does not exist.
pub(crate) async fn not_found() -> ApiError {
    Code::UnknownRoute.into()
}

/// The answer to a method that the route does not know.
pub(super) async fn wrong_method() -> ApiError {
    ApiError::bad_input("Use a method that this route knows.")
        .with_status(axum::http::StatusCode::METHOD_NOT_ALLOWED)
}

/// The answer's headers may take this long; an event stream goes on for as long as it likes.
async fn time_out(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::too_slow().into_response(),
    }
}

/// While a service's database is away, nothing is asked of it, and nobody waits for what was asked: clients come again.
async fn while_there(mut away: watch::Receiver<bool>, request: Request, next: Next) -> Response {
    tokio::select! {
        biased;
        // The sender is there as long as the service is.
        Ok(_) = away.wait_for(|away| *away) => ApiError::unavailable().into_response(),
        response = next.run(request) => response,
    }
}

/// Headers of every answer that has not set its own.
async fn secure(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    // A cache that stores answers all the same, such as a page's service worker, shall not give one person's to another.
    let varies = HeaderValue::from_static("authorization, vouchsafe-target");
    response.headers_mut().append(header::VARY, varies);
    response
}

/// The rules for pages of these origins.
pub(crate) fn cors(origins: &[String]) -> Result<CorsLayer, StartError> {
    let origins = origins.iter().map(|origin| web_origin(origin));
    let origins = origins.collect::<Result<Vec<_>, _>>()?;
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::from(Any)
    } else {
        // An origin is ASCII without control characters.
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    Ok(CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_RANGE,
            header::CONTENT_TYPE,
            header::IF_RANGE,
            header::RANGE,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("vouchsafe-device"),
            TARGET,
        ])
        .expose_headers([
            header::CONTENT_RANGE,
            header::ETAG,
            header::RETRY_AFTER,
            REQUEST_ID,
        ])
        // More than browsers take: two hours in Chromium, a day in Firefox, ten minutes in WebKit.
        .max_age(Duration::from_secs(86_400)))
}
