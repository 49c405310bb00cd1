//! Connections between two people. Both see both public keys.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::events::{Change, Kind};
use super::public_keys::Publication;
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::{Ids, Input, Items, Page, PageOf, PathId};
use crate::http::values::{Bytes, Id};
use crate::store::db::placeholders;

const COLUMNS: &str = "SELECT * FROM (SELECT c.id AS id, c.inviter AS inviter, c.invitee AS invitee, c.proof AS proof, \
    c.created_at AS created_at, c.ended_at AS ended_at, \
    a.id AS inviter_key, a.spki AS inviter_spki, a.signing_key AS inviter_x, a.statement AS inviter_statement, \
    b.id AS invitee_key, b.spki AS invitee_spki, b.signing_key AS invitee_x, b.statement AS invitee_statement \
    FROM connections c JOIN public_keys a ON a.id = c.inviter_key JOIN public_keys b ON b.id = c.invitee_key \
    WHERE (c.inviter = $1 OR c.invitee = $1)) AS own WHERE 1 = 1";

/// Whether a connection can carry shares.
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

fn from_row(row: &AnyRow) -> Result<Connection> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let person = |side: &str| -> Result<Person> {
        let column = |name: &str| text(&format!("{side}_{name}"));
        let publication = Publication::stored(
            column("key")?,
            column("spki")?,
            &column("x")?,
            column("statement")?,
        )?;
        Ok(Person {
            account: Id::stored(text(side)?),
            publication,
        })
    };
    let proof: Option<String> = row.try_get("proof")?;
    let proof = proof
        .map(|proof| Bytes::try_from(std::borrow::Cow::from(proof)))
        .transpose();
    let ended: Option<i64> = row.try_get("ended_at")?;
    Ok(Connection {
        id: Id::stored(text("id")?),
        state: if ended.is_none() {
            ConnectionState::Active
        } else {
            ConnectionState::Ended
        },
        inviter: person("inviter")?,
        invitee: person("invitee")?,
        proof: proof.map_err(|error| ApiError::internal("a stored proof", error))?,
        created_at: row.try_get("created_at")?,
    })
}

impl Vault {
    /// One of the account's connections.
    pub(super) async fn connection(&self, account: &str, id: &Id) -> Result<Connection> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} AND id = $2"));
        let row = sqlx::query(sql)
            .bind(account)
            .bind(id.as_str())
            .fetch_optional(&self.db.read)
            .await?;
        from_row(&row.ok_or(Code::NotFound)?)
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
    Input(input): Input<Ids>,
) -> Result<Json<Items<Connection>>> {
    let ids = input.within(200)?;
    if ids.is_empty() {
        return Ok(Json(Items { items: Vec::new() }));
    }
    let sql = sqlx::AssertSqlSafe(format!(
        "{COLUMNS} AND id IN ({})",
        placeholders(2, ids.len())
    ));
    let mut query = sqlx::query(sql).bind(&caller.account);
    for id in &ids {
        query = query.bind(id.as_str());
    }
    let rows = query.fetch_all(&vault.db.read).await?;
    Ok(Json(Items {
        items: rows.iter().map(from_row).collect::<Result<_>>()?,
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
    page: Page,
) -> Result<Json<PageOf<Connection>>> {
    let page = page.plain()?;
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} {}", page.sql(2))))
        .bind(&caller.account)
        .bind(page.time)
        .bind(&page.id)
        .bind(page.rows())
        .fetch_all(&vault.db.read)
        .await?;
    let items = rows.iter().map(from_row).collect::<Result<Vec<_>>>()?;
    Ok(Json(page.cut(items, |item: &Connection| {
        (item.created_at, item.id.as_str())
    })))
}

/// Ends a connection and erases its shares, both ways.
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
    let mut tx = vault.db.begin().await?;
    let ended: Option<(String, String)> = sqlx::query_as(
        "UPDATE connections SET ended_at = $1 WHERE id = $2 AND (inviter = $3 OR invitee = $3) AND ended_at IS NULL \
         RETURNING inviter, invitee",
    )
    .bind(now)
    .bind(id.as_str())
    .bind(&caller.account)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((inviter, invitee)) = ended else {
        drop(tx);
        return vault
            .connection(&caller.account, &id)
            .await
            .map(|_| StatusCode::NO_CONTENT);
    };
    let shares: Vec<String> = sqlx::query_scalar(
        "UPDATE shares SET share = '', deleted_at = $1 WHERE connection_id = $2 AND deleted_at IS NULL RETURNING id",
    )
    .bind(now)
    .bind(id.as_str())
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE spaces SET deleted_at = $1 WHERE connection_id = $2 AND deleted_at IS NULL",
    )
    .bind(now)
    .bind(id.as_str())
    .execute(&mut *tx)
    .await?;
    let both = [&inviter, &invitee];
    let mut changes: Vec<Change> = Vec::new();
    for share in &shares {
        changes.extend(both.map(|person| Change::new(person, Kind::Revoked, share)));
    }
    changes.extend(both.map(|person| Change::new(person, Kind::Connection, id.as_str())));
    vault.record(tx, changes).await?;
    Ok(StatusCode::NO_CONTENT)
}
