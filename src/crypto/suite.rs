//! Suites: the algorithms and costs that a passphrase is registered under.

use std::fmt;

use crate::error::{Error, Result};

/// A suite of a closed list. Its number comes from the Keystore, but only a passphrase that was registered under it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// Number 1: OPAQUE with ristretto255-SHA512; Argon2id with 64 MiB and 3 passes.
    One,
}

impl Suite {
    /// The suite of new accounts, and of every new passphrase.
    pub const NEWEST: Self = Self::One;

    /// The suite of this number. One that came after this release is `update_needed`.
    pub fn from_number(number: u64) -> Result<Self> {
        match number {
            1 => Ok(Self::One),
            _ => Err(Error::UpdateNeeded),
        }
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::One => 1,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}
