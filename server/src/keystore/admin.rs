//! What an operator does at the Keystore's database, beside its processes or without one.

use serde::Serialize;
use sqlx::{AssertSqlSafe, Error};
use uuid::Uuid;

use super::deletion::{Reason, delete_account};
use super::state::{Keystore, MIGRATIONS};
use super::who::normalise;
use crate::config::Config;
use crate::quotas::OwnQuotas;
use crate::start_error::StartError;
use crate::store::columns::{Columns, from_columns};
use crate::store::db::{Db, Tx};

from_columns! {
    /// An account, without what signs somebody in.
    #[derive(Debug, Serialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Account {
        /// The id.
        pub id: String,
        /// The address or the identity that it is found by, as it is stored.
        pub login: String,
        /// When it was opened, in milliseconds since 1970.
        pub created_at: i64,
        /// When the operator disabled it.
        pub disabled_at: Option<i64>,
    }
}

from_columns! {
    /// What the Keystore keeps of an account, or of all.
    #[derive(Debug, Serialize)]
    #[serde(rename_all = "camelCase")]
    pub struct KeystoreUse {
        /// Sessions that have not ended.
        pub sessions: i64,
        /// Devices that signed in.
        pub devices: i64,
        /// Keys for connections.
        pub connection_keys: i64,
        /// Encryption spaces in force, by their sender.
        pub spaces: i64,
        /// Bytes of what senders keep of shares.
        pub sent_bytes: i64,
    }
}

/// The counts of [`KeystoreUse`], of the rows whose column is `$2`, or of all.
fn use_of(is_one: bool) -> String {
    let of = |column: &str| match is_one {
        true => format!("{column} = $2"),
        false => "TRUE".to_owned(),
    };
    let (account, sender) = (of("account"), of("sender"));
    format!(
        "SELECT (SELECT COUNT(*) FROM sessions WHERE {account} AND expires_at > $1) AS sessions, \
         (SELECT COUNT(*) FROM devices WHERE {account}) AS devices, \
         (SELECT COUNT(*) FROM connection_keys WHERE {account}) AS connection_keys, \
         (SELECT COUNT(*) FROM spaces WHERE {sender} AND deleted_at IS NULL) AS spaces, \
         (SELECT CAST(COALESCE(SUM(sent_size), 0) AS BIGINT) FROM spaces WHERE {sender} AND deleted_at IS NULL) AS sent_bytes"
    )
}

/// The Keystore's database in an operator's hands.
#[derive(Debug)]
pub(crate) struct KeystoreAdmin {
    pub(crate) db: Db,
}

impl KeystoreAdmin {
    pub(crate) async fn open(config: &Config) -> Result<Self, StartError> {
        let url = Keystore::database_url(config);
        let db = Db::open_beside(&url, "Keystore", MIGRATIONS).await?;
        Ok(Self { db })
    }

    /// Accounts in the order of their ids, from behind this one on.
    pub(crate) async fn accounts(&self, after: &str, limit: i64) -> Result<Vec<Account>, Error> {
        let sql = format!(
            "SELECT {} FROM accounts WHERE id > $1 AND deleted_at IS NULL ORDER BY id LIMIT $2",
            Account::COLUMNS
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(after)
            .bind(limit)
            .fetch_all(&self.db.read)
            .await
    }

    /// The account of this id, address or identity.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Account>, Error> {
        let (column, name) = match Uuid::try_parse(name) {
            Ok(id) => ("id", id.to_string()),
            // An identity is no address, and stays as it is.
            Err(_) => ("login", normalise(name).unwrap_or_else(|_| name.to_owned())),
        };
        let sql = format!(
            "SELECT {} FROM accounts WHERE {column} = $1 AND deleted_at IS NULL",
            Account::COLUMNS
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(name)
            .fetch_optional(&self.db.read)
            .await
    }

    /// What an account has.
    pub(crate) async fn use_of(&self, account: &str, now: i64) -> Result<KeystoreUse, Error> {
        sqlx::query_as(AssertSqlSafe(use_of(true)))
            .bind(now)
            .bind(account)
            .fetch_one(&self.db.read)
            .await
    }

    /// What all accounts have.
    pub(crate) async fn use_of_all(&self, now: i64) -> Result<KeystoreUse, Error> {
        sqlx::query_as(AssertSqlSafe(use_of(false)))
            .bind(now)
            .fetch_one(&self.db.read)
            .await
    }

    /// The number of accounts, and of those that are disabled.
    pub(crate) async fn count(&self) -> Result<(i64, i64), Error> {
        let count = async |sql| -> Result<i64, Error> {
            sqlx::query_scalar(sql).fetch_one(&self.db.read).await
        };
        let all = "SELECT COUNT(*) FROM accounts WHERE deleted_at IS NULL";
        let disabled =
            "SELECT COUNT(*) FROM accounts WHERE deleted_at IS NULL AND disabled_at IS NOT NULL";
        Ok((count(all).await?, count(disabled).await?))
    }

    /// Disables an account and ends its sessions, whose number it gives. One that is disabled stays so from the first time on.
    pub(crate) async fn disable(&self, account: &str, now: i64) -> Result<u64, Error> {
        let mut tx = self.db.begin_as(account).await?;
        sqlx::query("UPDATE accounts SET disabled_at = COALESCE(disabled_at, $1) WHERE id = $2 AND deleted_at IS NULL")
            .bind(now)
            .bind(account)
            .execute(&mut *tx)
            .await?;
        let ended = end_sessions(&mut tx, account).await?;
        tx.commit().await?;
        Ok(ended)
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
        sqlx::query("UPDATE accounts SET quotas = $1 WHERE id = $2 AND deleted_at IS NULL")
            .bind(quotas.column())
            .bind(account)
            .execute(&mut *self.db.writer_as(account).await?)
            .await
            .map(drop)
    }

    /// Gives a disabled account back.
    pub(crate) async fn enable(&self, account: &str) -> Result<(), Error> {
        let mut writer = self.db.writer_as(account).await?;
        sqlx::query("UPDATE accounts SET disabled_at = NULL WHERE id = $1")
            .bind(account)
            .execute(&mut *writer)
            .await
            .map(drop)
    }

    /// Ends an account's sessions, and gives their number.
    pub(crate) async fn end_sessions(&self, account: &str) -> Result<u64, Error> {
        let mut tx = self.db.begin_as(account).await?;
        let ended = end_sessions(&mut tx, account).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Deletes an account. What it keeps is erased by the next sweep of a Keystore, which sees to it that the Vault deletes, too.
    pub(crate) async fn delete(&self, account: &str, now: i64) -> Result<bool, Error> {
        delete_account(&self.db, account, Reason::Operator, now).await
    }
}

/// Ends the sessions of an account, and the sign-ins that were begun.
async fn end_sessions(tx: &mut Tx, account: &str) -> Result<u64, Error> {
    let ended = sqlx::query("DELETE FROM sessions WHERE account = $1")
        .bind(account)
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM logins WHERE account = $1")
        .bind(account)
        .execute(&mut **tx)
        .await?;
    Ok(ended.rows_affected())
}
