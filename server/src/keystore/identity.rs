//! Identity tokens: what an OpenID Connect provider says of who somebody is (OpenID Connect Core 1.0, section 2; RFC 9068).

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::who::{Who, normalise};
use crate::clock::{MINUTE, SECOND};
use crate::config::Config;
use crate::http::error::{ApiError, Code, Result};
use crate::jwks::{Algorithm, PublishedKeys, Source, Unreachable, is_trustworthy};
use crate::start_error::StartError;
use crate::token::CompactJws;

/// The longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 16 << 10;
/// The longest subject, as OpenID Connect has it.
const MAX_SUBJECT_BYTES: usize = 255;
/// By how much clocks may differ.
const LEEWAY_MS: i64 = MINUTE;
/// The kinds of tokens that say who somebody is. Others, such as logout tokens, are signed by the same keys.
const TOKEN_TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// Checks identity tokens.
pub(super) struct Identities {
    issuer: String,
    audiences: Vec<String>,
    keys: PublishedKeys,
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
    azp: Option<String>,
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

    /// Whether the token is for others, too: then it has to say to whom it was given (OpenID Connect Core 1.0, section 3.1.3.7).
    fn is_shared(&self) -> bool {
        matches!(self, Self::Several(several) if several.len() > 1)
    }
}

/// An error that gives the reason, which is nothing to hide: whoever made the token knows its content.
fn refused(why: &str) -> ApiError {
    let message = format!("Get a fresh identity token from the app's sign-in: {why}.");
    ApiError::new(Code::IdentityRejected, message)
}

fn unreachable(_: Unreachable) -> ApiError {
    ApiError::new(
        Code::ServerError,
        "Try again later: the Keystore cannot reach the identity provider.",
    )
    .with_status(StatusCode::SERVICE_UNAVAILABLE)
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
        let audiences = config.oidc_audiences.iter().map(|audience| audience.trim());
        let audiences: Vec<String> = audiences.map(str::to_owned).collect();
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
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
        let source = match &config.oidc_jwks_url {
            Some(url) => Source::keys(url.clone())?,
            None => Source::issuer(issuer.clone())?,
        };
        Ok(Some(Self {
            issuer: issuer.clone(),
            audiences,
            keys: PublishedKeys::new(source, config.clock.clone()),
        }))
    }

    /// Checks that the token is the provider's, for this Keystore, and valid now. Returns the person it speaks of.
    pub(super) async fn check(&self, token: &str, now: i64) -> Result<Who> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Code::TooLarge.into());
        }
        let jws = CompactJws::split(token).ok_or_else(|| refused("this is no signed JWT"))?;
        let header: Header = jws
            .header()
            .ok_or_else(|| refused("its header does not parse"))?;
        let algorithm = Algorithm::from_name(&header.alg)
            .ok_or_else(|| refused("it is not signed by RS256, PS256, ES256 or EdDSA"))?;
        let known_kind = header.typ.as_deref().is_none_or(|typ| {
            TOKEN_TYPES
                .iter()
                .any(|kind| kind.eq_ignore_ascii_case(typ))
        });
        if !known_kind || header.crit.is_some() {
            return Err(refused("it is of another kind"));
        }
        let signature = jws
            .signature()
            .ok_or_else(|| refused("its signature is not base64url"))?;
        let key = self
            .keys
            .find(header.kid.as_deref(), algorithm)
            .await
            .map_err(unreachable)?
            .ok_or_else(|| refused("its key is none of the identity provider's"))?;
        if !key.verifies(algorithm, jws.signed(), &signature) {
            return Err(refused("its signature is wrong"));
        }
        let claims: Claims = jws.claims().ok_or_else(|| {
            refused("its claims do not parse, or iss, sub, aud, exp or iat is missing")
        })?;
        self.accept(claims, now)
    }

    fn accept(&self, claims: Claims, now: i64) -> Result<Who> {
        let milliseconds = |seconds: f64| seconds * SECOND as f64;
        let (now, leeway) = (now as f64, LEEWAY_MS as f64);
        let why = if claims.iss != self.issuer {
            "its issuer is another"
        } else if !claims.aud.is_any_of(&self.audiences) {
            "it is for another audience"
        } else if claims.aud.is_shared() && !claims.was_given_to_any_of(&self.audiences) {
            "it has several audiences, and its azp is none of those that are taken here"
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
            || claims.sub.len() > MAX_SUBJECT_BYTES
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
    /// Whether the token says that one of these apps got it.
    fn was_given_to_any_of(&self, audiences: &[String]) -> bool {
        let party = self.azp.as_ref();
        party.is_some_and(|party| audiences.contains(party))
    }

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
