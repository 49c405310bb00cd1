//! Files that nobody but the server's own user may read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::sqlite::SqliteConnectOptions;

/// The mode of files, of their owner alone.
const FILE_MODE: u32 = 0o600;
/// The mode of folders.
const FOLDER_MODE: u32 = 0o700;

/// Makes a folder, and those above it, for its owner alone. One that is there stays as it is.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER_MODE);
    builder.create(folder)
}

/// The options to write a file that its owner alone may read.
pub(crate) fn own() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options
}

/// Makes the file of a SQLite database that is to be made, since SQLite would let others read it, and gives its path. The files
/// beside it get its mode.
pub(super) fn prepare_database(url: &str) -> io::Result<PathBuf> {
    let options = SqliteConnectOptions::from_str(url).map_err(io::Error::other)?;
    let file = options.get_filename();
    if url.contains("mode=rwc") {
        prepare(file)?;
    }
    Ok(file.to_owned())
}

/// Makes an empty file for its owner alone, unless there is one.
pub(super) fn prepare(file: &Path) -> io::Result<()> {
    match own().create_new(true).open(file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The file beside another one whose name goes on like this.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Brings a folder's entries to the disk, on systems where a folder can be opened.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // The parent of a name without a path is written as an empty one.
    let folder = match folder == Path::new("") {
        true => Path::new("."),
        false => folder,
    };
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The folder and the files in it, those of its folders too, that others than their owner may read, write or enter, with
/// the mode of each. What lies in the folder `but` is not looked at: it may be very much.
#[cfg(unix)]
pub(crate) fn open_to_others(path: &Path, but: &Path) -> Vec<(PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Vec::new();
    };
    let mode = metadata.permissions().mode() & 0o7777;
    let mut found = Vec::new();
    // The mode of a link means nothing.
    if mode & 0o077 != 0 && !metadata.is_symlink() {
        found.push((path.to_owned(), mode));
    }
    let is_looked_at = metadata.is_dir() && path != but;
    let entries = is_looked_at.then(|| fs::read_dir(path).ok()).flatten();
    for entry in entries.into_iter().flatten().flatten() {
        found.extend(open_to_others(&entry.path(), but));
    }
    found
}

/// Where files have no modes there is nothing to find.
#[cfg(not(unix))]
pub(crate) fn open_to_others(_: &Path, _: &Path) -> Vec<(PathBuf, u32)> {
    Vec::new()
}

/// Says in the log which of a server's files others can read: of the folder with the Vault's files, whether others can enter it.
pub(crate) fn complain(data: &Path, vault_files: &Path) {
    for (path, mode) in open_to_others(data, vault_files) {
        let wanted = if path.is_dir() { "0700" } else { "0600" };
        tracing::warn!(
            path = %path.display(),
            mode = format!("{mode:04o}"),
            "others than the server can read this: chmod it to {wanted}"
        );
    }
}
