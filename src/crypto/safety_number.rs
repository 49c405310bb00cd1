//! The number that two people compare to know that nobody stands between them.

use sha2::{Digest, Sha512};

use super::keys::VerifyingKey;
use crate::ids::Id;

const GROUPS: usize = 12;
const GROUP_BYTES: usize = 5;

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

/// Whether what a person typed is this number; only digits count.
#[must_use]
pub fn is_same_number(typed: &str, number: &str) -> bool {
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let only_digits = typed
        .chars()
        .all(|letter| letter.is_ascii_digit() || letter.is_whitespace() || letter == '-');
    only_digits && digits(typed) == digits(number)
}
