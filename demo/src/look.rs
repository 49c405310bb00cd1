//! A view of both databases at once, which no service has: read-only, on connections of its own.

use std::path::{Path, PathBuf};

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

/// The Vault's tables are `main`'s, the Keystore's `keystore`'s.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) pool: SqlitePool,
}

impl Look {
    /// Opens nothing before it is used: by then the server has made the files.
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
        Self { pool }
    }

    /// To be closed before the server, whose last connection tidies up.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
