//! The strict forms of what travels: ids, bytes, envelopes. Each type can only be made from its one canonical spelling.

use std::borrow::Cow;

use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::base64url::{base64url, from_base64url};
use crate::http::error::{Code, Result};

/// A lower-case UUID in its 36-character form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
#[schema(
    value_type = String,
    format = "uuid",
    pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
)]
pub(crate) struct Id(String);

impl Id {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Text from the database, which was checked before it was written.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Refuses an id of another UUID version: clients make account ids with version 4, record ids with version 7.
    pub(crate) fn of_version(&self, version: u8) -> Result<&str> {
        // The version is the first digit of the third group.
        if self.0.as_bytes()[14] == b'0' + version {
            Ok(&self.0)
        } else {
            Err(crate::http::error::ApiError::bad_input(format!(
                "Make the id a UUID of version {version}."
            )))
        }
    }
}

impl TryFrom<Cow<'_, str>> for Id {
    type Error = &'static str;

    fn try_from(text: Cow<'_, str>) -> std::result::Result<Self, Self::Error> {
        match uuid::Uuid::try_parse(&text) {
            Ok(id)
                if id
                    .hyphenated()
                    .encode_lower(&mut uuid::Uuid::encode_buffer())
                    == text.as_ref() =>
            {
                Ok(Self(text.into_owned()))
            }
            _ => Err("an id is a lower-case UUID of 36 characters"),
        }
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

/// Exactly `N` bytes, written as canonical base64url without padding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub(crate) struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Bytes<N> {
    /// Fresh random bytes from the operating system.
    pub(crate) fn make() -> Self {
        let mut bytes = [0; N];
        OsRng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// The text.
    pub(crate) fn to_text(&self) -> String {
        base64url(&self.0)
    }

    /// The SHA-256 of a secret, which is stored in its place.
    pub(crate) fn to_hash(&self) -> String {
        base64url(&Sha256::digest(self.0))
    }
}

impl<const N: usize> TryFrom<Cow<'_, str>> for Bytes<N> {
    type Error = String;

    fn try_from(text: Cow<'_, str>) -> std::result::Result<Self, Self::Error> {
        from_base64url(&text)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| format!("expected {N} bytes as base64url without padding"))
    }
}

impl<const N: usize> From<[u8; N]> for Bytes<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> From<Bytes<N>> for String {
    fn from(bytes: Bytes<N>) -> Self {
        bytes.to_text()
    }
}

impl<const N: usize> PartialSchema for Bytes<N> {
    fn schema() -> RefOr<Schema> {
        let letters = (N * 4).div_ceil(3);
        let description = format!("{N} bytes as canonical base64url without padding.");
        text_schema(&description, format!("^[A-Za-z0-9_-]{{{letters}}}$"))
    }
}

impl<const N: usize> ToSchema for Bytes<N> {
    fn name() -> Cow<'static, str> {
        format!("Bytes{N}").into()
    }
}

/// A public key's id: a SHA-256, written as canonical base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{43}$")]
pub(crate) struct KeyId(String);

impl KeyId {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Cow<'_, str>> for KeyId {
    type Error = String;

    fn try_from(text: Cow<'_, str>) -> std::result::Result<Self, Self::Error> {
        Bytes::<32>::try_from(text).map(|bytes| Self(bytes.to_text()))
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.0
    }
}

/// The description of a text of one shape.
fn text_schema(description: &str, pattern: String) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(pattern))
        .into()
}

/// A message of any length, written as canonical base64url without padding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$")]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl TryFrom<Cow<'_, str>> for Message {
    type Error = &'static str;

    fn try_from(text: Cow<'_, str>) -> std::result::Result<Self, Self::Error> {
        from_base64url(&text)
            .map(Self)
            .ok_or("expected base64url without padding")
    }
}

impl From<Message> for String {
    fn from(message: Message) -> Self {
        base64url(&message.0)
    }
}

/// A compact JWE or JWS by its shape. The server can open none of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub(crate) struct Envelope<const PARTS: usize>(String);

