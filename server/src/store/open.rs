//! Opening a database: what is wrong with it is said at once, and before anything is written to it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyConnection, AnyPool, Connection, Error};

use super::db::Db;
use super::files;
use super::hold::Hold;
use super::migrate::{Migrations, migrate};
use super::outage::cure;
use super::peers::Peers;
use super::queue::Queue;
use super::wal::{self, Damage};
use crate::start_error::StartError;

/// The turns at once with PostgreSQL: some of its connections are left to those who read.
pub(super) const POSTGRES_TURNS: usize = 12;
/// The connections of a process with PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;
/// The readers at once with SQLite.
const SQLITE_READERS: u32 = 4;
/// The time for a request to get its turn to write, and then a connection: together less than clients wait, so that they hear
/// that the database is away.
const TURN_TIMEOUT: Duration = Duration::from_secs(2);
const POSTGRES_TIMEOUT: Duration = Duration::from_secs(1);
/// With SQLite it is longer than another process, such as a backup, may keep the service from writing.
const SQLITE_TIMEOUT: Duration = Duration::from_secs(15);
/// The time for a PostgreSQL server that starts at the same moment.
const START_PATIENCE: Duration = Duration::from_secs(30);
const START_PAUSE: Duration = Duration::from_millis(250);

impl Db {
    /// Opens a service's database, makes it if need be, and brings its schema up to date. A new one is refused where there is
    /// the file `witness`, which was made with another. `direct` leads around a pooler that `url` leads to.
    pub(crate) async fn open(
        url: &str,
        service: &'static str,
        migrations: Migrations,
        witness: Option<&Path>,
        direct: Option<&str>,
    ) -> Result<Self, StartError> {
        install_default_drivers();
        let failed = |error: Error| does_not_open(service, &error);
        let sqlite = url.starts_with("sqlite:");
        let hold = if sqlite { hold(url, service)? } else { None };
        let mut first = first(url, sqlite, service, START_PATIENCE)
            .await
            .map_err(failed)?;
        if !sqlite {
            probe_pooler(url, service, &mut first)
                .await
                .map_err(failed)?;
        }
        let version = match migrate(&mut first, service, migrations, witness).await {
            Ok(version) => version,
            Err(error) => {
                // Whoever looks at the files next finds them closed.
                let _ = first.close().await;
                return Err(error);
            }
        };
        let peers = Peers::new((!sqlite).then_some(direct.unwrap_or(url)), service);
        let (read, write) = if sqlite {
            (
                sqlite_pool(url, SQLITE_READERS).await.map_err(failed)?,
                sqlite_pool(url, 1).await.map_err(failed)?,
            )
        } else {
            let pool = postgres_pool(url, &peers).await.map_err(failed)?;
            (pool.clone(), pool)
        };
        first.close().await.map_err(failed)?;
        if let Some(hold) = &hold {
            hold.open();
        }
        let (turns, turn_patience) = match sqlite {
            // A request's own time ends it.
            true => (1, Duration::MAX),
            false => (POSTGRES_TURNS, TURN_TIMEOUT),
        };
        Ok(Self {
            read,
            write,
            queue: Queue::new(turns),
            turn_patience,
            peers,
            sqlite,
            service,
            version,
            hold: hold.map(Arc::new),
            probe: Arc::default(),
        })
    }
}

/// Takes hold of a SQLite file and looks at what lies beside it. There is nothing to hold of one in memory.
fn hold(url: &str, service: &'static str) -> Result<Option<Hold>, StartError> {
    let unreadable = |error: std::io::Error| not_opened(service, &error);
    let database = files::prepare_database(url).map_err(unreadable)?;
    if !database.is_file() {
        return Ok(None);
    }
    let hold = Hold::take(&database, service)?;
    examine(&hold, &database, service)?;
    Ok(Some(hold))
}

/// Refuses a database that is held and has lost something of its log.
pub(super) fn examine(
    hold: &Hold,
    database: &Path,
    service: &'static str,
) -> Result<(), StartError> {
    let unreadable = |error: std::io::Error| not_opened(service, &error);
    let is_same_boot = hold.was_left_in_this_boot();
    if let Some(damage) = wal::damage(database, is_same_boot).map_err(unreadable)? {
        return Err(damaged(database, &damage));
    }
    if hold.was_left_open() && wal::is_closed(database) {
        // No reason to refuse it: it looks the same after a backup of what a killed server has left.
        tracing::warn!(
            service,
            "no server closed {}, and its -wal is gone: what was written last is lost, unless another program has brought it \
             into the database since, or this one comes from a backup",
            database.display()
        );
    }
    Ok(())
}

