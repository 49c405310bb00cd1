//! Changes of encryption spaces: what the sender keeps of a share, and the recipient's own copy of its key.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::KeystoreCaller;
use super::quotas::{Left, size_of};
use super::spaces::{Changing, SpaceResult, SpaceResults};
use super::state::{Keystore, KeystoreState};
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Input, check_writes, over_already};
use crate::http::sizes::{MAX_LIST_BYTES, MAX_SENT_BYTES, MAX_SPACE_KEY_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::db::Tx;

/// New records of several shares.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpaceUpdates {
    spaces: Vec<SpaceUpdate>,
}

/// A new record of a share, the version that it replaces, and the new end of the space.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SpaceUpdate {
    id: Id,
    version: i64,
    sent: Jwe,
    #[serde(deserialize_with = "Option::deserialize")]
    expires_at: Option<i64>,
}

/// The recipient's own copies in several spaces.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClaims {
    claims: Vec<NewClaim>,
}

/// The recipient's own copy.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClaim {
    id: Id,
    claim: Jwe,
}

/// Replaces the sender's records of shares, each if the stored version is still the one that the caller saw.
#[utoipa::path(
    put, path = "/spaces", request_body = SpaceUpdates,
    responses((status = 200, body = SpaceResults), (status = "default", body = ErrorBody)),
)]
pub(super) async fn update(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<SpaceUpdates, MAX_LIST_BYTES>,
) -> Result<Json<SpaceResults>> {
    check_writes("spaces", input.spaces.iter().map(|space| &space.id))?;
    let mut results = Vec::with_capacity(input.spaces.len());
    let mut tx = keystore.begin_for(&caller).await?;
    let mut left = keystore.spaces_left(&mut tx, &caller.account).await?;
    for space in input.spaces {
        let outcome = keystore
            .replace_sent(&mut tx, &caller.account, &space, &mut left)
            .await;
        results.push(SpaceResult::of(space.id, outcome)?);
    }
    tx.commit().await?;
    Ok(Json(SpaceResults { results }))
}

impl Keystore {
    /// Replaces one record, or finds that it was replaced before by the same bytes.
    async fn replace_sent(
        &self,
        tx: &mut Tx,
        sender: &str,
        new: &SpaceUpdate,
        left: &mut Left,
    ) -> Result<()> {
        let (sent, now) = (new.sent.within(MAX_SENT_BYTES)?, self.clock.now());
        let stored: Option<Changing> = sqlx::query_as(
            "SELECT sent, sent_version, sent_size, expires_at, live FROM spaces \
             WHERE id = $1 AND sender = $2 AND deleted_at IS NULL",
        )
        .bind(new.id.as_str())
        .bind(sender)
        .fetch_optional(&mut **tx)
        .await?;
        let stored = stored.ok_or(Code::NotFound)?;
        let is_written = Some(stored.sent_version) == new.version.checked_add(1)
            && stored.sent.as_deref() == Some(sent)
            && stored.expires_at == new.expires_at;
        if is_written {
            return Ok(());
        }
        if stored.is_over(now) {
            return Err(Code::ShareExpired.into());
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(over_already());
        }
        let more = size_of(sent) - stored.sent_size;
        if stored.sent_version == new.version {
            left.check(0, more)?;
            if write(tx, sender, new, now).await? {
                left.take(0, more);
                return Ok(());
            }
        }
        Err(Code::Conflict.into())
    }
}

/// Writes one record, if the version fits and the space is not over, and tells whether it did.
async fn write(tx: &mut Tx, sender: &str, new: &SpaceUpdate, now: i64) -> Result<bool> {
    let sent = new.sent.within(MAX_SENT_BYTES)?;
    let done = sqlx::query(
        "UPDATE spaces SET sent = $1, sent_size = $7, sent_version = sent_version + 1, expires_at = $2 \
         WHERE id = $3 AND sender = $4 AND sent_version = $5 AND deleted_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $6)",
    )
    .bind(sent)
    .bind(new.expires_at)
    .bind(new.id.as_str())
    .bind(sender)
    .bind(new.version)
    .bind(now)
    .bind(size_of(sent))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores the recipient's own copies, each in place of the one before. All that are right hold the same key.
#[utoipa::path(
    put, path = "/spaces/claims", request_body = NewClaims,
    responses((status = 200, body = SpaceResults), (status = "default", body = ErrorBody)),
)]
pub(super) async fn claim(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<NewClaims, MAX_LIST_BYTES>,
) -> Result<Json<SpaceResults>> {
    check_writes("claims", input.claims.iter().map(|claim| &claim.id))?;
    let (now, mut results) = (keystore.clock.now(), Vec::with_capacity(input.claims.len()));
    let mut tx = keystore.begin_for(&caller).await?;
    for claim in input.claims {
        let outcome = store_claim(&mut tx, &caller.account, &claim, now).await;
        results.push(SpaceResult::of(claim.id, outcome)?);
    }
    tx.commit().await?;
    Ok(Json(SpaceResults { results }))
}

async fn store_claim(tx: &mut Tx, recipient: &str, new: &NewClaim, now: i64) -> Result<()> {
    let found = sqlx::query(
        "UPDATE spaces SET claim = $1, claimed_at = COALESCE(claimed_at, $2) WHERE id = $3 \
         AND recipient = $4 AND peer <> '' AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(new.claim.within(MAX_SPACE_KEY_BYTES)?)
    .bind(now)
    .bind(new.id.as_str())
    .bind(recipient)
    .execute(&mut **tx)
    .await?;
    match found.rows_affected() {
        1 => Ok(()),
        _ => Err(Code::NotFound.into()),
    }
}
