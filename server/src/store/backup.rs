//! Backing a server's data up while it runs.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::backup_files;
use super::files::{prepare, sync_folder};
use super::objects::VAULT_FILES;
use crate::config::Config;

/// The Keystore's secrets, which lie beside its database.
const SETUP_FILE: &str = "keystore.setup";
/// The Vault's secret. Its first start makes it.
const VAULT_SETUP_FILE: &str = "vault.setup";

/// The reason why there is no backup: one sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupError(pub(super) String);

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BackupError {}

pub(super) type Result<T> = std::result::Result<T, BackupError>;

/// A SQLite database and the name of its snapshot.
struct Source {
    service: &'static str,
    name: &'static str,
    options: SqliteConnectOptions,
}

/// Writes snapshots of the SQLite databases and the setups beside them to the new folder `to`, whole or not at all. A
/// server that is started with a copy of it as its data folder goes on where the snapshots were taken.
///
/// The Vault's snapshot is taken first. People make an encryption space in the Keystore before they share in the Vault,
/// so every share of the backup has its space there.
///
/// `with_files` copies the Vault's files, too, if they lie in a folder.
pub async fn backup(config: &Config, to: &Path, with_files: bool) -> Result<()> {
    let sources = sources(config)?;
    let setup = config.file(SETUP_FILE);
    let keystore = sources.iter().any(|source| source.service == "Keystore");
    if keystore && !setup.is_file() {
        return Err(BackupError(format!(
            "Put {} back first: without it nobody of this Keystore can sign in.",
            setup.display()
        )));
    }
    let mut setups = Vec::new();
    if keystore {
        setups.push(SETUP_FILE);
    }
    let vault = sources.iter().any(|source| source.service == "Vault");
    if vault && config.file(VAULT_SETUP_FILE).is_file() {
        setups.push(VAULT_SETUP_FILE);
    }
    check_place(&config.data, to)?;
    let part = make_part(to)?;
    let mut written = write(&sources, config, &setups, &part).await;
    if written.is_ok() && vault && with_files {
        let snapshot = part.join("vault.db");
        written = backup_files::write(config, &snapshot, &part).await;
    }
    let written = written.and_then(|()| {
        put_in_place(&part, to)
            .map_err(|error| BackupError(format!("Make {} a folder ({error}).", to.display())))
    });
    if written.is_err() {
        // The next attempt names a folder that could not be removed.
        let _ = fs::remove_dir_all(&part);
    }
    written
}

/// The databases that are there, the Vault's first.
fn sources(config: &Config) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for (service, name, url) in [
        ("Vault", "vault.db", &config.vault_db),
        ("Keystore", "keystore.db", &config.keystore_db),
    ] {
        let options = match url {
            Some(url) if !url.starts_with("sqlite:") => {
                return Err(BackupError(format!(
                    "Back the {service}'s database up with pg_dump, and copy {SETUP_FILE}, {VAULT_SETUP_FILE} and {VAULT_FILES} from \
                     the data folder: this command copies SQLite databases."
                )));
            }
            Some(url) => SqliteConnectOptions::from_str(url).map_err(|error| {
                BackupError(format!(
                    "Check the URL of the {service}'s database ({error})."
                ))
            })?,
            None => SqliteConnectOptions::new().filename(config.file(name)),
        };
        if options.get_filename().is_file() {
            let options = options
                .create_if_missing(false)
                .busy_timeout(Duration::from_secs(10));
            sources.push(Source {
                service,
                name,
                options,
            });
        } else if url.is_some() {
            return Err(BackupError(format!(
                "Check the URL of the {service}'s database: there is no such file."
            )));
        }
    }
    if sources.is_empty() {
        return Err(BackupError(format!(
            "Give --data the folder of a server: {} holds no database.",
            config.data.display()
        )));
    }
    Ok(sources)
}

/// Refuses a backup in the folder that it is a backup of: it would go when that folder does.
fn check_place(data: &Path, to: &Path) -> Result<()> {
    // The backup's own folder may not be there yet, nor may those above it.
    let above = to
        .ancestors()
        .find_map(|folder| match folder == Path::new("") {
            true => fs::canonicalize(".").ok(),
            false => fs::canonicalize(folder).ok(),
        });
    match (fs::canonicalize(data).ok(), above) {
        (Some(data), Some(above)) if above.starts_with(&data) => Err(BackupError(format!(
            "Give --to a folder outside of {}: a backup in the data folder is lost with it.",
            data.display()
        ))),
        _ => Ok(()),
    }
}

/// The folder beside the target in which the backup grows.
fn make_part(to: &Path) -> Result<PathBuf> {
    let taken = || {
        BackupError(format!(
            "Give --to a new folder: {} is taken.",
            to.display()
        ))
    };
    let free = match fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !free {
        return Err(taken());
    }
    let mut name = to.file_name().ok_or_else(taken)?.to_owned();
    name.push(".part");
    let part = to.with_file_name(name);
    let mut folder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(&part).map_err(|error| {
        BackupError(match error.kind() {
            io::ErrorKind::AlreadyExists => format!(
                "Remove {}: an interrupted backup left it, or one is running.",
                part.display()
            ),
            _ => format!("Make {} writable ({error}).", part.display()),
        })
    })?;
    Ok(part)
}

async fn write(sources: &[Source], config: &Config, setups: &[&str], part: &Path) -> Result<()> {
    let failed =
        |error: io::Error| BackupError(format!("Make {} writable ({error}).", part.display()));
    for source in sources {
        let file = part.join(source.name);
        // SQLite writes to an empty file, too, and would make one that others can read.
        prepare(&file).map_err(failed)?;
        snapshot(source, &file).await?;
        finish(&file).map_err(failed)?;
    }
    for setup in setups {
        let file = part.join(setup);
        prepare(&file).map_err(failed)?;
        fs::copy(config.file(setup), &file).map_err(failed)?;
        finish(&file).map_err(failed)?;
    }
    Ok(())
}

/// One consistent moment of a database, while others write to it.
async fn snapshot(source: &Source, file: &Path) -> Result<()> {
    let service = source.service;
    let failed = |error: sqlx::Error| {
        BackupError(format!(
            "Check the {service}'s database: it cannot be copied ({error})."
        ))
    };
    let mut connection = SqliteConnection::connect_with(&source.options)
        .await
        .map_err(failed)?;
    let owner: String = sqlx::query_scalar("SELECT service FROM owner")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    if owner != service {
        return Err(BackupError(format!(
            "Check the {service}'s database: this one belongs to the {owner}."
        )));
    }
    let name = file
        .to_str()
        .ok_or_else(|| BackupError("Give --to a name in Unicode.".to_owned()))?;
    sqlx::query("VACUUM INTO $1")
        .bind(name)
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// Leaves the file to its owner alone, and on the disk.
pub(super) fn finish(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    OpenOptions::new().write(true).open(file)?.sync_all()
}

fn put_in_place(part: &Path, to: &Path) -> io::Result<()> {
    sync_folder(part)?;
    if to.exists() {
        // It is empty, and not every system renames over it.
        fs::remove_dir(to)?;
    }
    fs::rename(part, to)?;
    sync_folder(to.parent().unwrap_or(Path::new("")))
}
