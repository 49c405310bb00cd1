//! JSON that has exactly one form, so that equal contents are equal bytes.

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::json::{self, Misfit, Value};

/// The JSON of a plaintext: members in the order of the struct, no white space.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>> {
    written(json::to_value(value))
}

fn written(value: std::result::Result<Value<'_>, Misfit>) -> Result<Zeroizing<Vec<u8>>> {
    value
        .and_then(|value| value.to_json())
        .map_err(|_| Error::bad_input("This cannot be written as JSON."))
}

/// Reads JSON that must be exactly what [`to_json`] writes: other orders, spellings, white space, doubled, missing or
/// unknown members are rejected.
pub(crate) fn from_json<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let value = json::read(bytes).map_err(|_| Error::RecordRejected)?;
    check_form(json::to_value(&value), bytes)?;
    Ok(value)
}

fn check_form(value: std::result::Result<Value<'_>, Misfit>, bytes: &[u8]) -> Result<()> {
    if written(value)?.as_slice() == bytes {
        Ok(())
    } else {
        Err(Error::RecordRejected)
    }
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
    fn json_has_one_form() {
        assert!(from_json::<Pair>(br#"{"a":"x","b":null}"#).is_ok());
        assert!(from_json::<Pair>(br#"{"a":"/\u001f\n\"\\","b":1}"#).is_ok());
        for other in [
            r#"{"b":null,"a":"x"}"#,
            r#"{"a":"x"}"#,
            r#"{"a":"x","b":null,"c":1}"#,
            r#"{"a":"x","a":"x","b":null}"#,
            r#"{"a": "x","b":null}"#,
            r#"{"a":"\u0078","b":null}"#,
            r#"{"a":"\/","b":null}"#,
            r#"{"a":"\u001F","b":null}"#,
            r#"{"a":"\u000a","b":null}"#,
            r#"{"a":"\u0022","b":null}"#,
            r#"{"a":"\u005c","b":null}"#,
            r#"{"a":"x","b":null} "#,
            " {\"a\":\"x\",\"b\":null}",
            "{\"a\":\"x\",\n\"b\":null}",
        ] {
            assert_eq!(
                from_json::<Pair>(other.as_bytes()),
                Err(Error::RecordRejected),
                "{other}"
            );
        }
    }
}
