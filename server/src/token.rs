//! The token by which the Vault knows a caller of the Keystore: its form, and where a request carries it.

use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

/// The header, with exactly these members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) typ: String,
    pub(crate) kid: String,
}

/// The claims, exactly these. Times are in seconds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    /// The address that mails name the account by.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) email: Option<String>,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
