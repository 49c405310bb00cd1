//! The caller: a token of the Keystore says who it is, and the Keystore's public key proves the token.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use ed25519_dalek::VerifyingKey;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::state::Vault;
use crate::clock::{Clock, MINUTE, SECOND};
use crate::http::error::{ApiError, Code, Result};
use crate::http::values::{Bytes, Id};
use crate::jwks::{Algorithm, Key, PublishedKeys, Source, Unreachable, is_trustworthy};
use crate::start_error::StartError;
use crate::token::{Claims, CompactJws, Header, PROOF_LIFETIME_MS};

/// By how much the Keystore's clock may be ahead.
const LEEWAY_MS: i64 = MINUTE;

/// Tokens are checked once, as long as there is room: a check takes a fifth of the time of a short request.
const VERIFIED: usize = 10_000;

/// The SHA-256 of a token.
type Digest = [u8; 32];

/// Tokens whose signatures were checked, with the keys that they were checked by. Whether a key still counts, and a token is
/// good now, is asked each time.
pub(super) type Verified = Cache<Digest, Arc<Key>>;

/// None yet.
pub(super) fn none_verified() -> Verified {
    Cache::new(VERIFIED)
}

/// The public keys that tokens may be signed with.
pub(crate) enum TrustedKeys {
    /// One key that never changes.
    Fixed(Arc<Key>),
    /// The keys that the Keystore publishes.
    Published(PublishedKeys),
}

impl TrustedKeys {
    /// One key that never changes.
    pub(crate) fn fixed(key: &VerifyingKey) -> Self {
        Self::Fixed(Arc::new(Key::ed25519(key.as_bytes())))
    }

    /// One key as configured: a JWK, or its `x` alone.
    pub(crate) fn configured(text: &str) -> std::result::Result<Self, StartError> {
        let jwk: Option<serde_json::Value> = serde_json::from_str(text).ok();
        let x = jwk
            .as_ref()
            .and_then(|jwk| jwk.get("x")?.as_str())
            .unwrap_or(text);
        Bytes::<32>::try_from(Cow::from(x))
            .ok()
            .and_then(|x| VerifyingKey::from_bytes(x.as_bytes()).ok())
            .map(|key| Self::fixed(&key))
            .ok_or_else(|| StartError("Give --keystore-key as an Ed25519 JWK or its x.".into()))
    }

    /// The keys that the Keystore at this base URL publishes.
    pub(crate) fn published(keystore: &str, clock: Clock) -> std::result::Result<Self, StartError> {
        if !is_trustworthy(keystore) {
            return Err(StartError(
                "Give --keystore-url as an https address (http on this machine alone), or give --keystore-key: whoever can \
                 change what it answers can make tokens."
                    .into(),
            ));
        }
        let source = Source::keys(format!("{keystore}/v1/jwks"))?;
        Ok(Self::Published(PublishedKeys::new(source, clock)))
    }

    /// Whether the Keystore answers, where it is asked at all.
    pub(super) async fn are_reachable(&self) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Published(keys) => keys.are_reachable().await,
        }
    }

    async fn find(&self, kid: &str) -> Result<Option<Arc<Key>>> {
        match self {
            Self::Fixed(key) => Ok(key
                .fits(Some(kid), Algorithm::EdDsa)
                .then(|| Arc::clone(key))),
            Self::Published(keys) => {
                let found = keys.find(Some(kid), Algorithm::EdDsa).await;
                found.map_err(|Unreachable| {
                    ApiError::new(
                        Code::ServerError,
                        "Try again later: the Vault cannot reach the Keystore.",
                    )
                    .with_status(StatusCode::SERVICE_UNAVAILABLE)
                })
            }
        }
    }
}

/// The account that a token speaks for.
pub(crate) struct VaultCaller {
    pub(super) account: String,
    /// Their address, as far as the Keystore knows one.
    pub(super) email: Option<String>,
    /// Their identity provider vouches for the address.
    pub(super) email_verified: bool,
    /// The end of the token, in milliseconds since 1970.
    pub(super) expires_at: i64,
    /// A deletion of the account at this time or later makes the token worthless: it may have been made before.
    pub(super) deleted_before: i64,
}

