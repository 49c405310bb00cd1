//! Keeps the demo's routes for this machine's own pages.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::answer::{Refusal, Result};

/// Refuses a request that was sent to another name than this machine's own, by a foreign page whose name was made to lead
/// here. A browser asks before it sends JSON from one origin to another, and gets a refusal.
pub(crate) async fn only_this_machine(request: Request, next: Next) -> Result<Response> {
    if !asked_for(&request).is_some_and(is_own_name) {
        return Err(
            Refusal::bad_input("Open the demo at http://127.0.0.1 or http://localhost.")
                .with_status(StatusCode::FORBIDDEN),
        );
    }
    if request.method() == axum::http::Method::PUT && !is_json(&request) {
        return Err(Refusal::bad_input("Send application/json.")
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    Ok(next.run(request).await)
}

/// The host that the request was sent to, with or without a port.
fn asked_for(request: &Request) -> Option<&str> {
    match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok(),
        None => request.uri().host(),
    }
}

fn is_own_name(host: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        host.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix(':')
                    .is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names() {
        for own in [
            "127.0.0.1",
            "127.0.0.1:8787",
            "localhost",
            "localhost:1",
            "[::1]:8787",
        ] {
            assert!(is_own_name(own), "{own}");
        }
        for foreign in [
            "",
            "example.com",
            "127.0.0.1.example.com",
            "localhost.example.com:80",
            "127.0.0.1:80@example.com",
            "127.0.0.10",
            "localhost:",
        ] {
            assert!(!is_own_name(foreign), "{foreign}");
        }
    }
}
