//! Reading shares: lists without content, and content by id.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::state::{Vault, VaultState};
use crate::http::error::{Code, ErrorBody, ErrorDetail, Result, of_item};
use crate::http::extract::{Ids, Input, Page, PageOf};
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_ANSWER_BYTES, MAX_IDS, MAX_LIST_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::{Columns, from_columns};

/// With a connection its shares end, those too that are not erased yet.
pub(super) const SHOWN: &str = "deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM connections \
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
    /// A share with its content, as it is stored.
    struct StoredShare {
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
    /// One page of the shares that `filter` lets through; it may use the account `$1` and a time or connection `$2`.
    async fn list_shares(
        &self,
        filter: &str,
        account: &str,
        second: Second<'_>,
        page: &Page,
    ) -> Result<PageOf<ListedShare>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {} FROM shares WHERE {SHOWN} AND {filter} {}",
            StoredHead::COLUMNS,
            page.sql(3)
        ));
        let query = sqlx::query_as::<_, StoredHead>(sql).bind(account);
        let query = match second {
            Second::Now(now) => query.bind(now),
            Second::Connection(id) => query.bind(id),
        };
        let key = |row: &StoredHead| (row.created_at, row.id.clone());
        let rows = page.fetch(query, &self.db.read, key).await?;
        Ok(rows.map(|row| row.seen_by(account)))
    }

    async fn read_share(&self, account: &str, id: &Id) -> Result<Share> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {} FROM shares WHERE id = $1 AND (sender = $2 OR recipient = $2) AND {SHOWN}",
            StoredShare::COLUMNS
        ));
        let stored: Option<StoredShare> = sqlx::query_as(sql)
            .bind(id.as_str())
            .bind(account)
            .fetch_optional(&self.db.read)
            .await?;
        let stored = stored.ok_or(Code::NotFound)?;
        if stored.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(Code::ShareExpired.into());
        }
        let (edition, at) = (stored.read_edition, stored.read_at);
        Ok(Share {
            read: Receipt::for_sender(account, &stored.sender, edition, at),
            id: id.clone(),
            connection_id: stored.connection_id,
            space_id: stored.space_id,
            from: stored.sender,
            to: stored.recipient,
            edition: stored.edition,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            expires_at: stored.expires_at,
            share: stored.share,
        })
    }
}

enum Second<'a> {
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
    caller: VaultCaller,
    _: AnswerRoom<MAX_LIST_BYTES>,
    page: Page,
) -> Result<Json<PageOf<ListedShare>>> {
    let page = page.plain()?;
    let filter = "recipient = $1 AND size > 0 AND (expires_at IS NULL OR expires_at > $2)";
    Ok(Json(
        vault
            .list_shares(
                filter,
                &caller.account,
                Second::Now(vault.clock.now()),
                &page,
            )
            .await?,
    ))
}

/// Lists what the caller shared.
#[utoipa::path(
    get, path = "/shares/outgoing",
    params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200), ("connection" = Option<Id>, Query)),
    responses((status = 200, body = PageOf<ListedShare>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn outgoing(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom<MAX_LIST_BYTES>,
    page: Page,
) -> Result<Json<PageOf<ListedShare>>> {
    // Two statements rather than one with a condition, so that each has its index.
    let connection = page.connection.as_ref().map(Id::as_str);
    let filter = match connection {
        None => "sender = $1 AND CAST($2 AS TEXT) IS NULL",
        Some(_) => "sender = $1 AND connection_id = $2",
    };
    let connection = Second::Connection(connection);
    Ok(Json(
        vault
            .list_shares(filter, &caller.account, connection, &page)
            .await?,
    ))
}

/// Reads several shares with their content: as many of the first ids as fit into one answer, and at least one.
#[utoipa::path(
    post, path = "/shares/query", request_body = Ids,
    responses((status = 200, body = SharesFound), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<Ids, MAX_ANSWER_BYTES>,
) -> Result<Json<SharesFound>> {
    let (mut results, mut bytes) = (Vec::new(), 0);
    for id in input.within(MAX_IDS)? {
        let (item, error) = of_item(vault.read_share(&caller.account, &id).await)?;
        bytes += item.as_ref().map_or(0, |item| item.share.bytes());
        // The caller sees which ids are left, and asks for them.
        if bytes > MAX_ANSWER_BYTES && !results.is_empty() {
            break;
        }
        results.push(ShareFound { id, error, item });
    }
    Ok(Json(SharesFound { results }))
}
