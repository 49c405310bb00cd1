//! New editions of shares: the same share for the same person, with another content.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::events::{Change, Kind};
use super::quotas::size_of;
use super::share_reads::NOT_ENDED;
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Result};
use crate::http::extract::{Input, check_writes, over_already};
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_LIST_BYTES, MAX_SHARE_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::from_columns;

/// The largest number of an edition, which JavaScript can count to.
const MAX_EDITION: i64 = (1 << 53) - 1;

/// New editions of several shares.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEditions {
    pub(super) editions: Vec<NewEdition>,
}

/// A new edition of a share, the one that it replaces, and the share's new end.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewEdition {
    pub(super) id: Id,
    pub(super) replaces: i64,
    pub(super) edition: i64,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) expires_at: Option<i64>,
    pub(super) share: Jwe,
}

/// The outcomes of new editions, in order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditionResults {
    pub(super) results: Vec<EditionResult>,
}

/// The outcome of one new edition.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EditionResult {
    id: Id,
    error: Option<ErrorDetail>,
    updated_at: Option<i64>,
}

impl EditionResult {
    /// The outcome, unless the server failed.
    pub(super) fn of(id: Id, outcome: Result<i64>) -> Result<Self> {
        let (error, updated_at) = match outcome {
            Ok(updated_at) => (None, Some(updated_at)),
            Err(error) if error.code() == Code::ServerError => return Err(error),
            Err(error) => (Some(error.into_detail()), None),
        };
        Ok(Self {
            id,
            error,
            updated_at,
        })
    }
}

/// Refuses what is no number of an edition.
pub(super) fn check_edition(edition: i64) -> Result<()> {
    match (1..=MAX_EDITION).contains(&edition) {
        true => Ok(()),
        false => Err(ApiError::bad_input(
            "Count editions from 1 on, up to 2^53 − 1.",
        )),
    }
}

impl NewEdition {
    /// The ciphertext, if the edition may follow the one that it replaces.
    pub(super) fn check(&self) -> Result<&str> {
        check_edition(self.replaces)?;
        check_edition(self.edition)?;
        if self.edition <= self.replaces {
            return Err(ApiError::bad_input(
                "Give the edition a higher number than the one that it replaces.",
            ));
        }
        self.share.within(MAX_SHARE_BYTES)
    }
}

from_columns! {
    /// A share whose stored edition is not the one that a new one replaces.
    pub(super) struct StoredEdition {
        edition: i64,
        size: i64,
        expires_at: Option<i64>,
        updated_at: i64,
        is_same: i64,
    }
}

impl StoredEdition {
    /// The time of the write, if the same was written before; else the reason why it is not written.
    pub(super) fn was_written(&self, new: &NewEdition, now: i64) -> Result<i64> {
        let is_over = |end: Option<i64>| end.is_some_and(|end| end <= now);
        if self.is_same != 0 && self.edition == new.edition && self.expires_at == new.expires_at {
            Ok(self.updated_at)
        } else if self.size == 0 || is_over(self.expires_at) {
            Err(Code::ShareExpired.into())
        } else if is_over(new.expires_at) {
            Err(over_already())
        } else {
            Err(Code::Conflict.into())
        }
    }
}

/// Replaces the contents of shares, each by itself, if the stored edition is still the one that the caller saw.
#[utoipa::path(
    put, path = "/shares", request_body = NewEditions,
    responses((status = 200, body = EditionResults), (status = "default", body = ErrorBody)),
)]
pub(super) async fn update(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom<MAX_LIST_BYTES>,
    Input(input): Input<NewEditions>,
) -> Result<Json<EditionResults>> {
    check_writes("editions", input.editions.iter().map(|new| &new.id))?;
    let mut results = Vec::with_capacity(input.editions.len());
    for new in input.editions {
        let outcome = vault.renew(&caller.account, &new).await;
        results.push(EditionResult::of(new.id, outcome)?);
    }
    Ok(Json(EditionResults { results }))
}

impl Vault {
    /// Replaces the content of one share, and gives the time. A repeat gives that of the first time.
    async fn renew(&self, sender: &str, new: &NewEdition) -> Result<i64> {
        let (share, now) = (new.check()?, self.clock.now());
        if new.expires_at.is_none_or(|end| end > now) {
            let sql = format!(
                "UPDATE shares SET share = $1, size = $2, edition = $3, updated_at = $4, expires_at = $5 \
                 WHERE id = $6 AND sender = $7 AND edition = $8 AND deleted_at IS NULL AND size > 0 \
                 AND (expires_at IS NULL OR expires_at > $4) AND {NOT_ENDED} RETURNING recipient"
            );
            let mut tx = self.db.begin_as(sender).await?;
            let recipient: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(share)
                .bind(size_of(share))
                .bind(new.edition)
                .bind(now)
                .bind(new.expires_at)
                .bind(new.id.as_str())
                .bind(sender)
                .bind(new.replaces)
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(recipient) = recipient {
                self.hold_bytes(&mut tx, sender).await?;
                let both = [&recipient, sender]
                    .map(|person| Change::new(person, Kind::Updated, new.id.as_str()));
                self.record(tx, both.into()).await?;
                return Ok(now);
            }
            tx.rollback().await?;
        }
        let sql = format!(
            "SELECT edition, size, expires_at, updated_at, CASE WHEN share = $3 THEN 1 ELSE 0 END AS is_same \
             FROM shares WHERE id = $1 AND sender = $2 AND deleted_at IS NULL AND {NOT_ENDED}"
        );
        let stored: Option<StoredEdition> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(new.id.as_str())
            .bind(sender)
            .bind(share)
            .fetch_optional(&self.db.read)
            .await?;
        stored.ok_or(Code::NotFound)?.was_written(new, now)
    }
}
