//! Reading shares: lists without content, and content by id.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::account::LIVES;
use super::auth::{Unchecked, VaultCaller};
use super::state::{Vault, VaultState};
use crate::http::error::{Code, ErrorBody, ErrorDetail, Result, of_item};
use crate::http::extract::{Ids, Input, Page, PageOf, ahead, fits};
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_ANSWER_BYTES, MAX_IDS, MAX_LIST_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::{Columns, from_columns};
use crate::store::db::asked;

/// With a connection its shares end, those too that are not erased yet.
pub(super) const SHOWN: &str = "shares.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM connections \
    WHERE connections.id = shares.connection_id AND connections.ended_at IS NOT NULL)";

/// What the recipient said to have opened last.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipt {
    edition: i64,
    at: i64,
}

impl Receipt {
    /// The receipt, if there is one and the account is the sender, for whom it is.
    fn for_sender(
        account: &str,
        sender: &Id,
        edition: Option<i64>,
        at: Option<i64>,
    ) -> Option<Self> {
        let (edition, at) = edition.zip(at).filter(|_| sender.as_str() == account)?;
        Some(Self { edition, at })
    }
}

/// A share as lists show it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListedShare {
    id: Id,
    connection_id: Id,
    space_id: Id,
    from: Id,
    to: Id,
    edition: i64,
    created_at: i64,
    updated_at: i64,
    expires_at: Option<i64>,
    read: Option<Receipt>,
}

/// A share with its content.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Share {
    id: Id,
    connection_id: Id,
    space_id: Id,
    from: Id,
    to: Id,
    edition: i64,
    created_at: i64,
    updated_at: i64,
    expires_at: Option<i64>,
    read: Option<Receipt>,
    share: Jwe,
}

/// The answer to a query, in the order of its ids. It may end before they do.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SharesFound {
    results: Vec<ShareFound>,
}

/// The share under one id, or the error.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareFound {
    id: Id,
    error: Option<ErrorDetail>,
    item: Option<Share>,
}

from_columns! {
    /// A share with its content, as it is stored. Where that does not fit into the answer any more, the share has none.
    struct StoredShare {
        id: Id,
        has_room: i64,
        connection_id: Id,
        space_id: Id,
        sender: Id,
        recipient: Id,
        edition: i64,
        created_at: i64,
        updated_at: i64,
        expires_at: Option<i64>,
        read_edition: Option<i64>,
        read_at: Option<i64>,
        share: Jwe,
    }
}

from_columns! {
    /// A share without its content, as it is stored.
    struct StoredHead {
        id: Id,
        connection_id: Id,
        space_id: Id,
        sender: Id,
        recipient: Id,
        edition: i64,
        created_at: i64,
        updated_at: i64,
        expires_at: Option<i64>,
        read_edition: Option<i64>,
        read_at: Option<i64>,
    }
}

impl StoredShare {
    /// The share as the account may see it at this time.
    fn seen_by(self, account: &str, now: i64) -> Result<Share> {
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Code::ShareExpired.into());
        }
        let (edition, at) = (self.read_edition, self.read_at);
        Ok(Share {
            read: Receipt::for_sender(account, &self.sender, edition, at),
            id: self.id,
            connection_id: self.connection_id,
            space_id: self.space_id,
            from: self.sender,
            to: self.recipient,
            edition: self.edition,
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
            share: self.share,
        })
    }
}

impl StoredHead {
    /// The share as the account may see it.
    fn seen_by(self, account: &str) -> ListedShare {
        let (edition, at) = (self.read_edition, self.read_at);
        ListedShare {
            read: Receipt::for_sender(account, &self.sender, edition, at),
            id: self.id,
            connection_id: self.connection_id,
            space_id: self.space_id,
            from: self.sender,
            to: self.recipient,
            edition: self.edition,
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
        }
    }
}

impl Vault {
    /// One page of the shares that `filter` lets through; it may use the account `$1` and a time or connection `$3`.
    async fn list_shares(
        &self,
        filter: &str,
        caller: &VaultCaller,
        third: Third<'_>,
        page: &Page,
    ) -> Result<PageOf<ListedShare>> {
        let sql = AssertSqlSafe(format!(
            "SELECT {} FROM shares WHERE {SHOWN} AND {filter} AND {LIVES} {}",
            StoredHead::COLUMNS,
            page.sql(4)
        ));
        let account = &*caller.account;
        let query = sqlx::query_as::<_, StoredHead>(sql)
            .bind(account)
            .bind(caller.deleted_before);
        let query = match third {
            Third::Now(now) => query.bind(now),
            Third::Connection(id) => query.bind(id),
        };
        let key = |row: &StoredHead| (row.created_at, row.id.clone());
        let rows = page.fetch(query, &self.db.read, key).await?;
        if rows.items.is_empty() {
            self.refuse_deleted(caller).await?;
        }
        Ok(rows.map(|row| row.seen_by(account)))
    }

