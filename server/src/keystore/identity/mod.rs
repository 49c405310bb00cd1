//! Identity tokens: what an OpenID Connect provider says of who somebody is (OpenID Connect Core 1.0, section 2; RFC 9068).

mod jwk;
mod provider;

use serde::Deserialize;
use serde_json::Value;
use url::{Host, Url};

use super::who::{Who, normalise};
use crate::base64url::from_base64url;
use crate::clock::{MINUTE, SECOND};
use crate::config::Config;
use crate::http::error::{ApiError, Code, Result};
use crate::start_error::StartError;
use jwk::Algorithm;
use provider::Provider;

/// The longest token that is looked at.
const TOKEN: usize = 16 << 10;
/// The longest subject, as OpenID Connect has it.
const SUBJECT: usize = 255;
/// By how much clocks may differ.
const LEEWAY: i64 = MINUTE;
/// The kinds of tokens that say who somebody is. Others, such as logout tokens, are signed by the same keys.
const KINDS: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// Checks identity tokens.
pub(super) struct Identities {
    issuer: String,
    audiences: Vec<String>,
    provider: Provider,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    cnf: Option<Value>,
    email: Option<Value>,
    email_verified: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn is_any_of(&self, audiences: &[String]) -> bool {
        match self {
            Self::One(one) => audiences.contains(one),
            Self::Several(several) => several.iter().any(|one| audiences.contains(one)),
        }
    }
}

/// Why a token was refused is nothing to hide: who made it knows what it says.
fn refused(why: &str) -> ApiError {
    let message = format!("Get a fresh identity token from the app's sign-in: {why}.");
    ApiError::new(Code::IdentityRejected, message)
}

impl Identities {
    /// As configured; nothing when there is no identity provider.
    pub(super) fn new(config: &Config) -> std::result::Result<Option<Self>, StartError> {
        let Some(issuer) = &config.oidc_issuer else {
            return match config.oidc_audiences.is_empty() && config.oidc_jwks_url.is_none() {
                true => Ok(None),
                false => Err(StartError(
                    "Give --oidc-issuer: without it no identity token is taken.".into(),
                )),
            };
        };
        if config.oidc_audiences.iter().all(String::is_empty) {
            return Err(StartError(
                "Give --oidc-audience: tokens for other apps must not open accounts here.".into(),
            ));
        }
        for (option, url) in [
            ("--oidc-issuer", Some(issuer)),
            ("--oidc-jwks-url", config.oidc_jwks_url.as_ref()),
        ] {
            if url.is_some_and(|url| !is_trustworthy(url)) {
                return Err(StartError(format!(
                    "Give {option} as an https address (http on this machine alone): whoever can change what it \
                     answers can make tokens."
                )));
            }
        }
        Ok(Some(Self {
            issuer: issuer.clone(),
            audiences: config.oidc_audiences.clone(),
            provider: Provider::new(issuer, config.oidc_jwks_url.clone())?,
        }))
    }

    /// Who the token speaks of, if it is the provider's, for this Keystore, and of this moment.
    pub(super) async fn check(&self, token: &str, now: i64) -> Result<Who> {
        if token.len() > TOKEN {
            return Err(Code::TooLarge.into());
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(refused("this is no signed JWT"));
        };
        let header: Header = parse(header).ok_or_else(|| refused("its header does not parse"))?;
        let algorithm = Algorithm::from_name(&header.alg)
            .ok_or_else(|| refused("it is not signed by RS256, PS256, ES256 or EdDSA"))?;
        let known_kind = header
            .typ
            .as_deref()
            .is_none_or(|typ| KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(typ)));
        if !known_kind || header.crit.is_some() {
            return Err(refused("it is of another kind"));
        }
        let signature =
            from_base64url(signature).ok_or_else(|| refused("its signature is not base64url"))?;
        let key = self
            .provider
            .key(header.kid.as_deref(), algorithm, now)
            .await?
            .ok_or_else(|| refused("its key is none of the identity provider's"))?;
        let signed = &token[..header_and_claims(token)];
        if !key.verifies(algorithm, signed.as_bytes(), &signature) {
            return Err(refused("its signature is wrong"));
        }
        let claims: Claims = parse(claims).ok_or_else(|| {
            refused("its claims do not parse, or iss, sub, aud, exp or iat is missing")
        })?;
        self.accept(claims, now)
    }

    fn accept(&self, claims: Claims, now: i64) -> Result<Who> {
        let milliseconds = |seconds: f64| seconds * SECOND as f64;
        let (now, leeway) = (now as f64, LEEWAY as f64);
        let why = if claims.iss != self.issuer {
            "its issuer is another"
        } else if !claims.aud.is_any_of(&self.audiences) {
            "it is for another audience"
        } else if milliseconds(claims.exp) + leeway <= now {
            "it has expired"
        } else if milliseconds(claims.iat) - leeway > now
            || claims
                .nbf
                .is_some_and(|nbf| milliseconds(nbf) - leeway > now)
        {
            "it is not valid yet"
        } else if claims.cnf.is_some() {
            "it is bound to a key, which is not checked here"
        } else if claims.sub.is_empty()
            || claims.sub.len() > SUBJECT
            || claims.sub.chars().any(char::is_control)
        {
            "its subject is none"
        } else {
            let email = claims.verified_email();
            return Ok(Who::by_identity(&self.issuer, &claims.sub, email));
        };
        Err(refused(why))
    }
}

impl Claims {
    /// The address, where the provider says that it is the person's: mails name people by it.
    fn verified_email(&self) -> Option<String> {
        // Some providers write a text.
        let is_verified = match &self.email_verified {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        let email = self.email.as_ref()?.as_str()?;
        is_verified.then(|| normalise(email).ok()).flatten()
    }
}

/// How much of the token is signed: all before the last dot.
fn header_and_claims(token: &str) -> usize {
    token.rfind('.').unwrap_or_default()
}

fn parse<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&from_base64url(part)?).ok()
}

/// Whether what is fetched there comes from whom it should: over TLS, or from this machine.
fn is_trustworthy(text: &str) -> bool {
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
