//! What one account may have, checked in the transaction that writes it.

use super::state::Keystore;
use crate::http::error::{ApiError, Quota, Result};
use crate::store::columns::from_columns;
use crate::store::db::Tx;

impl Keystore {
    /// After a connection key was stored.
    pub(super) async fn hold_keys(&self, tx: &mut Tx, account: &str) -> Result<()> {
        let keys: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM connection_keys WHERE account = $1")
                .bind(account)
                .fetch_one(&mut **tx)
                .await?;
        match keys <= self.quotas.connection_keys {
            true => Ok(()),
            false => Err(ApiError::quota_exceeded(Quota::ConnectionKeys)),
        }
    }

    /// What the account may have yet.
    pub(super) async fn spaces_left(&self, tx: &mut Tx, sender: &str) -> Result<Left> {
        let used: Left = sqlx::query_as(
            "SELECT COUNT(*) AS spaces, CAST(COALESCE(SUM(sent_size), 0) AS BIGINT) AS bytes \
             FROM spaces WHERE sender = $1 AND deleted_at IS NULL",
        )
        .bind(sender)
        .fetch_one(&mut **tx)
        .await?;
        Ok(Left {
            spaces: self.quotas.spaces - used.spaces,
            bytes: self.quotas.bytes - used.bytes,
        })
    }
}

/// The size of a record, as its column has it.
pub(super) fn size_of(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

from_columns! {
    /// Spaces, and the bytes of what their sender keeps of the shares.
    pub(super) struct Left {
        spaces: i64,
        bytes: i64,
    }
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
