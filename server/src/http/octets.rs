//! Bodies and answers that are octets, in pieces of something larger: which bytes they are stands in headers.

use std::ops::Range;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::error::{ApiError, Code, Result};
use super::layers::REQUEST_TIMEOUT;
use super::room::{Held, MAX_SMALL_BYTES, make_room};

/// The media type of octets.
pub(crate) const OCTETS: &str = "application/octet-stream";

/// The time for the first bytes of a large body.
const FIRST_PATIENCE: Duration = Duration::from_secs(5);

/// The bytes that the body of a request is of something whose size is not said: `Content-Range: bytes first-last/*`.
pub(crate) fn content_range(headers: &HeaderMap) -> Result<Range<u64>> {
    let value = headers.get(header::CONTENT_RANGE);
    let range = value
        .and_then(|value| value.to_str().ok())
        .and_then(|text| {
            let range = text.strip_prefix("bytes ")?.strip_suffix("/*")?;
            let (first, last) = range.split_once('-')?;
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(first..last.checked_add(1)?)
        });
    range.ok_or_else(|| {
        ApiError::bad_input("Say which bytes these are: Content-Range: bytes FIRST-LAST/*.")
    })
}

/// A number in digits alone.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The body of a request, with its SHA-256, and its place in memory.
pub(crate) struct Octets {
    pub(crate) bytes: Bytes,
    pub(crate) digest: [u8; 32],
    pub(crate) held: Held,
}

