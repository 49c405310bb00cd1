//! A service's database. The same SQL runs on SQLite and PostgreSQL.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyArguments;
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use tokio::sync::Mutex;

use super::hold::Hold;
use super::peers::Peers;
use super::queue::{Queue, Turn};
use super::readiness::Probe;
use crate::metrics;

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

    /// Begins one of several things that may each fail alone. [`Tx::settle`] ends it.
    pub(crate) async fn mark(&mut self) -> Result<(), sqlx::Error> {
        let mark = sqlx::raw_sql("SAVEPOINT one");
        mark.execute(&mut **self).await.map(drop)
    }

    /// Ends what [`Tx::mark`] began: it stays, or is taken back, and nothing else with it.
    pub(crate) async fn settle(&mut self, stays: bool) -> Result<(), sqlx::Error> {
        let end = match stays {
            true => "RELEASE SAVEPOINT one",
            false => "ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one",
        };
        sqlx::raw_sql(end).execute(&mut **self).await.map(drop)
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

/// The time for connections to be closed. Those to a server that is away may never be.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// One service's database.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    /// For reading alone.
    pub(crate) read: AnyPool,
    /// For what the service itself writes, out of turn. With SQLite it is a single connection, so that writers queue up
    /// here rather than find the file locked.
    pub(crate) write: AnyPool,
    /// The order in which accounts write.
    pub(super) queue: Arc<Queue>,
    /// The longest wait for a turn to write.
    pub(super) turn_patience: Duration,
    /// The other processes at the database.
    pub(crate) peers: Arc<Peers>,
    pub(super) sqlite: bool,
    pub(super) service: &'static str,
    /// The number of the newest migration that this release knows.
    pub(super) version: i64,
    pub(super) hold: Option<Arc<Hold>>,
    /// The last answer to whether it is ready.
    pub(super) probe: Arc<Mutex<Option<Probe>>>,
}

impl Db {
    /// Begins a transaction that may write, for the service itself. Its first statement must be the write that decides.
    pub(crate) async fn begin(&self) -> Result<Tx, sqlx::Error> {
        self.begin_as("").await
    }

    /// Begins a transaction that may write, when it is the account's turn. Its first statement must be the write that
    /// decides.
    pub(crate) async fn begin_as(&self, account: &str) -> Result<Tx, sqlx::Error> {
        let turn = self.in_time(self.queue.turn(account)).await?;
        self.begin_in(turn).await
    }

    /// [`Db::begin_as`], for somebody at an open route, by the network that they come from.
    pub(crate) async fn begin_at_door(&self, network: &str) -> Result<Tx, sqlx::Error> {
        let turn = self.in_time(self.queue.turn_at_door(network)).await?;
        self.begin_in(turn).await
    }

    async fn in_time<T>(&self, turn: impl Future<Output = T>) -> Result<T, sqlx::Error> {
        let turn = tokio::time::timeout(self.turn_patience, turn).await;
        turn.map_err(|_| sqlx::Error::PoolTimedOut)
    }

    async fn begin_in(&self, turn: Option<Turn>) -> Result<Tx, sqlx::Error> {
        let begin = if self.sqlite {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN"
        };
        // Of a transaction whose beginning was cut sqlx 0.9 does not know, and the next statements of the connection would be
        // in it. So the beginning goes on, whoever has left meanwhile, and what it began ends with it.
        let write = self.write.clone();
        let begun = tokio::spawn(async move { write.begin_with(begin).await });
        let tx = begun.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        Ok(Tx { tx, _turn: turn })
    }

    /// The end of a statement that reads rows of a table, and holds them until its transaction ends. With SQLite a transaction
    /// holds everything.
    pub(crate) fn holding(&self, table: &str) -> String {
        match self.sqlite {
            true => String::new(),
            false => format!(" FOR SHARE OF {table}"),
        }
    }

