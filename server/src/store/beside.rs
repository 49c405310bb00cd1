//! Opening a database for a command, which a server may be using at the same time.
//!
//! A server holds its SQLite database against other servers, because each would do the same work in the background. A command
//! does a few short transactions and nothing else: SQLite's own locks keep these apart from the server's, which waits for them as
//! it waits for a backup. Where no server has the database, the command holds it itself, and looks at its log as a server does.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::install_default_drivers;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, Connection, Error};

use super::db::{Db, sqlite_url};
use super::hold::Hold;
use super::migrate::{Migrations, check_owner, is_new, newest};
use super::open::{POSTGRES_TURNS, does_not_open, examine, first, postgres_pool, sqlite_pool};
use super::peers::Peers;
use super::queue::Queue;
use super::schema::Schema;
use crate::start_error::StartError;

/// The connections of a command to a SQLite database: it may read while it writes.
const COMMAND_CONNECTIONS: u32 = 2;
/// The time for a PostgreSQL server that starts at the same moment. Somebody waits for the command.
const PATIENCE: Duration = Duration::from_secs(3);

impl Db {
    /// Opens the database of a service that has been there before, and leaves its schema as it is.
    pub(crate) async fn open_beside(
        url: &str,
        service: &'static str,
        migrations: Migrations,
    ) -> Result<Self, StartError> {
        let failed = |error: Error| does_not_open(service, &error);
        let mut beside = Beside::connect(url, service).await?;
        let schema = beside.schema(migrations).await;
        let _ = beside.connection.close().await;
        let schema = schema?;
        if !schema.works() {
            return Err(StartError(match schema.is_newer() {
                true => {
                    format!("Take the newer release that the {service}'s database was used with.")
                }
                false => format!(
                    "Bring the {service}'s database up to date first, by starting this release or by `vouchsafe-server migrate`: \
                     it is that of an older one."
                ),
            }));
        }
        // It hears of nobody, and tells nobody: servers look by themselves.
        let peers = Peers::new(None, service);
        let pool = match beside.sqlite {
            true => sqlite_pool(&beside.url, COMMAND_CONNECTIONS)
                .await
                .map_err(failed)?,
            false => postgres_pool(&beside.url, &peers).await.map_err(failed)?,
        };
        if let Some(hold) = &beside.hold {
            hold.open();
        }
        let turns = if beside.sqlite { 1 } else { POSTGRES_TURNS };
        Ok(Self {
            read: pool.clone(),
            write: pool,
            queue: Queue::new(turns),
            turn_patience: Duration::MAX,
            peers,
            sqlite: beside.sqlite,
            service,
            version: schema.knows,
            hold: beside.hold.map(Arc::new),
            probe: Arc::default(),
        })
    }

    /// The bytes of the database.
    pub(crate) async fn bytes(&self) -> Result<i64, Error> {
        let sql = match self.sqlite {
            true => "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            false => "SELECT pg_database_size(current_database())",
        };
        sqlx::query_scalar(sql).fetch_one(&self.read).await
    }
}

/// The schema of a service's database as this release finds it, whether a server uses it or not. One that is not there yet has
/// had no migration.
pub(crate) async fn schema(
    url: &str,
    service: &'static str,
    migrations: Migrations,
) -> Result<Schema, StartError> {
    if sqlite_file(url, service)?.is_some_and(|file| !file.is_file()) {
        return Ok(Schema {
            has: 0,
            knows: newest(migrations),
            needs: 0,
        });
    }
    let mut beside = Beside::connect(url, service).await?;
    let schema = beside.schema(migrations).await;
    let _ = beside.connection.close().await;
    schema
}

/// A database that is open, beside a server or held.
struct Beside {
    connection: AnyConnection,
    url: String,
    service: &'static str,
    sqlite: bool,
    hold: Option<Hold>,
}

impl Beside {
    async fn connect(url: &str, service: &'static str) -> Result<Self, StartError> {
        install_default_drivers();
        let file = sqlite_file(url, service)?;
        let sqlite = file.is_some();
        let (url, hold) = match file {
            // By its name alone: what the URL says besides may make it anew, or be for reading only.
            Some(file) if file.is_file() => {
                let hold = Hold::take_if_free(&file, service)?;
                if let Some(hold) = &hold {
                    examine(hold, &file, service)?;
                }
                (sqlite_url(&file).replace("mode=rwc", "mode=rw"), hold)
            }
            Some(file) => {
                return Err(StartError(format!(
                    "Check the URL of the {service}'s database: there is no file {}.",
                    file.display()
                )));
            }
            None => (url.to_owned(), None),
        };
        let connection = first(&url, sqlite, service, PATIENCE).await;
        Ok(Self {
            connection: connection.map_err(|error| does_not_open(service, &error))?,
            url,
            service,
            sqlite,
            hold,
        })
    }

    async fn schema(&mut self, migrations: Migrations) -> Result<Schema, StartError> {
        let failed = |error: Error| does_not_open(self.service, &error);
        let knows = newest(migrations);
        let connection = &mut self.connection;
        if is_new(connection, self.sqlite).await.map_err(failed)? {
            return Ok(Schema {
                has: 0,
                knows,
                needs: 0,
            });
        }
        check_owner(connection, self.service).await?;
        Schema::read(connection, knows).await.map_err(failed)
    }
}

/// The file of a SQLite database; none of another.
fn sqlite_file(url: &str, service: &str) -> Result<Option<PathBuf>, StartError> {
    if !url.starts_with("sqlite:") {
        return Ok(None);
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|error| {
        StartError(format!(
            "Check the URL of the {service}'s database ({error})."
        ))
    })?;
    Ok(Some(options.get_filename().to_owned()))
}
