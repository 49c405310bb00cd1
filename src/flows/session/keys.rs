//! The keys of an unlocked session.

use crate::crypto::keys::{SigningKey, SymmetricKey};
use crate::crypto::records::{open_signing_key, open_vault_key};
use crate::error::Result;
use crate::ids::Id;

/// The KEK, and the keys that lie under it.
pub(in crate::flows) struct Keys {
    pub(in crate::flows) kek: SymmetricKey,
    pub(in crate::flows) vault: SymmetricKey,
    pub(in crate::flows) signing: SigningKey,
}

impl Keys {
    /// Opens the keys under a KEK. One KEK opens both, so a Keystore cannot choose either.
    pub(in crate::flows) fn open(
        account: Id,
        kek: SymmetricKey,
        vault_key: &str,
        signing_key: &str,
    ) -> Result<Self> {
        let vault = open_vault_key(account, &kek, vault_key)?;
        let signing = open_signing_key(account, &kek, signing_key)?;
        Ok(Self {
            kek,
            vault,
            signing,
        })
    }

    /// Whether these are the very same keys.
    pub(in crate::flows) fn are(&self, other: &Self) -> bool {
        self.kek.kid() == other.kek.kid()
            && self.vault.kid() == other.vault.kid()
            && self.signing.public().kid() == other.signing.public().kid()
    }
}
