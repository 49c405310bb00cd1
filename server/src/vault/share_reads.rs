//! Reading shares: lists without content, and content by id.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Result};
use crate::http::extract::{Ids, Input, Page, PageOf};
use crate::http::values::{Id, Jwe};

/// A share as lists show it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListedShare {
    id: Id,
    connection_id: Id,
    space_id: Id,
    from: Id,
    to: Id,
    created_at: i64,
    expires_at: Option<i64>,
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
    created_at: i64,
    expires_at: Option<i64>,
    share: Jwe,
}

/// What was found, in the order of the ids.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SharesFound {
    results: Vec<ShareFound>,
}

/// What was found under one id.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareFound {
    id: Id,
    error: Option<ErrorDetail>,
    item: Option<Share>,
}

type Row = (String, String, String, String, String, i64, Option<i64>);
type Content = (String, String, String, String, i64, Option<i64>, String);

fn listed((id, connection, space, from, to, created_at, expires_at): Row) -> ListedShare {
    let [id, connection_id, space_id, from, to] = [id, connection, space, from, to].map(Id::stored);
    ListedShare {
        id,
        connection_id,
        space_id,
        from,
        to,
        created_at,
        expires_at,
    }
}

impl Vault {
    /// One page of the shares that `filter` lets through; it may use the account `$1` and a time or connection `$2`.
    async fn shares(
        &self,
        filter: &str,
        account: &str,
        second: Second<'_>,
        page: &Page,
    ) -> Result<PageOf<ListedShare>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT id, connection_id, space_id, sender, recipient, created_at, expires_at FROM shares \
             WHERE deleted_at IS NULL AND {filter} {}",
            page.sql(3)
        ));
        let query = sqlx::query_as::<_, Row>(sql).bind(account);
        let query = match second {
            Second::Now(now) => query.bind(now),
            Second::Connection(id) => query.bind(id),
        };
        let rows = query
            .bind(page.time)
            .bind(&page.id)
            .bind(page.rows())
            .fetch_all(&self.db.read)
            .await?;
        let items = rows.into_iter().map(listed).collect();
        Ok(page.cut(items, |item: &ListedShare| {
            (item.created_at, item.id.as_str())
        }))
    }

    async fn shared(&self, account: &str, id: &Id) -> Result<Share> {
        let row: Option<Content> = sqlx::query_as(
            "SELECT connection_id, space_id, sender, recipient, created_at, expires_at, share FROM shares \
             WHERE id = $1 AND (sender = $2 OR recipient = $2) AND deleted_at IS NULL",
        )
        .bind(id.as_str())
        .bind(account)
        .fetch_optional(&self.db.read)
        .await?;
        let (connection, space, from, to, created_at, expires_at, share) =
            row.ok_or(Code::NotFound)?;
        if expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(Code::ShareExpired.into());
        }
        let [connection_id, space_id, from, to] = [connection, space, from, to].map(Id::stored);
        let share = Jwe::stored(share);
        Ok(Share {
            id: id.clone(),
            connection_id,
            space_id,
            from,
            to,
            created_at,
            expires_at,
            share,
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
    page: Page,
) -> Result<Json<PageOf<ListedShare>>> {
    let page = page.plain()?;
    let filter = "recipient = $1 AND (expires_at IS NULL OR expires_at > $2)";
    Ok(Json(
        vault
            .shares(
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
    page: Page,
) -> Result<Json<PageOf<ListedShare>>> {
    let filter = "sender = $1 AND ($2 IS NULL OR connection_id = $2)";
    let connection = Second::Connection(page.connection.as_ref().map(Id::as_str));
    Ok(Json(
        vault
            .shares(filter, &caller.account, connection, &page)
            .await?,
    ))
}

/// Reads several shares with their content.
#[utoipa::path(
    post, path = "/shares/query", request_body = Ids,
    responses((status = 200, body = SharesFound), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<Ids>,
) -> Result<Json<SharesFound>> {
    let mut results = Vec::new();
    for id in input.within(50)? {
        let (error, item) = match vault.shared(&caller.account, &id).await {
            Ok(share) => (None, Some(share)),
            Err(error) if error.code() == Code::ServerError => return Err(error),
            Err(error) => (Some(ApiError::into_detail(error)), None),
        };
        results.push(ShareFound { id, error, item });
    }
    Ok(Json(SharesFound { results }))
}
