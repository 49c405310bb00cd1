//! The number that two people compare to know that nobody stands between them.

use sha2::{Digest, Sha512};

use super::keys::VerifyingKey;
use crate::error::{Error, Result};
use crate::ids::Id;

const GROUPS: usize = 12;
const GROUP_BYTES: usize = 5;
/// The digits of a number; a group has five.
const DIGITS: usize = GROUPS * 5;
/// The most digits that somebody mistypes.
const MAX_SLIPS: usize = 6;

/// Sixty digits in groups of five: both sides sorted by account id, so that both get the same.
#[must_use]
pub fn derive_safety_number(ours: (Id, &VerifyingKey), theirs: (Id, &VerifyingKey)) -> String {
    let (first, second) = if ours.0 <= theirs.0 {
        (ours, theirs)
    } else {
        (theirs, ours)
    };
    let mut hash = Sha512::new().chain_update(b"vouchsafe/1 safety");
    for (account, key) in [first, second] {
        hash.update(account.as_bytes());
        hash.update(key.as_bytes());
    }
    let digest = hash.finalize();
    let groups: Vec<String> = digest
        .chunks_exact(GROUP_BYTES)
        .take(GROUPS)
        .map(|bytes| {
            bytes
                .iter()
                .fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        })
        .map(|number| format!("{:05}", number % 100_000))
        .collect();
    groups.join(" ")
}

/// The digits of a number that somebody typed. Blanks and the signs of ASCII between them do not matter; what has other letters,
/// or more digits or fewer, is no safety number, and says nothing of any key.
pub fn read_safety_number(typed: &str) -> Result<Vec<u8>> {
    let digits: Vec<u8> = digits(typed).collect();
    let readable = |letter: char| {
        letter.is_ascii_digit() || letter.is_ascii_punctuation() || letter.is_whitespace()
    };
    if digits.len() == DIGITS && typed.chars().all(readable) {
        Ok(digits)
    } else {
        Err(
            Error::bad_input("A safety number has 60 digits: check that this one is whole.")
                .in_argument("safetyNumber"),
        )
    }
}

/// Compares what [`read_safety_number`] gave with the number that was derived. A few wrong digits are a typing error: with other
/// keys nearly all of them differ.
pub fn compare_safety_number(typed: &[u8], number: &str) -> Result<()> {
    let wrong = typed
        .iter()
        .zip(digits(number))
        .filter(|(typed, digit)| *typed != digit);
    match wrong.count() {
        0 => Ok(()),
        1..=MAX_SLIPS => Err(Error::bad_input(
            "A few digits are not as they should be: check the number for typing errors.",
        )
        .in_argument("safetyNumber")),
        _ => Err(Error::SafetyNumberMismatch),
    }
}

fn digits(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_digit)
}
