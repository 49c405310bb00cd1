//! One value of a row. Long ones come shortened out of the database, so that a large card costs nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// Characters of a long value's beginning that are read: enough for the header of every record.
const BEGINNING: usize = 2048;
/// Characters of a long value that are shown at its beginning.
const START: usize = 24;
/// Characters of a long value that are shown at its end.
const END: usize = 8;
/// Octets of an object that are shown at its beginning and at its end: as base64url they are as long as other values.
const FIRST_OCTETS: u64 = 18;
const LAST_OCTETS: u64 = 6;

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The id of a record.
    Id,
    /// Text that the service can read.
    Plain,
    /// A number that the service can read.
    Number,
    /// Milliseconds since 1970.
    Time,
    /// A public key, or a signed statement that everybody may read.
    Public,
    /// A compact JWE.
    Ciphertext,
    /// The hash of a secret, or a verifier of one.
    Hash,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Plain | Self::Number => "plain",
            Self::Time => "time",
            Self::Public => "public",
            Self::Ciphertext => "ciphertext",
            Self::Hash => "hash",
        }
    }

    fn is_long(self) -> bool {
        matches!(self, Self::Public | Self::Ciphertext | Self::Hash)
    }

    /// The selection of a column: a long value's beginning, end and length, or the value.
    pub(crate) fn select(self, column: &str) -> String {
        if self.is_long() {
            format!("substr({column}, 1, {BEGINNING}), substr({column}, -{END}), length({column})")
        } else {
            column.to_owned()
        }
    }
}

/// A named value.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    name: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    content: Content,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    Whole {
        value: Value,
    },
    Shortened {
        start: String,
        end: String,
        length: i64,
        /// The header of a ciphertext.
        #[serde(skip_serializing_if = "Option::is_none")]
        header: Option<Header>,
    },
    /// The first and the last octets of an object, as base64url.
    Octets {
        start: String,
        end: String,
        bytes: u64,
    },
}

/// The protected header of a compact JWE, in the order of its members.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enc: Option<String>,
    typ: String,
    kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    psk_id: Option<String>,
    ctx: String,
}

impl Cell {
    /// Reads the columns that [`Kind::select`] selected, from index `at` on.
    pub(crate) fn read(
        name: &'static str,
        kind: Kind,
        row: &SqliteRow,
        at: &mut usize,
    ) -> Result<Self, sqlx::Error> {
        let content = match kind {
            Kind::Id | Kind::Plain => Content::Whole {
                value: row.try_get::<Option<String>, _>(*at)?.into(),
            },
            Kind::Number | Kind::Time => Content::Whole {
                value: row.try_get::<Option<i64>, _>(*at)?.into(),
            },
            Kind::Public | Kind::Ciphertext | Kind::Hash => {
                let beginning: Option<String> = row.try_get(*at)?;
                let end: Option<String> = row.try_get(*at + 1)?;
                let length: Option<i64> = row.try_get(*at + 2)?;
                match (beginning, end, length) {
                    (Some(beginning), Some(end), Some(length)) => {
                        shorten(kind, &beginning, end, length)
                    }
                    _ => Content::Whole { value: Value::Null },
                }
            }
        };
        *at += if kind.is_long() { 3 } else { 1 };
        Ok(Self {
            name,
            kind: kind.name(),
            content,
        })
    }

    /// Reads the beginning and the end of an object in the Vault's folder; nothing of one that is gone meanwhile.
    pub(crate) fn of_object(name: &'static str, object: &Path) -> Self {
        let none = Content::Whole { value: Value::Null };
        Self {
            name,
            kind: Kind::Ciphertext.name(),
            content: octets(object).unwrap_or(none),
        }
    }
}

fn octets(object: &Path) -> io::Result<Content> {
    let mut object = File::open(object)?;
    let bytes = object.metadata()?.len();
    let (mut start, mut end) = (Vec::new(), Vec::new());
    object.by_ref().take(FIRST_OCTETS).read_to_end(&mut start)?;
    object.seek(SeekFrom::Start(bytes.saturating_sub(LAST_OCTETS)))?;
    object.take(LAST_OCTETS).read_to_end(&mut end)?;
    Ok(Content::Octets {
        start: BASE64URL_NOPAD.encode(&start),
        end: BASE64URL_NOPAD.encode(&end),
        bytes,
    })
}

fn shorten(kind: Kind, beginning: &str, end: String, length: i64) -> Content {
    let header = (kind == Kind::Ciphertext)
        .then(|| header_of(beginning))
        .flatten();
    let is_short = usize::try_from(length).is_ok_and(|length| length <= START + END);
    let (start, end) = if is_short {
        (beginning.to_owned(), String::new())
    } else {
        (beginning.chars().take(START).collect(), end)
    };
    Content::Shortened {
        start,
        end,
        length,
        header,
    }
}

fn header_of(jwe: &str) -> Option<Header> {
    let (header, _) = jwe.split_once('.')?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(header.as_bytes()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shortened_and_short_ones_are_not() {
        let header = r#"{"alg":"dir","enc":"A256GCM","typ":"vs-card","kid":"k","ctx":"a/b"}"#;
        let jwe = format!(
            "{}..iv.text.tag45678",
            BASE64URL_NOPAD.encode(header.as_bytes())
        );
        let length = i64::try_from(jwe.len()).unwrap();
        let cell = shorten(Kind::Ciphertext, &jwe, "tag45678".into(), length);
        let cell = serde_json::to_value(cell).unwrap();
        assert_eq!(cell["start"], jwe[..24]);
        assert_eq!(cell["end"], "tag45678");
        assert_eq!(cell["length"], length);
        assert_eq!(cell["header"]["typ"], "vs-card");

        let erased = serde_json::to_value(shorten(Kind::Ciphertext, "", String::new(), 0));
        let expected = serde_json::json!({ "start": "", "end": "", "length": 0 });
        assert_eq!(erased.unwrap(), expected);
        let short = serde_json::to_value(shorten(Kind::Hash, "abc", "abc".into(), 3)).unwrap();
        assert_eq!(
            (&short["start"], &short["end"]),
            (&"abc".into(), &"".into())
        );
    }

    #[test]
    fn objects_are_shown_by_their_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("object");
        std::fs::write(&path, [[0u8; 18].as_slice(), &[1; 90], &[255; 6]].concat()).unwrap();
        let cell = serde_json::to_value(Cell::of_object("octets", &path)).unwrap();
        let expected = serde_json::json!({
            "name": "octets", "kind": "ciphertext", "start": "A".repeat(24), "end": "_".repeat(8), "bytes": 114,
        });
        assert_eq!(cell, expected);
        let gone = serde_json::to_value(Cell::of_object("octets", &folder.path().join("gone")));
        assert_eq!(gone.unwrap()["value"], Value::Null);
    }
}
