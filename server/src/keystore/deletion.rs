//! Deleting an account.

use axum::extract::State;
use axum::http::StatusCode;

use super::callers::{Leaver, Session};
use super::state::{Keystore, KeystoreState};
use crate::http::error::{Code, ErrorBody, Result};

/// Deletes the account with everything that it keeps here. Its id stays taken, its email or identity is free.
#[utoipa::path(
    delete, path = "/account",
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(
    State(keystore): KeystoreState,
    Leaver(session): Leaver,
) -> Result<StatusCode> {
    if keystore.delete_account(&session).await? || keystore.has_session(&session).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::SessionExpired.into())
    }
}

impl Keystore {
    /// Deletes the account, and tells whether there was one. Its row stays, emptied, and so does the calling session,
    /// which may repeat the call and do nothing else.
    async fn delete_account(&self, session: &Session) -> Result<bool> {
        let (account, now) = (&session.account, self.clock.now());
        let mut tx = self.db.begin().await?;
        // The login must be unique; an id is nobody's.
        let done = sqlx::query(
            "UPDATE accounts SET login = id, email = NULL, opaque_record = '', credential_id = '', kek_passphrase = '', kek_recovery = '', \
             vault_key = '', signing_key = '', recovery_verifier = '', setup = NULL, deleted_at = $1 \
             WHERE id = $2 AND deleted_at IS NULL AND EXISTS (SELECT 1 FROM sessions WHERE hash = $3)",
        )
        .bind(now)
        .bind(account)
        .bind(&session.hash)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM sessions WHERE account = $1 AND hash <> $2")
            .bind(account)
            .bind(&session.hash)
            .execute(&mut *tx)
            .await?;
        for sql in [
            "DELETE FROM logins WHERE account = $1",
            "DELETE FROM connection_keys WHERE account = $1",
            // What was used stays used.
            "UPDATE registrations SET account = '' WHERE account = $1",
            "UPDATE spaces SET peer = '', claim = NULL WHERE recipient = $1",
        ] {
            sqlx::query(sql).bind(account).execute(&mut *tx).await?;
        }
        sqlx::query(
            "UPDATE spaces SET own = '', peer = '', claim = NULL, deleted_at = COALESCE(deleted_at, $1) \
             WHERE sender = $2",
        )
        .bind(now)
        .bind(account)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn has_session(&self, session: &Session) -> Result<bool> {
        let found = sqlx::query("SELECT hash FROM sessions WHERE hash = $1")
            .bind(&session.hash)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(found.is_some())
    }
}
