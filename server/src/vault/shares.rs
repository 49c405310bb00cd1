//! Shares: one card for one person, as ciphertext.

use std::collections::{BTreeSet, HashMap};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::editions::check_edition;
use super::events::{Change, Kind};
use super::listings::{Lists, check_files, list_files, same_files};
use super::quotas::{SharesLeft, size_of};
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Quota, Result, of_item};
use crate::http::extract::{Input, PathId, check_writes, over_already};
use crate::http::limits::Rate;
use crate::http::sizes::{MAX_LIST_BYTES, MAX_SHARE_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::from_columns;
use crate::store::db::{Tx, asked};
use crate::store::new_row::NewRow;

/// Several new shares.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewShares {
    shares: Vec<NewShare>,
}

/// A new share.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewShare {
    id: Id,
    connection_id: Id,
    space_id: Id,
    edition: i64,
    #[serde(deserialize_with = "Option::deserialize")]
    expires_at: Option<i64>,
    share: Jwe,
    /// Its files.
    #[serde(default)]
    files: Vec<Id>,
}

/// The outcomes of new shares, in order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareResults {
    results: Vec<ShareResult>,
}

/// The outcome of one new share.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ShareResult {
    id: Id,
    error: Option<ErrorDetail>,
    created_at: Option<i64>,
}

/// Makes shares, each by itself, together with its encryption space.
#[utoipa::path(
    post, path = "/shares", request_body = NewShares,
    responses((status = 200, body = ShareResults), (status = "default", body = ErrorBody)),
)]
pub(super) async fn create(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<NewShares, MAX_LIST_BYTES>,
) -> Result<Json<ShareResults>> {
    check_writes("shares", input.shares.iter().map(|share| &share.id))?;
    let sender = &*caller.account;
    let (mut results, mut changes) = (Vec::with_capacity(input.shares.len()), Vec::new());
    // Holds the account: its shares are counted one after another.
    let mut tx = vault.begin_for(&caller).await?;
    let mut left = vault.shares_left(&mut tx, sender).await?;
    let mut lines = vault.lines(&mut tx, sender, &input.shares).await?;
    for new in input.shares {
        let line = lines.get_mut(&new.connection_id);
        tx.mark().await?;
        let made = vault.make_share(&mut tx, sender, &new, line, &mut left);
        let made = made.await;
        tx.settle(made.is_ok()).await?;
        let (made, error) = of_item(made)?;
        if let Some(Made::New { recipient, .. }) = &made {
            let both = [recipient, sender];
            changes.extend(both.map(|person| Change::new(person, Kind::Share, new.id.as_str())));
        }
        results.push(ShareResult {
            id: new.id,
            error,
            created_at: made.map(Made::at),
        });
    }
    match changes.is_empty() {
        true => tx.rollback().await?,
        false => vault.record(tx, changes).await?,
    }
    Ok(Json(ShareResults { results }))
}

from_columns! {
    /// An active connection, from its sender's side.
    struct Line {
        id: Id,
        recipient: String,
        /// The sender's shares in force over it.
        shares: i64,
    }
}

/// The outcome of making a share, with the time of its making.
enum Made {
    New { at: i64, recipient: String },
    Before { at: i64 },
}

impl Made {
    fn at(self) -> i64 {
        match self {
            Self::New { at, .. } | Self::Before { at } => at,
        }
    }
}

from_columns! {
    /// The time of a share's making.
    struct CreatedAt {
        created_at: i64,
    }
}

from_columns! {
    /// A share that was revoked.
    struct Revoked {
        recipient: String,
        space_id: String,
    }
}

impl Vault {
    /// The connections that shares are for, as far as they are active and the sender's, by their ids. They are held: none can
    /// end before the shares are in.
    async fn lines(
        &self,
        tx: &mut Tx,
        sender: &str,
        shares: &[NewShare],
    ) -> Result<HashMap<Id, Line>> {
        let ids: BTreeSet<&str> = shares
            .iter()
            .map(|new| new.connection_id.as_str())
            .collect();
        let sql = format!(
            "{} SELECT connections.id AS id, CASE WHEN inviter = $1 THEN invitee ELSE inviter END AS recipient, \
             (SELECT COUNT(*) FROM shares WHERE sender = $1 AND connection_id = connections.id AND size > 0) AS shares \
             FROM asked CROSS JOIN connections WHERE connections.id = asked.id \
             AND (inviter = asked.account OR invitee = asked.account) AND ended_at IS NULL{}",
            asked(2, ids.len()),
            self.db.holding("connections")
        );
        let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(sender);
        for id in &ids {
            query = query.bind(*id);
        }
        let lines: Vec<Line> = query.fetch_all(&mut **tx).await?;
        Ok(lines
            .into_iter()
            .map(|line| (line.id.clone(), line))
            .collect())
    }

