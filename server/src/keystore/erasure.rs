//! Erasing what has run out or was deleted, in pieces: each is a statement of its own, between which others write. What a cut
//! leaves of an account is marked `to_erase`, and goes with the next sweep.

use sqlx::AssertSqlSafe;

use super::spaces::ERASED;
use super::state::Keystore;
use crate::http::error::Result;

/// The turns of what is erased beside the requests.
pub(super) const ERASING: &str = "erasing";

impl Keystore {
    /// Erases what the deletion of accounts has left.
    pub(super) async fn erase_the_rest(&self) -> Result<()> {
        let sql = "SELECT id FROM accounts WHERE to_erase = 1";
        let accounts: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.db.read).await?;
        for account in accounts {
            self.erase_account(&account, ERASING).await?;
        }
        Ok(())
    }

    /// Erases everything that a deleted account keeps beside its row.
    pub(super) async fn erase_account(&self, account: &str, turns_of: &str) -> Result<()> {
        let sent = format!(
            "UPDATE spaces SET {ERASED}, deleted_at = \
             (SELECT deleted_at FROM accounts WHERE accounts.id = $1) WHERE id IN \
             (SELECT id FROM spaces WHERE sender = $1 AND deleted_at IS NULL LIMIT 500)"
        );
        for sql in [
            "DELETE FROM connection_keys WHERE account = $1 AND id IN \
             (SELECT id FROM connection_keys WHERE account = $1 LIMIT 500)",
            "UPDATE spaces SET peer = '', claim = NULL WHERE id IN \
             (SELECT id FROM spaces WHERE recipient = $1 AND peer <> '' LIMIT 500)",
            &sent,
        ] {
            self.db
                .in_pieces(turns_of, || sqlx::query(AssertSqlSafe(sql)).bind(account))
                .await?;
        }
        sqlx::query("UPDATE accounts SET to_erase = 0 WHERE id = $1")
            .bind(account)
            .execute(&mut *self.db.writer_as(turns_of).await?)
            .await?;
        Ok(())
    }

    /// Whether something is left to erase of this account.
    pub(super) async fn is_to_erase(&self, account: &str) -> Result<bool> {
        let found = sqlx::query("SELECT id FROM accounts WHERE id = $1 AND to_erase = 1")
            .bind(account)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(found.is_some())
    }
}
