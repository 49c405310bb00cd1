//! Connections between two people. Both see both public keys.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::events::{Change, Kind};
use super::public_keys::Publication;
use super::state::{Vault, VaultState};
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Ids, Input, Items, Page, PageOf, PathId};
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_ANSWER_BYTES, MAX_IDS, MAX_RECORD_BYTES};
use crate::http::values::{Bytes, Id, Jws};
use crate::store::columns::from_columns;
use crate::store::db::placeholders;

/// The account's connections, to be narrowed by conditions on their columns.
const SELECT_OF_ACCOUNT: &str = "SELECT * FROM (SELECT c.id AS id, c.inviter AS inviter, c.invitee AS invitee, \
    c.proof AS proof, c.created_at AS created_at, c.ended_at AS ended_at, \
    a.id AS inviter_key, a.spki AS inviter_spki, a.xwing AS inviter_xwing, a.signing_key AS inviter_x, \
    a.statement AS inviter_statement, \
    b.id AS invitee_key, b.spki AS invitee_spki, b.xwing AS invitee_xwing, b.signing_key AS invitee_x, \
    b.statement AS invitee_statement \
    FROM connections c JOIN public_keys a ON a.id = c.inviter_key JOIN public_keys b ON b.id = c.invitee_key \
    WHERE (c.inviter = $1 OR c.invitee = $1)) AS own WHERE 1 = 1";

/// The state of a connection: active ones carry shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ConnectionState {
    /// It can.
    Active,
    /// One of the two ended it.
    Ended,
}

/// One of the two people of a connection.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    account: Id,
    publication: Publication,
}

/// A connection.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Connection {
    id: Id,
    state: ConnectionState,
    inviter: Person,
    invitee: Person,
    proof: Option<Bytes<32>>,
    created_at: i64,
}

from_columns! {
    /// A connection and both its public keys, as they are stored.
    struct StoredConnection {
        id: Id,
        inviter: Id,
        inviter_key: String,
        inviter_spki: String,
        inviter_xwing: String,
        inviter_x: Bytes<32>,
        inviter_statement: Jws,
        invitee: Id,
        invitee_key: String,
        invitee_spki: String,
        invitee_xwing: String,
        invitee_x: Bytes<32>,
        invitee_statement: Jws,
        proof: Option<Bytes<32>>,
        created_at: i64,
        ended_at: Option<i64>,
    }
}

impl From<StoredConnection> for Connection {
    fn from(stored: StoredConnection) -> Self {
        let inviter = Publication::stored(
            stored.inviter_key,
            stored.inviter_spki,
            stored.inviter_xwing,
            stored.inviter_x,
            stored.inviter_statement,
        );
        let invitee = Publication::stored(
            stored.invitee_key,
            stored.invitee_spki,
            stored.invitee_xwing,
            stored.invitee_x,
            stored.invitee_statement,
        );
        Self {
            id: stored.id,
            state: match stored.ended_at {
                None => ConnectionState::Active,
                Some(_) => ConnectionState::Ended,
            },
            inviter: Person {
                account: stored.inviter,
                publication: inviter,
            },
            invitee: Person {
                account: stored.invitee,
                publication: invitee,
            },
            proof: stored.proof,
            created_at: stored.created_at,
        }
    }
}

from_columns! {
    /// The two people of a connection that was ended.
    struct Ended {
        inviter: String,
        invitee: String,
    }
}

impl Vault {
    /// One of the account's connections.
    pub(super) async fn connection(&self, account: &str, id: &Id) -> Result<Connection> {
        let sql = sqlx::AssertSqlSafe(format!("{SELECT_OF_ACCOUNT} AND id = $2"));
        let stored: Option<StoredConnection> = sqlx::query_as(sql)
            .bind(account)
            .bind(id.as_str())
            .fetch_optional(&self.db.read)
            .await?;
        Ok(stored.ok_or(Code::NotFound)?.into())
    }
}

/// Reads a connection.
#[utoipa::path(
    get, path = "/connections/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = Connection), (status = "default", body = ErrorBody)),
)]
pub(super) async fn read(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom<MAX_RECORD_BYTES>,
    PathId(id): PathId,
) -> Result<Json<Connection>> {
    Ok(Json(vault.connection(&caller.account, &id).await?))
}

/// Reads several.
#[utoipa::path(
    post, path = "/connections/query", request_body = Ids,
    responses((status = 200, body = Items<Connection>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<Ids, MAX_ANSWER_BYTES>,
) -> Result<Json<Items<Connection>>> {
    let ids = input.within(MAX_IDS)?;
    if ids.is_empty() {
        return Ok(Json(Items { items: Vec::new() }));
    }
    let sql = sqlx::AssertSqlSafe(format!(
        "{SELECT_OF_ACCOUNT} AND id IN ({})",
        placeholders(2, ids.len())
    ));
    let mut query = sqlx::query_as::<_, StoredConnection>(sql).bind(&caller.account);
    for id in &ids {
        query = query.bind(id.as_str());
    }
    let rows = query.fetch_all(&vault.db.read).await?;
    Ok(Json(Items {
        items: rows.into_iter().map(Connection::from).collect(),
    }))
}

/// Lists the caller's connections.
#[utoipa::path(
    get, path = "/connections", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Connection>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom,
    page: Page,
) -> Result<Json<PageOf<Connection>>> {
    let page = page.plain()?;
    let sql = format!("{SELECT_OF_ACCOUNT} {}", page.sql(2));
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(&caller.account);
    let key = |row: &StoredConnection| (row.created_at, row.id.clone());
    let rows = page.fetch(query, &vault.db.read, key).await?;
    Ok(Json(rows.map(Connection::from)))
}

/// Ends a connection and with it its shares, both ways.
#[utoipa::path(
    delete, path = "/connections/{id}", params(("id" = Id, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn end(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
) -> Result<StatusCode> {
    let now = vault.clock.now();
    let mut tx = vault.db.begin_as(&caller.account).await?;
    let ended: Option<Ended> = sqlx::query_as(
        "UPDATE connections SET ended_at = $1, to_erase = 1 WHERE id = $2 AND (inviter = $3 OR invitee = $3) AND ended_at IS NULL \
         RETURNING inviter, invitee",
    )
    .bind(now)
    .bind(id.as_str())
    .bind(&caller.account)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(ended) = ended else {
        drop(tx);
        return vault
            .connection(&caller.account, &id)
            .await
            .map(|_| StatusCode::NO_CONTENT);
    };
    let both = [&ended.inviter, &ended.invitee]
        .map(|person| Change::new(person, Kind::Connection, id.as_str()));
    // With its end no share of it is served any more; then they are erased.
    vault.record(tx, both.into()).await?;
    vault.erase_shares(id.as_str(), &caller.account).await?;
    Ok(StatusCode::NO_CONTENT)
}
