//! The keys that an identity provider publishes, fetched when they are needed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::jwk::{Algorithm, Key};
use crate::clock::{DAY, MINUTE, SECOND};
use crate::http::error::{ApiError, Code, Result};
use crate::start_error::StartError;

/// A token with an unknown key makes the Keystore ask the provider, but not more often than this.
const REFETCH: i64 = 10 * SECOND;
/// Keys that the provider took back are not trusted for longer.
const FRESH: i64 = 15 * MINUTE;
/// While the provider cannot be reached its last keys are, for as long as this.
const LASTS: i64 = DAY;
/// The most that is read of an answer.
const ANSWER: usize = 512 << 10;
/// The most keys that are taken from one.
const KEYS: usize = 100;

/// An identity provider.
pub(super) struct Provider(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    issuer: String,
    jwks_url: Option<String>,
    known: RwLock<Arc<Known>>,
    /// When the provider was last asked.
    asked: Arc<Mutex<Option<i64>>>,
}

/// The keys of one answer.
#[derive(Default)]
struct Known {
    keys: Vec<Arc<Key>>,
    fetched_at: i64,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<serde_json::Value>,
}

impl Known {
    /// A token that names no key has to mean the only one that fits.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(kid, algorithm));
        let first = fitting.next()?;
        (kid.is_some() || fitting.next().is_none()).then(|| Arc::clone(first))
    }

    /// Whether no more time than this has passed. A clock that was set back makes them old, too.
    fn is_within(&self, age: i64, now: i64) -> bool {
        (0..age).contains(&now.saturating_sub(self.fetched_at))
    }
}

impl Provider {
    pub(super) fn new(
        issuer: &str,
        jwks_url: Option<String>,
    ) -> std::result::Result<Self, StartError> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                StartError(format!("Check the TLS set-up of this machine ({error})."))
            })?;
        Ok(Self(Arc::new(Inner {
            client,
            issuer: issuer.to_owned(),
            jwks_url,
            known: RwLock::default(),
            asked: Arc::default(),
        })))
    }

    /// The key that a token with this header is signed by, if the provider has one.
    pub(super) async fn key(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: i64,
    ) -> Result<Option<Arc<Key>>> {
        let fresh = || {
            let known = self.0.known();
            let key = known.find(kid, algorithm);
            key.filter(|_| known.is_within(FRESH, now))
        };
        if let Some(key) = fresh() {
            return Ok(Some(key));
        }
        let mut asked = Arc::clone(&self.0.asked).lock_owned().await;
        // Somebody else may have asked while this request waited.
        if let Some(key) = fresh() {
            return Ok(Some(key));
        }
        if asked.is_none_or(|at| !(0..REFETCH).contains(&now.saturating_sub(at))) {
            *asked = Some(now);
            let inner = Arc::clone(&self.0);
            // A task of its own, which ends its work even when the one who waits for it goes away.
            let fetching = tokio::spawn(async move {
                inner.fetch(now).await;
                drop(asked);
            });
            fetching
                .await
                .map_err(|error| ApiError::internal("the provider was not asked", error))?;
        }
        let known = self.0.known();
        if known.is_within(LASTS, now) {
            return Ok(known.find(kid, algorithm));
        }
        Err(ApiError::new(
            Code::ServerError,
            "Try again later: the Keystore cannot reach the identity provider.",
        )
        .with_status(StatusCode::SERVICE_UNAVAILABLE))
    }
}

impl Inner {
    fn known(&self) -> Arc<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known)
    }

    async fn fetch(&self, now: i64) {
        match self.ask().await {
            Ok(keys) => {
                let known = Known {
                    keys,
                    fetched_at: now,
                };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
            }
            Err(error) => tracing::warn!(
                issuer = self.issuer,
                error,
                "the identity provider's keys could not be fetched"
            ),
        }
    }

    async fn ask(&self) -> std::result::Result<Vec<Arc<Key>>, String> {
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let Jwks { keys } = self.get(&url).await?;
        let keys = keys.iter().filter_map(Key::from_json).take(KEYS);
        let keys: Vec<_> = keys.map(Arc::new).collect();
        if keys.is_empty() {
            return Err(format!("{url} has no key for RS256, PS256, ES256 or EdDSA"));
        }
        Ok(keys)
    }

    /// Where the keys are (OpenID Connect Discovery 1.0, section 4).
    async fn discover(&self) -> std::result::Result<String, String> {
        let base = self.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let found: Discovery = self.get(&url).await?;
        if found.issuer != self.issuer {
            return Err(format!("{url} is of the issuer {}", found.issuer));
        }
        match super::is_trustworthy(&found.jwks_uri) {
            true => Ok(found.jwks_uri),
            false => Err(format!("{url} names keys that do not come over TLS")),
        }
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> std::result::Result<T, String> {
        let failed = |error: reqwest::Error| error.to_string();
        let answer = self.client.get(url).send().await.map_err(failed)?;
        let mut answer = answer.error_for_status().map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER {
                return Err(format!("{url} answers too much"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| format!("{url}: {error}"))
    }
}
