//! Plaintexts of few sizes: JSON filled with spaces to a power of two, so that a ciphertext tells only its class.

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::canonical_json::{from_json, to_json};
use crate::error::{Error, Result};

/// The smallest size of a padded plaintext, in bytes.
const SMALLEST_CLASS: usize = 512;

/// The JSON of `value`, filled with spaces to a power of two, so that its length tells only its class.
pub(crate) fn to_padded_json<T: Serialize>(
    value: &T,
    largest_class: usize,
) -> Result<Zeroizing<Vec<u8>>> {
    let json = to_json(value)?;
    let class = json.len().max(SMALLEST_CLASS).next_power_of_two();
    if class > largest_class {
        return Err(Error::TooLarge(format!(
            "This is too large: a record holds {largest_class} bytes at most."
        )));
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(class));
    padded.extend_from_slice(&json);
    padded.resize(class, b' ');
    Ok(padded)
}

/// Reads what [`to_padded_json`] writes, and nothing else.
pub(crate) fn from_padded_json<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    largest_class: usize,
) -> Result<T> {
    let length = bytes.len();
    if !length.is_power_of_two() || !(SMALLEST_CLASS..=largest_class).contains(&length) {
        return Err(Error::RecordRejected);
    }
    let end = bytes
        .iter()
        .rposition(|byte| *byte != b' ')
        .map_or(0, |last| last + 1);
    if end.max(SMALLEST_CLASS).next_power_of_two() != length {
        return Err(Error::RecordRejected);
    }
    from_json(&bytes[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: String,
        b: Option<u32>,
    }

    #[test]
    fn padding_hides_the_length_within_a_class() {
        let of = |n: usize| {
            to_padded_json(
                &Pair {
                    a: "x".repeat(n),
                    b: None,
                },
                1024,
            )
        };
        assert_eq!(of(0).unwrap().len(), 512);
        assert_eq!(of(400).unwrap().len(), 512);
        assert_eq!(of(600).unwrap().len(), 1024);
        assert_eq!(of(1100).unwrap_err().code(), "too_large");
        let padded = of(3).unwrap();
        assert!(from_padded_json::<Pair>(&padded, 1024).is_ok());
        let mut twice = padded.to_vec();
        twice.resize(1024, b' ');
        for wrong in [&padded[..511], &padded[..256], &twice[..], &[b' '; 512][..]] {
            assert_eq!(
                from_padded_json::<Pair>(wrong, 1024),
                Err(Error::RecordRejected)
            );
        }
    }
}
