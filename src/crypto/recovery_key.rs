//! The recovery key: 32 random bytes, written as 56 characters that carry a checksum.

use std::fmt;

use base32::Alphabet::Crockford;
use sha2::{Digest, Sha256};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::engine::{Engine, make_random};
use super::keys::{SymmetricKey, derive};
use crate::error::{Error, Result};

/// The bytes of the checksum at its end.
const CHECKSUM_BYTES: usize = 3;
/// The characters between two hyphens of the written form.
const GROUP_CHARS: usize = 4;
/// The characters of the written form without hyphens.
const CHARS: usize = (32 + CHECKSUM_BYTES) * 8 / 5;

/// Opens the account when the passphrase is lost.
#[derive(ZeroizeOnDrop)]
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

    /// The value that the Keystore is shown instead of the key; it does not give the key.
    pub fn auth(&self) -> Result<Zeroizing<[u8; 32]>> {
        derive(&self.0[..], "vouchsafe/1 recovery auth")
    }

    /// The SHA-256 of [`RecoveryKey::auth`], by which the Keystore recognises it.
    pub fn verifier(&self) -> Result<[u8; 32]> {
        Ok(Sha256::digest(&self.auth()?[..]).into())
    }

    /// The written form: Crockford base32 of key and checksum, in groups of four.
    pub fn to_written(&self) -> Result<Zeroizing<String>> {
        let mut bytes = Zeroizing::new(self.0.to_vec());
        bytes.extend_from_slice(&checksum(&self.0));
        let text = Zeroizing::new(base32::encode(Crockford, &bytes));
        let mut written = Zeroizing::new(String::with_capacity(70));
        for (index, letter) in text.chars().enumerate() {
            if index > 0 && index % GROUP_CHARS == 0 {
                written.push('-');
            }
            written.push(letter);
        }
        Ok(written)
    }

    /// Reads the written form. Letter case, blanks and the signs of ASCII do not matter, `O` is read as 0, `I` and `L` as 1;
    /// the checksum does.
    pub fn from_written(text: &str) -> Result<Self> {
        let wrong = || {
            Error::bad_input(
                "This is not a recovery key: 14 groups of four letters and digits. Check for typing errors.",
            )
            .in_argument("recoveryKey")
        };
        let letters = text.chars().filter(|letter| {
            letter.is_ascii_alphanumeric() || !(letter.is_ascii() || letter.is_whitespace())
        });
        let letters: Zeroizing<String> = Zeroizing::new(letters.collect());
        if letters.len() != CHARS {
            return Err(wrong());
        }
        let bytes = base32::decode(Crockford, &letters).ok_or_else(wrong)?;
        let bytes = Zeroizing::new(bytes);
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
        // As it is copied out of a document whose lines are short, out of a sentence, and by hand.
        for sign in ["-\r\n\t", "\u{a0}", "_", ".", " - "] {
            let copied = format!("\"{}\".", written.replace('-', sign));
            assert_eq!(
                RecoveryKey::from_written(&copied).unwrap().0,
                key.0,
                "{sign:?}"
            );
        }
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
        for other in [
            "".to_owned(),
            written[..60].to_owned(),
            format!("{}0", *written),
            format!("{}-0000", *written),
            written.replacen(|letter: char| letter.is_ascii_digit(), "U", 1),
            written.replacen('-', "é", 1),
            format!("\u{ff10}{}", &written[1..]),
        ] {
            let error = RecoveryKey::from_written(&other).unwrap_err();
            assert_eq!(error.code(), "bad_input", "{other}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(
            format!("{:?}", RecoveryKey(Zeroizing::new([7; 32]))),
            "RecoveryKey(..)"
        );
    }
}
