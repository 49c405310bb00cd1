//! Erasing ciphertexts, mails, addresses, codes and events once their time is over.

use super::state::Vault;
use crate::clock::DAY;
use crate::http::error::{ApiError, Result};

/// Streams can be taken up again after an event that is no older.
const EVENTS_KEPT_MS: i64 = 30 * DAY;
/// So long after an invitation is over its inviter still sees which address it went to.
const ADDRESSES_KEPT_MS: i64 = 7 * DAY;
/// Captured mails are for tests and demonstrations.
const CAPTURED_MAILS_KEPT_MS: i64 = DAY;

impl Vault {
    /// Ciphertexts, addresses, mails that nobody waits for, codes and old events go. The rows of shares and invitations
    /// stay, so that who asks for them is told that they are over.
    pub(super) async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        for (sql, time) in [
            (
                "UPDATE shares SET share = '' WHERE share <> '' AND expires_at <= $1",
                now,
            ),
            (
                "UPDATE invitations SET state = 'expired' WHERE state = 'pending' AND expires_at <= $1",
                now,
            ),
            (
                "UPDATE invitations SET email = NULL WHERE email IS NOT NULL AND over_at <= $1",
                now - ADDRESSES_KEPT_MS,
            ),
            ("DELETE FROM codes WHERE expires_at <= $1", now),
            (
                "DELETE FROM events WHERE created_at < $1",
                now - EVENTS_KEPT_MS,
            ),
        ] {
            sqlx::query(sql).bind(time).execute(&self.db.write).await?;
        }
        self.forget_mails().await?;
        let forgotten = self
            .mailer
            .forget_captured(now - CAPTURED_MAILS_KEPT_MS)
            .await;
        forgotten.map_err(|error| ApiError::internal("captured mails stay", error))?;
        Ok(self.db.checkpoint().await?)
    }
}
