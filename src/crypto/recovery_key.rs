//! The recovery key: 32 random bytes, written as 56 characters that carry a checksum.

use std::fmt;

use data_encoding::{Encoding, Specification};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::engine::{Engine, make_random};
use super::keys::{SymmetricKey, derive};
use crate::error::{Error, Result};

const CHECKSUM_BYTES: usize = 3;
const GROUP: usize = 4;

/// Opens the account when the passphrase is lost.
pub struct RecoveryKey(Zeroizing<[u8; 32]>);

impl RecoveryKey {
    /// A random key.
    pub fn make(engine: &impl Engine) -> Result<Self> {
        make_random(engine).map(Self)
    }

    /// The key that wraps the KEK.
    pub fn wrapping_key(&self) -> Result<SymmetricKey> {
        SymmetricKey::derive(&self.0[..], "vouchsafe/1 kek recovery")
    }

    /// What is shown to the Keystore instead of the key; it does not give the key.
    pub fn auth(&self) -> Result<Zeroizing<[u8; 32]>> {
        derive(&self.0[..], "vouchsafe/1 recovery auth")
    }

    /// What the Keystore keeps to recognise [`RecoveryKey::auth`]: its SHA-256.
    pub fn verifier(&self) -> Result<[u8; 32]> {
        Ok(Sha256::digest(&self.auth()?[..]).into())
    }

    /// The written form: Crockford base32 of key and checksum, in groups of four.
    pub fn to_written(&self) -> Result<Zeroizing<String>> {
        let mut bytes = Zeroizing::new(self.0.to_vec());
        bytes.extend_from_slice(&checksum(&self.0));
        let text = Zeroizing::new(crockford()?.encode(&bytes));
        let mut written = Zeroizing::new(String::with_capacity(70));
        for (index, letter) in text.chars().enumerate() {
            if index > 0 && index % GROUP == 0 {
                written.push('-');
            }
            written.push(letter);
        }
        Ok(written)
    }

    /// Reads the written form. Letter case, spaces and hyphens do not matter, `O` is read as 0, `I` and `L` as 1; the
    /// checksum does.
    pub fn from_written(text: &str) -> Result<Self> {
        let wrong = || {
            Error::bad_input(
                "This is not a recovery key: 14 groups of four letters and digits. Check for typing errors.",
            )
        };
        let bytes = Zeroizing::new(
            crockford()?
                .decode(text.trim().as_bytes())
                .map_err(|_| wrong())?,
        );
        let (key, check) = bytes.split_at_checked(32).ok_or_else(wrong)?;
        let key = Self(Zeroizing::new(key.try_into().map_err(|_| wrong())?));
        if checksum(&key.0) == check {
            Ok(key)
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(..)")
    }
}

fn checksum(key: &[u8; 32]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::new()
        .chain_update(b"vouchsafe/1 recovery key")
        .chain_update(key)
        .finalize();
    [digest[0], digest[1], digest[2]]
}

fn crockford() -> Result<Encoding> {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification
        .translate
        .from
        .push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    specification
        .translate
        .to
        .push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    specification.ignore.push_str("- ");
    specification
        .encoding()
        .map_err(|_| Error::ServerError("The base32 alphabet is broken.".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_form() {
        let key = RecoveryKey(Zeroizing::new(std::array::from_fn(|i| i as u8)));
        let written = key.to_written().unwrap();
        assert_eq!(written.split('-').count(), 14);
        assert!(written.split('-').all(|group| group.len() == 4));
        assert_eq!(RecoveryKey::from_written(&written).unwrap().0, key.0);
        let sloppy = written
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        assert_eq!(RecoveryKey::from_written(&sloppy).unwrap().0, key.0);
    }

    #[test]
    fn every_wrong_letter_is_noticed() {
        let key = RecoveryKey(Zeroizing::new([7; 32]));
        let written = key.to_written().unwrap();
        for (index, letter) in written.char_indices().filter(|(_, letter)| *letter != '-') {
            let mut wrong = written.to_string();
            wrong.replace_range(index..=index, if letter == 'Z' { "Y" } else { "Z" });
            assert_eq!(
                RecoveryKey::from_written(&wrong).unwrap_err().code(),
                "bad_input"
            );
        }
        assert!(RecoveryKey::from_written(&written[..60]).is_err());
        assert!(RecoveryKey::from_written("").is_err());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(
            format!("{:?}", RecoveryKey(Zeroizing::new([7; 32]))),
            "RecoveryKey(..)"
        );
    }
}
