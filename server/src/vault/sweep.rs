//! Erasing ciphertexts, files, mails, addresses, codes and events once their time is over.

use super::erasure::ERASING;
use super::link_reads::READ_KEPT_MS;
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
    pub(super) async fn sweep(&self, now: i64) -> Result<()> {
        self.erase_the_rest().await?;
        self.erase_expired(now).await?;
        self.erase_old_files(now).await?;
        for (sql, time) in [
            (
                // Twice, since one that was found may have been answered meanwhile; the second time not by an index.
                "UPDATE invitations SET state = 'expired' WHERE state || '' = 'pending' AND id IN (SELECT id FROM invitations \
                 WHERE state = 'pending' AND expires_at <= $1 LIMIT 500)",
                now,
            ),
            (
                "UPDATE invitations SET email = NULL, named = NULL WHERE id IN (SELECT id FROM invitations \
                 WHERE (email IS NOT NULL OR named IS NOT NULL) AND over_at <= $1 LIMIT 500)",
                now - ADDRESSES_KEPT_MS,
            ),
            (
                "DELETE FROM codes WHERE account IN (SELECT account FROM codes WHERE expires_at <= $1 LIMIT 500)",
                now,
            ),
            (
                "DELETE FROM events WHERE (account, seq) IN (SELECT account, seq FROM events WHERE created_at < $1 LIMIT 500)",
                now - EVENTS_KEPT_MS,
            ),
            (
                "DELETE FROM link_reads WHERE (link, id) IN \
                 (SELECT link, id FROM link_reads WHERE read_at <= $1 LIMIT 500)",
                now - READ_KEPT_MS,
            ),
        ] {
            let piece = || sqlx::query(sql).bind(time);
            self.db.in_pieces(ERASING, piece).await?;
        }
        self.forget_mails().await?;
        let forgotten = self
            .mailer
            .forget_captured(now - CAPTURED_MAILS_KEPT_MS)
            .await;
        forgotten.map_err(|error| ApiError::internal("captured mails stay", error))?;
        self.scan_objects(now).await?;
        Ok(self.db.checkpoint().await?)
    }
}
