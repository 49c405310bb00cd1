//! Files of secrets that lie beside a database. Such a file is made once, whole, and carries a checksum: with one character
//! changed it would still be a secret, but nobody's.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::files;
use crate::base64url::base64url;
use crate::http::values::Bytes;
use crate::start_error::StartError;

/// The member beside those of the setup: their SHA-256, in JSON without blanks.
const CHECKSUM: &str = "checksum";

/// Reads a setup, if there is one.
pub(crate) fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, StartError> {
    let name = file.display();
    match fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StartError(format!("Make {name} readable ({error})."))),
        Ok(bytes) => parse(&bytes).map(Some).ok_or_else(|| {
            StartError(format!(
                "Restore {name} from a backup: it is damaged, or no setup of this service."
            ))
        }),
    }
}

/// Writes a new setup, for its owner's eyes only, and gives the one that is there then: of several processes that start at once,
/// one makes it.
pub(crate) fn make<T: Serialize + DeserializeOwned>(
    file: &Path,
    setup: &T,
) -> Result<T, StartError> {
    let unwritable =
        |error: io::Error| StartError(format!("Make {} writable ({error}).", file.display()));
    write(file, setup, files::sync_folder).map_err(unwritable)?;
    read(file)?.ok_or_else(|| unwritable(ErrorKind::NotFound.into()))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut members: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let stored = members.remove(CHECKSUM)?;
    let whole = stored.as_str()? == checksum(&members)?;
    serde_json::from_value(whole.then_some(members)?.into()).ok()
}

fn checksum(members: &Map<String, Value>) -> Option<String> {
    let bytes = serde_json::to_vec(members).ok()?;
    Some(base64url(&Sha256::digest(bytes)))
}

/// Writes the file whole or not at all, unless there is one. Its name is on the disk, by `sync`, before anything is made that
/// needs it.
fn write(
    file: &Path,
    setup: &impl Serialize,
    sync: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut members = match serde_json::to_value(setup)? {
        Value::Object(members) => members,
        _ => return Err(ErrorKind::InvalidInput.into()),
    };
    let checksum = checksum(&members).ok_or(ErrorKind::InvalidInput)?;
    members.insert(CHECKSUM.to_owned(), checksum.into());
    let unique = Bytes::<16>::make().to_text();
    let part = files::beside(file, &format!(".{unique}.part"));
    let mut out = files::own().create_new(true).open(&part)?;
    out.write_all(&serde_json::to_vec_pretty(&members)?)?;
    out.sync_all()?;
    let linked = fs::hard_link(&part, file);
    fs::remove_file(&part)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync(file.parent().unwrap_or(Path::new("")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Secrets {
        one: Bytes<32>,
        two: Bytes<32>,
    }

    fn secrets() -> Secrets {
        Secrets {
            one: Bytes::make(),
            two: Bytes::make(),
        }
    }

    #[test]
    fn made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.setup");
        assert!(read::<Secrets>(&file).unwrap().is_none());
        // Several at once make one.
        let make = || make(&file, &secrets()).unwrap();
        let all: Vec<Secrets> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(all.iter().all(|one| *one == all[0]));
        assert!(read(&file).unwrap().as_ref() == Some(&all[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn its_name_is_brought_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.setup");
        // By the one that makes it, and by one that finds it made a moment ago.
        for _ in 0..2 {
            let mut synced = Vec::new();
            let sync = |folder: &Path| {
                let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
                synced = entries.collect::<io::Result<Vec<_>>>()?;
                Ok(())
            };
            write(&file, &secrets(), sync).unwrap();
            assert_eq!(synced, ["x.setup"], "under its last name, and nothing else");
        }
        let fails = |_: &Path| Err(ErrorKind::StorageFull.into());
        let failed = write(&file, &secrets(), fails);
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::StorageFull);
        files::sync_folder(folder.path()).unwrap();
    }

    #[test]
    fn damage_is_noticed_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.setup");
        let made = make(&file, &secrets()).unwrap();
        let text = fs::read(&file).unwrap();
        for at in 0..text.len() {
            // Another letter or digit in place of each; elsewhere another sign.
            let mut changed = text.clone();
            changed[at] = match changed[at] {
                b'A' => b'B',
                byte if byte.is_ascii_alphanumeric() => b'A',
                b'!' => b'?',
                _ => b'!',
            };
            fs::write(&file, &changed).unwrap();
            let refused = read::<Secrets>(&file);
            let is_blank = text[at].is_ascii_whitespace();
            assert!(refused.is_err() || is_blank, "{at}: {changed:?}");
            fs::write(&file, &text[..at]).unwrap();
            assert!(read::<Secrets>(&file).is_err(), "cut at {at}");
            assert_eq!(fs::read(&file).unwrap(), &text[..at], "not overwritten");
        }
        // Other blanks are the same file.
        let text = String::from_utf8(text).unwrap().replace('\n', "\r\n");
        fs::write(&file, text).unwrap();
        assert!(read(&file).unwrap() == Some(made));
    }
}
