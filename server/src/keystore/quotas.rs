//! What one account may have, checked in the transaction that writes it.

use super::state::Keystore;
use crate::http::error::{ApiError, Quota, Result};
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

    /// How many spaces the account may make yet.
    pub(super) async fn spaces_left(&self, tx: &mut Tx, sender: &str) -> Result<i64> {
        let spaces: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM spaces WHERE sender = $1 AND deleted_at IS NULL",
        )
        .bind(sender)
        .fetch_one(&mut **tx)
        .await?;
        Ok(self.quotas.spaces - spaces)
    }
}
