//! A stand-in for whoever publishes keys: an identity provider, or the Keystore of a Vault. It signs what a test wants.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::common::*;

/// Where keys are: an identity provider's, and a Keystore's.
const KEYS: [&str; 2] = ["/keys", "/v1/jwks"];

/// An issuer on a free port of this machine, until it is dropped.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) shows: Arc<Shows>,
    serving: JoinHandle<()>,
}

/// The issuer's answers, and the requests that it got.
#[derive(Default)]
pub(crate) struct Shows {
    /// Its discovery document and its keys; or nothing, and it fails.
    pub(crate) answers: Mutex<Option<(Value, Value)>>,
    pub(crate) asked: Mutex<Vec<String>>,
    /// While this is true, no answer comes.
    pub(crate) is_held: watch::Sender<bool>,
    /// Whoever asks for the keys is sent elsewhere, where they are.
    pub(crate) redirects: AtomicBool,
}

/// A key of an issuer.
pub(crate) struct Signer {
    pub(crate) kid: String,
    key: Ed25519KeyPair,
}

impl Issuer {
    /// An issuer with these keys.
    pub(crate) async fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shows = Arc::new(Shows::default());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shows));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let issuer = Self {
            url,
            shows,
            serving,
        };
        issuer.publish(signers);
        issuer
    }

    /// These are the keys from now on.
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        *self.shows.answers.lock().unwrap() = Some((self.discovery(), json!({ "keys": keys })));
    }

    pub(crate) fn discovery(&self) -> Value {
        let keys = format!("{}/keys", self.url);
        json!({ "issuer": self.url, "jwks_uri": keys, "response_types_supported": ["code"] })
    }

    /// The count of requests for the keys.
    pub(crate) fn asked(&self) -> usize {
        let asked = self.shows.asked.lock().unwrap();
        asked
            .iter()
            .filter(|path| KEYS.contains(&path.as_str()))
            .count()
    }

    /// The claims of a good token for this person.
    pub(crate) fn claims(&self, lab: &Lab, subject: &str) -> Value {
        let now = lab.now() / 1000;
        json!({ "iss": self.url, "sub": subject, "aud": "app", "iat": now, "exp": now + 300 })
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(shows): State<Arc<Shows>>, uri: Uri) -> Response {
    shows.asked.lock().unwrap().push(uri.path().to_owned());
    let mut held = shows.is_held.subscribe();
    held.wait_for(|is_held| !is_held).await.unwrap();
    let Some((discovery, keys)) = shows.answers.lock().unwrap().clone() else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let redirects = shows.redirects.load(Ordering::SeqCst);
    let body = match uri.path() {
        "/.well-known/openid-configuration" => discovery,
        path if KEYS.contains(&path) && redirects => {
            return Redirect::temporary("/elsewhere").into_response();
        }
        path if KEYS.contains(&path) || path == "/elsewhere" => keys,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, body.to_string()).into_response()
}

impl Signer {
    pub(crate) fn new(kid: &str) -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self {
            kid: kid.to_owned(),
            key: Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap(),
        }
    }

    pub(crate) fn public(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    pub(crate) fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.kid, "x": encode(self.public()) })
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.kid })
    }

    /// A token with this header, these claims, and a good signature.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = signed_part(header, claims);
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.as_ref()))
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }
}

/// The first two parts of a token.
pub(crate) fn signed_part(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}
