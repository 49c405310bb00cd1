//! Bodies that are read whole.

use axum::body::HttpBody;
use axum::extract::Request;
use futures_util::StreamExt;

use super::error::{ApiError, Result};

/// The whole body of a request, if it has at most so many bytes. Each piece is copied into its place as it comes: what it came in
/// may be much larger, and would stay as long as the piece does.
pub(super) async fn whole(
    request: Request,
    most: usize,
    too_large: impl Fn() -> ApiError,
) -> Result<Vec<u8>> {
    let size = request.body().size_hint().upper().unwrap_or(0);
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(most);
    let mut bytes = Vec::with_capacity(size);
    let mut body = request.into_body().into_data_stream();
    while let Some(piece) = body.next().await {
        let broke = |_| ApiError::bad_input("Send the whole body: it broke off.");
        let piece = piece.map_err(broke)?;
        if piece.len() > most - bytes.len() {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::{Body, Bytes};
    use axum::http::header;
    use futures_util::stream;

    use super::*;
    use crate::http::error::Code;
    use crate::http::extract::Input;

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
}
