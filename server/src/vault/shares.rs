//! Shares: one card for one person, as ciphertext.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::editions::check_edition;
use super::events::{Change, Kind};
use super::listings::{Lists, check_files, list_files, same_files};
use super::quotas::size_of;
use super::state::{Vault, VaultState};
use crate::http::error::{Code, ErrorBody, ErrorDetail, Result, of_item};
use crate::http::extract::{Input, PathId, check_writes, over_already};
use crate::http::limits::Rate;
use crate::http::sizes::{MAX_LIST_BYTES, MAX_SHARE_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::from_columns;
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
    let mut results = Vec::with_capacity(input.shares.len());
    for share in input.shares {
        let (created_at, error) = of_item(vault.make_share(&caller, &share).await)?;
        results.push(ShareResult {
            id: share.id,
            error,
            created_at,
        });
    }
    Ok(Json(ShareResults { results }))
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
    /// Makes one share with its space, and gives the time of its making. A repeat gives that of the first time.
    async fn make_share(&self, caller: &VaultCaller, new: &NewShare) -> Result<i64> {
        let sender = &*caller.account;
        let share = new.share.within(MAX_SHARE_BYTES)?;
        check_edition(new.edition)?;
        check_files(&new.files)?;
        let (id, space, now) = (
            new.id.of_version(7)?,
            new.space_id.of_version(7)?,
            self.clock.now(),
        );
        // A repeat is answered before its time is looked at.
        if new.expires_at.is_some_and(|end| end <= now) && !self.was_shared(sender, new).await? {
            return Err(over_already());
        }
        // Holds the account: its shares are counted one after another.
        let mut tx = self.begin_for(caller).await?;
        // A write that changes nothing, but holds the connection: it cannot end before the share is in.
        let recipient: Option<String> = sqlx::query_scalar(
            "UPDATE connections SET ended_at = NULL WHERE id = $1 AND (inviter = $2 OR invitee = $2) \
             AND ended_at IS NULL RETURNING CASE WHEN inviter = $2 THEN invitee ELSE inviter END",
        )
        .bind(new.connection_id.as_str())
        .bind(sender)
        .fetch_optional(&mut *tx)
        .await?;
        let recipient = recipient.ok_or(Code::NotFound)?;
        let space_row = NewRow::of("spaces")
            .key("id", space)
            .given("connection_id", new.connection_id.as_str())
            .made("created_at", now);
        let share_row = NewRow::of("shares")
            .key("id", id)
            .given("connection_id", new.connection_id.as_str())
            .given("space_id", space)
            .given("sender", sender)
            .given("edition", new.edition)
            .given("share", share)
            .given("expires_at", new.expires_at)
            .given("deleted_at", None::<i64>)
            .made("size", size_of(share))
            .made("recipient", &recipient)
            .made("created_at", now)
            .made("updated_at", now);
        if space_row.insert(&mut tx).await? && share_row.insert(&mut tx).await? {
            let list = (Lists::Shares, &new.id);
            list_files(&mut tx, sender, list, &new.files, now).await?;
            let connection = new.connection_id.as_str();
            self.hold_shares(&mut tx, sender, connection).await?;
            let rate = Rate::of_new("new shares", self.quotas.shares);
            self.limits.count(&rate, sender)?;
            let both = [&recipient, sender].map(|person| Change::new(person, Kind::Share, id));
            self.record(tx, both.into()).await?;
            return Ok(now);
        }
        // A space without its share is not left behind.
        tx.rollback().await?;
        let mut connection = self.db.read.acquire().await?;
        let before: Option<CreatedAt> = share_row.before(&mut connection).await?;
        let made = before.ok_or(Code::Conflict)?.created_at;
        same_files(&mut connection, Lists::Shares, id, &new.files, made).await
    }

    /// Whether the sender made a share of this id before.
    async fn was_shared(&self, sender: &str, new: &NewShare) -> Result<bool> {
        let found = sqlx::query("SELECT id FROM shares WHERE id = $1 AND sender = $2")
            .bind(new.id.as_str())
            .bind(sender)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(found.is_some())
    }
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
