//! Shares: one card for one person, as ciphertext, written once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::events::{Change, Kind};
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Result};
use crate::http::extract::{Input, PathId};
use crate::http::values::{Id, Jwe};

/// The largest share.
const SHARE: usize = 4 << 20;

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
    #[serde(deserialize_with = "Option::deserialize")]
    expires_at: Option<i64>,
    share: Jwe,
}

/// What became of each new share, in order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareResults {
    results: Vec<ShareResult>,
}

/// What became of one.
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
    Input(input): Input<NewShares>,
) -> Result<Json<ShareResults>> {
    if !(1..=200).contains(&input.shares.len()) {
        return Err(ApiError::bad_input("Send 1 to 200 shares at once."));
    }
    let mut results = Vec::with_capacity(input.shares.len());
    for share in input.shares {
        let (error, created_at) = match vault.share(&caller.account, &share).await {
            Ok(created_at) => (None, Some(created_at)),
            Err(error) if error.code() == Code::ServerError => return Err(error),
            Err(error) => (Some(error.into_detail()), None),
        };
        results.push(ShareResult {
            id: share.id,
            error,
            created_at,
        });
    }
    Ok(Json(ShareResults { results }))
}

impl Vault {
    async fn share(&self, sender: &str, new: &NewShare) -> Result<i64> {
        let share = new.share.within(SHARE)?;
        let (id, space, now) = (
            new.id.of_version(7)?,
            new.space_id.of_version(7)?,
            self.clock.now(),
        );
        let mut tx = self.db.begin().await?;
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
        let space_made = sqlx::query(
            "INSERT INTO spaces (id, connection_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(space)
        .bind(new.connection_id.as_str())
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if space_made.rows_affected() == 1 {
            let share_made = sqlx::query(
                "INSERT INTO shares (id, connection_id, space_id, sender, recipient, share, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            )
            .bind(id)
            .bind(new.connection_id.as_str())
            .bind(space)
            .bind(sender)
            .bind(&recipient)
            .bind(share)
            .bind(now)
            .bind(new.expires_at)
            .execute(&mut *tx)
            .await?;
            if share_made.rows_affected() == 1 {
                let both = [&recipient, sender].map(|person| Change::new(person, Kind::Share, id));
                self.record(tx, both.into()).await?;
                return Ok(now);
            }
        }
        drop(tx);
        self.repeated_share(sender, new, share).await
    }

    /// When the stored share was made from the same bytes, the time of its making.
    async fn repeated_share(&self, sender: &str, new: &NewShare, share: &str) -> Result<i64> {
        let stored: Option<(String, String, String, Option<i64>, i64)> = sqlx::query_as(
            "SELECT connection_id, space_id, share, expires_at, created_at FROM shares \
             WHERE id = $1 AND sender = $2 AND deleted_at IS NULL",
        )
        .bind(new.id.as_str())
        .bind(sender)
        .fetch_optional(&self.db.read)
        .await?;
        let (connection, space, stored, expires_at, created_at) = stored.ok_or(Code::Conflict)?;
        let same = connection == new.connection_id.as_str()
            && space == new.space_id.as_str()
            && stored == share
            && expires_at == new.expires_at;
        if same {
            Ok(created_at)
        } else {
            Err(Code::Conflict.into())
        }
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
    let mut tx = vault.db.begin().await?;
    let deleted: Option<(String, String)> = sqlx::query_as(
        "UPDATE shares SET share = '', deleted_at = $1 WHERE id = $2 AND sender = $3 AND deleted_at IS NULL \
         RETURNING recipient, space_id",
    )
    .bind(now)
    .bind(id.as_str())
    .bind(&caller.account)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some((recipient, space)) = deleted {
        sqlx::query("UPDATE spaces SET deleted_at = $1 WHERE id = $2")
            .bind(now)
            .bind(space)
            .execute(&mut *tx)
            .await?;
        let both = [&recipient, &caller.account]
            .map(|person| Change::new(person, Kind::Revoked, id.as_str()));
        vault.record(tx, both.into()).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    drop(tx);
    let gone = sqlx::query("SELECT id FROM shares WHERE id = $1 AND sender = $2")
        .bind(id.as_str())
        .bind(&caller.account)
        .fetch_optional(&vault.db.read)
        .await?;
    if gone.is_some() {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NotFound.into())
    }
}
