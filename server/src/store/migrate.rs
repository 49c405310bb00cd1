//! Bringing a database's schema up to date, by sqlx's migrations: which ones a database has had, with the hash of each, is in
//! its table `_sqlx_migrations`.
//!
//! The files are listed in the code: `sqlx::migrate!` would find them itself, but sees a new one only with a build script.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Acquire, SqlSafeStr};

use super::db::{Db, does_not_open};
use crate::start_error::StartError;

/// The texts of the files in a service's `migrations/`, in the order of their numbers, from 1. A file that was once released
/// does not change any more; the first one says whose database it is.
pub(crate) type Migrations = &'static [&'static str];

impl Db {
    /// Runs what the database has not had yet, and checks that it is this service's.
    pub(super) async fn migrate(
        &self,
        service: &str,
        migrations: Migrations,
    ) -> Result<(), StartError> {
        let migrated = self.run(&migrator(migrations)).await;
        let owner = self.owner().await;
        if let Ok(owner) = &owner
            && owner != service
        {
            return Err(StartError(format!(
                "Give the {service} a database of its own: this one belongs to the {owner}."
            )));
        }
        migrated.map_err(|error| match error {
            MigrateError::VersionMissing(_) => StartError(format!(
                "Start the newer release that the {service}'s database was used with."
            )),
            error => does_not_open(service, error),
        })?;
        owner
            .map(drop)
            .map_err(|error| does_not_open(service, error))
    }

    /// The service whose database it is.
    pub(super) async fn owner(&self) -> Result<String, sqlx::Error> {
        sqlx::query_scalar("SELECT service FROM owner")
            .fetch_one(&self.read)
            .await
    }

    /// Of several processes that start at once, one migrates and the others wait: PostgreSQL has a lock for it, which sqlx takes;
    /// for SQLite sqlx takes none, and the transaction is it.
    async fn run(&self, migrator: &Migrator) -> Result<(), MigrateError> {
        if !self.sqlite {
            return migrator.run(&self.write).await;
        }
        let mut tx = self.begin().await?;
        migrator.run(tx.acquire().await?).await?;
        Ok(tx.commit().await?)
    }
}

fn migrator(migrations: Migrations) -> Migrator {
    let numbered = (1..).zip(migrations).map(|(number, sql)| {
        let sql = sql.into_sql_str();
        Migration::new(number, "".into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(numbered.collect())
}
