//! Fetching a JSON Web Key Set over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::key::Key;
use crate::start_error::StartError;

/// The longest that a fetch takes, discovery included.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The most that is read of one answer.
const MAX_ANSWER_BYTES: usize = 512 << 10;
/// The most keys that are taken from one answer.
const MAX_KEYS: usize = 100;

/// The place where keys are published.
pub(crate) struct Source {
    client: reqwest::Client,
    place: Place,
}

enum Place {
    /// The key set's own address.
    Keys(String),
    /// An OpenID Connect issuer, whose discovery document names the address.
    Issuer(String),
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Source {
    /// The key set at this address.
    pub(crate) fn keys(url: String) -> Result<Self, StartError> {
        Self::new(Place::Keys(url))
    }

    /// The key set of an OpenID Connect issuer.
    pub(crate) fn issuer(issuer: String) -> Result<Self, StartError> {
        Self::new(Place::Issuer(issuer))
    }

    fn new(place: Place) -> Result<Self, StartError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                StartError(format!("Check the TLS set-up of this machine ({error})."))
            })?;
        Ok(Self { client, place })
    }

    /// The keys that can be used here, at least one; else why there are none.
    pub(super) async fn fetch(&self) -> Result<Vec<Arc<Key>>, String> {
        tokio::time::timeout(FETCH_TIMEOUT, self.fetch_all())
            .await
            .unwrap_or_else(|_| Err(format!("{} does not answer in time", self.place.url())))
    }

    async fn fetch_all(&self) -> Result<Vec<Arc<Key>>, String> {
        let url = match &self.place {
            Place::Keys(url) => url.clone(),
            Place::Issuer(issuer) => self.discover(issuer).await?,
        };
        let KeySet { keys } = self.read(&url).await?;
        let keys = keys.iter().filter_map(Key::from_json).take(MAX_KEYS);
        let keys: Vec<_> = keys.map(Arc::new).collect();
        if keys.is_empty() {
            return Err(format!("{url} has no key for RS256, PS256, ES256 or EdDSA"));
        }
        Ok(keys)
    }

    /// Asks the issuer for the address of its keys (OpenID Connect Discovery 1.0, section 4).
    async fn discover(&self, issuer: &str) -> Result<String, String> {
        let base = issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let found: Discovery = self.read(&url).await?;
        if found.issuer != issuer {
            return Err(format!("{url} is of the issuer {}", found.issuer));
        }
        match is_trustworthy(&found.jwks_uri) {
            true => Ok(found.jwks_uri),
            false => Err(format!("{url} names keys that do not come over TLS")),
        }
    }

    async fn read<T: DeserializeOwned>(&self, url: &str) -> Result<T, String> {
        let failed = |error: reqwest::Error| error.to_string();
        let mut answer = self.client.get(url).send().await.map_err(failed)?;
        if answer.status() != StatusCode::OK {
            return Err(format!("{url} answers {}", answer.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(format!("{url} answers too much"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| format!("{url}: {error}"))
    }
}

impl Place {
    fn url(&self) -> &str {
        match self {
            Self::Keys(url) | Self::Issuer(url) => url,
        }
    }
}

/// Whether what is fetched there comes from whom it should: over TLS, or from this machine.
pub(crate) fn is_trustworthy(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    plain
        && (url.scheme() == "https" || (url.scheme() == "http" && is_local))
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_comes_over_tls() {
        for good in [
            "https://accounts.example",
            "https://accounts.example:8443/realms/a/",
            "http://localhost:4000",
            "http://127.0.0.1:4000/oidc",
            "http://[::1]/",
        ] {
            assert!(is_trustworthy(good), "{good}");
        }
        for bad in [
            "http://accounts.example",
            "http://localhost.example",
            "http://10.0.0.1",
            "https://a:b@accounts.example",
            "https://accounts.example/#a",
            "https://accounts.example/a b",
            " https://accounts.example",
            "ftp://localhost",
            "accounts.example",
            "",
        ] {
            assert!(!is_trustworthy(bad), "{bad}");
        }
    }
}
