//! Reading what a link shows: by who made it, and by whoever has the link.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, AssertSqlSafe};
use utoipa::ToSchema;

use super::account::LIVES;
use super::auth::{Unchecked, VaultCaller};
use super::events::{Change, Kind};
use super::links::{LinkState, MAX_WRONG, StoredLink};
use super::listings::Lists;
use super::setup::Setup;
use super::state::{Vault, VaultState};
use crate::clock::HOUR;
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Result, of_item};
use crate::http::extract::{Ids, Input, PathId, ahead, fits};
use crate::http::limits::{CallerAddress, LINK_OPENINGS, LINK_READINGS, Place};
use crate::http::room::LateRoom;
use crate::http::sizes::{MAX_ANSWER_BYTES, MAX_IDS, MAX_SHARE_BYTES};
use crate::http::values::{Bytes, Id, Jwe, same_secret};
use crate::store::columns::{Columns, from_columns};
use crate::store::db::{Tx, asked};

/// A read counts once in this time, however often it is repeated.
pub(super) const READ_KEPT_MS: i64 = HOUR;

/// The answer to a query, in the order of its ids. It may end before they do.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinksFound {
    results: Vec<LinkFound>,
}

/// What is shown under one id, or the error.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkFound {
    id: Id,
    error: Option<ErrorDetail>,
    item: Option<LinkContent>,
}

/// What a link shows.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LinkContent {
    id: Id,
    edition: i64,
    expires_at: i64,
    share: Jwe,
}

from_columns!(LinkContent {
    id,
    edition,
    expires_at,
    share
});

from_columns! {
    /// What one of several links shows: nothing where it is over, or does not fit into the answer any more.
    struct FoundContent {
        id: Id,
        has_room: i64,
        edition: i64,
        expires_at: i64,
        share: Jwe,
    }
}

impl FoundContent {
    fn shown(self) -> Result<LinkContent> {
        let content = LinkContent {
            id: self.id,
            edition: self.edition,
            expires_at: self.expires_at,
            share: self.share,
        };
        content.unless_erased()
    }
}

/// What a link shows to who reads it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReadLink {
    id: Id,
    edition: i64,
    expires_at: i64,
    share: Jwe,
    /// The right to the link's files, for an hour from the read on.
    ticket: Bytes<32>,
}

/// The token that comes with the link itself.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LinkOpening {
    opening_token: Bytes<16>,
}

/// What is to be known of a link before it is read.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenedLink {
    /// The reading token needs a passphrase beside the link.
    passphrase: bool,
}

/// Both tokens, and an id for the read, which makes repeats of it count once.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LinkReading {
    opening_token: Bytes<16>,
    reading_token: Bytes<16>,
    read: Bytes<16>,
}

from_columns! {
    /// What a reader has to show, and who is told of it.
    struct Door {
        account: String,
        reading: String,
    }
}

/// Links that are shown to anybody: not those of accounts that are being erased.
pub(super) const SHOWN: &str = "deleted_at IS NULL AND NOT EXISTS \
    (SELECT 1 FROM accounts WHERE accounts.id = links.account AND accounts.to_erase = 1)";

/// Reads what several of the caller's links show: as many of the first ids as fit into one answer, and at least one.
#[utoipa::path(
    post, path = "/links/query", request_body = Ids,
    responses((status = 200, body = LinksFound), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    Input(input): Input<Ids, MAX_ANSWER_BYTES>,
) -> Result<Json<LinksFound>> {
    let ids = input.within(MAX_IDS)?;
    let mut links = vault.own_links(&caller, &ids).await?;
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        let found = links.remove(&id);
        // The caller sees which ids are left, and asks for them.
        if found.as_ref().is_some_and(|link| link.has_room == 0) {
            break;
        }
        let link = found.ok_or(Code::NotFound.into());
        let (item, error) = of_item(link.and_then(FoundContent::shown))?;
        results.push(LinkFound { id, error, item });
    }
    Ok(Json(LinksFound { results }))
}

