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
    let account = &session.account;
    if !keystore.delete_account(&session).await? && !keystore.has_session(&session).await? {
        return Err(Code::SessionExpired.into());
    }
    // What a call that was cut has left is erased by the next one, or by the next sweep.
    if keystore.is_to_erase(account).await? {
        keystore.erase_account(account, account).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl Keystore {
    /// Deletes the account, and tells whether there was one; what it keeps is erased after that. Its row stays, emptied,
    /// and so does the calling session, which may repeat the call and do nothing else.
    async fn delete_account(&self, session: &Session) -> Result<bool> {
        let (account, now) = (&session.account, self.clock.now());
        let mut tx = self.db.begin_as(account).await?;
        // The login must be unique; an id is nobody's.
        let done = sqlx::query(
            "UPDATE accounts SET login = id, email = NULL, opaque_record = '', kek_passphrase = '', kek_recovery = '', \
             vault_key = '', signing_key = '', recovery_verifier = '', setup = NULL, deleted_at = $1, to_erase = 1 \
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
        sqlx::query("DELETE FROM logins WHERE account = $1")
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
