//! The Keystore's own secrets. They lie in a file beside the database, so that a stolen database alone is not enough to
//! guess passphrases.

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
use crate::store::setup_file;

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
    /// The secret that further keys come from.
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
        let stored = match setup_file::read(file)? {
            Some(stored) => stored,
            None if has_accounts && !make_anew => {
                return Err(StartError(format!(
                    "Restore {name} from a backup: without it nobody can sign in. If it is lost for good, start once with \
                     --new-opaque-setup; accounts then need their recovery keys."
                )));
            }
            None => setup_file::make(file, &SetupFile::make())?,
        };
        Self::parse(stored).ok_or_else(|| {
            StartError(format!(
                "Restore {name} from a backup: it is not a Keystore setup."
            ))
        })
    }

    fn parse(file: SetupFile) -> Option<Self> {
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

impl SetupFile {
    fn make() -> Self {
        Self {
            opaque: Message(OpaqueSetup::new(&mut OsRng).serialize().to_vec()),
            secret: Bytes::make(),
            token_key: Bytes::make(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
}
