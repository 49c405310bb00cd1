//! Files of an account, as ciphertext in parts: begun, finished, listed and deleted. Each is an upload until it is finished, and
//! never changes afterwards.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe};
use utoipa::ToSchema;

use super::account::LIVES;
use super::auth::{Unchecked, VaultCaller};
use super::state::{Vault, VaultState};
use crate::base64url::base64url;
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::{Input, Page, PageOf, PathId};
use crate::http::limits::Rate;
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_FILE_BYTES, MAX_LIST_BYTES, PART_BYTES};
use crate::http::values::{Id, Message};
use crate::store::columns::{Columns, from_columns};
use crate::store::new_row::{NewRow, Written};

/// The bytes of a SHA-256.
const DIGEST_BYTES: usize = 32;

/// A new file.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFile {
    id: Id,
}

/// What can be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FileState {
    /// It takes parts.
    Uploading,
    /// It is whole, and can be listed and read.
    Finished,
}

/// A file without its content.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct File {
    id: Id,
    state: FileState,
    /// The bytes that are stored of it.
    size: i64,
    created_at: i64,
    updated_at: i64,
}

from_columns! {
    /// A file as it is stored.
    struct StoredFile {
        id: Id,
        size: i64,
        digest: Option<String>,
        created_at: i64,
        updated_at: i64,
    }
}

impl From<StoredFile> for File {
    fn from(stored: StoredFile) -> Self {
        Self {
            id: stored.id,
            state: match stored.digest {
                None => FileState::Uploading,
                Some(_) => FileState::Finished,
            },
            size: stored.size,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        }
    }
}

/// The size of a file, and the SHA-256 of each of its parts, one behind another.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    size: i64,
    digests: Message,
}

/// The parts of a file that are stored, as ranges of bytes.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredRanges {
    state: FileState,
    ranges: Vec<StoredRange>,
}

/// Bytes that are stored, from the first to the last.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredRange {
    first: i64,
    last: i64,
}

from_columns! {
    /// A part as it is stored.
    pub(super) struct Part {
        part: i64,
        size: i64,
        pub(super) digest: String,
    }
}

/// The parts of a file, in their order.
pub(super) async fn parts(connection: &mut AnyConnection, file: &Id) -> Result<Vec<Part>> {
    let sql = format!(
        "SELECT {} FROM parts WHERE file = $1 ORDER BY part",
        Part::COLUMNS
    );
    let parts = sqlx::query_as(AssertSqlSafe(sql)).bind(file.as_str());
    Ok(parts.fetch_all(connection).await?)
}

impl Finish {
    /// The digests, unless they cannot be those of a file of this size.
    fn check(&self) -> Result<Vec<String>> {
        let digests: Vec<String> = self.digests.0.chunks(DIGEST_BYTES).map(base64url).collect();
        let size = u64::try_from(self.size).unwrap_or(0);
        let parts = u64::try_from(digests.len()).unwrap_or(u64::MAX);
        let whole = self.digests.0.len().is_multiple_of(DIGEST_BYTES);
        match whole && (1..=MAX_FILE_BYTES).contains(&size) && size.div_ceil(PART_BYTES) == parts {
            true => Ok(digests),
            false => Err(ApiError::bad_input(format!(
                "Give the size, from 1 to {MAX_FILE_BYTES} bytes, and the SHA-256 of each part of {PART_BYTES} bytes."
            ))),
        }
    }

    /// What stands for the file from now on, and proves its bytes.
    fn digest(&self) -> String {
        base64url(&Sha256::digest(&self.digests.0))
    }
}

/// Whether these parts are the file, in its order and without gaps.
fn are_whole(parts: &[Part], digests: &[String], size: i64) -> bool {
    let part_bytes = i64::try_from(PART_BYTES).unwrap_or(i64::MAX);
    let fits = |(at, (part, digest)): (i64, (&Part, &String))| {
        let rest = size - at * part_bytes;
        part.part == at && part.size == rest.min(part_bytes) && part.digest == *digest
    };
    parts.len() == digests.len() && (0..).zip(parts.iter().zip(digests)).all(fits)
}

