//! A view of both databases at once, which no service has: read-only, on connections of its own.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use uuid::Uuid;

use crate::answer::{Refusal, Result};

/// The Vault's tables are `main`'s, the Keystore's `keystore`'s.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) pool: SqlitePool,
    /// The folder of the Vault's files.
    pub(crate) files: PathBuf,
}

impl Look {
    /// Opens nothing before its first use: by then the server has made the files.
    pub(crate) fn at(data: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(data.join("vault.db"))
            .read_only(true);
        let keystore: PathBuf = data.join("keystore.db");
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .after_connect(move |connection, _| {
                // Read-only, too: an attached file is opened as the first one was.
                let keystore = keystore.to_string_lossy().into_owned();
                Box::pin(async move {
                    sqlx::query("ATTACH DATABASE $1 AS keystore")
                        .bind(keystore)
                        .execute(connection)
                        .await
                        .map(drop)
                })
            })
            .connect_lazy_with(options);
        Self {
            pool,
            files: data.join("vault.files"),
        }
    }

    /// Closes the view, before the server closes: its last connection tidies up.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// The account whose rows or attack are asked for.
#[derive(Deserialize)]
pub(crate) struct Whose {
    account: String,
}

impl Whose {
    /// The account id, written as the services write it.
    pub(crate) fn account(&self) -> Result<&str> {
        Uuid::try_parse(&self.account)
            .ok()
            .filter(|id| id.to_string() == self.account)
            .map(|_| self.account.as_str())
            .ok_or_else(|| Refusal::bad_input("Give `account` an account id."))
    }
}