fn damaged(database: &Path, damage: &Damage) -> StartError {
    let (log, index) = (
        files::beside(database, "-wal"),
        files::beside(database, "-shm"),
    );
    let what = match damage {
        Damage::Gone => "is gone",
        Damage::CutShort => "was cut short",
    };
    StartError(format!(
        "Put {} back: it {what}, and held what was written last. To go on without that, remove {}.",
        log.display(),
        index.display()
    ))
}

/// The first connection, whose error is the database's own: a pool would try again until its time is over, and then say no more
/// than that.
pub(super) async fn first(
    url: &str,
    sqlite: bool,
    service: &str,
    patience: Duration,
) -> Result<AnyConnection, Error> {
    let began = Instant::now();
    let mut is_told = false;
    loop {
        match AnyConnection::connect(url).await {
            Ok(mut connection) if sqlite => {
                return match prepare(&mut connection).await {
                    Ok(()) => Ok(connection),
                    Err(error) => {
                        let _ = connection.close().await;
                        Err(error)
                    }
                };
            }
            Err(error) if !sqlite && is_starting(&error) && began.elapsed() < patience => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(service, %error, "waiting for the database");
                }
                tokio::time::sleep(START_PAUSE).await;
            }
            connected => return connected,
        }
    }
}

/// Whether a PostgreSQL server may be there in a moment: it is not listening yet, starts, or has no connection to spare.
fn is_starting(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Error::Database(error) => error
            .code()
            .is_some_and(|code| matches!(&*code, "57P03" | "53300")),
        _ => false,
    }
}

/// Asks for the same statement by two connections in turn: a pooler that hands one session to both, and keeps no statements
/// apart, fails here rather than now and then. Neither holds a session meanwhile: a pooler may have no other.
async fn probe_pooler(
    url: &str,
    service: &str,
    connection: &mut AnyConnection,
) -> Result<(), Error> {
    ask(connection).await?;
    let mut second = first(url, false, service, START_PATIENCE).await?;
    ask(&mut second).await?;
    ask(connection).await?;
    second.close().await
}

async fn ask(connection: &mut AnyConnection) -> Result<(), Error> {
    let ask = sqlx::query("SELECT CAST($1 AS BIGINT)").bind(1_i64);
    ask.execute(connection).await.map(drop)
}

async fn prepare(connection: &mut AnyConnection) -> Result<(), Error> {
    sqlx::raw_sql(
        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
    )
    .execute(connection)
    .await
    .map(drop)
}

/// A pool that keeps no connection with a transaction whose end failed: SQLite ends it by itself when the disk is full, and the
/// connection goes on counting it.
pub(super) async fn sqlite_pool(url: &str, connections: u32) -> Result<AnyPool, Error> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(SQLITE_TIMEOUT)
        .after_connect(|connection, _| Box::pin(prepare(connection)))
        .after_release(|connection, _| {
            Box::pin(async move {
                // What was begun in dropping the transaction is done after this.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect(url)
        .await
}

/// A pool that keeps no connection from before the database was lost: it may lead to nobody, or to a server that was made a
/// standby.
pub(super) async fn postgres_pool(url: &str, peers: &Arc<Peers>) -> Result<AnyPool, Error> {
    let [before, after] = [Arc::clone(peers), Arc::clone(peers)];
    AnyPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        // A statement goes on waiting for a row when nobody waits for it any more, and its connection with it.
        .after_connect(|connection, _| {
            Box::pin(async move {
                let set = sqlx::raw_sql("SET lock_timeout = '2s'");
                set.execute(connection).await.map(drop)
            })
        })
        .acquire_timeout(POSTGRES_TIMEOUT)
        // The session beside the pool asks for all of its connections.
        .test_before_acquire(false)
        .before_acquire(move |_, known| {
            let is_good = !before.outlives(known.age);
            Box::pin(async move { Ok(is_good) })
        })
        // Without a word: the pool would wait for an answer.
        .after_release(move |_, known| {
            let is_good = !after.outlives(known.age);
            Box::pin(async move { is_good.then_some(true).ok_or(Error::WorkerCrashed) })
        })
        .connect(url)
        .await
}

/// The error of a start that a database stopped.
pub(super) fn does_not_open(service: &str, error: &Error) -> StartError {
    StartError(format!("{} ({error}).", cure(service, error)))
}

/// The error of a start that something beside a database stopped.
pub(super) fn not_opened(service: &str, error: &dyn fmt::Display) -> StartError {
    StartError(format!(
        "Check the {service}'s database: it does not open ({error})."
    ))
}
