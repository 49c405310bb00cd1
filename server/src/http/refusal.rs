//! The answers that hyper gives by itself, to what is no request or is too long a one: they get a body like every other error.

use axum::http::StatusCode;

use super::error::{ApiError, Code};

/// The answer to be written in place of hyper's, if these bytes are one of hyper's own: a head without a body, of a kind that no
/// route gives.
pub(super) fn in_place_of(head: &[u8]) -> Option<Vec<u8>> {
    let (status, error) = match head.get(..12)? {
        b"HTTP/1.1 400" | b"HTTP/1.0 400" => (
            StatusCode::BAD_REQUEST,
            ApiError::bad_input("Send a well-formed HTTP request."),
        ),
        b"HTTP/1.1 414" | b"HTTP/1.0 414" => (
            StatusCode::URI_TOO_LONG,
            ApiError::new(Code::TooLarge, "Send a shorter address."),
        ),
        b"HTTP/1.1 431" | b"HTTP/1.0 431" => (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ApiError::new(Code::TooLarge, "Send fewer or shorter headers."),
        ),
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
    let body = error.to_json();
    let answer = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-content-type-options: nosniff\r\n\
         cache-control: no-store\r\nconnection: close\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    Some(answer.into_bytes())
}
