//! The end of an account.

use axum::extract::State;
use axum::http::StatusCode;

use super::auth::{Holder, VaultCaller};
use super::events::{Change, Kind};
use super::state::{Vault, VaultState};
use crate::http::error::{Code, ErrorBody, Result};
use crate::store::columns::from_columns;
use crate::store::db::Tx;

/// Deletes what the account has here and ends its connections. No token speaks for it any more.
#[utoipa::path(
    delete, path = "/account",
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(State(vault): VaultState, Holder(caller): Holder) -> Result<StatusCode> {
    let (account, now) = (&caller.account, vault.clock.now());
    let mut tx = vault.db.begin().await?;
    let done = sqlx::query(
        "INSERT INTO accounts (id, deleted_at) VALUES ($1, $2) \
         ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at WHERE accounts.deleted_at IS NULL",
    )
    .bind(account)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(StatusCode::NO_CONTENT);
    }
    for sql in [
        "DELETE FROM cards WHERE account = $1",
        // An acceptance at this moment comes before this statement, and its connection is found below, or it fails.
        "UPDATE invitations SET state = 'cancelled' WHERE inviter = $1 AND state = 'pending'",
        "UPDATE invitations SET token_hash = '', email = NULL WHERE inviter = $1",
        "DELETE FROM outbox WHERE account = $1",
        "DELETE FROM codes WHERE account = $1",
        "UPDATE accounts SET confirmed = NULL WHERE id = $1",
        "DELETE FROM events WHERE account = $1",
    ] {
        sqlx::query(sql).bind(account).execute(&mut *tx).await?;
    }
    let changes = part(&mut tx, account, now).await?;
    vault.record(tx, changes).await?;
    Ok(StatusCode::NO_CONTENT)
}

from_columns! {
    /// A connection or a share that ended with the account, and the person on its other side.
    struct Parted {
        id: String,
        peer: String,
    }
}

/// Ends the account's connections with their shares, both ways. The changes are for the other side.
async fn part(tx: &mut Tx, account: &str, now: i64) -> Result<Vec<Change>> {
    let ended: Vec<Parted> = sqlx::query_as(
        "UPDATE connections SET ended_at = $1 WHERE (inviter = $2 OR invitee = $2) AND ended_at IS NULL \
         RETURNING id, CASE WHEN inviter = $2 THEN invitee ELSE inviter END AS peer",
    )
    .bind(now)
    .bind(account)
    .fetch_all(&mut **tx)
    .await?;
    let shares: Vec<Parted> = sqlx::query_as(
        "UPDATE shares SET share = '', deleted_at = $1 WHERE (sender = $2 OR recipient = $2) AND deleted_at IS NULL \
         RETURNING id, CASE WHEN sender = $2 THEN recipient ELSE sender END AS peer",
    )
    .bind(now)
    .bind(account)
    .fetch_all(&mut **tx)
    .await?;
    sqlx::query(
        "UPDATE spaces SET deleted_at = $1 WHERE deleted_at IS NULL AND connection_id IN \
         (SELECT id FROM connections WHERE inviter = $2 OR invitee = $2)",
    )
    .bind(now)
    .bind(account)
    .execute(&mut **tx)
    .await?;
    let revoked = shares
        .iter()
        .map(|share| Change::new(&share.peer, Kind::Revoked, &share.id));
    let parted = ended
        .iter()
        .map(|connection| Change::new(&connection.peer, Kind::Connection, &connection.id));
    Ok(revoked.chain(parted).collect())
}

impl Vault {
    /// Begins a transaction that holds the account: it cannot be deleted before what is made for it is in.
    pub(super) async fn begin_for(&self, caller: &VaultCaller) -> Result<Tx> {
        let mut tx = self.db.begin().await?;
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

    pub(super) async fn is_deleted(&self, account: &str) -> Result<bool> {
        let found = sqlx::query("SELECT id FROM accounts WHERE id = $1 AND deleted_at IS NOT NULL")
            .bind(account)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(found.is_some())
    }
}
