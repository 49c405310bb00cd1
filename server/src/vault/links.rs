//! Links, from the side of who made them: each shows one card to whoever has it, without an account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::account::LIVES;
use super::auth::{Unchecked, VaultCaller};
use super::editions::{EditionResults, Editions, NewEditions, check_edition};
use super::events::{Change, Kind};
use super::listings::{Lists, check_files, list_files, same_files};
use super::quotas::size_of;
use super::state::VaultState;
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::{Input, Page, PageOf, PathId, check_end};
use crate::http::limits::Rate;
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_LIST_BYTES, MAX_SHARE_BYTES};
use crate::http::values::{Bytes, Id, Jwe};
use crate::store::columns::{Columns, from_columns};
use crate::store::new_row::{NewRow, Written};

/// So many wrong reading tokens close a link.
pub(super) const MAX_WRONG: i64 = 10;

/// A link that was read as often as it may be is over, even while its ciphertext is there for the last read to be repeated.
const LINKS: Editions = Editions {
    table: "links",
    owner: "account",
    reader: "CAST(NULL AS TEXT)",
    size: "CASE WHEN reads >= max_reads THEN 0 ELSE size END",
    shown: "deleted_at IS NULL",
    check_end: check_new_end,
    kind: Kind::Link,
    lists: Lists::Links,
};

/// What can be done with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum LinkState {
    /// It can be read.
    Open,
    /// It was read as often as it may be.
    Used,
    /// Too many wrong reading tokens were shown.
    Closed,
    /// Its time is over.
    Expired,
}

impl LinkState {
    /// The reason why nobody can begin to read it, if nobody can.
    pub(super) fn over(self) -> Option<ApiError> {
        let message = match self {
            Self::Open => return None,
            Self::Expired => "Ask for a new link: the time of this one is over.",
            Self::Used => "Ask for a new link: this one was read as often as it may be.",
            Self::Closed => "Ask for a new link: too many wrong passphrases closed this one.",
        };
        Some(ApiError::new(Code::ShareExpired, message))
    }
}

/// A new link. The hashes are SHA-256, of tokens that the Vault never has before somebody reads.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewLink {
    opening_hash: Bytes<32>,
    reading_hash: Bytes<32>,
    /// The reading token needs a passphrase beside the link.
    passphrase: bool,
    edition: i64,
    expires_at: i64,
    #[serde(deserialize_with = "Option::deserialize")]
    max_reads: Option<i64>,
    share: Jwe,
    /// Its files.
    #[serde(default)]
    files: Vec<Id>,
}

/// A link as who made it sees it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Link {
    id: Id,
    state: LinkState,
    passphrase: bool,
    edition: i64,
    max_reads: Option<i64>,
    reads: i64,
    read_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    expires_at: i64,
}

from_columns! {
    /// A link as it is stored, without what it shows.
    pub(super) struct StoredLink {
        id: Id,
        pub(super) passphrase: i64,
        edition: i64,
        max_reads: Option<i64>,
        reads: i64,
        read_at: Option<i64>,
        wrong: i64,
        created_at: i64,
        updated_at: i64,
        expires_at: i64,
    }
}

impl StoredLink {
    pub(super) fn state(&self, now: i64) -> LinkState {
        if self.expires_at <= now {
            LinkState::Expired
        } else if self.wrong >= MAX_WRONG {
            LinkState::Closed
        } else if self.max_reads.is_some_and(|most| self.reads >= most) {
            LinkState::Used
        } else {
            LinkState::Open
        }
    }

    /// The link as it stands at this time.
    fn at(self, now: i64) -> Link {
        Link {
            state: self.state(now),
            id: self.id,
            passphrase: self.passphrase != 0,
            edition: self.edition,
            max_reads: self.max_reads,
            reads: self.reads,
            read_at: self.read_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
        }
    }
}

impl NewLink {
    fn check(&self) -> Result<()> {
        check_edition(self.edition)?;
        check_files(&self.files)?;
        match self.max_reads {
            Some(..=0) => Err(ApiError::bad_input(
                "Let a link be read once, or more often.",
            )),
            _ => Ok(()),
        }
    }
}

