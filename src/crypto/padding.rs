//! Plaintexts of few sizes: JSON filled with spaces to a power of two, so that a ciphertext tells only its class.
//!
//! The largest class of a record begins a chain of limits. Each is above the one before, so that what the client seals is
//! never refused later:
//!
//! | | own card | share |
//! | --- | ---: | ---: |
//! | padded plaintext, here | 1 MiB | 2 MiB: a card of 1 MiB, and who sends it to whom |
//! | JWS inside, base64url | | 2.7 MiB |
//! | JWE, base64url | 1.4 MiB | 3.6 MiB |
//! | the Vault's limit of a record | 1.5 MiB | 4 MiB |
//! | a request's body | 1.4 MiB | 8 MiB and one share, so 11.6 MiB |
//! | the services' limit of a body | 2 MiB | 32 MiB |
//! | a proxy before them | 32 MiB, `docs/deploy.md` | the same |

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::canonical_json::{from_json, to_json};
use crate::error::{Error, Result};

/// The smallest size of a padded plaintext, in bytes.
const MIN_CLASS_BYTES: usize = 512;

/// The JSON of `value`, filled with spaces to a power of two, so that its length tells only its class.
pub(crate) fn to_padded_json<T: Serialize>(
    value: &T,
    max_class_bytes: usize,
) -> Result<Zeroizing<Vec<u8>>> {
    pad(&to_json(value)?, max_class_bytes)
}

fn pad(json: &[u8], max_class_bytes: usize) -> Result<Zeroizing<Vec<u8>>> {
    let class = json.len().max(MIN_CLASS_BYTES).next_power_of_two();
    if class > max_class_bytes {
        return Err(Error::TooLarge(
            format!("This is too large: a record holds {max_class_bytes} bytes at most.").into(),
        ));
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(class));
    padded.extend_from_slice(json);
    padded.resize(class, b' ');
    Ok(padded)
}

/// Reads what [`to_padded_json`] writes, and nothing else.
pub(crate) fn from_padded_json<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    max_class_bytes: usize,
) -> Result<T> {
    from_json(without_padding(bytes, max_class_bytes)?)
}

fn without_padding(bytes: &[u8], max_class_bytes: usize) -> Result<&[u8]> {
    let length = bytes.len();
    if !length.is_power_of_two() || !(MIN_CLASS_BYTES..=max_class_bytes).contains(&length) {
        return Err(Error::RecordRejected);
    }
    let end = bytes
        .iter()
        .rposition(|byte| *byte != b' ')
        .map_or(0, |last| last + 1);
    if end.max(MIN_CLASS_BYTES).next_power_of_two() != length {
        return Err(Error::RecordRejected);
    }
    Ok(&bytes[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
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
