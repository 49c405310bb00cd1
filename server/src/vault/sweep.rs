//! Erasing ciphertexts, tokens and events once their time is over.

use super::erasure::ERASING;
use super::state::Vault;
use crate::clock::DAY;
use crate::http::error::Result;

/// Streams can be taken up again after an event that is no older.
const EVENTS_KEPT_MS: i64 = 30 * DAY;

impl Vault {
    /// Ciphertexts, the tokens of mails and old events go. The rows of shares and invitations stay, so that who asks
    /// for them is told that they are over.
    pub(super) async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        self.erase_the_rest().await?;
        self.erase_expired(now).await?;
        for (sql, time) in [
            (
                "UPDATE invitations SET state = 'expired' WHERE id IN (SELECT id FROM invitations \
                 WHERE state = 'pending' AND expires_at <= $1 LIMIT 500)",
                now,
            ),
            (
                "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE created_at < $1 LIMIT 500)",
                now - EVENTS_KEPT_MS,
            ),
        ] {
            let piece = || sqlx::query(sql).bind(time);
            self.db.in_pieces(ERASING, piece).await?;
        }
        self.forget_tokens().await?;
        Ok(self.db.checkpoint().await?)
    }

    /// Erases the tokens that nobody may use any more.
    pub(super) async fn forget_tokens(&self) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET token = NULL WHERE token IS NOT NULL AND (expires_at <= $1 OR EXISTS \
             (SELECT 1 FROM invitations WHERE invitations.id = outbox.id AND invitations.state <> 'pending'))",
        )
        .bind(self.clock.now())
        .execute(&self.db.write)
        .await?;
        Ok(())
    }
}
