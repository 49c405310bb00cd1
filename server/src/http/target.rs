//! Requests whose route is in a header, at one address for each service. A browser asks for permission for each address that
//! a page of another origin calls and remembers the answer by it (Fetch, section 4.9, "CORS-preflight cache"), so that a route
//! with an id would cost such a page a question of its own each time.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, Uri};
use axum::middleware::map_request;

/// The route in a request to [`ADDRESS`], as it would stand behind `/v1`: `/cards/0190…?limit=10`.
pub(super) const TARGET: HeaderName = HeaderName::from_static("vouchsafe-target");

/// The end of the address.
const ADDRESS: &str = "/v1/-";

/// Leads requests to the route that they name. What names none, or no possible one, is an unknown route like any other.
pub(super) fn resolve(router: Router) -> Router {
    Router::new()
        .fallback_service(router)
        .layer(map_request(|mut request: Request| async move {
            if let Some(uri) = target(&request) {
                *request.uri_mut() = uri;
            }
            request
        }))
}

fn target(request: &Request) -> Option<Uri> {
    let base = request.uri().path().strip_suffix(ADDRESS)?;
    let target = request.headers().get(TARGET)?.to_str().ok()?;
    let path = format!("{base}/v1{target}");
    target.starts_with('/').then(|| path.parse().ok())?
}