    /// Makes one share with its space. A repeat is told the time of the first one.
    async fn make_share(
        &self,
        tx: &mut Tx,
        sender: &str,
        new: &NewShare,
        line: Option<&mut Line>,
        left: &mut SharesLeft,
    ) -> Result<Made> {
        let share = new.share.within(MAX_SHARE_BYTES)?;
        check_edition(new.edition)?;
        check_files(&new.files)?;
        let (id, space, at) = (
            new.id.of_version(7)?,
            new.space_id.of_version(7)?,
            self.clock.now(),
        );
        // A repeat is answered before its time is looked at.
        if new.expires_at.is_some_and(|end| end <= at) && !was_shared(tx, sender, new).await? {
            return Err(over_already());
        }
        let line = line.ok_or(Code::NotFound)?;
        let space_row = NewRow::of("spaces")
            .key("id", space)
            .given("connection_id", line.id.as_str())
            .made("created_at", at);
        let share_row = NewRow::of("shares")
            .key("id", id)
            .given("connection_id", line.id.as_str())
            .given("space_id", space)
            .given("sender", sender)
            .given("edition", new.edition)
            .given("share", share)
            .given("expires_at", new.expires_at)
            .given("deleted_at", None::<i64>)
            .made("size", size_of(share))
            .made("recipient", &line.recipient)
            .made("created_at", at)
            .made("updated_at", at);
        if !space_row.insert(tx).await? || !share_row.insert(tx).await? {
            let before: Option<CreatedAt> = share_row.before(tx).await?;
            let at = before.ok_or(Code::Conflict)?.created_at;
            let before = Made::Before { at };
            return same_files(tx, Lists::Shares, id, &new.files, before).await;
        }
        if !new.files.is_empty() {
            list_files(tx, sender, (Lists::Shares, &new.id), &new.files, at).await?;
        }
        left.check(1, size_of(share))?;
        if line.shares >= left.quotas.shares_per_connection {
            return Err(ApiError::quota_exceeded(Quota::SharesPerConnection));
        }
        let rate = Rate::of_new("new shares", left.quotas.shares);
        self.limits.count(&rate, sender)?;
        left.take(1, size_of(share));
        line.shares += 1;
        let recipient = line.recipient.clone();
        Ok(Made::New { at, recipient })
    }
}

/// Whether the sender made a share of this id before.
async fn was_shared(tx: &mut Tx, sender: &str, new: &NewShare) -> Result<bool> {
    let found = sqlx::query("SELECT id FROM shares WHERE id = $1 AND sender = $2")
        .bind(new.id.as_str())
        .bind(sender)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(found.is_some())
}

/// Revokes a share. Its id stays taken.
#[utoipa::path(
    delete, path = "/shares/{id}", params(("id" = Id, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
) -> Result<StatusCode> {
    let now = vault.clock.now();
    let mut tx = vault.db.begin_as(&caller.account).await?;
    let revoked: Option<Revoked> = sqlx::query_as(
        "UPDATE shares SET share = '', size = 0, read_edition = NULL, read_at = NULL, deleted_at = $1 \
         WHERE id = $2 AND sender = $3 AND deleted_at IS NULL RETURNING recipient, space_id",
    )
    .bind(now)
    .bind(id.as_str())
    .bind(&caller.account)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(revoked) = revoked {
        let record = [id.as_str().to_owned()];
        vault.end_lists(&mut tx, Lists::Shares, &record).await?;
        sqlx::query("UPDATE spaces SET deleted_at = $1 WHERE id = $2")
            .bind(now)
            .bind(&revoked.space_id)
            .execute(&mut *tx)
            .await?;
        let both = [&revoked.recipient, &caller.account]
            .map(|person| Change::new(person, Kind::Revoked, id.as_str()));
        vault.record(tx, both.into()).await?;
    } else {
        drop(tx);
        vault
            .had(("shares", "sender"), &caller.account, &id)
            .await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
