//! What one account may have, checked in the transaction that writes it.

use super::state::Keystore;
use crate::http::error::{ApiError, Quota, Result};
use crate::quotas::Quotas;
use crate::store::columns::from_columns;
use crate::store::db::Tx;

from_columns! {
    /// What an account has, and its own quotas.
    struct Used {
        count: i64,
        bytes: i64,
        quotas: Option<String>,
    }
}

impl Keystore {
    async fn used(&self, tx: &mut Tx, sql: &'static str, account: &str) -> Result<(Used, Quotas)> {
        let used: Used = sqlx::query_as(sql)
            .bind(account)
            .fetch_one(&mut **tx)
            .await?;
        let quotas = self.quotas.of(used.quotas.as_deref());
        Ok((used, quotas))
    }

    /// After a connection key was stored.
    pub(super) async fn hold_keys(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let sql = "SELECT COUNT(*) AS count, CAST(0 AS BIGINT) AS bytes, \
                   (SELECT quotas FROM accounts WHERE id = $1) AS quotas FROM connection_keys WHERE account = $1";
        let (used, quotas) = self.used(tx, sql, account).await?;
        match used.count <= quotas.connection_keys {
            true => Ok(()),
            false => Err(ApiError::quota_exceeded(Quota::ConnectionKeys)),
        }
    }

    /// What the account may have yet.
    pub(super) async fn spaces_left(&self, tx: &mut Tx, sender: &str) -> Result<Left> {
        let sql = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(sent_size), 0) AS BIGINT) AS bytes, \
                   (SELECT quotas FROM accounts WHERE id = $1) AS quotas \
                   FROM spaces WHERE sender = $1 AND deleted_at IS NULL";
        let (used, quotas) = self.used(tx, sql, sender).await?;
        Ok(Left {
            spaces: quotas.spaces - used.count,
            bytes: quotas.bytes - used.bytes,
            quotas,
        })
    }
}

/// The size of a record, as its column has it.
pub(super) fn size_of(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Spaces, and the bytes of what their sender keeps of the shares, that an account may have yet.
pub(super) struct Left {
    spaces: i64,
    bytes: i64,
    pub(super) quotas: Quotas,
}

impl Left {
    /// Refuses what is more than is left. What takes nothing, or gives something back, is never too much.
    pub(super) fn check(&self, spaces: i64, bytes: i64) -> Result<()> {
        if spaces > 0 && spaces > self.spaces {
            Err(ApiError::quota_exceeded(Quota::Spaces))
        } else if bytes > 0 && bytes > self.bytes {
            Err(ApiError::quota_exceeded(Quota::Bytes))
        } else {
            Ok(())
        }
    }

    /// Takes what was written.
    pub(super) fn take(&mut self, spaces: i64, bytes: i64) {
        self.spaces -= spaces;
        self.bytes -= bytes;
    }
}
