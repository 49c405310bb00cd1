//! Folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Copies what is in `from` into `to`, which is made if it is missing.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    copy_folder_without(from, to, &[])
}

/// Does the same, but leaves out what has one of these names at the top of `from`.
pub(crate) fn copy_folder_without(from: &Path, to: &Path, left_out: &[&str]) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} could not be made", to.display()))?;
    for entry in
        fs::read_dir(from).with_context(|| format!("{} could not be read", from.display()))?
    {
        let entry = entry?;
        if left_out.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Copies a file; the folder for it is made if it is missing.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} could not be made", folder.display()))?;
    }
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("{} could not be copied to {}", from.display(), to.display()))
}

/// The files in a folder and in the folders inside, in the order of their paths.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("{} could not be read", folder.display()))?
    {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(list(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Puts the folder `new` where `old` may be.
pub(crate) fn replace_folder(old: &Path, new: &Path) -> Result<()> {
    if old.exists() {
        fs::remove_dir_all(old)
            .with_context(|| format!("{} could not be removed", old.display()))?;
    }
    fs::rename(new, old).with_context(|| format!("{} could not be written", old.display()))
}

/// An empty folder beside the others of `parent`, removed when it is dropped.
pub(crate) fn scratch(parent: &Path) -> Result<tempfile::TempDir> {
    fs::create_dir_all(parent)
        .with_context(|| format!("{} could not be made", parent.display()))?;
    tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(parent)
        .context("A temporary folder could not be made.")
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} could not be read", path.display()))
}

/// Writes a file.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, content).with_context(|| format!("{} could not be written", path.display()))
}
