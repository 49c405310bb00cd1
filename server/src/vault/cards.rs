//! A person's own cards, as ciphertext.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::events::{Change, Kind};
use super::listings::{Lists, check_files, list_files, same_files};
use super::quotas::size_of;
use super::state::VaultState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Input, Page, PageOf, PathId, fitting};
use crate::http::limits::Rate;
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_CARD_BYTES, MAX_IDS, MAX_LIST_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::{Columns, from_columns};
use crate::store::db::Tx;
use crate::store::new_row::NewRow;

/// A card and the version that it replaces.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCard {
    card: Jwe,
    version: i64,
    /// Shares of the card lag behind it from now on. Otherwise what was said before stays.
    unsettled: bool,
    /// Its files.
    #[serde(default)]
    files: Vec<Id>,
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
    id.of_version(7)?;
    check_files(&input.files)?;
    let (account, now) = (&caller.account, vault.clock.now());
    let mut tx = vault.begin_for(&caller).await?;
    let (written, status) = match input.version {
        0 => (
            make(&mut tx, account, &id, &input, now).await?,
            StatusCode::CREATED,
        ),
        _ => (
            replace(&mut tx, account, &id, &input, now).await?,
            StatusCode::OK,
        ),
    };
    let Some(written) = written else {
        let before = written_before(&mut tx, account, &id, &input).await?;
        return Ok((StatusCode::OK, Json(before)));
    };
    list_files(&mut tx, account, (Lists::Cards, &id), &input.files, now).await?;
    vault.hold_cards(&mut tx, account).await?;
    if status == StatusCode::CREATED {
        let rate = Rate::of_new("new cards", vault.quotas.cards);
        vault.limits.count(&rate, account)?;
    }
    let change = Change::new(account, Kind::Card, id.as_str());
    vault.record(tx, vec![change]).await?;
    Ok((status, Json(written)))
}

/// Makes a card, if its id is free.
async fn make(
    tx: &mut Tx,
    account: &str,
    id: &Id,
    new: &NewCard,
    now: i64,
) -> Result<Option<CardVersion>> {
    let card = new.card.within(MAX_CARD_BYTES)?;
    let row = NewRow::of("cards")
        .key("account", account)
        .key("id", id.as_str())
        .made("card", card)
        .made("version", 1)
        .made("unsettled", i64::from(new.unsettled))
        .made("size", size_of(card))
        .made("created_at", now)
        .made("updated_at", now);
    let is_made = row.insert(tx).await?;
    Ok(is_made.then(|| CardVersion {
        id: id.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
    }))
}

/// Replaces a card, if it has this version.
async fn replace(
    tx: &mut Tx,
    account: &str,
    id: &Id,
    new: &NewCard,
    now: i64,
) -> Result<Option<CardVersion>> {
    let card = new.card.within(MAX_CARD_BYTES)?;
    let replaced = sqlx::query_as(
        "UPDATE cards SET card = $3, size = $6, updated_at = $4, version = version + 1, \
         unsettled = CASE WHEN $7 = 1 THEN 1 ELSE unsettled END \
         WHERE account = $1 AND id = $2 AND version = $5 AND deleted_at IS NULL \
         RETURNING id, version, created_at, updated_at",
    )
    .bind(account)
    .bind(id.as_str())
    .bind(card)
    .bind(now)
    .bind(new.version)
    .bind(size_of(card))
    .bind(i64::from(new.unsettled))
    .fetch_optional(&mut **tx)
    .await?;
    Ok(replaced)
}

/// The card, if it was written before from the same bytes.
async fn written_before(tx: &mut Tx, account: &str, id: &Id, new: &NewCard) -> Result<CardVersion> {
    let before: Option<CardVersion> = NewRow::of("cards")
        .key("account", account)
        .key("id", id.as_str())
        .given("card", new.card.within(MAX_CARD_BYTES)?)
        .given("version", new.version.checked_add(1))
        .given("deleted_at", None::<i64>)
        .before(tx)
        .await?;
    let record = Lists::Cards.record(account, id.as_str());
    let before = before.ok_or(Code::NotFound)?;
    same_files(tx, Lists::Cards, &record, &new.files, before).await
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
    let end = format!(
        "FROM cards WHERE account = $1 AND deleted_at IS NULL {}",
        page.sql(2)
    );
    let sql = AssertSqlSafe(format!("SELECT size {end}"));
    let sizes: Vec<i64> = sqlx::query_scalar(sql)
        .bind(&caller.account)
        .bind(page.time)
        .bind(&page.id)
        .bind(page.rows())
        .fetch_all(&vault.db.read)
        .await?;
    page.limit = page.limit.min(fitting(sizes));
    let sql = AssertSqlSafe(format!("SELECT {} {end}", Card::COLUMNS));
    let query = sqlx::query_as(sql).bind(&caller.account);
    let key = |card: &Card| (card.created_at, card.id.clone());
    page.fetch(query, &vault.db.read, key).await.map(Json)
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
    let card = ("cards", "card = '', size = 0, unsettled = 0");
    let kinds = (Kind::Card, Lists::Cards);
    vault.delete(card, kinds, &caller.account, &id).await
}

/// Cards whose shares may lag behind them.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unsettled {
    ids: Vec<Id>,
}

/// The version of a card that all its shares have.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settled {
    version: i64,
}

/// Names the caller's cards whose shares may lag behind them, or some of them if they are many.
#[utoipa::path(
    get, path = "/cards/unsettled",
    responses((status = 200, body = Unsettled), (status = "default", body = ErrorBody)),
)]
pub(super) async fn unsettled(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom<MAX_LIST_BYTES>,
) -> Result<Json<Unsettled>> {
    let sql = "SELECT id FROM cards WHERE account = $1 AND unsettled = 1 ORDER BY id LIMIT $2";
    let ids: Vec<String> = sqlx::query_scalar(sql)
        .bind(&caller.account)
        .bind(i64::try_from(MAX_IDS).unwrap_or(i64::MAX))
        .fetch_all(&vault.db.read)
        .await?;
    let ids = ids.into_iter().map(Id::stored).collect();
    Ok(Json(Unsettled { ids }))
}

/// Notes that no share lags behind this version of a card. If the card has another by now, nothing changes.
#[utoipa::path(
    put, path = "/cards/{id}/settled", params(("id" = Id, Path)), request_body = Settled,
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn settle(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    Input(input): Input<Settled>,
) -> Result<StatusCode> {
    let sql = "UPDATE cards SET unsettled = 0 WHERE account = $1 AND id = $2 AND version = $3 AND unsettled = 1";
    let settled = sqlx::query(sql)
        .bind(&caller.account)
        .bind(id.as_str())
        .bind(input.version)
        .execute(&mut *vault.db.writer_as(&caller.account).await?)
        .await?;
    if settled.rows_affected() == 0 {
        vault
            .had(("cards", "account"), &caller.account, &id)
            .await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
