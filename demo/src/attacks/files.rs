//! Files that are swapped with each other.

use axum::http::{Method, Uri};
use uuid::Uuid;

use super::{Asked, Attacks};
use crate::answer::{Refusal, Result};

/// The file after `$2` of those that the account `$1` may read; after the last one comes the first.
const NEXT_FILE: &str = "WITH readable AS (\
    SELECT id, created_at FROM main.files WHERE digest IS NOT NULL AND deleted_at IS NULL AND (account = $1 OR id IN \
        (SELECT listings.file FROM main.listings JOIN main.shares ON shares.id = listings.record \
        WHERE listings.kind = 'share' AND shares.recipient = $1 AND shares.size > 0))) \
    SELECT COALESCE(\
    (SELECT id FROM readable WHERE (created_at, id) > (SELECT created_at, id FROM readable WHERE id = $2) \
        ORDER BY created_at, id LIMIT 1), \
    (SELECT id FROM readable ORDER BY created_at, id LIMIT 1))";

impl Attacks {
    /// The address of the next file's octets, or of their digests, if those of a file are asked for.
    pub(super) async fn other_file(&self, asked: &Asked) -> Result<Option<Uri>> {
        let Some(path) = asked.path.strip_prefix("/files/") else {
            return Ok(None);
        };
        let (file, rest) = match path.strip_suffix("/digests") {
            Some(file) => (file, "/digests"),
            None => (path, ""),
        };
        if asked.method != Method::GET || Uuid::try_parse(file).is_err() {
            return Ok(None);
        }
        let other: Option<String> = sqlx::query_scalar(NEXT_FILE)
            .bind(&asked.account)
            .bind(file)
            .fetch_one(&self.look.pool)
            .await?;
        let Some(other) = other else { return Ok(None) };
        let uri = format!("/vault/v1/files/{other}{rest}").parse::<Uri>();
        uri.map(Some).map_err(|_| Refusal::server_error())
    }
}
