//! Receipts: the recipient of a share tells its sender which edition they opened.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::editions::check_edition;
use super::events::{Change, Kind};
use super::share_reads::SHOWN;
use super::state::VaultState;
use crate::http::error::{Code, ErrorBody, ErrorDetail, Result, of_item};
use crate::http::extract::{Input, check_writes};
use crate::http::sizes::MAX_LIST_BYTES;
use crate::http::values::Id;
use crate::store::columns::from_columns;
use crate::store::db::Tx;

/// Several shares that the caller opened.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReads {
    reads: Vec<NewRead>,
}

/// A share that the caller opened, and its edition.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRead {
    id: Id,
    edition: i64,
}

/// The outcomes of receipts, in order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadResults {
    results: Vec<ReadResult>,
}

/// The outcome of one receipt.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadResult {
    id: Id,
    error: Option<ErrorDetail>,
}

from_columns! {
    /// A share that no receipt was written for.
    struct StoredRead {
        edition: i64,
        size: i64,
        expires_at: Option<i64>,
    }
}

/// Tells the senders of shares which editions the caller opened.
#[utoipa::path(
    put, path = "/shares/read", request_body = NewReads,
    responses((status = 200, body = ReadResults), (status = "default", body = ErrorBody)),
)]
pub(super) async fn write(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<NewReads, MAX_LIST_BYTES>,
) -> Result<Json<ReadResults>> {
    check_writes("reads", input.reads.iter().map(|read| &read.id))?;
    let now = vault.clock.now();
    let (mut results, mut changes) = (Vec::with_capacity(input.reads.len()), Vec::new());
    let mut tx = vault.begin_for(&caller).await?;
    for read in input.reads {
        let noted = note(&mut tx, &caller.account, &read, now).await;
        let (sender, error) = of_item(noted)?;
        let change = |sender: String| Change::new(&sender, Kind::Read, read.id.as_str());
        changes.extend(sender.flatten().map(change));
        results.push(ReadResult { id: read.id, error });
    }
    if !changes.is_empty() {
        vault.record(tx, changes).await?;
    }
    Ok(Json(ReadResults { results }))
}

/// Notes one edition, and gives the share's sender; none if this edition, or a later one, was noted before.
async fn note(tx: &mut Tx, reader: &str, read: &NewRead, now: i64) -> Result<Option<String>> {
    check_edition(read.edition)?;
    let sql = format!(
        "UPDATE shares SET read_edition = $1, read_at = $2 WHERE id = $3 AND recipient = $4 AND edition >= $1 \
         AND (read_edition IS NULL OR read_edition < $1) AND size > 0 \
         AND (expires_at IS NULL OR expires_at > $2) AND {SHOWN} RETURNING sender"
    );
    let sender: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(read.edition)
        .bind(now)
        .bind(read.id.as_str())
        .bind(reader)
        .fetch_optional(&mut **tx)
        .await?;
    if sender.is_some() {
        return Ok(sender);
    }
    let sql = format!(
        "SELECT edition, size, expires_at FROM shares \
         WHERE id = $1 AND recipient = $2 AND {SHOWN}"
    );
    let stored: Option<StoredRead> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(read.id.as_str())
        .bind(reader)
        .fetch_optional(&mut **tx)
        .await?;
    let stored = stored.ok_or(Code::NotFound)?;
    if stored.size == 0 || stored.expires_at.is_some_and(|end| end <= now) {
        Err(Code::ShareExpired.into())
    } else if stored.edition < read.edition {
        Err(Code::Conflict.into())
    } else {
        Ok(None)
    }
}