/// The ranges of parts that follow one another.
fn ranges(parts: &[Part]) -> Vec<StoredRange> {
    let part_bytes = i64::try_from(PART_BYTES).unwrap_or(i64::MAX);
    let mut ranges: Vec<StoredRange> = Vec::new();
    for part in parts {
        let first = part.part * part_bytes;
        let last = first + part.size - 1;
        match ranges.last_mut() {
            Some(before) if before.last + 1 == first => before.last = last,
            _ => ranges.push(StoredRange { first, last }),
        }
    }
    ranges
}

/// Begins an upload.
#[utoipa::path(
    post, path = "/files", request_body = NewFile,
    responses((status = 200, body = File), (status = 201, body = File), (status = "default", body = ErrorBody)),
)]
pub(super) async fn create(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<NewFile>,
) -> Result<(StatusCode, Json<File>)> {
    let (account, now) = (&caller.account, vault.clock.now());
    let row = NewRow::of("files")
        .key("id", input.id.of_version(7)?)
        .given("account", account)
        .given("deleted_at", None::<i64>)
        .made("created_at", now)
        .made("updated_at", now);
    let mut tx = vault.begin_for(&caller).await?;
    if let Written::Before(stored) = row.write::<StoredFile>(&mut tx).await? {
        return Ok((StatusCode::OK, Json(stored.into())));
    }
    let quotas = vault.hold_files(&mut tx, account).await?;
    let rate = Rate::of_new("new files", quotas.files);
    vault.limits.count(&rate, account)?;
    tx.commit().await?;
    let made = File {
        id: input.id,
        state: FileState::Uploading,
        size: 0,
        created_at: now,
        updated_at: now,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Tells which parts of a file are stored.
#[utoipa::path(
    get, path = "/files/{id}/parts", params(("id" = Id, Path)),
    responses((status = 200, body = StoredRanges), (status = "default", body = ErrorBody)),
)]
pub(super) async fn stored(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom<MAX_LIST_BYTES>,
    PathId(id): PathId,
) -> Result<Json<StoredRanges>> {
    let file: File = vault.own_file(&caller.account, &id).await?.into();
    let parts = parts(&mut *vault.db.read.acquire().await?, &id).await?;
    Ok(Json(StoredRanges {
        state: file.state,
        ranges: ranges(&parts),
    }))
}

/// Ends an upload: from now on the file is what is stored, if that is what the caller says.
#[utoipa::path(
    post, path = "/files/{id}/finish", params(("id" = Id, Path)), request_body = Finish,
    responses((status = 200, body = File), (status = "default", body = ErrorBody)),
)]
pub(super) async fn finish(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    Input(input): Input<Finish>,
) -> Result<Json<File>> {
    let (digests, digest) = (input.check()?, input.digest());
    let (account, now) = (&caller.account, vault.clock.now());
    let mut tx = vault.begin_for(&caller).await?;
    let sql = format!(
        "UPDATE files SET digest = $1, updated_at = $2, unlisted_at = $2 WHERE id = $3 AND account = $4 \
         AND digest IS NULL AND deleted_at IS NULL AND size = $5 RETURNING {}",
        StoredFile::COLUMNS
    );
    let finished: Option<StoredFile> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(&digest)
        .bind(now)
        .bind(id.as_str())
        .bind(account)
        .bind(input.size)
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(finished) = finished {
        if !are_whole(&parts(&mut tx, &id).await?, &digests, input.size) {
            return Err(Code::Conflict.into());
        }
        tx.commit().await?;
        return Ok(Json(finished.into()));
    }
    tx.rollback().await?;
    let stored = vault.own_file(account, &id).await?;
    match stored.size == input.size && stored.digest.as_ref() == Some(&digest) {
        true => Ok(Json(stored.into())),
        false => Err(Code::Conflict.into()),
    }
}

