//! The part of tokens that both services know: the form of the one by which the Vault knows a caller of the Keystore, the way a
//! signed token is taken apart, and the place of a token in a request.
//!
//! Both services check tokens by hand. The crate `jsonwebtoken` (11.1) reads the machine's clock and no other, looks at neither
//! `iat`, `typ` nor `crit`, and takes an issuer that is a list; its backends bring `rsa` 0.9 (RUSTSEC-2023-0071) or a C library,
//! though `ring` is here as rustls's own. With a backend of ours over `ring`, and times and header checked by us, it would split
//! the token at its dots.

use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base64url::from_base64url;
use crate::clock::MINUTE;

/// What destroys needs a proof of the passphrase or the recovery key that is no older than this.
pub(crate) const PROOF_LIFETIME_MS: i64 = 5 * MINUTE;

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
    /// The account's address.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) email: Option<String>,
    /// The account's identity provider vouches for the address. One that a person merely gave is not vouched for.
    pub(crate) email_verified: bool,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    /// The time at which the person proved themselves, in a token that is good for deleting the account and for nothing else.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) proof: Option<i64>,
}

/// A JWS in compact form (RFC 7515, section 7.1), taken apart and not checked.
pub(crate) struct CompactJws<'a> {
    signed: &'a str,
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> CompactJws<'a> {
    /// The token's three parts, if it has three.
    pub(crate) fn split(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        (!claims.contains('.')).then_some(Self {
            signed,
            header,
            claims,
            signature,
        })
    }

    /// The header.
    pub(crate) fn header<T: DeserializeOwned>(&self) -> Option<T> {
        json(self.header)
    }

    /// The claims, which say nothing before a key of the issuer's verifies the signature.
    pub(crate) fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        json(self.claims)
    }

    /// The signature's bytes.
    pub(crate) fn signature(&self) -> Option<Vec<u8>> {
        from_base64url(self.signature)
    }

    /// The signed part: header and claims, as they were sent.
    pub(crate) fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&from_base64url(part)?).ok()
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
