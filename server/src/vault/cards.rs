//! A person's own cards, as ciphertext.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::state::VaultState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Input, Page, PageOf, PathId};
use crate::http::values::{Id, Jwe};

/// The largest card.
const CARD: usize = 3 << 19;
/// A page of cards holds no more than this.
const PAGE: i64 = 8 << 20;

/// A card and the version that it replaces.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCard {
    card: Jwe,
    version: i64,
}

/// What is known of a card besides its content.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CardVersion {
    id: Id,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

/// A stored card.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Card {
    id: Id,
    card: Jwe,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

type Row = (String, String, i64, i64, i64);

fn from_row((id, card, version, created_at, updated_at): Row) -> Card {
    Card {
        id: Id::stored(id),
        card: Jwe::stored(card),
        version,
        created_at,
        updated_at,
    }
}

/// Stores a card, if the stored version is still the one that the caller saw.
#[utoipa::path(
    put, path = "/cards/{id}", params(("id" = Id, Path)), request_body = NewCard,
    responses((status = 200, body = CardVersion), (status = 201, body = CardVersion), (status = "default", body = ErrorBody)),
)]
pub(super) async fn write(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    Input(input): Input<NewCard>,
) -> Result<(StatusCode, Json<CardVersion>)> {
    let (card, now, new) = (
        input.card.within(CARD)?,
        vault.clock.now(),
        input.version == 0,
    );
    id.of_version(7)?;
    let sql = if new {
        "INSERT INTO cards (account, id, card, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $4, $5 + 1) \
         ON CONFLICT DO NOTHING RETURNING created_at"
    } else {
        "UPDATE cards SET card = $3, updated_at = $4, version = version + 1 \
         WHERE account = $1 AND id = $2 AND version = $5 AND deleted_at IS NULL RETURNING created_at"
    };
    let mut tx = vault.begin_for(&caller).await?;
    let made: Option<i64> = sqlx::query_scalar(sql)
        .bind(&caller.account)
        .bind(id.as_str())
        .bind(card)
        .bind(now)
        .bind(input.version)
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(created_at) = made {
        tx.commit().await?;
        let status = if new {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        return Ok((
            status,
            Json(CardVersion {
                id,
                version: input.version + 1,
                created_at,
                updated_at: now,
            }),
        ));
    }
    drop(tx);
    let stored: Option<(String, i64, i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT card, version, created_at, updated_at, deleted_at FROM cards WHERE account = $1 AND id = $2",
    )
    .bind(&caller.account)
    .bind(id.as_str())
    .fetch_optional(&vault.db.read)
    .await?;
    let (stored, version, created_at, updated_at, deleted_at) = stored.ok_or(Code::NotFound)?;
    if deleted_at.is_none() && input.version.checked_add(1) == Some(version) && stored == card {
        Ok((
            StatusCode::OK,
            Json(CardVersion {
                id,
                version,
                created_at,
                updated_at,
            }),
        ))
    } else {
        Err(Code::Conflict.into())
    }
}

/// Reads a card.
#[utoipa::path(
    get, path = "/cards/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = Card), (status = "default", body = ErrorBody)),
)]
pub(super) async fn read(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
) -> Result<Json<Card>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, card, version, created_at, updated_at FROM cards \
         WHERE account = $1 AND id = $2 AND deleted_at IS NULL",
    )
    .bind(&caller.account)
    .bind(id.as_str())
    .fetch_optional(&vault.db.read)
    .await?;
    Ok(Json(from_row(row.ok_or(Code::NotFound)?)))
}

/// Lists the caller's cards.
#[utoipa::path(
    get, path = "/cards", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Card>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    caller: VaultCaller,
    page: Page,
) -> Result<Json<PageOf<Card>>> {
    let mut page = page.plain()?;
    // The sizes first, so that no more is read than the page can hold.
    let sql = format!(
        "SELECT CAST(LENGTH(card) AS BIGINT) FROM cards WHERE account = $1 AND deleted_at IS NULL {}",
        page.sql(2)
    );
    let sizes: Vec<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(page.time)
        .bind(&page.id)
        .bind(page.rows())
        .fetch_all(&vault.db.read)
        .await?;
    let sums = sizes.iter().scan(0, |sum, size| {
        *sum += size;
        Some(*sum)
    });
    page.limit = page
        .limit
        .min(sums.take_while(|sum| *sum <= PAGE).count().max(1));
    let sql = format!(
        "SELECT id, card, version, created_at, updated_at FROM cards WHERE account = $1 AND deleted_at IS NULL {}",
        page.sql(2)
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(page.time)
        .bind(&page.id)
        .bind(page.rows())
        .fetch_all(&vault.db.read)
        .await?;
    let items = rows.into_iter().map(from_row).collect();
    Ok(Json(page.cut(items, |item: &Card| {
        (item.created_at, item.id.as_str())
    })))
}

/// Erases a card. The id stays taken.
#[utoipa::path(
    delete, path = "/cards/{id}", params(("id" = Id, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
) -> Result<StatusCode> {
    let found = sqlx::query(
        "UPDATE cards SET card = '', deleted_at = COALESCE(deleted_at, $1) WHERE account = $2 AND id = $3",
    )
    .bind(vault.clock.now())
    .bind(&caller.account)
    .bind(id.as_str())
    .execute(&vault.db.write)
    .await?;
    if found.rows_affected() == 1 {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NotFound.into())
    }
}
