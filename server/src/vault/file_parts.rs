//! Storing parts of a file: each is an object of the store, and then a row.

use std::ops::Range;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use sqlx::AssertSqlSafe;
use tracing::Instrument;

use super::auth::VaultCaller;
use super::state::{Vault, VaultState};
use crate::base64url::base64url;
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::PathId;
use crate::http::octets::{Octets, content_range, octets};
use crate::http::sizes::{MAX_FILE_BYTES, PART_BYTES};
use crate::http::values::{Bytes, Id};
use crate::store::columns::{Columns, from_columns};
use crate::store::new_row::NewRow;

from_columns! {
    /// The object of a part.
    pub(super) struct Stored {
        size: i64,
        digest: String,
        object: String,
    }
}

impl Stored {
    /// The name of the object among those of the file.
    pub(super) fn object(&self, part: i64) -> String {
        object_name(part, &self.object)
    }
}

/// The name of an object: parts of a file stand in their order.
pub(super) fn object_name(part: i64, object: &str) -> String {
    format!("{part:04}-{object}")
}

/// A part on its way into the store. Its object has a name that no other had, so that of two at one place the one without a row
/// can go.
struct Arrival {
    file: Id,
    part: i64,
    size: i64,
    digest: String,
    object: String,
}

impl Arrival {
    /// A part of this file, at this place.
    fn at(file: Id, range: &Range<u64>) -> Result<Self> {
        let size = range.end - range.start;
        if !range.start.is_multiple_of(PART_BYTES)
            || size > PART_BYTES
            || range.end > MAX_FILE_BYTES
        {
            return Err(ApiError::bad_input(format!(
                "Send whole parts of {PART_BYTES} bytes each, but for the last one, up to {MAX_FILE_BYTES} bytes in all."
            )));
        }
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Ok(Self {
            file,
            part: number(range.start / PART_BYTES),
            size: number(size),
            digest: String::new(),
            object: Bytes::<16>::make().to_text(),
        })
    }

    fn name(&self) -> String {
        object_name(self.part, &self.object)
    }
}

/// Stores a part of an upload: one that is there already stays.
#[utoipa::path(
    put, path = "/files/{id}", params(("id" = Id, Path), ("content-range" = String, Header)),
    request_body(content = [u8], content_type = "application/octet-stream"),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn write(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    request: Request,
) -> Result<StatusCode> {
    let range = content_range(request.headers())?;
    let mut arrival = Arrival::at(id, &range)?;
    // Before the body: who has no such upload needs no room.
    vault.takes_parts(&caller.account, &arrival.file).await?;
    let length = usize::try_from(arrival.size).unwrap_or(usize::MAX);
    let Octets {
        bytes,
        digest,
        held,
    } = octets(request, length).await?;
    arrival.digest = base64url(&digest);
    if vault.is_stored(&arrival).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    // It goes on to its end without whoever sent it: what is written has its row, or is gone.
    let storing = async move {
        let stored = vault.store_part(&caller, &arrival, bytes).await;
        drop(held);
        stored
    };
    let stored = tokio::spawn(storing.in_current_span()).await;
    stored.map_err(|error| ApiError::internal("a part was not stored", error))??;
    Ok(StatusCode::NO_CONTENT)
}

impl Vault {
    /// `not_found`, unless it is a file of the account.
    async fn takes_parts(&self, account: &str, file: &Id) -> Result<()> {
        let sql = "SELECT id FROM files WHERE id = $1 AND account = $2 AND deleted_at IS NULL";
        let found = sqlx::query(sql)
            .bind(file.as_str())
            .bind(account)
            .fetch_optional(&self.db.read)
            .await?;
        found.map(drop).ok_or(Code::NotFound.into())
    }

    /// The part of a file, if it is there.
    pub(super) async fn stored_part(&self, file: &Id, part: i64) -> Result<Option<Stored>> {
        let sql = format!(
            "SELECT {} FROM parts WHERE file = $1 AND part = $2",
            Stored::COLUMNS
        );
        let stored = sqlx::query_as(AssertSqlSafe(sql))
            .bind(file.as_str())
            .bind(part)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(stored)
    }

    /// Whether the same part is there already: a conflict if another one is.
    async fn is_stored(&self, arrival: &Arrival) -> Result<bool> {
        match self.stored_part(&arrival.file, arrival.part).await? {
            None => Ok(false),
            Some(stored) if stored.digest == arrival.digest && stored.size == arrival.size => {
                Ok(true)
            }
            Some(_) => Err(Code::Conflict.into()),
        }
    }

    /// Writes the object and then its row. Without a row the object does not stay.
    async fn store_part(
        self: &Arc<Self>,
        caller: &VaultCaller,
        arrival: &Arrival,
        bytes: axum::body::Bytes,
    ) -> Result<()> {
        let (file, name) = (arrival.file.as_str(), arrival.name());
        self.objects.write(file, &name, bytes).await?;
        let added = self.add_part(caller, arrival).await;
        let has_row = match &added {
            Ok(added) => *added,
            // The row may have been written before the database went away. An object without one is found later.
            Err(error) => error.code() == Code::ServerError,
        };
        if !has_row {
            let names = vec![(file.to_owned(), name)];
            let _ = self.objects.remove(names).await;
        }
        match added? || self.is_stored(arrival).await? {
            true => Ok(()),
            false => Err(Code::Conflict.into()),
        }
    }

    /// Adds the row of a part, and tells whether it is this one's.
    async fn add_part(&self, caller: &VaultCaller, arrival: &Arrival) -> Result<bool> {
        let account = &*caller.account;
        let mut tx = self.begin_for(caller).await?;
        let counted = sqlx::query(
            "UPDATE files SET size = size + $1, parts = parts + 1, updated_at = $2 \
             WHERE id = $3 AND account = $4 AND digest IS NULL AND deleted_at IS NULL",
        )
        .bind(arrival.size)
        .bind(self.clock.now())
        .bind(arrival.file.as_str())
        .bind(account)
        .execute(&mut *tx)
        .await?;
        if counted.rows_affected() == 0 {
            tx.rollback().await?;
            self.takes_parts(account, &arrival.file).await?;
            return Ok(false);
        }
        let row = NewRow::of("parts")
            .key("file", arrival.file.as_str())
            .key("part", arrival.part)
            .made("size", arrival.size)
            .made("digest", &arrival.digest)
            .made("object", &arrival.object);
        if !row.insert(&mut tx).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        self.hold_file_bytes(&mut tx, account).await?;
        tx.commit().await?;
        Ok(true)
    }
}
