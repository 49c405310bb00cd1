//! Deleting an account.

use axum::extract::State;
use axum::http::StatusCode;

use super::callers::{Leaver, Session};
use super::state::{Keystore, KeystoreState};
use crate::http::error::{Code, ErrorBody, Result};
use crate::store::db::Db;

/// Deletes the account with everything that it keeps here. Its id stays taken, its email or identity is free.
#[utoipa::path(
    delete, path = "/account",
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(
    State(keystore): KeystoreState,
    Leaver(session): Leaver,
) -> Result<StatusCode> {
    let (account, reason) = (&session.account, Reason::Session(&session.hash));
    let now = keystore.clock.now();
    if !delete_account(&keystore.db, account, reason, now).await?
        && !keystore.has_session(&session).await?
    {
        return Err(Code::SessionExpired.into());
    }
    // What a call that was cut has left is erased by the next one, or by the next sweep.
    if keystore.is_to_erase(account).await? {
        keystore.erase_account(account, account).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The cause of a deletion. If it is there no more when the deletion begins, nothing is deleted.
pub(super) enum Reason<'a> {
    /// The session with this hash asks for it.
    Session(&'a str),
    /// The account has been leaving since then.
    Left(i64),
    /// The operator says so.
    Operator,
}

/// Deletes the account, and tells whether there was one; what it keeps is erased after that. Its row stays, emptied, and so
/// does the session that asked, which may repeat the call, delete at the Vault, and do nothing else.
pub(super) async fn delete_account(
    db: &Db,
    account: &str,
    reason: Reason<'_>,
    now: i64,
) -> std::result::Result<bool, sqlx::Error> {
    let (hash, left_at, is_told) = match reason {
        Reason::Session(hash) => (Some(hash), None, 0_i64),
        Reason::Left(left_at) => (None, Some(left_at), 0),
        Reason::Operator => (None, None, 1),
    };
    let mut tx = db.begin_as(account).await?;
    // The login must be unique; an id is nobody's.
    let done = sqlx::query(
        "UPDATE accounts SET login = id, email = NULL, opaque_record = '', credential_id = '', kek_passphrase = '', \
         kek_recovery = '', vault_key = '', signing_key = '', recovery_verifier = '', setup = NULL, sign_ins_begun = 0, \
         disabled_at = NULL, quotas = NULL, deleted_at = $1, leaving_at = $1, to_erase = 1 \
         WHERE id = $2 AND deleted_at IS NULL \
         AND (leaving_at = $4 OR CAST($5 AS BIGINT) = 1 OR EXISTS (SELECT 1 FROM sessions WHERE hash = $3))",
    )
    .bind(now)
    .bind(account)
    .bind(hash)
    .bind(left_at)
    .bind(is_told)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM sessions WHERE account = $1 AND hash <> $2")
        .bind(account)
        .bind(hash.unwrap_or_default())
        .execute(&mut *tx)
        .await?;
    for sql in [
        "DELETE FROM logins WHERE account = $1",
        "DELETE FROM devices WHERE account = $1",
        // What was used stays used.
        "UPDATE registrations SET account = '' WHERE account = $1",
    ] {
        sqlx::query(sql).bind(account).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(true)
}

impl Keystore {
    async fn has_session(&self, session: &Session) -> Result<bool> {
        let found = sqlx::query("SELECT hash FROM sessions WHERE hash = $1")
            .bind(&session.hash)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(found.is_some())
    }
}