/// A compact JWE.
pub(crate) type Jwe = Envelope<5>;
/// A compact JWS.
pub(crate) type Jws = Envelope<3>;

impl<const PARTS: usize> Envelope<PARTS> {
    /// Whether a part may hold nothing: not the header, a JWE's ciphertext and a JWS's signature. A JWE of integrated
    /// encryption has neither nonce nor tag.
    fn may_be_empty(part: usize) -> bool {
        part != 0 && part != PARTS / 2 + 1
    }

    /// The text, unless it is longer than `limit` bytes.
    pub(crate) fn within(&self, limit: usize) -> Result<&str> {
        if self.0.len() <= limit {
            Ok(&self.0)
        } else {
            Err(Code::TooLarge.into())
        }
    }

    /// The length of the text.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Text from the database, which was checked before it was written.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }
}

impl<const PARTS: usize> PartialSchema for Envelope<PARTS> {
    fn schema() -> RefOr<Schema> {
        let description = "A compact JWE (five parts) or JWS (three) by its shape.";
        let parts = (0..PARTS).map(|part| match Self::may_be_empty(part) {
            true => "[A-Za-z0-9_-]*",
            false => "[A-Za-z0-9_-]+",
        });
        let pattern = format!("^{}$", parts.collect::<Vec<_>>().join(r"\."));
        text_schema(description, pattern)
    }
}

impl<const PARTS: usize> ToSchema for Envelope<PARTS> {
    fn name() -> Cow<'static, str> {
        format!("Envelope{PARTS}").into()
    }
}

impl<const PARTS: usize> TryFrom<Cow<'_, str>> for Envelope<PARTS> {
    type Error = String;

    fn try_from(text: Cow<'_, str>) -> std::result::Result<Self, Self::Error> {
        let parts: Vec<&str> = text.split('.').collect();
        let shaped = parts.len() == PARTS
            && parts.iter().enumerate().all(|(at, part)| {
                from_base64url(part).is_some() && (Self::may_be_empty(at) || !part.is_empty())
            });
        if shaped {
            Ok(Self(text.into_owned()))
        } else {
            Err(format!(
                "expected {PARTS} parts of base64url without padding, joined by dots"
            ))
        }
    }
}

impl<const PARTS: usize> From<Envelope<PARTS>> for String {
    fn from(envelope: Envelope<PARTS>) -> Self {
        envelope.0
    }
}

/// Compares two texts in a time that does not depend on where they differ.
pub(crate) fn same_secret(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<Id> {
        Id::try_from(Cow::from(text)).ok()
    }

    #[test]
    fn ids_have_one_spelling() {
        assert!(id("0192f0c1-2345-7abc-8def-0123456789ab").is_some());
        for wrong in [
            "0192F0C1-2345-7ABC-8DEF-0123456789AB",
            "0192f0c123457abc8def0123456789ab",
            "{0192f0c1-2345-7abc-8def-0123456789ab}",
            "0192f0c1-2345-7abc-8def-0123456789a",
            "",
        ] {
            assert!(id(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn envelopes_have_their_parts() {
        for right in ["AQ..AQ.AQ.AQ", "AQ.AQ.AQ.AQ.AQ", "AQ.AQ..AQ."] {
            assert!(Jwe::try_from(Cow::from(right)).is_ok(), "{right}");
        }
        for wrong in [
            "AQ.AQ.AQ",
            "AQ.AQ.AQ.AQ.AQ.AQ",
            ".AQ.AQ.AQ.AQ",
            "AQ.AQ.AQ..AQ",
            "AR..AQ.AQ.AQ",
        ] {
            assert!(Jwe::try_from(Cow::from(wrong)).is_err(), "{wrong}");
        }
        assert!(Jws::try_from(Cow::from("AQ..AQ")).is_ok());
        for wrong in [".AQ.AQ", "AQ.AQ.", "AQ.AQ"] {
            assert!(Jws::try_from(Cow::from(wrong)).is_err(), "{wrong}");
        }
        assert!(Jwe::stored("AQ..AQ.AQ.AQ".into()).within(11).is_err());
    }
}