/// Makes a link.
#[utoipa::path(
    put, path = "/links/{id}", params(("id" = Id, Path)), request_body = NewLink,
    responses((status = 200, body = Link), (status = 201, body = Link), (status = "default", body = ErrorBody)),
)]
pub(super) async fn create(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    Input(input): Input<NewLink>,
) -> Result<(StatusCode, Json<Link>)> {
    input.check()?;
    let share = input.share.within(MAX_SHARE_BYTES)?;
    let (opening, reading) = (input.opening_hash.to_text(), input.reading_hash.to_text());
    let (account, now) = (&caller.account, vault.clock.now());
    let row = NewRow::of("links")
        .key("id", id.of_version(7)?)
        .given("account", account)
        .given("opening", &opening)
        .given("reading", &reading)
        .given("passphrase", i64::from(input.passphrase))
        .given("edition", input.edition)
        .given("share", share)
        .given("max_reads", input.max_reads)
        .given("expires_at", input.expires_at)
        .given("deleted_at", None::<i64>)
        .made("size", size_of(share))
        .made("created_at", now)
        .made("updated_at", now);
    // A repeat is answered before its time is looked at.
    let mut reader = vault.db.read.acquire().await?;
    if let Some(before) = row.before::<StoredLink>(&mut reader).await? {
        let (lists, files) = (Lists::Links, &input.files);
        let before = same_files(&mut reader, lists, id.as_str(), files, before).await?;
        return Ok((StatusCode::OK, Json(before.at(now))));
    }
    drop(reader);
    check_end("link", input.expires_at, now)?;
    let mut tx = vault.begin_for(&caller).await?;
    // Somebody may have been faster with the same bytes.
    if let Written::Before(stored) = row.write::<StoredLink>(&mut tx).await? {
        return Ok((StatusCode::OK, Json(stored.at(now))));
    }
    list_files(&mut tx, account, (Lists::Links, &id), &input.files, now).await?;
    let quotas = vault.hold_links(&mut tx, account).await?;
    let rate = Rate::of_new("new links", quotas.shares);
    vault.limits.count(&rate, account)?;
    let change = Change::new(account, Kind::Link, id.as_str());
    vault.record(tx, vec![change]).await?;
    let made = Link {
        id,
        state: LinkState::Open,
        passphrase: input.passphrase,
        edition: input.edition,
        max_reads: input.max_reads,
        reads: 0,
        read_at: None,
        created_at: now,
        updated_at: now,
        expires_at: input.expires_at,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Replaces what links show, each by itself, if the stored edition is still the one that the caller saw.
#[utoipa::path(
    put, path = "/links", request_body = NewEditions,
    responses((status = 200, body = EditionResults), (status = "default", body = ErrorBody)),
)]
pub(super) async fn update(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<NewEditions, MAX_LIST_BYTES>,
) -> Result<Json<EditionResults>> {
    vault.renew_all(&LINKS, &caller, input).await.map(Json)
}

/// Refuses a link without an end, or with one that is too far away. One that is over is refused later, unless it is a repeat.
fn check_new_end(end: Option<i64>, now: i64) -> Result<()> {
    let end = end.ok_or_else(|| ApiError::bad_input("Give the link an end: `expiresAt`."))?;
    match end > now {
        true => check_end("link", end, now),
        false => Ok(()),
    }
}

/// Lists the caller's links.
#[utoipa::path(
    get, path = "/links", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Link>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    _: AnswerRoom<MAX_LIST_BYTES>,
    page: Page,
) -> Result<Json<PageOf<Link>>> {
    let page = page.plain()?;
    let sql = format!(
        "SELECT {} FROM links WHERE account = $1 AND deleted_at IS NULL AND {LIVES} {}",
        StoredLink::COLUMNS,
        page.sql(3)
    );
    let query = sqlx::query_as(AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(caller.deleted_before);
    let key = |row: &StoredLink| (row.created_at, row.id.clone());
    let rows = page.fetch(query, &vault.db.read, key).await?;
    if rows.items.is_empty() {
        vault.refuse_deleted(&caller).await?;
    }
    let now = vault.clock.now();
    Ok(Json(rows.map(|row| row.at(now))))
}

/// Revokes a link. Its id stays taken.
#[utoipa::path(
    delete, path = "/links/{id}", params(("id" = Id, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
) -> Result<StatusCode> {
    let erased = "share = '', size = 0, opening = '', reading = ''";
    let link = ("links", erased);
    let kinds = (Kind::Link, Lists::Links);
    vault.delete(link, kinds, &caller.account, &id).await
}
