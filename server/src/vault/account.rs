//! The end of an account.

use axum::extract::State;
use axum::http::StatusCode;

use super::auth::{Holder, VaultCaller};
use super::state::{Vault, VaultState};
use crate::http::error::{Code, ErrorBody, Result};
use crate::store::db::Tx;

/// Deletes what the account has here and ends its connections. No token speaks for it any more.
#[utoipa::path(
    delete, path = "/account",
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(State(vault): VaultState, Holder(caller): Holder) -> Result<StatusCode> {
    let account = &caller.account;
    // From here on no token speaks for it, and nothing is made for it.
    let sql = "INSERT INTO accounts (id, deleted_at, to_erase) VALUES ($1, $2, 1) ON CONFLICT (id) DO UPDATE \
               SET deleted_at = excluded.deleted_at, to_erase = 1 WHERE accounts.deleted_at IS NULL";
    sqlx::query(sql)
        .bind(account)
        .bind(vault.clock.now())
        .execute(&mut *vault.db.writer_as(account).await?)
        .await?;
    // What a call that was cut has left is erased by the next one, or by the next sweep.
    if vault.is_to_erase(account).await? {
        vault.erase_account(account, account).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl Vault {
    /// Begins a transaction that holds the account: it cannot be deleted before what is made for it is in.
    pub(super) async fn begin_for(&self, caller: &VaultCaller) -> Result<Tx> {
        let mut tx = self.db.begin_as(&caller.account).await?;
        let held = sqlx::query(
            "INSERT INTO accounts (id) VALUES ($1) \
             ON CONFLICT (id) DO UPDATE SET deleted_at = NULL WHERE accounts.deleted_at IS NULL",
        )
        .bind(&caller.account)
        .execute(&mut *tx)
        .await?;
        if held.rows_affected() == 1 {
            Ok(tx)
        } else {
            Err(Code::SessionExpired.into())
        }
    }

    async fn is_to_erase(&self, account: &str) -> Result<bool> {
        let found = sqlx::query("SELECT id FROM accounts WHERE id = $1 AND to_erase = 1")
            .bind(account)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(found.is_some())
    }

    pub(super) async fn is_deleted(&self, account: &str) -> Result<bool> {
        let found = sqlx::query("SELECT id FROM accounts WHERE id = $1 AND deleted_at IS NOT NULL")
            .bind(account)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(found.is_some())
    }
}
