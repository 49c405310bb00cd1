//! What one account may have. Each check follows the write that it judges, in the same transaction: a write that was made
//! before and is repeated is none, and what is refused is taken back. Where one transaction writes several things, what there
//! is is counted once.

use sqlx::AssertSqlSafe;

use super::state::Vault;
use crate::http::error::{ApiError, Quota, Result};
use crate::quotas::Quotas;
use crate::store::columns::from_columns;
use crate::store::db::Tx;

from_columns! {
    /// The cards of an account and the shares that it sent, with the bytes of their ciphertexts, and the account's own quotas.
    struct Used {
        cards: i64,
        card_bytes: i64,
        shares: i64,
        share_bytes: i64,
        quotas: Option<String>,
    }
}

impl Used {
    fn bytes(&self) -> i64 {
        self.card_bytes + self.share_bytes
    }
}

/// Links are shares, too.
const USED: &str = "SELECT kept.count AS cards, kept.bytes AS card_bytes, sent.count AS shares, sent.bytes AS share_bytes, \
    (SELECT quotas FROM accounts WHERE id = $1) AS quotas FROM \
    (SELECT COUNT(*) AS count, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes \
    FROM cards WHERE account = $1 AND deleted_at IS NULL) AS kept, \
    (SELECT COUNT(*) AS count, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes FROM \
    (SELECT size FROM shares WHERE sender = $1 AND size > 0 \
    UNION ALL SELECT size FROM links WHERE account = $1 AND size > 0) AS sizes) AS sent";

from_columns! {
    /// What a statement counts, and the account's own quotas.
    struct Counted {
        count: i64,
        quotas: Option<String>,
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

impl Vault {
    async fn used(&self, tx: &mut Tx, account: &str) -> Result<(Used, Quotas)> {
        let used: Used = sqlx::query_as(USED)
            .bind(account)
            .fetch_one(&mut **tx)
            .await?;
        let quotas = self.quotas.of(used.quotas.as_deref());
        Ok((used, quotas))
    }

    /// What a statement counts for an account, and what the account may have.
    async fn count(&self, tx: &mut Tx, sql: &str, account: &str) -> Result<(i64, Quotas)> {
        let sql = format!(
            "SELECT ({sql}) AS count, (SELECT quotas FROM accounts WHERE id = $1) AS quotas"
        );
        let counted: Counted = sqlx::query_as(AssertSqlSafe(sql))
            .bind(account)
            .fetch_one(&mut **tx)
            .await?;
        let quotas = self.quotas.of(counted.quotas.as_deref());
        Ok((counted.count, quotas))
    }

    /// After a card was written.
    pub(super) async fn hold_cards(&self, tx: &mut Tx, account: &str) -> Result<Quotas> {
        let (used, quotas) = self.used(tx, account).await?;
        hold(Quota::Cards, used.cards, quotas.cards)?;
        hold(Quota::Bytes, used.bytes(), quotas.bytes)?;
        Ok(quotas)
    }

    /// What a sender may have yet, for a transaction that makes several shares, or gives them other contents.
    pub(super) async fn shares_left(&self, tx: &mut Tx, sender: &str) -> Result<SharesLeft> {
        let (used, quotas) = self.used(tx, sender).await?;
        Ok(SharesLeft {
            shares: quotas.shares - used.shares,
            bytes: quotas.bytes - used.bytes(),
            quotas,
        })
    }

    /// After a link was made.
    pub(super) async fn hold_links(&self, tx: &mut Tx, account: &str) -> Result<Quotas> {
        let (used, quotas) = self.used(tx, account).await?;
        hold(Quota::Shares, used.shares, quotas.shares)?;
        hold(Quota::Bytes, used.bytes(), quotas.bytes)?;
        Ok(quotas)
    }

    /// After an upload was begun.
    pub(super) async fn hold_files(&self, tx: &mut Tx, account: &str) -> Result<Quotas> {
        let sql = "SELECT COUNT(*) FROM files WHERE account = $1 AND deleted_at IS NULL AND digest IS NULL";
        let (uploads, quotas) = self.count(tx, sql, account).await?;
        hold(Quota::Uploads, uploads, quotas.uploads)?;
        let sql = "SELECT COUNT(*) FROM files WHERE account = $1 AND deleted_at IS NULL";
        let (files, quotas) = self.count(tx, sql, account).await?;
        hold(Quota::Files, files, quotas.files)?;
        Ok(quotas)
    }

    /// After a part of a file was stored.
    pub(super) async fn hold_file_bytes(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let sql = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM files WHERE account = $1 AND deleted_at IS NULL";
        let (bytes, quotas) = self.count(tx, sql, account).await?;
        hold(Quota::FileBytes, bytes, quotas.file_bytes)
    }

    /// After an invitation was made. Each may become a connection, so that it needs room for one.
    pub(super) async fn hold_invitations(&self, tx: &mut Tx, inviter: &str) -> Result<Quotas> {
        let sql = "SELECT COUNT(*) FROM invitations WHERE inviter = $1 AND state = 'pending'";
        let (pending, quotas) = self.count(tx, sql, inviter).await?;
        hold(Quota::Invitations, pending, quotas.invitations)?;
        let (active, quotas) = self.count(tx, ACTIVE, inviter).await?;
        hold(Quota::Connections, active + 1, quotas.connections)?;
        Ok(quotas)
    }

    /// After somebody accepted.
    pub(super) async fn hold_connections(&self, tx: &mut Tx, invitee: &str) -> Result<()> {
        let (active, quotas) = self.count(tx, ACTIVE, invitee).await?;
        hold(Quota::Connections, active, quotas.connections)
    }

    /// After a key was published.
    pub(super) async fn hold_keys(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let sql = "SELECT COUNT(*) FROM public_keys WHERE account = $1";
        let (keys, quotas) = self.count(tx, sql, account).await?;
        hold(Quota::ConnectionKeys, keys, quotas.connection_keys)
    }
}

/// The account's active connections.
const ACTIVE: &str = "(SELECT COUNT(*) FROM connections WHERE inviter = $1 AND ended_at IS NULL) \
    + (SELECT COUNT(*) FROM connections WHERE invitee = $1 AND ended_at IS NULL)";

/// Shares, and bytes of ciphertexts, that an account may have yet.
pub(super) struct SharesLeft {
    shares: i64,
    bytes: i64,
    pub(super) quotas: Quotas,
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
