//! Opening a service's database. The same SQL runs on SQLite and PostgreSQL.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyPoolOptions, install_default_drivers};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, Transaction};

use super::files;
use super::migrate::Migrations;
use super::queue::{Queue, Turn};
use crate::start_error::StartError;

/// A transaction on either database, with the right to write.
pub(crate) struct Tx {
    tx: Transaction<'static, Any>,
    _turn: Option<Turn>,
}

impl Tx {
    /// Makes everything that was written last.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.tx.commit().await
    }

    /// Takes everything back.
    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.tx.rollback().await
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.tx
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }
}

/// The connection for one statement, with the right to write.
pub(crate) struct Writer {
    connection: PoolConnection<Any>,
    _turn: Option<Turn>,
}

impl Deref for Writer {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

/// The most rows that are erased in one piece.
pub(crate) const PIECE_ROWS: u64 = 500;

/// The turns at once with PostgreSQL: some of its connections are left to those who read.
const POSTGRES_TURNS: usize = 12;

/// One service's database.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    /// For reading alone.
    pub(crate) read: AnyPool,
    /// For what the service itself writes, out of turn. With SQLite it is a single connection, so that writers queue up
    /// here rather than find the file locked.
    pub(crate) write: AnyPool,
    /// The order in which accounts write.
    queue: Arc<Queue>,
    pub(super) sqlite: bool,
}

impl Db {
    /// Opens the database, makes it if need be, and brings its schema up to date.
    pub(crate) async fn open(
        url: &str,
        service: &str,
        migrations: Migrations,
    ) -> Result<Self, StartError> {
        install_default_drivers();
        let failed = |error: sqlx::Error| does_not_open(service, error);
        let db = if url.starts_with("sqlite:") {
            files::prepare_database(url).map_err(|error| does_not_open(service, error))?;
            Self {
                write: sqlite(url, 1).await.map_err(failed)?,
                read: sqlite(url, 4).await.map_err(failed)?,
                queue: Queue::new(1),
                sqlite: true,
            }
        } else {
            let pool = AnyPoolOptions::new()
                .max_connections(16)
                .connect(url)
                .await
                .map_err(failed)?;
            Self {
                write: pool.clone(),
                read: pool,
                queue: Queue::new(POSTGRES_TURNS),
                sqlite: false,
            }
        };
        db.migrate(service, migrations).await?;
        Ok(db)
    }

    /// Begins a transaction that may write, for the service itself. Its first statement must be the write that decides.
    pub(crate) async fn begin(&self) -> Result<Tx, sqlx::Error> {
        self.begin_as("").await
    }

    /// Begins a transaction that may write, when it is the account's turn. Its first statement must be the write that
    /// decides.
    pub(crate) async fn begin_as(&self, account: &str) -> Result<Tx, sqlx::Error> {
        let turn = self.queue.turn(account).await;
        self.begin_in(turn).await
    }

    /// [`Db::begin_as`], for somebody at an open route, by the network that they come from.
    pub(crate) async fn begin_at_door(&self, network: &str) -> Result<Tx, sqlx::Error> {
        let turn = self.queue.turn_at_door(network).await;
        self.begin_in(turn).await
    }

    async fn begin_in(&self, turn: Option<Turn>) -> Result<Tx, sqlx::Error> {
        let begin = if self.sqlite {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN"
        };
        let tx = self.write.begin_with(begin).await?;
        Ok(Tx { tx, _turn: turn })
    }

    /// The connection for one statement that writes, when it is the account's turn.
    pub(crate) async fn writer_as(&self, account: &str) -> Result<Writer, sqlx::Error> {
        let turn = self.queue.turn(account).await;
        let connection = self.write.acquire().await?;
        Ok(Writer {
            connection,
            _turn: turn,
        })
    }

    /// Runs a statement again and again, each time in a turn of its own, until it finds less than a piece: others write
    /// in between. It has to end at [`PIECE_ROWS`] rows, and not find again what it wrote.
    pub(crate) async fn in_pieces<'q>(
        &self,
        account: &str,
        statement: impl Fn() -> Query<'q, Any, AnyArguments>,
    ) -> Result<(), sqlx::Error> {
        loop {
            let mut writer = self.writer_as(account).await?;
            let done = statement().execute(&mut *writer).await?;
            if done.rows_affected() < PIECE_ROWS {
                return Ok(());
            }
        }
    }

    /// Whether the database answers.
    pub(crate) async fn is_healthy(&self) -> bool {
        self.owner().await.is_ok()
    }

    /// Empties SQLite's write-ahead log into the file, so that what was erased is gone from both. Where somebody reads
    /// for longer, such as a backup, a later call does it: writers do not wait for that.
    pub(crate) async fn checkpoint(&self) -> Result<(), sqlx::Error> {
        if !self.sqlite {
            return Ok(());
        }
        let mut connection = self.write.acquire().await?;
        sqlx::raw_sql("PRAGMA busy_timeout = 100")
            .execute(&mut *connection)
            .await?;
        let done = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut *connection)
            .await;
        sqlx::raw_sql("PRAGMA busy_timeout = 10000")
            .execute(&mut *connection)
            .await?;
        done.map(drop)
    }

    /// Closes every connection, so that nothing is left in the write-ahead log.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// The error of a start that a database stopped.
pub(super) fn does_not_open(service: &str, error: impl fmt::Display) -> StartError {
    StartError(format!(
        "Check the {service}'s database: it does not open ({error})."
    ))
}

/// The URL of a SQLite file, which is made when it is missing.
pub(crate) fn sqlite_url(file: &Path) -> String {
    let path = file
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23");
    format!("sqlite://{path}?mode=rwc")
}

async fn sqlite(url: &str, connections: u32) -> Result<AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(30))
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(
                    "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
                )
                .execute(connection)
                .await
                .map(drop)
            })
        })
        .connect(url)
        .await
}

/// `$from, $from+1, …`: the placeholders of a list.
pub(crate) fn placeholders(from: usize, count: usize) -> String {
    let list: Vec<String> = (from..from + count).map(|n| format!("${n}")).collect();
    list.join(", ")
}