/// Tells whoever has a link whether it needs a passphrase.
#[utoipa::path(
    post, path = "/links/{id}/open", params(("id" = Id, Path)), request_body = LinkOpening, security(()),
    responses((status = 200, body = OpenedLink), (status = "default", body = ErrorBody)),
)]
pub(super) async fn open(
    State(vault): VaultState,
    address: CallerAddress,
    PathId(id): PathId,
    request: Request,
) -> Result<Json<OpenedLink>> {
    let place = Place::Address(&address);
    // Before the body: who sends none has tried, too.
    vault.limits.attempt(&LINK_OPENINGS, id.as_str(), &place)?;
    let input: LinkOpening = Input::read(request).await?;
    let link = vault.shown_link(&id, &input.opening_token).await?;
    match link.state(vault.clock.now()).over() {
        None => Ok(Json(OpenedLink {
            passphrase: link.passphrase != 0,
        })),
        Some(over) => Err(over),
    }
}

/// Gives what a link shows to whoever has it, and its passphrase if it needs one.
#[utoipa::path(
    post, path = "/links/{id}/read", params(("id" = Id, Path)), request_body = LinkReading, security(()),
    responses((status = 200, body = ReadLink), (status = "default", body = ErrorBody)),
)]
pub(super) async fn read(
    State(vault): VaultState,
    address: CallerAddress,
    room: LateRoom<MAX_SHARE_BYTES>,
    PathId(id): PathId,
    request: Request,
) -> Result<Json<ReadLink>> {
    let place = Place::Address(&address);
    vault.limits.attempt(&LINK_READINGS, id.as_str(), &place)?;
    let input: LinkReading = Input::read(request).await?;
    // Who does not have the link waits for nobody, and nobody for them.
    vault.shown_link(&id, &input.opening_token).await?;
    room.take().await?;
    let mut tx = vault.db.begin_at_door(address.narrowest()).await?;
    let (door, link) = hold(&mut tx, &id).await?;
    let now = vault.clock.now();
    let state = link.state(now);
    if let Some(over) = state.over().filter(|_| state != LinkState::Used) {
        return Err(over);
    }
    if !same_secret(&door.reading, &input.reading_token.to_hash()) {
        return Err(vault.count_wrong(tx, &id, &door.account).await?);
    }
    let content = content(&mut tx, &id).await?;
    let counted = when_counted(&mut tx, &id, &input.read, now).await?;
    if counted.is_none() {
        // The last read may be repeated; no other may begin.
        if let Some(over) = state.over() {
            return Err(over);
        }
        count_read(&mut tx, &id, &input.read, now).await?;
        let change = Change::new(&door.account, Kind::Link, id.as_str());
        vault.record(tx, vec![change]).await?;
    }
    let read_at = counted.unwrap_or(now);
    Ok(Json(ReadLink {
        ticket: vault.setup.ticket(&id, &input.read, read_at),
        id: content.id,
        edition: content.edition,
        expires_at: content.expires_at,
        share: content.share,
    }))
}

/// Holds a link, so that its readers come one after another.
async fn hold(tx: &mut Tx, id: &Id) -> Result<(Door, StoredLink)> {
    let sql = format!(
        "UPDATE links SET wrong = wrong WHERE id = $1 AND {SHOWN} RETURNING {}",
        Door::COLUMNS
    );
    let door: Option<Door> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    let door = door.ok_or(Code::NotFound)?;
    let sql = format!("SELECT {} FROM links WHERE id = $1", StoredLink::COLUMNS);
    let link = sqlx::query_as(AssertSqlSafe(sql)).bind(id.as_str());
    Ok((door, link.fetch_one(&mut **tx).await?))
}

/// What a link shows, which is erased some time after nobody may read it any more.
async fn content(tx: &mut Tx, id: &Id) -> Result<LinkContent> {
    let sql = format!("SELECT {} FROM links WHERE id = $1", LinkContent::COLUMNS);
    let content: LinkContent = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.as_str())
        .fetch_one(&mut **tx)
        .await?;
    content.unless_erased()
}

impl LinkContent {
    fn unless_erased(self) -> Result<Self> {
        match self.share.bytes() {
            0 => Err(Code::ShareExpired.into()),
            _ => Ok(self),
        }
    }
}

/// When this read was counted, if that was a short time ago.
async fn when_counted(
    connection: &mut AnyConnection,
    link: &Id,
    read: &Bytes<16>,
    now: i64,
) -> Result<Option<i64>> {
    let sql = "SELECT read_at FROM link_reads WHERE link = $1 AND id = $2 AND read_at > $3";
    let counted = sqlx::query_scalar(sql)
        .bind(link.as_str())
        .bind(read.to_text())
        .bind(now - READ_KEPT_MS);
    Ok(counted.fetch_optional(connection).await?)
}

