//! The part of a backup that is the Vault's files.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::backup::{BackupError, Result, finish};
use super::files::{make_folder, prepare, sync_folder};
use super::objects::{Place, VAULT_FILES};
use crate::config::Config;

/// Copies the files that a snapshot of the Vault's database names to the folder that it lies in. Objects are never changed, so
/// that those of a moment later are the same; one that was erased meanwhile is left out.
pub(super) async fn write(config: &Config, snapshot: &Path, part: &Path) -> Result<()> {
    let files = files(snapshot).await.map_err(|error| {
        BackupError(format!(
            "Check the Vault's database: its files cannot be listed ({error})."
        ))
    })?;
    let from = match Place::of(config) {
        Place::Folder(folder) => folder,
        bucket => {
            if !files.is_empty() {
                tracing::warn!(%bucket, "files in a bucket are not copied: copy it after this backup");
            }
            return Ok(());
        }
    };
    let mut left_out = 0;
    for (file, parts) in files {
        let to = part.join(VAULT_FILES).join(&file);
        let copied = copy(&from.join(&file), &to);
        let copied = copied.map_err(|error| {
            BackupError(format!(
                "Make {} readable and {} writable ({error}).",
                from.display(),
                part.display()
            ))
        })?;
        left_out += i64::from(copied < parts);
    }
    if left_out > 0 {
        tracing::warn!(
            files = left_out,
            "so many files were erased while the backup was made, or have lost parts"
        );
    }
    Ok(())
}

/// The files of a snapshot, each with the count of its parts.
async fn files(snapshot: &Path) -> std::result::Result<Vec<(String, i64)>, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(snapshot)
        .read_only(true)
        .immutable(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let sql = "SELECT id, parts FROM files WHERE deleted_at IS NULL AND parts > 0 ORDER BY id";
    let files = sqlx::query_as(sql).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(files)
}

/// Copies the objects of a file, and gives their count.
fn copy(from: &Path, to: &Path) -> io::Result<i64> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    make_folder(to)?;
    let mut copied = 0;
    for entry in entries {
        let entry = entry?;
        let file = to.join(entry.file_name());
        prepare(&file)?;
        match fs::copy(entry.path(), &file) {
            Ok(_) => copied += 1,
            Err(error) if error.kind() == ErrorKind::NotFound => fs::remove_file(&file)?,
            Err(error) => return Err(error),
        }
        if file.exists() {
            finish(&file)?;
        }
    }
    sync_folder(to)?;
    Ok(copied)
}