/// A caller whose account may have been deleted, for handlers whose statements say so themselves: by
/// [`LIVES`](super::account::LIVES).
pub(crate) struct Unchecked(pub(super) VaultCaller);

/// Somebody who proved themselves to the Keystore a moment ago, to delete an account that may have been deleted before.
pub(crate) struct Leaver(pub(super) VaultCaller);

impl FromRequestParts<Arc<Vault>> for Leaver {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, vault: &Arc<Vault>) -> Result<Self> {
        let claims = vault.claims(parts).await?;
        let now = vault.clock.now();
        let proof = claims.proof.filter(|proof| {
            let proved_at = proof.saturating_mul(SECOND);
            (-LEEWAY_MS..PROOF_LIFETIME_MS).contains(&now.saturating_sub(proved_at))
        });
        proof.ok_or(Code::SessionExpired)?;
        vault.limits.count(&vault.requests, &claims.sub)?;
        Ok(Self(claims.into()))
    }
}

impl FromRequestParts<Arc<Vault>> for VaultCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, vault: &Arc<Vault>) -> Result<Self> {
        let Unchecked(caller) = Unchecked::from_request_parts(parts, vault).await?;
        vault.refuse_deleted(&caller).await?;
        Ok(caller)
    }
}

impl FromRequestParts<Arc<Vault>> for Unchecked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, vault: &Arc<Vault>) -> Result<Self> {
        let claims = vault.claims(parts).await?;
        if claims.proof.is_some() {
            return Err(Code::SessionExpired.into());
        }
        let caller = VaultCaller::from(claims);
        vault.limits.count(&vault.requests, &caller.account)?;
        Ok(Self(caller))
    }
}

impl From<Claims> for VaultCaller {
    fn from(claims: Claims) -> Self {
        Self {
            account: claims.sub,
            email: claims.email,
            email_verified: claims.email_verified,
            expires_at: claims.exp.saturating_mul(SECOND),
            deleted_before: claims.iat.saturating_mul(SECOND).saturating_sub(LEEWAY_MS),
        }
    }
}

impl Vault {
    /// The claims of the request's token, which is the Keystore's and valid now.
    async fn claims(&self, parts: &Parts) -> Result<Claims> {
        let token = crate::token::bearer(&parts.headers).ok_or(Code::SessionExpired)?;
        Ok(self.verify(token).await?.ok_or(Code::SessionExpired)?)
    }

    async fn verify(&self, token: &str) -> Result<Option<Claims>> {
        let Some((jws, header, signature)) = parse(token) else {
            return Ok(None);
        };
        let Some(key) = self.keys.find(&header.kid).await? else {
            return Ok(None);
        };
        let digest: Digest = Sha256::digest(token).into();
        let was_verified = |checked: &Arc<Key>| Arc::ptr_eq(checked, &key);
        if !self
            .verified
            .get(&digest)
            .as_ref()
            .is_some_and(was_verified)
        {
            if !key.verifies(Algorithm::EdDsa, jws.signed(), &signature) {
                return Ok(None);
            }
            self.verified.insert(digest, key);
        }
        Ok(jws.claims().filter(|claims| self.accepts(claims)))
    }

    fn accepts(&self, claims: &Claims) -> bool {
        let now = self.clock.now();
        claims.iss == self.issuer
            && self.audiences.contains(&claims.aud)
            && claims.exp.saturating_mul(SECOND) > now
            && claims.iat.saturating_mul(SECOND) <= now + LEEWAY_MS
            && Id::try_from(Cow::from(claims.sub.as_str())).is_ok()
    }
}

fn parse(token: &str) -> Option<(CompactJws<'_>, Header, Vec<u8>)> {
    let jws = CompactJws::split(token)?;
    let header: Header = jws.header()?;
    let signature = jws.signature()?;
    (header.alg == "EdDSA" && header.typ == "JWT").then_some((jws, header, signature))
}