async fn count_read(tx: &mut Tx, link: &Id, read: &Bytes<16>, now: i64) -> Result<()> {
    sqlx::query("UPDATE links SET reads = reads + 1, read_at = $1 WHERE id = $2")
        .bind(now)
        .bind(link.as_str())
        .execute(&mut **tx)
        .await?;
    let sql = "INSERT INTO link_reads (link, id, read_at) VALUES ($1, $2, $3) \
               ON CONFLICT (link, id) DO UPDATE SET read_at = excluded.read_at";
    sqlx::query(sql)
        .bind(link.as_str())
        .bind(read.to_text())
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Vault {
    /// What the caller's own links of these ids show, by their ids.
    async fn own_links(
        &self,
        caller: &VaultCaller,
        ids: &[Id],
    ) -> Result<HashMap<Id, FoundContent>> {
        let mut rows: Vec<FoundContent> = Vec::new();
        if !ids.is_empty() {
            // What is over is not read, and takes no room.
            let sql = format!(
                "{}, found AS (SELECT place, links.id AS id, CASE WHEN expires_at <= $3 THEN 0 ELSE size END AS size \
                 FROM asked CROSS JOIN links WHERE links.id = asked.id AND links.account = asked.account AND links.deleted_at IS NULL AND {LIVES}), \
                 sized AS (SELECT id, size, {ahead} AS ahead FROM found) \
                 SELECT links.id AS id, CASE WHEN {fits} THEN 1 ELSE 0 END AS has_room, edition, expires_at, \
                 CASE WHEN sized.size > 0 AND {fits} THEN share ELSE '' END AS share \
                 FROM sized CROSS JOIN links WHERE links.id = sized.id",
                asked(4, ids.len()),
                ahead = ahead("place", ids.len()),
                fits = fits()
            );
            let mut query = sqlx::query_as(AssertSqlSafe(sql))
                .bind(&caller.account)
                .bind(caller.deleted_before)
                .bind(self.clock.now());
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

    /// The link with this opening token. A wrong one is answered like an id that nobody knows.
    async fn shown_link(&self, id: &Id, token: &Bytes<16>) -> Result<StoredLink> {
        let sql = format!(
            "SELECT {} FROM links WHERE id = $1 AND opening = $2 AND {SHOWN}",
            StoredLink::COLUMNS
        );
        let link: Option<StoredLink> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(id.as_str())
            .bind(token.to_hash())
            .fetch_optional(&self.db.read)
            .await?;
        Ok(link.ok_or(Code::NotFound)?)
    }

    /// Whether the ticket is one for the files of this link, and its hour is not over.
    pub(super) async fn is_ticket(&self, link: &Id, ticket: &Bytes<32>) -> Result<bool> {
        let read = Setup::read_of(ticket);
        let mut connection = self.db.read.acquire().await?;
        let counted = when_counted(&mut connection, link, &read, self.clock.now()).await?;
        Ok(counted.is_some_and(|read_at| {
            let made = self.setup.ticket(link, &read, read_at);
            same_secret(&made.to_text(), &ticket.to_text())
        }))
    }

    /// Counts a wrong reading token, and gives the refusal. The last one closes the link, of which its owner is told.
    async fn count_wrong(&self, mut tx: Tx, id: &Id, account: &str) -> Result<ApiError> {
        let wrong: i64 =
            sqlx::query_scalar("UPDATE links SET wrong = wrong + 1 WHERE id = $1 RETURNING wrong")
                .bind(id.as_str())
                .fetch_one(&mut *tx)
                .await?;
        if wrong < MAX_WRONG {
            tx.commit().await?;
        } else {
            sqlx::query("UPDATE links SET share = '', size = 0, reading = '' WHERE id = $1")
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?;
            let record = [id.as_str().to_owned()];
            self.end_lists(&mut tx, Lists::Links, &record).await?;
            let change = Change::new(account, Kind::Link, id.as_str());
            self.record(tx, vec![change]).await?;
        }
        Ok(ApiError::new(
            Code::WrongCredentials,
            format!(
                "Check the passphrase of the link: this one is wrong. {MAX_WRONG} wrong ones close it."
            ),
        ))
    }
}
