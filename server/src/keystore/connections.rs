//! The keypair and the private note of a connection, as ciphertext. Each person sees only their own.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::KeystoreCaller;
use super::state::KeystoreState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Ids, Input, Items, Page, PageOf, PathId};
use crate::http::values::{Id, Jwe};
use crate::store::db::placeholders;

const KEY: usize = 8 << 10;
const NOTE: usize = 64 << 10;
const COLUMNS: &str =
    "SELECT id, key, note, version, created_at FROM connection_keys WHERE account = $1";

/// A new connection key with its note.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConnectionKey {
    key: Jwe,
    note: Jwe,
}

/// A note and the version that it replaces.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNote {
    note: Jwe,
    version: i64,
}

/// The version that is stored now.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteVersion {
    version: i64,
}

/// A stored connection key with its note.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConnectionKey {
    id: Id,
    key: Jwe,
    note: Jwe,
    version: i64,
    created_at: i64,
}

type Row = (String, String, String, i64, i64);

fn from_row((id, key, note, version, created_at): Row) -> ConnectionKey {
    ConnectionKey {
        id: Id::stored(id),
        key: Jwe::stored(key),
        note: Jwe::stored(note),
        version,
        created_at,
    }
}

/// Stores a connection key and its first note, once.
#[utoipa::path(
    put, path = "/connections/{id}", params(("id" = Id, Path)), request_body = NewConnectionKey,
    responses((status = 200, body = NoteVersion), (status = 201, body = NoteVersion), (status = "default", body = ErrorBody)),
)]
pub(super) async fn create(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    PathId(id): PathId,
    Input(input): Input<NewConnectionKey>,
) -> Result<(StatusCode, Json<NoteVersion>)> {
    let (id, key, note) = (
        id.of_version(7)?,
        input.key.within(KEY)?,
        input.note.within(NOTE)?,
    );
    let mut tx = keystore.begin_for(&caller).await?;
    let made = sqlx::query(
        "INSERT INTO connection_keys (account, id, key, note, version, created_at) VALUES ($1, $2, $3, $4, 1, $5) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&caller.account)
    .bind(id)
    .bind(key)
    .bind(note)
    .bind(keystore.clock.now())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    if made.rows_affected() == 1 {
        return Ok((StatusCode::CREATED, Json(NoteVersion { version: 1 })));
    }
    let same: Option<i64> = sqlx::query_scalar(
        "SELECT version FROM connection_keys WHERE account = $1 AND id = $2 AND key = $3 AND note = $4",
    )
    .bind(&caller.account)
    .bind(id)
    .bind(key)
    .bind(note)
    .fetch_optional(&keystore.db.read)
    .await?;
    Ok((
        StatusCode::OK,
        Json(NoteVersion {
            version: same.ok_or(Code::Conflict)?,
        }),
    ))
}

/// Reads one.
#[utoipa::path(
    get, path = "/connections/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = ConnectionKey), (status = "default", body = ErrorBody)),
)]
pub(super) async fn read(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    PathId(id): PathId,
) -> Result<Json<ConnectionKey>> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} AND id = $2"));
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(&caller.account)
        .bind(id.as_str())
        .fetch_optional(&keystore.db.read)
        .await?;
    Ok(Json(from_row(row.ok_or(Code::NotFound)?)))
}

/// Reads several.
#[utoipa::path(
    post, path = "/connections/query", request_body = Ids,
    responses((status = 200, body = Items<ConnectionKey>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<Ids>,
) -> Result<Json<Items<ConnectionKey>>> {
    let ids = input.within(200)?;
    if ids.is_empty() {
        return Ok(Json(Items { items: Vec::new() }));
    }
    let sql = sqlx::AssertSqlSafe(format!(
        "{COLUMNS} AND id IN ({})",
        placeholders(2, ids.len())
    ));
    let mut query = sqlx::query_as::<_, Row>(sql).bind(&caller.account);
    for id in &ids {
        query = query.bind(id.as_str());
    }
    let rows = query.fetch_all(&keystore.db.read).await?;
    Ok(Json(Items {
        items: rows.into_iter().map(from_row).collect(),
    }))
}

/// Lists the caller's.
#[utoipa::path(
    get, path = "/connections", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<ConnectionKey>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    page: Page,
) -> Result<Json<PageOf<ConnectionKey>>> {
    let page = page.plain()?;
    let sql = format!("{COLUMNS} {}", page.sql(2));
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(page.time)
        .bind(&page.id)
        .bind(page.rows())
        .fetch_all(&keystore.db.read)
        .await?;
    let items = rows.into_iter().map(from_row).collect();
    Ok(Json(page.cut(items, |item: &ConnectionKey| {
        (item.created_at, item.id.as_str())
    })))
}

/// Replaces a note, if it is still the version that the caller saw.
#[utoipa::path(
    put, path = "/connections/{id}/note", params(("id" = Id, Path)), request_body = NewNote,
    responses((status = 200, body = NoteVersion), (status = "default", body = ErrorBody)),
)]
pub(super) async fn write_note(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    PathId(id): PathId,
    Input(input): Input<NewNote>,
) -> Result<Json<NoteVersion>> {
    let note = input.note.within(NOTE)?;
    let made: Option<i64> = sqlx::query_scalar(
        "UPDATE connection_keys SET note = $1, version = version + 1 \
         WHERE account = $2 AND id = $3 AND version = $4 RETURNING version",
    )
    .bind(note)
    .bind(&caller.account)
    .bind(id.as_str())
    .bind(input.version)
    .fetch_optional(&keystore.db.write)
    .await?;
    if let Some(version) = made {
        return Ok(Json(NoteVersion { version }));
    }
    let stored: Option<(i64, String)> =
        sqlx::query_as("SELECT version, note FROM connection_keys WHERE account = $1 AND id = $2")
            .bind(&caller.account)
            .bind(id.as_str())
            .fetch_optional(&keystore.db.read)
            .await?;
    let (version, stored) = stored.ok_or(Code::NotFound)?;
    if input.version.checked_add(1) == Some(version) && stored == note {
        Ok(Json(NoteVersion { version }))
    } else {
        Err(Code::Conflict.into())
    }
}
