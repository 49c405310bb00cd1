//! Erasing sessions, logins, used registrations, devices and copies of keys once their time is over.

use sqlx::AssertSqlSafe;

use super::erasure::ERASING;
use super::spaces::ERASED;
use super::state::Keystore;
use crate::clock::DAY;
use crate::http::error::Result;

/// A device that has not signed in for so long is known no more.
const DEVICE_LIFETIME_MS: i64 = 365 * DAY;

impl Keystore {
    /// Sessions, logins, used registrations and devices go; of a space the copies go, and its id stays taken.
    pub(super) async fn sweep(&self, now: i64) -> Result<()> {
        self.erase_the_rest().await?;
        let spaces = format!(
            // Twice, since the time of one that was found may have been changed meanwhile.
            "UPDATE spaces SET {ERASED}, deleted_at = $1 WHERE deleted_at IS NULL AND expires_at <= $1 AND id IN \
             (SELECT id FROM spaces WHERE deleted_at IS NULL AND expires_at <= $1 LIMIT 500)"
        );
        for sql in [
            "DELETE FROM logins WHERE hash IN (SELECT hash FROM logins WHERE expires_at <= $1 LIMIT 500)",
            "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at <= $1 LIMIT 500)",
            "DELETE FROM registrations WHERE hash IN \
             (SELECT hash FROM registrations WHERE expires_at <= $1 LIMIT 500)",
            &spaces,
        ] {
            let piece = || sqlx::query(AssertSqlSafe(sql)).bind(now);
            self.db.in_pieces(ERASING, piece).await?;
        }
        let forgotten = || {
            let sql = "DELETE FROM devices WHERE (account, hash) IN \
                       (SELECT account, hash FROM devices WHERE used_at <= $1 LIMIT 500)";
            sqlx::query(sql).bind(now - DEVICE_LIFETIME_MS)
        };
        self.db.in_pieces(ERASING, forgotten).await?;
        self.end_departures().await?;
        Ok(self.db.checkpoint().await?)
    }
}
