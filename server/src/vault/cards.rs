//! A person's own cards, as ciphertext.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::quotas::size_of;
use super::state::VaultState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Input, Page, PageOf, PathId};
use crate::http::limits::Rate;
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_ANSWER_BYTES, MAX_CARD_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::{Columns, from_columns};
use crate::store::db::Tx;
use crate::store::new_row::{NewRow, Written};

/// A card and the version that it replaces.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCard {
    card: Jwe,
    version: i64,
}

/// A card without its content.
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

from_columns!(Card {
    id,
    card,
    version,
    created_at,
    updated_at
});
from_columns!(CardVersion {
    id,
    version,
    created_at,
    updated_at
});

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
    let (card, now) = (input.card.within(MAX_CARD_BYTES)?, vault.clock.now());
    id.of_version(7)?;
    let mut tx = vault.begin_for(&caller).await?;
    let written = if input.version == 0 {
        NewRow::of("cards")
            .key("account", &caller.account)
            .key("id", id.as_str())
            .given("card", card)
            .given("version", 1i64)
            .given("deleted_at", None::<i64>)
            .made("size", size_of(card))
            .made("created_at", now)
            .made("updated_at", now)
            .write(&mut tx)
            .await?
    } else {
        Written::Before(replace(&mut tx, &caller.account, &id, card, input.version, now).await?)
    };
    vault.hold_cards(&mut tx, &caller.account).await?;
    if matches!(written, Written::New) {
        let rate = Rate::of_new("new cards", vault.quotas.cards);
        vault.limits.count(&rate, &caller.account)?;
    }
    tx.commit().await?;
    Ok(match written {
        Written::New => (
            StatusCode::CREATED,
            Json(CardVersion {
                id,
                version: 1,
                created_at: now,
                updated_at: now,
            }),
        ),
        Written::Before(stored) => (StatusCode::OK, Json(stored)),
    })
}

/// Replaces a card of this version, or finds that it was replaced before by the same bytes.
async fn replace(
    tx: &mut Tx,
    account: &str,
    id: &Id,
    card: &str,
    version: i64,
    now: i64,
) -> Result<CardVersion> {
    let made = sqlx::query_as(
        "UPDATE cards SET card = $3, size = $6, updated_at = $4, version = version + 1 \
         WHERE account = $1 AND id = $2 AND version = $5 AND deleted_at IS NULL \
         RETURNING id, version, created_at, updated_at",
    )
    .bind(account)
    .bind(id.as_str())
    .bind(card)
    .bind(now)
    .bind(version)
    .bind(size_of(card))
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(made) = made {
        return Ok(made);
    }
    NewRow::of("cards")
        .key("account", account)
        .key("id", id.as_str())
        .given("card", card)
        .given("version", version.checked_add(1))
        .given("deleted_at", None::<i64>)
        .before(tx)
        .await?
        .ok_or_else(|| Code::NotFound.into())
}

/// Reads a card.
#[utoipa::path(
    get, path = "/cards/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = Card), (status = "default", body = ErrorBody)),
)]
pub(super) async fn read(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom<MAX_CARD_BYTES>,
    PathId(id): PathId,
) -> Result<Json<Card>> {
    let card: Option<Card> = sqlx::query_as(
        "SELECT id, card, version, created_at, updated_at FROM cards \
         WHERE account = $1 AND id = $2 AND deleted_at IS NULL",
    )
    .bind(&caller.account)
    .bind(id.as_str())
    .fetch_optional(&vault.db.read)
    .await?;
    Ok(Json(card.ok_or(Code::NotFound)?))
}

/// Lists the caller's cards.
#[utoipa::path(
    get, path = "/cards", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Card>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom,
    page: Page,
) -> Result<Json<PageOf<Card>>> {
    let mut page = page.plain()?;
    // The sizes first, so that no more is read than the page can hold.
    let sql = format!(
        "SELECT size FROM cards WHERE account = $1 AND deleted_at IS NULL {}",
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
    page.limit = page.limit.min(
        sums.take_while(|sum| usize::try_from(*sum).is_ok_and(|sum| sum <= MAX_ANSWER_BYTES))
            .count()
            .max(1),
    );
    let sql = format!(
        "SELECT {} FROM cards WHERE account = $1 AND deleted_at IS NULL {}",
        Card::COLUMNS,
        page.sql(2)
    );
    let cards: Vec<Card> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(page.time)
        .bind(&page.id)
        .bind(page.rows())
        .fetch_all(&vault.db.read)
        .await?;
    Ok(Json(page.cut(cards, |item: &Card| {
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
        "UPDATE cards SET card = '', size = 0, deleted_at = COALESCE(deleted_at, $1) WHERE account = $2 AND id = $3",
    )
    .bind(vault.clock.now())
    .bind(&caller.account)
    .bind(id.as_str())
    .execute(&mut *vault.db.writer_as(&caller.account).await?)
    .await?;
    if found.rows_affected() == 1 {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NotFound.into())
    }
}
