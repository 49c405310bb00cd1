//! The Keystore's own secrets. They lie in a file beside the database, so that a stolen database alone is not enough to
//! guess passphrases.

use std::fs;
use std::io::Write;
use std::path::Path;

use rand_core::OsRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::opaque::OpaqueSetup;
use super::seal::SealKey;
use super::tokens::TokenKey;
use crate::base64url::base64url;
use crate::http::values::{Bytes, Message};
use crate::start_error::StartError;
use crate::store::files;

/// The secrets in use.
pub(crate) struct Setup {
    /// The name by which accounts remember it.
    pub(crate) id: String,
    pub(crate) opaque: OpaqueSetup,
    /// Keys the HMAC that stands in for a credential identifier where there is no account.
    pub(crate) secret: Bytes<32>,
    /// Seals the state of logins.
    pub(crate) logins: SealKey,
    /// Seals begun registrations.
    pub(crate) registrations: SealKey,
    pub(crate) token_key: TokenKey,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetupFile {
    opaque: Message,
    /// The secret that further keys come from. Earlier releases made the identifiers of email addresses with it.
    #[serde(alias = "emailSecret")]
    secret: Bytes<32>,
    token_key: Bytes<32>,
}

impl Setup {
    /// Reads the setup, or makes it on the first start.
    pub(crate) fn open(
        file: &Path,
        has_accounts: bool,
        make_anew: bool,
    ) -> Result<Self, StartError> {
        let name = file.display();
        match fs::read(file) {
            Ok(bytes) => match Self::parse(&bytes) {
                Some(setup) => Ok(setup),
                None => Err(StartError(format!(
                    "Restore {name} from a backup: it is not a Keystore setup."
                ))),
            },
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StartError(format!("Make {name} readable ({error}).")))
            }
            Err(_) if has_accounts && !make_anew => Err(StartError(format!(
                "Restore {name} from a backup: without it nobody can sign in. If it is lost for good, start once with \
                 --new-opaque-setup; accounts then need their recovery keys."
            ))),
            Err(_) => {
                let made = SetupFile {
                    opaque: Message(OpaqueSetup::new(&mut OsRng).serialize().to_vec()),
                    secret: Bytes::make(),
                    token_key: Bytes::make(),
                };
                let bytes = write(file, &made)
                    .map_err(|error| StartError(format!("Make {name} writable ({error}).")))?;
                Self::parse(&bytes)
                    .ok_or_else(|| StartError(format!("Remove {name}: it could not be made.")))
            }
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let file: SetupFile = serde_json::from_slice(bytes).ok()?;
        let opaque = OpaqueSetup::deserialize(&file.opaque.0).ok()?;
        Some(Self {
            id: base64url(&Sha256::digest(opaque.keypair().public().serialize())),
            opaque,
            logins: SealKey::derive(&file.secret, "vouchsafe/1 login state")?,
            registrations: SealKey::derive(&file.secret, "vouchsafe/1 registration")?,
            secret: file.secret,
            token_key: TokenKey::new(file.token_key.as_bytes()),
        })
    }
}

/// Writes the file whole or not at all, for its owner's eyes only.
fn write(file: &Path, setup: &SetupFile) -> std::io::Result<Vec<u8>> {
    let bytes = serde_json::to_vec_pretty(setup)?;
    let part = file.with_extension("setup.part");
    let mut out = files::own().create(true).truncate(true).open(&part)?;
    out.write_all(&bytes)?;
    out.sync_all()?;
    fs::rename(&part, file)?;
    // The name is on the disk before an account is made that needs the file.
    files::sync_folder(file.parent().unwrap_or(Path::new("")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_never_replaced_behind_accounts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keystore.setup");
        let first = Setup::open(&file, false, false).unwrap();
        let again = Setup::open(&file, true, true).unwrap();
        assert_eq!(first.opaque.serialize(), again.opaque.serialize());
        assert_eq!(first.id, again.id);
        assert_eq!(first.token_key.kid(), again.token_key.kid());

        fs::remove_file(&file).unwrap();
        let refused = Setup::open(&file, true, false).err().unwrap();
        assert!(
            refused.to_string().contains("--new-opaque-setup"),
            "{refused}"
        );
        assert!(!file.exists());
        let anew = Setup::open(&file, true, true).unwrap();
        assert_ne!(first.opaque.serialize(), anew.opaque.serialize());
        assert_ne!(first.id, anew.id);
    }

    #[test]
    fn a_file_of_an_earlier_release_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keystore.setup");
        let made = Setup::open(&file, false, false).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let earlier = text.replace(r#""secret""#, r#""emailSecret""#);
        assert_ne!(earlier, text);
        fs::write(&file, earlier).unwrap();
        assert_eq!(Setup::open(&file, true, false).unwrap().id, made.id);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keystore.setup");
        Setup::open(&file, false, false).unwrap();
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_broken_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keystore.setup");
        fs::write(&file, "{}").unwrap();
        assert!(Setup::open(&file, false, true).is_err());
        assert_eq!(fs::read(&file).unwrap(), b"{}");
    }
}
