//! What an operator does at the Vault's database, beside its processes or without one.

use serde::Serialize;
use sqlx::{AssertSqlSafe, Error};

use super::outbox::MAX_ATTEMPTS;
use super::state::{MIGRATIONS, Vault};
use crate::config::Config;
use crate::quotas::OwnQuotas;
use crate::start_error::StartError;
use crate::store::columns::{Columns, from_columns};
use crate::store::db::Db;

/// A mail that was tried so often is stuck: the first attempt at one of fewer may go on.
const STUCK_ATTEMPTS: i64 = 2;

from_columns! {
    /// What the Vault keeps of an account, or of all.
    #[derive(Debug, Serialize)]
    #[serde(rename_all = "camelCase")]
    pub struct VaultUse {
        /// Cards.
        pub cards: i64,
        /// Bytes of their ciphertexts.
        pub card_bytes: i64,
        /// Sent shares in force.
        pub shares: i64,
        /// Bytes of their ciphertexts.
        pub share_bytes: i64,
        /// Links in force.
        pub links: i64,
        /// Bytes of their ciphertexts.
        pub link_bytes: i64,
        /// Files, unfinished ones too.
        pub files: i64,
        /// Bytes of what is stored of them.
        pub file_bytes: i64,
        /// Active connections.
        pub connections: i64,
        /// Pending invitations that were sent.
        pub invitations: i64,
        /// Mails that wait.
        pub mails: i64,
    }
}

from_columns! {
    /// A mail that was tried and did not go.
    #[derive(Debug, Serialize)]
    #[serde(rename_all = "camelCase")]
    pub struct StuckMail {
        /// The id, by which the log names it.
        pub id: String,
        /// `invitation` or `code`.
        pub kind: String,
        /// The account that caused it.
        pub account: String,
        /// The address.
        pub recipient: String,
        /// The attempts so far.
        pub attempts: i64,
        /// When it is tried again, in milliseconds since 1970.
        pub next_at: i64,
        /// When it is of no use any more.
        pub expires_at: i64,
    }
}

/// The counts of [`VaultUse`], of the rows whose column is `$1`, or of all.
fn use_of(is_one: bool) -> String {
    let rows = |table: &str, column: &str, condition: &str| match is_one {
        true => format!("FROM {table} WHERE {condition} AND {column} = $1"),
        false => format!("FROM {table} WHERE {condition}"),
    };
    let count = |rows: &str| format!("(SELECT COUNT(*) {rows})");
    let bytes = |rows: &str| format!("(SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) {rows})");
    let cards = rows("cards", "account", "deleted_at IS NULL");
    let shares = rows("shares", "sender", "size > 0");
    let links = rows("links", "account", "size > 0");
    let files = rows("files", "account", "deleted_at IS NULL");
    let connections = match is_one {
        true => format!(
            "{} + {}",
            count(&rows("connections", "inviter", "ended_at IS NULL")),
            count(&rows("connections", "invitee", "ended_at IS NULL"))
        ),
        false => count(&rows("connections", "inviter", "ended_at IS NULL")),
    };
    let invitations = rows("invitations", "inviter", "state = 'pending'");
    let mails = rows("outbox", "account", "TRUE");
    format!(
        "SELECT {} AS cards, {} AS card_bytes, {} AS shares, {} AS share_bytes, {} AS links, {} AS link_bytes, \
         {} AS files, {} AS file_bytes, {connections} AS connections, {} AS invitations, {} AS mails",
        count(&cards),
        bytes(&cards),
        count(&shares),
        bytes(&shares),
        count(&links),
        bytes(&links),
        count(&files),
        bytes(&files),
        count(&invitations),
        count(&mails),
    )
}

/// The Vault's database in an operator's hands.
#[derive(Debug)]
pub(crate) struct VaultAdmin {
    pub(crate) db: Db,
}

impl VaultAdmin {
    pub(crate) async fn open(config: &Config) -> Result<Self, StartError> {
        let url = Vault::database_url(config);
        let db = Db::open_beside(&url, "Vault", MIGRATIONS).await?;
        Ok(Self { db })
    }

    /// What an account has.
    pub(crate) async fn use_of(&self, account: &str) -> Result<VaultUse, Error> {
        sqlx::query_as(AssertSqlSafe(use_of(true)))
            .bind(account)
            .fetch_one(&self.db.read)
            .await
    }

