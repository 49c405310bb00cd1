//! What one account may have. Each check follows the write that it judges, in the same transaction: a write that was made
//! before and is repeated is none, and what is refused is taken back. Where one transaction writes several things, what there
//! is is counted once.

use super::state::Vault;
use crate::http::error::{ApiError, Quota, Result};
use crate::store::columns::from_columns;
use crate::store::db::Tx;

from_columns! {
    /// Rows, and the bytes of their ciphertexts.
    struct Used {
        count: i64,
        bytes: i64,
    }
}

/// The size of a ciphertext, as its column has it.
pub(super) fn size_of(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Refuses what is more than there may be.
fn hold(quota: Quota, used: i64, most: i64) -> Result<()> {
    match used <= most {
        true => Ok(()),
        false => Err(ApiError::quota_exceeded(quota)),
    }
}

/// The number that a statement gives for an account.
async fn count(tx: &mut Tx, sql: &'static str, account: &str) -> Result<i64> {
    let count = sqlx::query_scalar(sql).bind(account);
    Ok(count.fetch_one(&mut **tx).await?)
}

async fn used(tx: &mut Tx, sql: &'static str, account: &str) -> Result<Used> {
    let used = sqlx::query_as(sql).bind(account);
    Ok(used.fetch_one(&mut **tx).await?)
}

async fn cards(tx: &mut Tx, account: &str) -> Result<Used> {
    let sql = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes \
               FROM cards WHERE account = $1 AND deleted_at IS NULL";
    used(tx, sql, account).await
}

/// Links are shares, too.
async fn shares(tx: &mut Tx, account: &str) -> Result<Used> {
    let sql = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes FROM \
               (SELECT size FROM shares WHERE sender = $1 AND size > 0 \
               UNION ALL SELECT size FROM links WHERE account = $1 AND size > 0) AS sent";
    used(tx, sql, account).await
}

impl Vault {
    /// After a card was written.
    pub(super) async fn hold_cards(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let (cards, shares) = (cards(tx, account).await?, shares(tx, account).await?);
        hold(Quota::Cards, cards.count, self.quotas.cards)?;
        hold(Quota::Bytes, cards.bytes + shares.bytes, self.quotas.bytes)
    }

    /// What a sender may have yet, for a transaction that makes several shares, or gives them other contents.
    pub(super) async fn shares_left(&self, tx: &mut Tx, sender: &str) -> Result<SharesLeft> {
        let (cards, shares) = (cards(tx, sender).await?, shares(tx, sender).await?);
        Ok(SharesLeft {
            shares: self.quotas.shares - shares.count,
            bytes: self.quotas.bytes - cards.bytes - shares.bytes,
        })
    }

    /// After a link was made.
    pub(super) async fn hold_links(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let shares = shares(tx, account).await?;
        hold(Quota::Shares, shares.count, self.quotas.shares)?;
        let bytes = cards(tx, account).await?.bytes + shares.bytes;
        hold(Quota::Bytes, bytes, self.quotas.bytes)
    }

    /// After an upload was begun.
    pub(super) async fn hold_files(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let sql = "SELECT COUNT(*) FROM files WHERE account = $1 AND deleted_at IS NULL AND digest IS NULL";
        hold(
            Quota::Uploads,
            count(tx, sql, account).await?,
            self.quotas.uploads,
        )?;
        let sql = "SELECT COUNT(*) FROM files WHERE account = $1 AND deleted_at IS NULL";
        hold(
            Quota::Files,
            count(tx, sql, account).await?,
            self.quotas.files,
        )
    }

    /// After a part of a file was stored.
    pub(super) async fn hold_file_bytes(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let sql = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM files WHERE account = $1 AND deleted_at IS NULL";
        let bytes = count(tx, sql, account).await?;
        hold(Quota::FileBytes, bytes, self.quotas.file_bytes)
    }

    /// After an invitation was made. Each may become a connection, so that it needs room for one.
    pub(super) async fn hold_invitations(&self, tx: &mut Tx, inviter: &str) -> Result<()> {
        let sql = "SELECT COUNT(*) FROM invitations WHERE inviter = $1 AND state = 'pending'";
        let pending = count(tx, sql, inviter).await?;
        hold(Quota::Invitations, pending, self.quotas.invitations)?;
        let active = active(tx, inviter).await?;
        hold(Quota::Connections, active + 1, self.quotas.connections)
    }

    /// After somebody accepted.
    pub(super) async fn hold_connections(&self, tx: &mut Tx, invitee: &str) -> Result<()> {
        let active = active(tx, invitee).await?;
        hold(Quota::Connections, active, self.quotas.connections)
    }

    /// After a key was published.
    pub(super) async fn hold_keys(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let sql = "SELECT COUNT(*) FROM public_keys WHERE account = $1";
        let keys = count(tx, sql, account).await?;
        hold(Quota::ConnectionKeys, keys, self.quotas.connection_keys)
    }
}

/// Shares, and bytes of ciphertexts, that an account may have yet.
pub(super) struct SharesLeft {
    shares: i64,
    bytes: i64,
}

impl SharesLeft {
    /// Refuses what is more than is left. What takes nothing, or gives something back, is never too much.
    pub(super) fn check(&self, shares: i64, bytes: i64) -> Result<()> {
        if shares > 0 && shares > self.shares {
            Err(ApiError::quota_exceeded(Quota::Shares))
        } else if bytes > 0 && bytes > self.bytes {
            Err(ApiError::quota_exceeded(Quota::Bytes))
        } else {
            Ok(())
        }
    }

    /// Takes what was written.
    pub(super) fn take(&mut self, shares: i64, bytes: i64) {
        self.shares -= shares;
        self.bytes -= bytes;
    }
}

/// The account's active connections.
async fn active(tx: &mut Tx, account: &str) -> Result<i64> {
    let sql = "SELECT (SELECT COUNT(*) FROM connections WHERE inviter = $1 AND ended_at IS NULL) \
               + (SELECT COUNT(*) FROM connections WHERE invitee = $1 AND ended_at IS NULL)";
    count(tx, sql, account).await
}
