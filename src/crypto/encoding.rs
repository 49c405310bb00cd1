//! Canonical encodings: base64url without padding, and JSON that has exactly one form.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The smallest size of a padded plaintext, in bytes.
const SMALLEST_CLASS: usize = 512;

/// Base64url without padding (RFC 4648, section 5).
pub(crate) fn to_base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// The bytes of canonical base64url; other spellings of the same bytes are rejected.
pub(crate) fn from_base64url(text: &str) -> Result<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| Error::RecordRejected)
}

/// As [`from_base64url`], for a fixed length.
pub(crate) fn from_base64url_exact<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>> {
    let bytes = Zeroizing::new(from_base64url(text)?);
    let mut array = Zeroizing::new([0; N]);
    if bytes.len() != N {
        return Err(Error::RecordRejected);
    }
    array.copy_from_slice(&bytes);
    Ok(array)
}

/// More than the JSON of any key, so that it is written in one place: a buffer that grows leaves copies behind.
const ROOM_FOR_KEYS: usize = 4096;

/// The JSON of a plaintext: members in the order of the struct, no white space.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>> {
    to_json_with_room(value, 0)
}

/// As [`to_json`], for what is longer than a key by so many bytes.
pub(crate) fn to_json_with_room<T: Serialize>(
    value: &T,
    room: usize,
) -> Result<Zeroizing<Vec<u8>>> {
    let mut json = Zeroizing::new(Vec::with_capacity(ROOM_FOR_KEYS + room));
    value
        .serialize(&mut serde_json::Serializer::new(&mut *json))
        .map_err(|_| Error::bad_input("This cannot be written as JSON."))?;
    Ok(json)
}

/// Reads JSON that must be exactly what [`to_json`] writes: other orders, spellings, white space, doubled, missing or
/// unknown members are rejected.
pub(crate) fn from_json<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let value = serde_json::from_slice(bytes).map_err(|_| Error::RecordRejected)?;
    if to_json(&value)?.as_slice() == bytes {
        Ok(value)
    } else {
        Err(Error::RecordRejected)
    }
}

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
    fn base64url_has_one_form() {
        assert_eq!(from_base64url("_-8").unwrap(), [0xff, 0xef]);
        for other in ["_-9", "_-8=", "/+8", "_-8\n", "_"] {
            assert_eq!(
                from_base64url(other),
                Err(Error::RecordRejected),
                "{other:?}"
            );
        }
    }

    #[test]
    fn json_has_one_form() {
        assert!(from_json::<Pair>(br#"{"a":"x","b":null}"#).is_ok());
        for other in [
            r#"{"b":null,"a":"x"}"#,
            r#"{"a":"x"}"#,
            r#"{"a":"x","b":null,"c":1}"#,
            r#"{"a":"x","a":"x","b":null}"#,
            r#"{"a": "x","b":null}"#,
            r#"{"a":"\u0078","b":null}"#,
        ] {
            assert_eq!(
                from_json::<Pair>(other.as_bytes()),
                Err(Error::RecordRejected),
                "{other}"
            );
        }
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
