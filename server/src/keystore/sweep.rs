//! Erasing sessions, logins, used registrations and copies of keys once their time is over.

use super::state::Keystore;
use crate::http::error::Result;

impl Keystore {
    /// Sessions, logins and used registrations go; of a space the copies go, and its id stays taken.
    pub(super) async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        for sql in [
            "DELETE FROM logins WHERE expires_at <= $1",
            "DELETE FROM sessions WHERE expires_at <= $1",
            "DELETE FROM registrations WHERE expires_at <= $1",
            "UPDATE spaces SET own = '', peer = '', claim = NULL, deleted_at = $1 \
             WHERE deleted_at IS NULL AND expires_at <= $1",
        ] {
            sqlx::query(sql).bind(now).execute(&self.db.write).await?;
        }
        Ok(self.db.checkpoint().await?)
    }
}