/// Reads a body of so many octets, once there is room for it.
pub(crate) async fn octets(request: Request, length: usize) -> Result<Octets> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    if kind.is_none_or(|kind| kind.as_bytes() != OCTETS.as_bytes()) {
        return Err(ApiError::bad_input(format!("Send the body as {OCTETS}."))
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let others = || ApiError::bad_input("Send exactly the bytes that Content-Range names.");
    make_room(&request).await?;
    let held = Held::of(&request);
    let mut hash = Sha256::new();
    let bytes = whole(request, length, others, |piece| hash.update(piece)).await?;
    match bytes.len() == length {
        false => Err(others()),
        true => Ok(Octets {
            bytes: bytes.into(),
            digest: hash.finalize().into(),
            held,
        }),
    }
}

/// The whole body of a request, if it has at most so many bytes. Each piece is copied into its place as it comes: what it came in
/// may be much larger, and would stay as long as the piece does.
pub(super) async fn whole(
    request: Request,
    most: usize,
    too_large: impl Fn() -> ApiError,
    mut each: impl FnMut(&[u8]),
) -> Result<Vec<u8>> {
    let size = request.body().size_hint().upper();
    let size = size.map(|size| usize::try_from(size).unwrap_or(usize::MAX).min(most));
    let mut bytes = Vec::with_capacity(size.unwrap_or(0));
    let mut body = request.into_body().into_data_stream();
    let began = Instant::now();
    loop {
        let piece = timeout_at(
            began + time_for(bytes.len(), size.unwrap_or(most)),
            body.next(),
        );
        let Some(piece) = piece.await.map_err(|_| ApiError::too_slow())? else {
            break;
        };
        let broke = |_| ApiError::bad_input("Send the whole body: it broke off.");
        let piece = piece.map_err(broke)?;
        if piece.len() > most - bytes.len() {
            return Err(too_large());
        }
        each(&piece);
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The time in which more than `received` bytes of a body of `size` must have come. A large one that comes more slowly is not
/// there when the time of its request is over, and would keep the room of others until then.
fn time_for(received: usize, size: usize) -> Duration {
    if size <= MAX_SMALL_BYTES {
        return REQUEST_TIMEOUT;
    }
    let part = REQUEST_TIMEOUT.mul_f64(received as f64 / size as f64);
    FIRST_PATIENCE + part
}

/// What is asked for of something of this size and entity tag: one range, or all of it where no range is asked for, several are,
/// or they are of something else.
pub(crate) fn asked_range(headers: &HeaderMap, size: u64, tag: &str) -> Result<Option<Range<u64>>> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(header::IF_RANGE) && text(header::IF_RANGE) != Some(tag) {
        return Ok(None);
    }
    let range = text(header::RANGE)
        .and_then(|text| text.strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'));
    let range = match range {
        Some(("", last)) => number(last).map(|last| size.saturating_sub(last)..size),
        Some((first, "")) => number(first).map(|first| first..size),
        Some((first, last)) => number(first)
            .zip(number(last))
            .filter(|(first, last)| first <= last)
            .map(|(first, last)| first..last.saturating_add(1).min(size)),
        None => None,
    };
    match range {
        Some(range) if range.is_empty() => Err(ApiError::new(
            Code::BadInput,
            format!("Ask for bytes that are there: there are {size}."),
        )
        .with_status(StatusCode::RANGE_NOT_SATISFIABLE)),
        range => Ok(range),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use futures_util::stream;

    use super::*;
    use crate::http::extract::Input;

    fn headers(values: &[(header::HeaderName, &str)]) -> HeaderMap {
        let pairs = values
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()));
        pairs.collect()
    }

    /// One byte that keeps count.
    struct Piece(#[allow(dead_code, reason = "it is counted")] Arc<()>);

    impl AsRef<[u8]> for Piece {
        fn as_ref(&self) -> &[u8] {
            b" "
        }
    }

    #[tokio::test]
    async fn pieces_do_not_outlive_their_copies() {
        let alive = Arc::new(());
        let pieces = stream::iter(0..1000).map(move |_| {
            let count = Arc::strong_count(&alive);
            assert!(count <= 2, "{count} are alive");
            Ok::<_, std::io::Error>(Bytes::from_owner(Piece(Arc::clone(&alive))))
        });
        let pieces = Body::from_stream(pieces);
        let request = Request::builder().header(header::CONTENT_TYPE, "application/json");
        let refused = Input::<u8>::read(request.body(pieces).unwrap()).await;
        assert_eq!(
            refused.unwrap_err().code(),
            Code::BadInput,
            "there is nothing in it"
        );
    }

    #[test]
    fn the_place_of_a_body_has_one_spelling() {
        let read = |text: &str| content_range(&headers(&[(header::CONTENT_RANGE, text)])).ok();
        assert_eq!(read("bytes 0-0/*"), Some(0..1));
        assert_eq!(read("bytes 1048576-2097151/*"), Some(1_048_576..2_097_152));
        for wrong in [
            "",
            "bytes 0-0",
            "bytes 0-0/1",
            "bytes=0-0/*",
            "bytes 1-0/*",
            "bytes -1-0/*",
            "bytes +1-2/*",
            "bytes 0-/*",
            "bytes 0-18446744073709551615/*",
            "bytes */*",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(content_range(&HeaderMap::new()).is_err());
    }

    #[test]
    fn one_range_is_given_and_others_are_not_understood() {
        let ask = |range: &str| asked_range(&headers(&[(header::RANGE, range)]), 10, "\"a\"");
        for (range, expected) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=3-", Some(3..10)),
            ("bytes=3-99", Some(3..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=0-1,3-4", None),
            ("bytes=4-3", None),
            ("bytes=x-", None),
            ("items=0-1", None),
        ] {
            assert_eq!(ask(range).unwrap(), expected, "{range}");
        }
        for beyond in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            let refused = ask(beyond).unwrap_err();
            assert_eq!(refused.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        }
        for (tag, expected) in [("\"a\"", Some(0..1)), ("\"b\"", None)] {
            let pair = [(header::RANGE, "bytes=0-0"), (header::IF_RANGE, tag)];
            let asked = asked_range(&headers(&pair), 10, "\"a\"");
            assert_eq!(asked.unwrap(), expected, "{tag}");
        }
    }

    #[test]
    fn a_large_body_comes_as_fast_as_it_must() {
        let (small, large) = (MAX_SMALL_BYTES, 32 << 20);
        assert_eq!(time_for(0, small), REQUEST_TIMEOUT);
        assert_eq!(time_for(0, large), FIRST_PATIENCE);
        let half = time_for(large / 2, large);
        assert_eq!(half, FIRST_PATIENCE + REQUEST_TIMEOUT / 2);
    }
}
