//! New editions of shares: the same share for the same person, with another content.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::events::{Change, Kind};
use super::listings::{Lists, check_files, list_files, lists_these};
use super::quotas::{SharesLeft, size_of};
use super::share_reads::SHOWN;
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Result, of_item};
use crate::http::extract::{Input, check_writes, over_already};
use crate::http::sizes::{MAX_LIST_BYTES, MAX_SHARE_BYTES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::from_columns;
use crate::store::db::Tx;

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
    /// Writes new editions in one transaction. One that fails does so alone.
    pub(super) async fn renew_all(
        &self,
        of: &Editions,
        caller: &VaultCaller,
        input: NewEditions,
    ) -> Result<EditionResults> {
        check_writes("editions", input.editions.iter().map(|new| &new.id))?;
        let account = &*caller.account;
        let (mut results, mut changes) = (Vec::with_capacity(input.editions.len()), Vec::new());
        // Holds the account: its editions are weighed one after another.
        let mut tx = self.begin_for(caller).await?;
        let mut left = self.shares_left(&mut tx, account).await?;
        for new in input.editions {
            tx.mark().await?;
            let renewed = self.renew(&mut tx, of, account, &new, &mut left).await;
            tx.settle(renewed.is_ok()).await?;
            let (renewed, error) = of_item(renewed)?;
            if let Some(Renewed::Now { reader, .. }) = &renewed {
                let told = reader.iter().map(String::as_str).chain([account]);
                let change = |person| Change::new(person, of.kind, new.id.as_str());
                changes.extend(told.map(change));
            }
            results.push(EditionResult {
                id: new.id,
                error,
                updated_at: renewed.map(Renewed::at),
            });
        }
        match changes.is_empty() {
            true => tx.rollback().await?,
            false => self.record(tx, changes).await?,
        }
        Ok(EditionResults { results })
    }

    /// Writes one new edition. A repeat is told the time of the first one.
    async fn renew(
        &self,
        tx: &mut Tx,
        of: &Editions,
        account: &str,
        new: &NewEdition,
        left: &mut SharesLeft,
    ) -> Result<Renewed> {
        let (share, at) = (new.check()?, self.clock.now());
        (of.check_end)(new.expires_at, at)?;
        if new.expires_at.is_none_or(|end| end > at) {
            let before = of.bytes(tx, account, &new.id).await?;
            if let Some(reader) = of.write(tx, account, new, at).await? {
                list_files(tx, account, (of.lists, &new.id), &new.files, at).await?;
                let more = size_of(share) - before;
                left.check(0, more)?;
                left.take(0, more);
                return Ok(Renewed::Now { at, reader });
            }
        }
        let stored = of.stored(tx, account, new).await?;
        let at = stored.was_written(new, at)?;
        Ok(Renewed::Before { at })
    }
}

/// The outcome of writing an edition, with the time at which it was written.
enum Renewed {
    /// Who reads the share is told, if anybody is.
    Now {
        at: i64,
        reader: Option<String>,
    },
    Before {
        at: i64,
    },
}

impl Renewed {
    fn at(self) -> i64 {
        match self {
            Self::Now { at, .. } | Self::Before { at } => at,
        }
    }
}

impl Editions {
    /// The bytes of the stored ciphertext.
    async fn bytes(&self, tx: &mut Tx, account: &str, id: &Id) -> Result<i64> {
        let Self { table, owner, .. } = self;
        let sql = format!("SELECT size FROM {table} WHERE id = $1 AND {owner} = $2");
        let bytes: Option<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(id.as_str())
            .bind(account)
            .fetch_optional(&mut **tx)
            .await?;
        Ok(bytes.unwrap_or_default())
    }

    /// Writes an edition if the stored one is that which it replaces, and gives the column of its reader.
    async fn write(
        &self,
        tx: &mut Tx,
        account: &str,
        new: &NewEdition,
        now: i64,
    ) -> Result<Option<Option<String>>> {
        let share = new.share.within(MAX_SHARE_BYTES)?;
        let Self {
            table,
            owner,
            reader,
            size,
            shown,
            ..
        } = self;
        let sql = format!(
            "UPDATE {table} SET share = $1, size = $2, edition = $3, updated_at = $4, expires_at = $5 \
             WHERE id = $6 AND {owner} = $7 AND edition = $8 AND {size} > 0 \
             AND (expires_at IS NULL OR expires_at > $4) AND {shown} RETURNING {reader}"
        );
        let reader = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(share)
            .bind(size_of(share))
            .bind(new.edition)
            .bind(now)
            .bind(new.expires_at)
            .bind(new.id.as_str())
            .bind(account)
            .bind(new.replaces);
        Ok(reader.fetch_optional(&mut **tx).await?)
    }

    /// The stored edition, beside a new one that does not replace it.
    async fn stored(&self, tx: &mut Tx, account: &str, new: &NewEdition) -> Result<StoredEdition> {
        let Self {
            table,
            owner,
            size,
            shown,
            ..
        } = self;
        let sql = format!(
            "SELECT edition, {size} AS size, expires_at, updated_at, CASE WHEN share = $3 THEN 1 ELSE 0 END AS is_same \
             FROM {table} WHERE id = $1 AND {owner} = $2 AND {shown}"
        );
        let stored: Option<StoredEdition> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(new.id.as_str())
            .bind(account)
            .bind(new.share.within(MAX_SHARE_BYTES)?)
            .fetch_optional(&mut **tx)
            .await?;
        let mut stored = stored.ok_or(Code::NotFound)?;
        if !lists_these(tx, self.lists, new.id.as_str(), &new.files).await? {
            stored.is_same = 0;
        }
        Ok(stored)
    }
}
