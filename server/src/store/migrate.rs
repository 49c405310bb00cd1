//! Bringing a database's schema up to date, by sqlx's migrations: which ones a database has had, with the hash of each, is in
//! its table `_sqlx_migrations`.
//!
//! The files are listed in the code: `sqlx::migrate!` would find them itself, but sees a new one only with a build script.

use std::path::Path;

use std::time::{Duration, Instant};

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Connection, Error, SqlSafeStr};

use super::hold::belongs_to;
use super::open::{does_not_open, not_opened};
use super::schema::Schema;
use crate::start_error::StartError;

/// The texts of the files in a service's `migrations/`, in the order of their numbers, from 1. A file that was once released
/// does not change any more; the first one says whose database it is.
pub(crate) type Migrations = &'static [&'static str];

/// The lock of PostgreSQL for which processes that start at once queue up. It ends with its transaction, which PgBouncer keeps
/// in one session, too; sqlx's own is a session's.
const LOCK: i64 = 0x766f_7563_6873_6166;

/// The time for each lock of a table, for which everybody else waits behind the migration; the pause before the next attempt;
/// and the time for all of them.
const TABLE_LOCK: &str = "SET LOCAL lock_timeout = '3s'";
const LOCK_PAUSE: Duration = Duration::from_secs(2);
const LOCK_PATIENCE: Duration = Duration::from_secs(300);
/// SQLSTATE `lock_not_available`.
const NO_LOCK: &str = "55P03";

/// The number of the newest of these migrations.
pub(super) fn newest(migrations: Migrations) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// Runs what the database has not had yet, in one transaction, checks that it is this service's, and that it can be written.
/// Gives the number of the newest migration. Where the file `witness` is there, the database must not be a new one. A database
/// of a newer release stays as it is, if this release can work with it.
pub(super) async fn migrate(
    connection: &mut AnyConnection,
    service: &str,
    migrations: Migrations,
    witness: Option<&Path>,
) -> Result<i64, StartError> {
    let began = Instant::now();
    loop {
        match attempt(connection, service, migrations, witness).await {
            Ok(version) => return Ok(version),
            Err(Failed::Locked) if began.elapsed() < LOCK_PATIENCE => {
                tracing::warn!(
                    service,
                    "somebody else uses what is to be migrated, such as a backup: trying again"
                );
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(Failed::Locked) => {
                return Err(StartError(format!(
                    "Migrate the {service}'s database again when nothing holds its tables for long: a backup or a query does."
                )));
            }
            Err(Failed::Other(error)) => return Err(error),
        }
    }
}

/// Why an attempt failed.
enum Failed {
    /// Somebody holds a table.
    Locked,
    Other(StartError),
}

impl From<StartError> for Failed {
    fn from(error: StartError) -> Self {
        Self::Other(error)
    }
}

async fn attempt(
    connection: &mut AnyConnection,
    service: &str,
    migrations: Migrations,
    witness: Option<&Path>,
) -> Result<i64, Failed> {
    let failed = |error: Error| does_not_open(service, &error);
    let sqlite = connection.backend_name() == "SQLite";
    // For SQLite the transaction is the lock.
    let begin = if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let mut tx = connection.begin_with(begin).await.map_err(failed)?;
    if !sqlite {
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
        lock.execute(&mut *tx).await.map_err(failed)?;
        let wait = sqlx::raw_sql(TABLE_LOCK);
        wait.execute(&mut *tx).await.map_err(failed)?;
    }
    let is_new = is_new(&mut tx, sqlite).await.map_err(failed)?;
    if let Some(witness) = witness.filter(|_| is_new) {
        return Err(StartError(format!(
            "Put the {service}'s database back: this one is empty, and {} is of one that was not. To begin anew, remove that \
             file.",
            witness.display()
        ))
        .into());
    }
    let is_newer = match is_new {
        true => false,
        false => {
            let schema = Schema::read(&mut tx, newest(migrations)).await;
            let schema = schema.map_err(failed)?;
            schema.is_newer() && schema.works()
        }
    };
    let migrator = migrator(migrations, is_newer);
    let migrated = migrator.run_direct(None, &mut *tx, false).await;
    if let Err(MigrateError::VersionMissing(_)) = migrated {
        return Err(StartError(format!(
            "Start the newer release that the {service}'s database was used with."
        ))
        .into());
    }
    // The database of another service has other migrations, and says whose it is.
    if let Err(error) = migrated {
        let _ = tx.rollback().await;
        check_owner(connection, service).await?;
        return Err(match is_locked(&error) {
            true => Failed::Locked,
            false => not_migrated(service, &error).into(),
        });
    }
    let write = sqlx::query("UPDATE owner SET one = one");
    write.execute(&mut *tx).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    check_owner(connection, service).await?;
    Ok(newest(migrations))
}

/// Whether nothing was ever made in it.
pub(super) async fn is_new(connection: &mut AnyConnection, sqlite: bool) -> Result<bool, Error> {
    let tables = if sqlite {
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'owner'"
    } else {
        "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'owner'"
    };
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(connection).await?;
    Ok(tables == 0)
}

/// Refuses the database of another service.
pub(super) async fn check_owner(
    connection: &mut AnyConnection,
    service: &str,
) -> Result<(), StartError> {
    let owner: Result<String, Error> = sqlx::query_scalar("SELECT service FROM owner")
        .fetch_one(connection)
        .await;
    match owner {
        Ok(owner) if owner != service => Err(belongs_to(service, &owner)),
        _ => Ok(()),
    }
}

fn is_locked(error: &MigrateError) -> bool {
    let (MigrateError::Execute(Error::Database(error))
    | MigrateError::ExecuteMigration(Error::Database(error), _)) = error
    else {
        return false;
    };
    error.code().is_some_and(|code| code == NO_LOCK)
}

fn not_migrated(service: &str, error: &MigrateError) -> StartError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            does_not_open(service, error)
        }
        error => not_opened(service, error),
    }
}

/// The migrator of these files. One for a newer database takes no offence at what it has had besides.
fn migrator(migrations: Migrations, is_newer: bool) -> Migrator {
    let numbered = (1..).zip(migrations).map(|(number, sql)| {
        let sql = sql.into_sql_str();
        Migration::new(number, "".into(), MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(numbered.collect());
    migrator.set_locking(false);
    migrator.set_ignore_missing(is_newer);
    migrator
}
