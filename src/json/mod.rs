//! JSON, in code that is compiled once for all types.
//!
//! serde generates for each type the code that reads it, and again for each format. Here every format is first a tree, a
//! [`Value`]: [`read`] parses JSON into one, `bindings` makes one of JavaScript's values, and one reader takes the members
//! of a struct out of it in the order in which the struct names them.

mod reader;
mod value;
mod writer;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Visitor};
use serde::ser::Serialize;
use std::marker::PhantomData;
use zeroize::Zeroizing;

pub(crate) use reader::{Misfit, from_value};
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub(crate) use value::Text;
pub(crate) use value::Value;
pub(crate) use writer::to_value;

/// More bytes than the JSON of any key has, so that it is never moved: a buffer that grows leaves copies behind.
const ROOM_FOR_KEYS_BYTES: usize = 4096;
/// The name by which [`exactly`] speaks to the reader.
const EXACTLY: &str = "vouchsafe::json::exactly";

/// Reads a value. Members that its type does not name are passed over; one that it names comes once.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Misfit> {
    from_value(&Value::parse(json)?)
}

/// Whether this is JSON, of whatever kind.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    Value::parse(bytes).is_ok()
}

/// The JSON of a value: members in the order of the struct, no white space.
pub fn write(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Misfit> {
    to_value(value)?.to_json()
}

/// For `deserialize_with`: the type has no members but those that it names, and neither have the types in it. (serde tells a
/// reader nothing of `deny_unknown_fields`, so no type here has that.)
pub(crate) fn exactly<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Inside<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Inside<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("members that are known")
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, inside: D) -> Result<T, D::Error> {
            T::deserialize(inside)
        }
    }
    deserializer.deserialize_newtype_struct(EXACTLY, Inside(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Inner {
        n: i64,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Outer {
        some_text: Zeroizing<String>,
        count: u64,
        colour: Colour,
        list: Vec<Inner>,
        pairs: Vec<(u64, Colour)>,
        small: u8,
        perhaps: Option<String>,
        #[serde(deserialize_with = "exactly")]
        exact: Inner,
    }

    fn outer() -> Outer {
        Outer {
            some_text: Zeroizing::new("a \"quoted\"\n\u{1}/ü\u{1f600} text".into()),
            count: u64::MAX,
            colour: Colour::Green,
            list: vec![Inner { n: i64::MIN }, Inner { n: 7 }],
            pairs: vec![(1, Colour::Red), (2, Colour::Green)],
            small: 255,
            perhaps: None,
            exact: Inner { n: 0 },
        }
    }

    /// The JSON of [`outer`] with `from` replaced.
    fn changed(from: &str, to: &str) -> Result<Outer, Misfit> {
        let json = String::from_utf8(write(&outer()).unwrap().to_vec()).unwrap();
        assert!(json.contains(from), "{json}");
        read(json.replacen(from, to, 1).as_bytes())
    }

    #[test]
    fn what_serde_json_writes_is_written_and_read() {
        let json = write(&outer()).unwrap();
        assert_eq!(*json, serde_json::to_vec(&outer()).unwrap());
        assert_eq!(read::<Outer>(&json).unwrap(), outer());
    }

    #[test]
    fn order_white_space_and_unknown_members_do_not_matter() {
        let same = [
            (r#""count""#, r#""more":{"a":[1.5,null,true]},"count""#),
            (r#""count""#, " \"count\" "),
            (r#""perhaps":null,"#, ""),
            (r#""n":7"#, r#""m":1,"m":2,"n":7"#),
        ];
        for (from, to) in same {
            assert_eq!(changed(from, to).unwrap(), outer(), "{to}");
        }
        let json = br#"{"exact":{"n":1},"count":0,"colour":"red","list":[],"pairs":[],"small":0,"someText":"\u00fc","perhaps":"x"}"#;
        let read: Outer = read(json).unwrap();
        assert_eq!(
            (read.some_text.as_str(), read.perhaps.as_deref()),
            ("ü", Some("x"))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let wrong = [
            ("18446744073709551615", "18446744073709551616"),
            ("18446744073709551615", "-1"),
            ("18446744073709551615", "1.0"),
            ("18446744073709551615", "\"1\""),
            ("18446744073709551615", "null"),
            ("-9223372036854775808", "-9223372036854775809"),
            ("-9223372036854775808", "9223372036854775808"),
            ("green", "blue"),
            ("\"green\"", "1"),
            ("\"green\"", "{\"green\":null}"),
            ("\"count\"", "\"amount\""),
            ("\"count\"", "\"count\":1,\"count\""),
            ("\"perhaps\":null", "\"perhaps\":false"),
            ("\"perhaps\":null", "\"perhaps\":null,\"perhaps\":null"),
            (r#"[{"n":-9223372036854775808},{"n":7}]"#, r#"{"n":7}"#),
            (r#"{"n":7}"#, "[7]"),
            ("[1,\"red\"]", "[1,\"red\",2]"),
            ("[1,\"red\"]", "[1]"),
            ("255", "256"),
            (r#"{"n":0}"#, r#"{"n":0,"m":0}"#),
            (r#"{"n":0}"#, r#"{"n":0}}"#),
        ];
        for (from, to) in wrong {
            assert!(changed(from, to).is_err(), "{from} {to}");
        }
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(read::<Outer>(&deep).is_err());
        assert!(read::<Outer>(b"").is_err());
        assert!(read::<Outer>(b"{\"someText\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_misfit_names_the_innermost_member() {
        assert_eq!(
            changed("\"n\":7", "\"n\":\"7\"").unwrap_err().to_string(),
            "check `n`"
        );
        assert_eq!(
            changed("\"count\"", "\"amount\"").unwrap_err().to_string(),
            "check `count`"
        );
        assert_eq!(read::<Outer>(b"[]").unwrap_err().to_string(), "check it");
    }
}
