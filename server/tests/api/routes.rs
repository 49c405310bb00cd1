//! The routes of both services, as the services themselves describe them: a new route cannot be left out.

use crate::common::*;
use serde_json::json;

/// A route as a test names it: the service, the method and the path, such as `vault GET /cards/{id}`.
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) is_open: bool,
}

/// Every route of both services.
pub(crate) async fn routes(lab: &Lab) -> Vec<Route> {
    let mut routes = Vec::new();
    for (service, base) in [
        ("keystore", lab.server.keystore_url()),
        ("vault", lab.server.vault_url()),
    ] {
        let url = format!("{base}/v1/openapi.json");
        let (status, api) = lab.call("GET", &url, None, None).await;
        assert_eq!(status, 200);
        for (path, item) in api["paths"].as_object().unwrap() {
            let path = path.strip_prefix("/v1").unwrap();
            for (method, operation) in item.as_object().unwrap() {
                routes.push(Route {
                    name: format!("{service} {} {path}", method.to_uppercase()),
                    is_open: operation["security"] == json!([{}]),
                });
            }
        }
    }
    assert!(routes.len() > 40, "{}", routes.len());
    routes
}

/// A route's service, method and path.
pub(crate) fn parts(name: &str) -> (&str, &str, &str) {
    let mut parts = name.splitn(3, ' ');
    let mut part = || parts.next().unwrap();
    (part(), part(), part())
}
