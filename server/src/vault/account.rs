//! The end of an account.

use axum::extract::State;
use axum::http::StatusCode;
use sqlx::AssertSqlSafe;

use super::auth::{Leaver, VaultCaller};
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::store::db::Tx;

/// Whether the account `$1` is there for a caller of whom the time `$2` is [`VaultCaller::deleted_before`]. A statement with it
/// gives nothing to the deleted and the disabled, and [`Vault::refuse_deleted`] tells them so.
pub(super) const LIVES: &str = "NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.id = $1 \
    AND (accounts.deleted_at >= $2 OR accounts.to_erase = 1 OR accounts.disabled_at IS NOT NULL))";

/// Deletes what the account has here and ends its connections. No token that was made before speaks for it any more; to an
/// owner whom the Keystore still knows it is a new account.
#[utoipa::path(
    delete, path = "/account",
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(State(vault): VaultState, Leaver(caller): Leaver) -> Result<StatusCode> {
    let account = &caller.account;
    // From here on no token that was made before speaks for it, and nothing is made for it.
    let sql = "INSERT INTO accounts (id, deleted_at, to_erase) VALUES ($1, $2, 1) ON CONFLICT (id) DO UPDATE \
               SET deleted_at = excluded.deleted_at, to_erase = 1 \
               WHERE accounts.deleted_at IS NULL OR accounts.deleted_at < $3";
    sqlx::query(sql)
        .bind(account)
        .bind(vault.clock.now())
        .bind(caller.deleted_before)
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
             ON CONFLICT (id) DO UPDATE SET deleted_at = accounts.deleted_at \
             WHERE accounts.deleted_at IS NULL OR (accounts.deleted_at < $2 AND accounts.to_erase = 0)",
        )
        .bind(&caller.account)
        .bind(caller.deleted_before)
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

    /// Refuses a caller whose account is disabled, may have been deleted since their token was made, or is still being erased.
    pub(super) async fn refuse_deleted(&self, caller: &VaultCaller) -> Result<()> {
        let sql = format!("SELECT 1 WHERE {LIVES}");
        let lives = sqlx::query(AssertSqlSafe(sql))
            .bind(&caller.account)
            .bind(caller.deleted_before)
            .fetch_optional(&self.db.read)
            .await?;
        lives.map(drop).ok_or(Code::SessionExpired.into())
    }

    /// The error of a caller for whom a statement with [`LIVES`] found nothing.
    pub(super) async fn nothing_for(&self, caller: &VaultCaller) -> ApiError {
        match self.refuse_deleted(caller).await {
            Ok(()) => Code::NotFound.into(),
            Err(refused) => refused,
        }
    }
}
