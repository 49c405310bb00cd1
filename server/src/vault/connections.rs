//! Connections between two people. Both see both public keys.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::account::LIVES;
use super::auth::{Unchecked, VaultCaller};
use super::events::{Change, Kind};
use super::public_keys::Publication;
use super::state::{Vault, VaultState};
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Ids, Input, Items, Page, PageOf, PathId};
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_ANSWER_BYTES, MAX_IDS, MAX_RECORD_BYTES};
use crate::http::values::{Bytes, Id, Jws};
use crate::store::columns::from_columns;
use crate::store::db::asked;

/// The connections `c`, each with both its public keys. They are looked up one by one, from what is selected before.
const WITH_KEYS: &str = "SELECT c.id AS id, c.inviter AS inviter, c.invitee AS invitee, \
    c.proof AS proof, c.created_at AS created_at, c.ended_at AS ended_at, \
    a.id AS inviter_key, a.spki AS inviter_spki, a.xwing AS inviter_xwing, a.signing_key AS inviter_x, \
    a.statement AS inviter_statement, \
    b.id AS invitee_key, b.spki AS invitee_spki, b.xwing AS invitee_xwing, b.signing_key AS invitee_x, \
    b.statement AS invitee_statement \
    FROM own CROSS JOIN connections c CROSS JOIN public_keys a CROSS JOIN public_keys b \
    WHERE c.id = own.id AND a.id = c.inviter_key AND b.id = c.invitee_key";

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
    /// The caller's connections of these ids.
    async fn find_connections(&self, caller: &VaultCaller, ids: &[Id]) -> Result<Vec<Connection>> {
        let mut rows: Vec<StoredConnection> = Vec::new();
        if !ids.is_empty() {
            let sql = format!(
                "{}, own AS (SELECT connections.id AS id FROM asked CROSS JOIN connections \
                 WHERE connections.id = asked.id AND (inviter = asked.account OR invitee = asked.account) AND {LIVES}) {WITH_KEYS}",
                asked(3, ids.len())
            );
            let mut query = sqlx::query_as(AssertSqlSafe(sql))
                .bind(&caller.account)
                .bind(caller.deleted_before);
            for id in ids {
                query = query.bind(id.as_str());
            }
            rows = query.fetch_all(&self.db.read).await?;
        }
        if rows.is_empty() {
            self.refuse_deleted(caller).await?;
        }
        Ok(rows.into_iter().map(Connection::from).collect())
    }

    /// One of the caller's connections.
    pub(super) async fn connection(&self, caller: &VaultCaller, id: &Id) -> Result<Connection> {
        let found = self.find_connections(caller, std::slice::from_ref(id));
        let found = found.await?.into_iter().next();
        found.ok_or(Code::NotFound.into())
    }
}

/// Reads a connection.
#[utoipa::path(
    get, path = "/connections/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = Connection), (status = "default", body = ErrorBody)),
)]
pub(super) async fn read(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    _: AnswerRoom<MAX_RECORD_BYTES>,
    PathId(id): PathId,
) -> Result<Json<Connection>> {
    Ok(Json(vault.connection(&caller, &id).await?))
}

/// Reads several.
#[utoipa::path(
    post, path = "/connections/query", request_body = Ids,
    responses((status = 200, body = Items<Connection>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    Input(input): Input<Ids, MAX_ANSWER_BYTES>,
) -> Result<Json<Items<Connection>>> {
    let ids = input.within(MAX_IDS)?;
    let items = vault.find_connections(&caller, &ids).await?;
    Ok(Json(Items { items }))
}

/// Lists the caller's connections.
#[utoipa::path(
    get, path = "/connections", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Connection>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    _: AnswerRoom,
    page: Page,
) -> Result<Json<PageOf<Connection>>> {
    let page = page.plain()?;
    // Nobody connects with themselves, so that none is in both lists.
    let sides = ["inviter", "invitee"].map(|side| {
        format!("SELECT id, created_at FROM connections WHERE {side} = $1 AND {LIVES}")
    });
    let sql = format!("WITH own AS ({}) {WITH_KEYS}", page.merge(&sides, 3));
    let query = sqlx::query_as(AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(caller.deleted_before);
    let key = |row: &StoredConnection| (row.created_at, row.id.clone());
    let rows = page.fetch(query, &vault.db.read, key).await?;
    if rows.items.is_empty() {
        vault.refuse_deleted(&caller).await?;
    }
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
            .connection(&caller, &id)
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
