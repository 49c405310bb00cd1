//! Ids of records: UUIDs in their lower-case form, chosen by the client.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::error::{Error, Result};

/// A UUID, written lower-case with hyphens and in no other way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Uuid);

impl Id {
    /// Reads the one accepted form. The error calls the argument `id`.
    pub fn parse(text: &str) -> Result<Self> {
        Uuid::try_parse(text)
            .ok()
            .map(Self)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| {
                Error::bad_input(
                    "An id is a lower-case UUID such as 01890a5d-ac96-774b-bcce-b302099a8057.",
                )
                .in_argument("id")
            })
    }

    /// A version 4 id from random bytes: accounts.
    #[must_use]
    pub fn v4(random: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }

    /// A version 7 id from a time in milliseconds and random bytes: all other records.
    #[must_use]
    pub fn v7(now: i64, random: &[u8; 10]) -> Self {
        let millis = u64::try_from(now).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
    }

    /// The sixteen bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_only() {
        assert!(Id::parse("01890a5d-ac96-774b-bcce-b302099a8057").is_ok());
        for other in [
            "01890A5D-AC96-774B-BCCE-B302099A8057",
            "01890a5dac96774bbcceb302099a8057",
            "{01890a5d-ac96-774b-bcce-b302099a8057}",
            "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
            "",
        ] {
            assert_eq!(Id::parse(other).unwrap_err().code(), "bad_input", "{other}");
        }
    }
}