/// Lists the caller's files, unfinished ones too.
#[utoipa::path(
    get, path = "/files", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<File>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    _: AnswerRoom<MAX_LIST_BYTES>,
    page: Page,
) -> Result<Json<PageOf<File>>> {
    let page = page.plain()?;
    let sql = format!(
        "SELECT {} FROM files WHERE account = $1 AND deleted_at IS NULL AND {LIVES} {}",
        StoredFile::COLUMNS,
        page.sql(3)
    );
    let query = sqlx::query_as(AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(caller.deleted_before);
    let key = |file: &StoredFile| (file.created_at, file.id.clone());
    let rows = page.fetch(query, &vault.db.read, key).await?;
    if rows.items.is_empty() {
        vault.refuse_deleted(&caller).await?;
    }
    Ok(Json(rows.map(File::from)))
}

/// Erases an upload, or a file that nothing lists. The id stays taken.
#[utoipa::path(
    delete, path = "/files/{id}", params(("id" = Id, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
) -> Result<StatusCode> {
    let account = &caller.account;
    // By `unlisted_at` one that is being listed at this moment is known.
    let deleted = sqlx::query(
        "UPDATE files SET deleted_at = $1, to_erase = 1 WHERE id = $2 AND account = $3 AND deleted_at IS NULL \
         AND (digest IS NULL OR unlisted_at IS NOT NULL) \
         AND NOT EXISTS (SELECT 1 FROM listings WHERE listings.file = files.id)",
    )
    .bind(vault.clock.now())
    .bind(id.as_str())
    .bind(account)
    .execute(&mut *vault.db.writer_as(account).await?)
    .await?;
    if deleted.rows_affected() == 1 {
        vault.erase_file(id.as_str(), account).await?;
    } else if vault.own_file(account, &id).await.is_ok() {
        return Err(ApiError::new(
            Code::Conflict,
            "Take the file out of the cards, shares and links that list it first.",
        ));
    } else {
        vault.had(("files", "account"), account, &id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl Vault {
    /// One of the account's own files.
    async fn own_file(&self, account: &str, id: &Id) -> Result<StoredFile> {
        let sql = format!(
            "SELECT {} FROM files WHERE id = $1 AND account = $2 AND deleted_at IS NULL",
            StoredFile::COLUMNS
        );
        let file: Option<StoredFile> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(id.as_str())
            .bind(account)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(file.ok_or(Code::NotFound)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(part: i64, size: i64) -> Part {
        let digest = part.to_string();
        Part { part, size, digest }
    }

    #[test]
    fn a_file_is_whole_or_not() {
        let full = 1 << 20;
        let digests: Vec<String> = (0..3).map(|part: i64| part.to_string()).collect();
        let whole = [part(0, full), part(1, full), part(2, 7)];
        let size = 2 * full + 7;
        assert!(are_whole(&whole, &digests, size));
        assert!(!are_whole(&whole, &digests, size + 1));
        assert!(!are_whole(&whole[..2], &digests, size));
        for wrong in [
            [part(0, full), part(2, full), part(3, 7)],
            [part(0, full), part(1, 7), part(2, full)],
            [part(1, full), part(0, full), part(2, 7)],
        ] {
            assert!(!are_whole(&wrong, &digests, size));
        }
        let others = [digests[1].clone(), digests[0].clone(), digests[2].clone()];
        assert!(!are_whole(&whole, &others, size));
    }

    #[test]
    fn ranges_are_of_parts_that_follow_one_another() {
        let full = 1 << 20;
        let range = |first, last| StoredRange { first, last };
        assert_eq!(ranges(&[]), []);
        let parts = [part(0, full), part(1, full), part(3, 5), part(4, full)];
        let found = [
            range(0, 2 * full - 1),
            range(3 * full, 3 * full + 4),
            range(4 * full, 5 * full - 1),
        ];
        assert_eq!(ranges(&parts), found);
    }
}
