//! Schemas as an operator sees them: whether databases have this release's, and bringing them up to date before a server starts.

use crate::config::Config;
use crate::keystore::{self, Keystore};
use crate::start_error::StartError;
use crate::store::beside;
use crate::store::db::Db;
use crate::store::files;
use crate::store::migrate::Migrations;
use crate::vault::{self, Vault};

/// How a database stands to this release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has this release's schema.
    Current,
    /// It lacks migrations, which a start of this release would run.
    Older,
    /// A newer release has changed it, and this one goes on with it.
    NewerThatWorks,
    /// A newer release has changed it, and this one cannot work with it.
    Newer,
}

/// The schema of a service's database.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// `Vault` or `Keystore`.
    pub service: &'static str,
    /// How it stands to this release.
    pub state: State,
    /// The number of the newest migration that it has had; 0 if it had none.
    pub has: i64,
    /// The number of the newest migration that this release knows.
    pub knows: i64,
}

/// The databases of the configuration's services.
struct Database {
    service: &'static str,
    url: String,
    migrations: Migrations,
    /// The file that was made with the database.
    setup: &'static str,
}

fn databases(config: &Config) -> Vec<Database> {
    let keystore = config.services.keystore().then(|| Database {
        service: "Keystore",
        url: Keystore::database_url(config),
        migrations: keystore::MIGRATIONS,
        setup: "keystore.setup",
    });
    let vault = config.services.vault().then(|| Database {
        service: "Vault",
        url: Vault::database_url(config),
        migrations: vault::MIGRATIONS,
        setup: "vault.setup",
    });
    [keystore, vault].into_iter().flatten().collect()
}

/// Looks at the databases of the configuration's services, and changes nothing. Servers may be using them.
pub async fn check(config: &Config) -> Result<Vec<Schema>, StartError> {
    let mut schemas = Vec::new();
    for database in databases(config) {
        let found = beside::schema(&database.url, database.service, database.migrations).await?;
        let state = match (found.works(), found.is_newer()) {
            (true, false) => State::Current,
            (true, true) => State::NewerThatWorks,
            (false, true) => State::Newer,
            (false, false) => State::Older,
        };
        schemas.push(Schema {
            service: database.service,
            state,
            has: found.has,
            knows: found.knows,
        });
    }
    Ok(schemas)
}

/// Brings the databases of the configuration's services up to date, or only as far as the migration of this number, and makes
/// what is not there yet. Several processes may do so at once. There is no way back but a backup.
pub async fn migrate(config: &Config, to: Option<usize>) -> Result<(), StartError> {
    files::make_folder(&config.data).map_err(|error| {
        StartError(format!(
            "Make {} a folder to write in ({error}).",
            config.data.display()
        ))
    })?;
    for database in databases(config) {
        let known = database.migrations;
        let wanted = match to {
            Some(number) => known.get(..number).filter(|some| !some.is_empty()),
            None => Some(known),
        };
        let Some(wanted) = wanted else {
            return Err(StartError(format!(
                "Give --to a number from 1 to {}: so many migrations this release knows for the {}.",
                known.len(),
                database.service
            )));
        };
        let (url, service) = (&database.url, database.service);
        let found = beside::schema(url, service, known).await?;
        if to.is_some() && usize::try_from(found.has).is_ok_and(|has| has > wanted.len()) {
            return Err(StartError(format!(
                "Restore a backup to go back: the {service}'s database has had migration {} already.",
                found.has
            )));
        }
        let setup = config.file(database.setup);
        let witness = setup.exists().then_some(&*setup);
        let db = Db::open(url, service, wanted, witness, None).await?;
        db.close().await;
    }
    Ok(())
}