    /// The shares of these ids that the caller may see, by their ids.
    async fn find_shares(
        &self,
        caller: &VaultCaller,
        ids: &[Id],
        now: i64,
    ) -> Result<HashMap<Id, StoredShare>> {
        let mut rows: Vec<StoredShare> = Vec::new();
        if !ids.is_empty() {
            // What is over is not read, and takes no room.
            let sql = format!(
                "{}, found AS (SELECT place, shares.id AS id, CASE WHEN expires_at <= $3 THEN 0 ELSE size END AS size \
                 FROM asked CROSS JOIN shares WHERE shares.id = asked.id AND (sender = asked.account OR recipient = asked.account) \
                 AND {SHOWN} AND {LIVES}), \
                 sized AS (SELECT id, size, {ahead} AS ahead FROM found) \
                 SELECT shares.id AS id, CASE WHEN {fits} THEN 1 ELSE 0 END AS has_room, connection_id, space_id, sender, \
                 recipient, edition, created_at, updated_at, expires_at, read_edition, read_at, \
                 CASE WHEN sized.size > 0 AND {fits} THEN share ELSE '' END AS share \
                 FROM sized CROSS JOIN shares WHERE shares.id = sized.id",
                asked(4, ids.len()),
                ahead = ahead("place", ids.len()),
                fits = fits()
            );
            let mut query = sqlx::query_as(AssertSqlSafe(sql))
                .bind(&caller.account)
                .bind(caller.deleted_before)
                .bind(now);
            for id in ids {
                query = query.bind(id.as_str());
            }
            rows = query.fetch_all(&self.db.read).await?;
        }
        if rows.is_empty() {
            self.refuse_deleted(caller).await?;
        }
        Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
    }
}

enum Third<'a> {
    Now(i64),
    Connection(Option<&'a str>),
}

/// Lists what was shared with the caller.
#[utoipa::path(
    get, path = "/shares/incoming", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<ListedShare>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn incoming(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    _: AnswerRoom<MAX_LIST_BYTES>,
    page: Page,
) -> Result<Json<PageOf<ListedShare>>> {
    let page = page.plain()?;
    let filter = "recipient = $1 AND size > 0 AND (expires_at IS NULL OR expires_at > $3)";
    let now = Third::Now(vault.clock.now());
    let listed = vault.list_shares(filter, &caller, now, &page);
    Ok(Json(listed.await?))
}

/// Lists what the caller shared.
#[utoipa::path(
    get, path = "/shares/outgoing",
    params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200), ("connection" = Option<Id>, Query)),
    responses((status = 200, body = PageOf<ListedShare>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn outgoing(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    _: AnswerRoom<MAX_LIST_BYTES>,
    page: Page,
) -> Result<Json<PageOf<ListedShare>>> {
    // Two statements rather than one with a condition, so that each has its index.
    let connection = page.connection.as_ref().map(Id::as_str);
    let filter = match connection {
        None => "sender = $1 AND CAST($3 AS TEXT) IS NULL",
        Some(_) => "sender = $1 AND connection_id = $3",
    };
    let connection = Third::Connection(connection);
    let listed = vault.list_shares(filter, &caller, connection, &page);
    Ok(Json(listed.await?))
}

/// Reads several shares with their content: as many of the first ids as fit into one answer, and at least one.
#[utoipa::path(
    post, path = "/shares/query", request_body = Ids,
    responses((status = 200, body = SharesFound), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    Input(input): Input<Ids, MAX_ANSWER_BYTES>,
) -> Result<Json<SharesFound>> {
    let (ids, now) = (input.within(MAX_IDS)?, vault.clock.now());
    let mut shares = vault.find_shares(&caller, &ids, now).await?;
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        let found = shares.remove(&id);
        // The caller sees which ids are left, and asks for them.
        if found.as_ref().is_some_and(|share| share.has_room == 0) {
            break;
        }
        let share = found.ok_or(Code::NotFound.into());
        let seen = share.and_then(|share| share.seen_by(&caller.account, now));
        let (item, error) = of_item(seen)?;
        results.push(ShareFound { id, error, item });
    }
    Ok(Json(SharesFound { results }))
}
