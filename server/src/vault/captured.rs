//! Mails that are captured as files, where there is no mail server.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::mail::Mail;
use crate::store::files;

/// Writes a mail, whole or not at all.
pub(super) async fn capture(folder: &Path, mail: &Mail) -> std::io::Result<()> {
    files::make_folder(folder)?;
    let name = format!("{:015}-{}", mail.sent_at, mail.id);
    let part = folder.join(format!("{name}.part"));
    let mut options = tokio::fs::OpenOptions::from(files::own());
    let mut file = options.create(true).truncate(true).open(&part).await?;
    tokio::io::AsyncWriteExt::write_all(&mut file, &serde_json::to_vec_pretty(mail)?).await?;
    file.sync_all().await?;
    tokio::fs::rename(part, folder.join(format!("{name}.json"))).await
}

/// The captured mails, newest first.
pub(crate) fn captured(folder: &Path) -> std::io::Result<Vec<Mail>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    let read = |file: &PathBuf| match std::fs::read(file) {
        // It was erased in this moment.
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some(read.and_then(|mail| Ok(serde_json::from_slice(&mail)?))),
    };
    files.iter().rev().filter_map(read).collect()
}

/// Erases the mails that were captured before this time.
pub(super) async fn forget(folder: &Path, before: i64) -> std::io::Result<()> {
    let mut entries = match tokio::fs::read_dir(folder).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let sent_at = name
            .to_str()
            .and_then(|name| name.split_once('-')?.0.parse().ok());
        if sent_at.is_some_and(|sent_at: i64| sent_at < before) {
            tokio::fs::remove_file(entry.path()).await?;
        }
    }
    Ok(())
}
