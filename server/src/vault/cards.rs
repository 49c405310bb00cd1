//! A person's own cards, as ciphertext.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::account::LIVES;
use super::auth::{Unchecked, VaultCaller};
use super::events::{Change, Kind};
use super::listings::{Lists, check_files, list_files, same_files};
use super::quotas::size_of;
use super::state::VaultState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Input, Page, PageOf, PathId, fits};
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

from_columns! {
    /// A card as lists read it: without content where that does not fit any more.
    struct StoredCard {
        id: Id,
        card: Jwe,
        version: i64,
        created_at: i64,
        updated_at: i64,
    }
}

impl From<StoredCard> for Card {
    fn from(stored: StoredCard) -> Self {
        Self {
            id: stored.id,
            card: stored.card,
            version: stored.version,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        }
    }
}

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
    let quotas = vault.hold_cards(&mut tx, account).await?;
    if status == StatusCode::CREATED {
        let rate = Rate::of_new("new cards", quotas.cards);
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
    Unchecked(caller): Unchecked,
    _: AnswerRoom<MAX_CARD_BYTES>,
    PathId(id): PathId,
) -> Result<Json<Card>> {
    let sql = format!(
        "SELECT {} FROM cards WHERE account = $1 AND id = $3 AND deleted_at IS NULL AND {LIVES}",
        StoredCard::COLUMNS
    );
    let card: Option<StoredCard> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(caller.deleted_before)
        .bind(id.as_str())
        .fetch_optional(&vault.db.read)
        .await?;
    match card {
        Some(card) => Ok(Json(card.into())),
        None => Err(vault.nothing_for(&caller).await),
    }
}

/// Lists the caller's cards.
#[utoipa::path(
    get, path = "/cards", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Card>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    _: AnswerRoom,
    page: Page,
) -> Result<Json<PageOf<Card>>> {
    let page = page.plain()?;
    // The sizes first, so that no more is read than the page can hold.
    let sql = format!(
        "WITH page AS (SELECT account, id, created_at, size FROM cards WHERE account = $1 AND deleted_at IS NULL AND {LIVES} {}), \
         sized AS (SELECT account, id, size, SUM(size) OVER (ORDER BY created_at DESC, id DESC) - size AS ahead FROM page) \
         SELECT cards.id AS id, CASE WHEN {} THEN card ELSE '' END AS card, version, created_at, updated_at \
         FROM sized CROSS JOIN cards WHERE cards.account = sized.account AND cards.id = sized.id",
        page.sql(3),
        fits()
    );
    let query = sqlx::query_as(AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(caller.deleted_before);
    let key = |card: &StoredCard| (card.created_at, card.id.clone());
    let fits = |card: &StoredCard| card.card.bytes() > 0;
    let rows = page.fetch_fitting(query, &vault.db.read, key, fits).await?;
    if rows.items.is_empty() {
        vault.refuse_deleted(&caller).await?;
    }
    Ok(Json(rows.map(Card::from)))
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
    Unchecked(caller): Unchecked,
    _: AnswerRoom<MAX_LIST_BYTES>,
) -> Result<Json<Unsettled>> {
    let sql = format!(
        "SELECT id FROM cards WHERE account = $1 AND unsettled = 1 AND {LIVES} ORDER BY id LIMIT $3"
    );
    let ids: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(caller.deleted_before)
        .bind(i64::try_from(MAX_IDS).unwrap_or(i64::MAX))
        .fetch_all(&vault.db.read)
        .await?;
    if ids.is_empty() {
        vault.refuse_deleted(&caller).await?;
    }
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
