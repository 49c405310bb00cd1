//! The keypair and the private note of a connection, as ciphertext. Each person sees only their own.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::callers::KeystoreCaller;
use super::state::KeystoreState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Ids, Input, Items, Page, PageOf, PathId};
use crate::http::room::AnswerRoom;
use crate::http::sizes::{
    MAX_ANSWER_BYTES, MAX_CONNECTION_KEY_BYTES, MAX_IDS, MAX_NOTE_BYTES, MAX_RECORD_BYTES,
};
use crate::http::values::{Id, Jwe};
use crate::store::columns::{Columns, from_columns};
use crate::store::db::asked;
use crate::store::new_row::{NewRow, Written};

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

from_columns!(ConnectionKey {
    id,
    key,
    note,
    version,
    created_at
});
from_columns!(NoteVersion { version });

/// Selects the account's connection keys, narrowed by more conditions.
fn select_of_account(conditions: &str) -> AssertSqlSafe<String> {
    let columns = ConnectionKey::COLUMNS;
    AssertSqlSafe(format!(
        "SELECT {columns} FROM connection_keys WHERE account = $1 {conditions}"
    ))
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
        input.key.within(MAX_CONNECTION_KEY_BYTES)?,
        input.note.within(MAX_NOTE_BYTES)?,
    );
    let mut tx = keystore.begin_for(&caller).await?;
    let written = NewRow::of("connection_keys")
        .key("account", &caller.account)
        .key("id", id)
        .given("key", key)
        .given("note", note)
        .made("version", 1i64)
        .made("created_at", keystore.clock.now())
        .write(&mut tx)
        .await?;
    if matches!(written, Written::New) {
        keystore.hold_keys(&mut tx, &caller.account).await?;
    }
    tx.commit().await?;
    Ok(match written {
        Written::New => (StatusCode::CREATED, Json(NoteVersion { version: 1 })),
        Written::Before(stored) => (StatusCode::OK, Json(stored)),
    })
}

/// Reads one.
#[utoipa::path(
    get, path = "/connections/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = ConnectionKey), (status = "default", body = ErrorBody)),
)]
pub(super) async fn read(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    _: AnswerRoom<MAX_RECORD_BYTES>,
    PathId(id): PathId,
) -> Result<Json<ConnectionKey>> {
    let key: Option<ConnectionKey> = sqlx::query_as(select_of_account("AND id = $2"))
        .bind(&caller.account)
        .bind(id.as_str())
        .fetch_optional(&keystore.db.read)
        .await?;
    Ok(Json(key.ok_or(Code::NotFound)?))
}

/// Reads several.
#[utoipa::path(
    post, path = "/connections/query", request_body = Ids,
    responses((status = 200, body = Items<ConnectionKey>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<Ids, MAX_ANSWER_BYTES>,
) -> Result<Json<Items<ConnectionKey>>> {
    let ids = input.within(MAX_IDS)?;
    if ids.is_empty() {
        return Ok(Json(Items { items: Vec::new() }));
    }
    let sql = format!(
        "{} SELECT connection_keys.id AS id, key, note, version, created_at FROM asked CROSS JOIN connection_keys \
         WHERE connection_keys.account = asked.account AND connection_keys.id = asked.id",
        asked(2, ids.len())
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(&caller.account);
    for id in &ids {
        query = query.bind(id.as_str());
    }
    let items = query.fetch_all(&keystore.db.read).await?;
    Ok(Json(Items { items }))
}

/// Lists the caller's.
#[utoipa::path(
    get, path = "/connections", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<ConnectionKey>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    _: AnswerRoom,
    page: Page,
) -> Result<Json<PageOf<ConnectionKey>>> {
    let page = page.plain()?;
    let query = sqlx::query_as(select_of_account(&page.sql(2))).bind(&caller.account);
    let key = |row: &ConnectionKey| (row.created_at, row.id.clone());
    page.fetch(query, &keystore.db.read, key).await.map(Json)
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
    let note = input.note.within(MAX_NOTE_BYTES)?;
    let replaced: Option<NoteVersion> = sqlx::query_as(
        "UPDATE connection_keys SET note = $1, version = version + 1 \
         WHERE account = $2 AND id = $3 AND version = $4 RETURNING version",
    )
    .bind(note)
    .bind(&caller.account)
    .bind(id.as_str())
    .bind(input.version)
    .fetch_optional(&mut *keystore.db.writer_as(&caller.account).await?)
    .await?;
    if let Some(replaced) = replaced {
        return Ok(Json(replaced));
    }
    let mut connection = keystore.db.read.acquire().await?;
    let before = NewRow::of("connection_keys")
        .key("account", &caller.account)
        .key("id", id.as_str())
        .given("note", note)
        .given("version", input.version.checked_add(1))
        .before(&mut connection)
        .await?;
    Ok(Json(before.ok_or(Code::NotFound)?))
}
