//! Who is calling: the Keystore's token, checked by the Keystore's public key.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use ed25519_dalek::{Signature, VerifyingKey};
use tokio::sync::Mutex;

use super::state::Vault;
use crate::base64url::from_base64url;
use crate::clock::{MINUTE, SECOND};
use crate::http::error::{ApiError, Code, Result};
use crate::http::values::{Bytes, Id};
use crate::jwks::{Jwks, thumbprint};
use crate::start_error::StartError;
use crate::token::{Claims, Header};

/// A token with an unknown key makes the Vault ask the Keystore, but not more often than this.
const REFETCH: Duration = Duration::from_secs(10);

/// The public keys that tokens may be signed with.
pub(crate) struct TrustedKeys {
    known: RwLock<HashMap<String, VerifyingKey>>,
    source: Option<Source>,
}

struct Source {
    client: reqwest::Client,
    url: String,
    fetched: Mutex<Option<Instant>>,
}

impl TrustedKeys {
    /// One key that never changes.
    pub(crate) fn fixed(key: VerifyingKey) -> Self {
        let known = HashMap::from([(thumbprint(key.as_bytes()), key)]);
        Self {
            known: RwLock::new(known),
            source: None,
        }
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
            .map(Self::fixed)
            .ok_or_else(|| StartError("Give --keystore-key as an Ed25519 JWK or its x.".into()))
    }

    /// The keys that the Keystore publishes, fetched when they are needed.
    pub(crate) fn fetched(keystore: &str) -> std::result::Result<Self, StartError> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                StartError(format!("Check the TLS set-up of this machine ({error})."))
            })?;
        let source = Source {
            client,
            url: format!("{keystore}/v1/jwks"),
            fetched: Mutex::new(None),
        };
        Ok(Self {
            known: RwLock::default(),
            source: Some(source),
        })
    }

    fn known(&self, kid: &str) -> Option<VerifyingKey> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(kid)
            .copied()
    }

    async fn find(&self, kid: &str) -> Result<Option<VerifyingKey>> {
        let (None, Some(source)) = (self.known(kid), &self.source) else {
            return Ok(self.known(kid));
        };
        let mut fetched = source.fetched.lock().await;
        // Somebody else may have fetched while this request waited.
        if self.known(kid).is_some() || fetched.is_some_and(|at| at.elapsed() < REFETCH) {
            return Ok(self.known(kid));
        }
        match source.fetch().await {
            Ok(keys) => {
                *fetched = Some(Instant::now());
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys;
                Ok(self.known(kid))
            }
            Err(error) => {
                tracing::warn!(%error, "the Keystore's keys could not be fetched");
                if !self
                    .known
                    .read()
                    .unwrap_or_else(PoisonError::into_inner)
                    .is_empty()
                {
                    return Ok(None);
                }
                Err(ApiError::new(
                    Code::ServerError,
                    "Try again later: the Vault cannot reach the Keystore.",
                )
                .with_status(StatusCode::SERVICE_UNAVAILABLE))
            }
        }
    }
}

impl Source {
    async fn fetch(&self) -> std::result::Result<HashMap<String, VerifyingKey>, reqwest::Error> {
        let jwks: Jwks = self
            .client
            .get(&self.url)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let keys = jwks
            .keys
            .iter()
            .filter_map(|jwk| VerifyingKey::from_bytes(jwk.x.as_bytes()).ok());
        Ok(keys.map(|key| (thumbprint(key.as_bytes()), key)).collect())
    }
}

/// The account that a token speaks for.
pub(crate) struct VaultCaller {
    pub(super) account: String,
    /// The address that mails name them by.
    pub(super) email: Option<String>,
    /// When the token ends, in milliseconds.
    pub(super) expires_at: i64,
}

/// A caller whose account may have been deleted.
pub(crate) struct Holder(pub(super) VaultCaller);

impl FromRequestParts<Arc<Vault>> for Holder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, vault: &Arc<Vault>) -> Result<Self> {
        let token = crate::token::bearer(&parts.headers).ok_or(Code::SessionExpired)?;
        let claims = vault.verify(token).await?.ok_or(Code::SessionExpired)?;
        Ok(Self(VaultCaller {
            account: claims.sub,
            email: claims.email,
            expires_at: claims.exp.saturating_mul(SECOND),
        }))
    }
}

impl FromRequestParts<Arc<Vault>> for VaultCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, vault: &Arc<Vault>) -> Result<Self> {
        let Holder(caller) = Holder::from_request_parts(parts, vault).await?;
        if vault.is_deleted(&caller.account).await? {
            return Err(Code::SessionExpired.into());
        }
        Ok(caller)
    }
}

impl Vault {
    async fn verify(&self, token: &str) -> Result<Option<Claims>> {
        let Some((header, signature)) = parse(token) else {
            return Ok(None);
        };
        let Some(key) = self.keys.find(&header.kid).await? else {
            return Ok(None);
        };
        Ok(self.accept(token, &key, &signature))
    }

    fn accept(&self, token: &str, key: &VerifyingKey, signature: &Signature) -> Option<Claims> {
        let (signed, _) = token.rsplit_once('.')?;
        key.verify_strict(signed.as_bytes(), signature).ok()?;
        let (_, claims) = signed.split_once('.')?;
        let claims: Claims = serde_json::from_slice(&from_base64url(claims)?).ok()?;
        let now = self.clock.now();
        let good = claims.iss == self.issuer
            && self.audiences.contains(&claims.aud)
            && claims.exp.saturating_mul(SECOND) > now
            // A minute for clocks that differ.
            && claims.iat.saturating_mul(SECOND) <= now + MINUTE
            && Id::try_from(Cow::from(claims.sub.as_str())).is_ok();
        good.then_some(claims)
    }
}

fn parse(token: &str) -> Option<(Header, Signature)> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, _, signature] = parts[..] else {
        return None;
    };
    let header: Header = serde_json::from_slice(&from_base64url(header)?).ok()?;
    if header.alg != "EdDSA" || header.typ != "JWT" {
        return None;
    }
    Some((
        header,
        Signature::from_slice(&from_base64url(signature)?).ok()?,
    ))
}