    /// The connection for one statement that writes, when it is the account's turn.
    pub(crate) async fn writer_as(&self, account: &str) -> Result<Writer, sqlx::Error> {
        let turn = self.in_time(self.queue.turn(account)).await?;
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
            metrics::rows_erased(self.service, done.rows_affected());
            if done.rows_affected() < PIECE_ROWS {
                return Ok(());
            }
        }
    }

    /// Writes faster from now on, what a crash may lose as a whole.
    pub(crate) async fn hurry(&self) -> Result<(), sqlx::Error> {
        if !self.sqlite {
            return Ok(());
        }
        let hurry = "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA wal_autocheckpoint = 20000";
        sqlx::raw_sql(hurry).execute(&self.write).await.map(drop)
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

    /// Closes every connection, so that nothing is left in the write-ahead log, and lets another server have the database.
    pub(crate) async fn close(&self) {
        let close = async {
            self.read.close().await;
            self.write.close().await;
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, close).await.is_err() {
            tracing::warn!(service = self.service, "the database's connections are cut");
        }
        if let Some(hold) = &self.hold {
            hold.release();
        }
    }
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

/// The table `asked (place, id, account)` of a list whose ids are bound from `$from` on, each beside the account `$1`, to begin a
/// statement with. A table that is joined with it by `CROSS JOIN`, by the id and by the account, is looked up once for each.
/// Told of the account alone, both databases may read all its rows instead, however many there are.
pub(crate) fn asked(from: usize, count: usize) -> String {
    let rows: Vec<String> = (0..count)
        .map(|place| format!("({place}, ${}, $1)", from + place))
        .collect();
    format!(
        "WITH asked (place, id, account) AS (VALUES {})",
        rows.join(", ")
    )
}

/// `$from, $from+1, …`: the placeholders of a list.
pub(crate) fn placeholders(from: usize, count: usize) -> String {
    let list: Vec<String> = (from..from + count).map(|n| format!("${n}")).collect();
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::outage;

    const MIGRATIONS: &[&str] = &[
        "CREATE TABLE owner (one BIGINT PRIMARY KEY, service TEXT NOT NULL, needs BIGINT NOT NULL); \
         INSERT INTO owner VALUES (1, 'Test', 2); \
         CREATE TABLE rows (text TEXT)",
    ];

    async fn fill(tx: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let insert = sqlx::query("INSERT INTO rows VALUES (zeroblob(1000000))");
        insert.execute(tx).await.map(drop)
    }

    #[tokio::test]
    async fn a_full_disk_ends_what_does_not_fit_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite_url(&folder.path().join("test.db"));
        let db = Db::open(&url, "Test", MIGRATIONS, None, None)
            .await
            .unwrap();
        for commits in [false, true] {
            // A limit of the one connection that writes, which stands for a disk's.
            sqlx::raw_sql("PRAGMA max_page_count = 20")
                .execute(&db.write)
                .await
                .unwrap();
            let mut tx = db.begin().await.unwrap();
            let error = fill(&mut tx).await.unwrap_err();
            assert!(outage::passes(&error), "{error}");
            match commits {
                true => assert!(tx.commit().await.is_err(), "SQLite took everything back"),
                false => drop(tx),
            }
            // There is room again.
            let mut tx = db.begin().await.unwrap();
            fill(&mut tx).await.unwrap();
            tx.rollback().await.unwrap();
        }
        db.close().await;
    }

    #[tokio::test]
    async fn ready_is_what_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite_url(&folder.path().join("test.db"));
        let db = Db::open(&url, "Test", MIGRATIONS, None, None)
            .await
            .unwrap();
        let set = async |sql: &'static str| {
            sqlx::raw_sql(sql).execute(&db.write).await.unwrap();
            *db.probe.lock().await = None;
        };
        assert_eq!(db.is_ready().await, Ok(()));
        set("PRAGMA query_only = ON").await;
        let refused = db.is_ready().await.unwrap_err();
        assert!(refused.contains("Test's database cannot be written"));
        set("PRAGMA query_only = OFF").await;
        assert_eq!(db.is_ready().await, Ok(()));
        set("UPDATE _sqlx_migrations SET version = 2").await;
        let refused = db.is_ready().await.unwrap_err();
        assert!(refused.contains("another release"), "{refused}");
        set("INSERT INTO _sqlx_migrations SELECT 1, description, installed_on, success, checksum, 0 FROM _sqlx_migrations").await;
        assert!(db.is_ready().await.is_err(), "it needs a newer release");
        set("UPDATE owner SET needs = 1").await;
        assert_eq!(db.is_ready().await, Ok(()));
        db.close().await;
    }
}
