//! The answers to what is no request, or is too long a one. Over HTTP/1 hyper gives them by itself, and they get a body like
//! every other error. Over HTTP/2 it has no body for them: so it lets more through than is taken, and the answer is given here.

use axum::extract::Request;
use axum::http::{StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::{ApiError, Code};

/// The most bytes of the head of a request over HTTP/2, as HTTP/2 counts them (RFC 9113, section 6.5.2).
const MAX_HEAD_BYTES: usize = 16 << 10;
/// What each field adds to its name and its value.
const FIELD_BYTES: usize = 32;

fn long_address() -> ApiError {
    ApiError::new(Code::TooLarge, "Send a shorter address.").with_status(StatusCode::URI_TOO_LONG)
}

fn long_headers() -> ApiError {
    ApiError::new(Code::TooLarge, "Send fewer or shorter headers.")
        .with_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
}

/// Refuses a request over HTTP/2 whose head is too long.
pub(super) async fn check_head(request: Request, next: Next) -> Response {
    let address = request
        .uri()
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    let fields = request.headers().iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES)
        .sum();
    match request.version() {
        Version::HTTP_2 if address > MAX_HEAD_BYTES => long_address().into_response(),
        Version::HTTP_2 if address + fields > MAX_HEAD_BYTES => long_headers().into_response(),
        _ => next.run(request).await,
    }
}

/// The answer to be written in place of hyper's, if these bytes are one of hyper's own: a head without a body, of a kind that no
/// route gives.
pub(super) fn in_place_of(head: &[u8]) -> Option<Vec<u8>> {
    let error = match head.get(..12)? {
        b"HTTP/1.1 400" | b"HTTP/1.0 400" => {
            ApiError::bad_input("Send a well-formed HTTP request.")
        }
        b"HTTP/1.1 414" | b"HTTP/1.0 414" => long_address(),
        b"HTTP/1.1 431" | b"HTTP/1.0 431" => long_headers(),
        _ => return None,
    };
    let text = std::str::from_utf8(head).ok()?;
    if !text.ends_with("\r\n\r\n")
        || !text
            .to_ascii_lowercase()
            .contains("\r\ncontent-length: 0\r\n")
    {
        return None;
    }
    let (status, body) = (error.status(), error.to_json());
    let answer = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-content-type-options: nosniff\r\n\
         cache-control: no-store\r\nconnection: close\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    Some(answer.into_bytes())
}