    /// What all accounts have.
    pub(crate) async fn use_of_all(&self) -> Result<VaultUse, Error> {
        sqlx::query_as(AssertSqlSafe(use_of(false)))
            .fetch_one(&self.db.read)
            .await
    }

    /// Refuses every token of an account from now on.
    pub(crate) async fn disable(&self, account: &str, now: i64) -> Result<(), Error> {
        let sql = "INSERT INTO accounts (id, disabled_at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE \
                   SET disabled_at = COALESCE(accounts.disabled_at, excluded.disabled_at)";
        sqlx::query(sql)
            .bind(account)
            .bind(now)
            .execute(&mut *self.db.writer_as(account).await?)
            .await
            .map(drop)
    }

    /// Takes an account's tokens again.
    pub(crate) async fn enable(&self, account: &str) -> Result<(), Error> {
        sqlx::query("UPDATE accounts SET disabled_at = NULL WHERE id = $1")
            .bind(account)
            .execute(&mut *self.db.writer_as(account).await?)
            .await
            .map(drop)
    }

    /// The quotas that an account has of its own.
    pub(crate) async fn quotas(&self, account: &str) -> Result<OwnQuotas, Error> {
        let found = sqlx::query_scalar("SELECT quotas FROM accounts WHERE id = $1")
            .bind(account)
            .fetch_optional(&self.db.read)
            .await?;
        let column: Option<String> = found.flatten();
        Ok(OwnQuotas::read(column.as_deref()))
    }

    /// Gives an account quotas of its own, which count with its next write.
    pub(crate) async fn set_quotas(&self, account: &str, quotas: &OwnQuotas) -> Result<(), Error> {
        let sql = "INSERT INTO accounts (id, quotas) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET quotas = excluded.quotas";
        sqlx::query(sql)
            .bind(account)
            .bind(quotas.column())
            .execute(&mut *self.db.writer_as(account).await?)
            .await
            .map(drop)
    }

    /// Deletes an account: no token that was made before speaks for it. What it has is erased by the next sweep of a Vault.
    pub(crate) async fn delete(&self, account: &str, now: i64) -> Result<(), Error> {
        let sql = "INSERT INTO accounts (id, deleted_at, to_erase) VALUES ($1, $2, 1) ON CONFLICT (id) DO UPDATE \
                   SET deleted_at = excluded.deleted_at, to_erase = 1, disabled_at = NULL";
        sqlx::query(sql)
            .bind(account)
            .bind(now)
            .execute(&mut *self.db.writer_as(account).await?)
            .await
            .map(drop)
    }

    /// Mails that were tried and did not go, those first that were tried most often.
    pub(crate) async fn stuck(&self, limit: i64) -> Result<Vec<StuckMail>, Error> {
        let sql = format!(
            "SELECT {} FROM outbox WHERE attempts >= $1 ORDER BY attempts DESC, id LIMIT $2",
            StuckMail::COLUMNS
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(STUCK_ATTEMPTS)
            .bind(limit)
            .fetch_all(&self.db.read)
            .await
    }

    /// The number of those mails.
    pub(crate) async fn count_stuck(&self) -> Result<i64, Error> {
        sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE attempts >= $1")
            .bind(STUCK_ATTEMPTS)
            .fetch_one(&self.db.read)
            .await
    }

    /// Has mails tried at the next look through the outbox: this one, or all that are stuck. Gives how many.
    pub(crate) async fn retry(&self, id: Option<&str>, now: i64) -> Result<u64, Error> {
        self.plan("attempts", id, now).await
    }

    /// Has mails given up: a Vault does so at its next look through the outbox, and tells inviters. Gives how many.
    pub(crate) async fn give_up(&self, id: Option<&str>) -> Result<u64, Error> {
        self.plan(&MAX_ATTEMPTS.to_string(), id, 0).await
    }

    async fn plan(&self, attempts: &str, id: Option<&str>, next_at: i64) -> Result<u64, Error> {
        let of = match id {
            Some(_) => "id = $3",
            None => "CAST($3 AS TEXT) IS NULL",
        };
        let sql = format!(
            "UPDATE outbox SET attempts = {attempts}, next_at = $1 WHERE attempts >= $2 AND {of}"
        );
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(next_at)
            .bind(STUCK_ATTEMPTS)
            .bind(id)
            .execute(&mut *self.db.writer_as("").await?)
            .await?;
        Ok(done.rows_affected())
    }
}
