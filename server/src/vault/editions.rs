//! New editions of shares: the same share for the same person, with another content.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::events::{Change, Kind};
use super::listings::{Lists, check_files, list_files, lists_these};
use super::quotas::size_of;
use super::share_reads::SHOWN;
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Result, of_item};
use crate::http::extract::{Input, check_writes, over_already};
use crate::http::sizes::{MAX_LIST_BYTES, MAX_SHARE_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::from_columns;

/// The largest number of an edition, which JavaScript can count to.
const MAX_EDITION: i64 = (1 << 53) - 1;

const SHARES: Editions = Editions {
    table: "shares",
    owner: "sender",
    reader: "recipient",
    size: "size",
    shown: SHOWN,
    check_end: |_, _| Ok(()),
    kind: Kind::Updated,
    lists: Lists::Shares,
};

/// New editions of several shares.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEditions {
    editions: Vec<NewEdition>,
}

/// A new edition of a share, the one that it replaces, and the share's new end.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewEdition {
    id: Id,
    replaces: i64,
    edition: i64,
    #[serde(deserialize_with = "Option::deserialize")]
    expires_at: Option<i64>,
    share: Jwe,
    /// Its files, in place of those of before.
    #[serde(default)]
    files: Vec<Id>,
}

/// The outcomes of new editions, in order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditionResults {
    results: Vec<EditionResult>,
}

/// The outcome of one new edition.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EditionResult {
    id: Id,
    error: Option<ErrorDetail>,
    updated_at: Option<i64>,
}

/// Records that get new editions: what their table calls things, and what is allowed and told.
pub(super) struct Editions {
    pub(super) table: &'static str,
    /// The column of the account that writes.
    pub(super) owner: &'static str,
    /// The column of the account that is told of it beside the owner, or `NULL`.
    pub(super) reader: &'static str,
    /// The bytes of the ciphertext: 0 once the record is over.
    pub(super) size: &'static str,
    /// The records that are there.
    pub(super) shown: &'static str,
    /// Refuses an end that a new edition may not bring, at this time.
    pub(super) check_end: fn(Option<i64>, i64) -> Result<()>,
    pub(super) kind: Kind,
    pub(super) lists: Lists,
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
    fn check(&self) -> Result<&str> {
        check_edition(self.replaces)?;
        check_edition(self.edition)?;
        check_files(&self.files)?;
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
    struct StoredEdition {
        edition: i64,
        size: i64,
        expires_at: Option<i64>,
        updated_at: i64,
        is_same: i64,
    }
}

impl StoredEdition {
    /// The time of the write, if the same was written before; else the reason why it is not written.
    fn was_written(&self, new: &NewEdition, now: i64) -> Result<i64> {
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
    Input(input): Input<NewEditions, MAX_LIST_BYTES>,
) -> Result<Json<EditionResults>> {
    vault.renew_all(&SHARES, &caller, input).await.map(Json)
}

impl Vault {
    /// Writes new editions, each by itself.
    pub(super) async fn renew_all(
        &self,
        of: &Editions,
        caller: &VaultCaller,
        input: NewEditions,
    ) -> Result<EditionResults> {
        check_writes("editions", input.editions.iter().map(|new| &new.id))?;
        let mut results = Vec::with_capacity(input.editions.len());
        for new in input.editions {
            let (updated_at, error) = of_item(self.renew(of, caller, &new).await)?;
            results.push(EditionResult {
                id: new.id,
                error,
                updated_at,
            });
        }
        Ok(EditionResults { results })
    }

    /// Writes one new edition, and gives the time. A repeat gives that of the first time.
    async fn renew(&self, of: &Editions, caller: &VaultCaller, new: &NewEdition) -> Result<i64> {
        let (share, now) = (new.check()?, self.clock.now());
        let account = &*caller.account;
        (of.check_end)(new.expires_at, now)?;
        let Editions {
            table,
            owner,
            reader,
            size,
            shown,
            ..
        } = of;
        if new.expires_at.is_none_or(|end| end > now) {
            let sql = format!(
                "UPDATE {table} SET share = $1, size = $2, edition = $3, updated_at = $4, expires_at = $5 \
                 WHERE id = $6 AND {owner} = $7 AND edition = $8 AND {size} > 0 \
                 AND (expires_at IS NULL OR expires_at > $4) AND {shown} RETURNING {reader}"
            );
            // Holds the account: its editions are weighed one after another.
            let mut tx = self.begin_for(caller).await?;
            let reader: Option<Option<String>> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(share)
                .bind(size_of(share))
                .bind(new.edition)
                .bind(now)
                .bind(new.expires_at)
                .bind(new.id.as_str())
                .bind(account)
                .bind(new.replaces)
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(reader) = reader {
                let list = (of.lists, &new.id);
                list_files(&mut tx, account, list, &new.files, now).await?;
                self.hold_bytes(&mut tx, account).await?;
                let told = reader.iter().map(String::as_str).chain([account]);
                let change = |person| Change::new(person, of.kind, new.id.as_str());
                self.record(tx, told.map(change).collect()).await?;
                return Ok(now);
            }
            tx.rollback().await?;
        }
        self.renewed(of, account, new, now).await
    }

    /// The time of an edition that was written before from the same values; else the reason why this one is not written.
    async fn renewed(
        &self,
        of: &Editions,
        account: &str,
        new: &NewEdition,
        now: i64,
    ) -> Result<i64> {
        let Editions {
            table,
            owner,
            size,
            shown,
            ..
        } = of;
        let sql = format!(
            "SELECT edition, {size} AS size, expires_at, updated_at, CASE WHEN share = $3 THEN 1 ELSE 0 END AS is_same \
             FROM {table} WHERE id = $1 AND {owner} = $2 AND {shown}"
        );
        let stored: Option<StoredEdition> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(new.id.as_str())
            .bind(account)
            .bind(new.share.within(MAX_SHARE_BYTES)?)
            .fetch_optional(&self.db.read)
            .await?;
        let mut stored = stored.ok_or(Code::NotFound)?;
        let mut connection = self.db.read.acquire().await?;
        let id = new.id.as_str();
        if !lists_these(&mut connection, of.lists, id, &new.files).await? {
            stored.is_same = 0;
        }
        stored.was_written(new, now)
    }
}
