//! Keys that somebody else publishes, as both services use them: fetched when they are needed, no more often, and kept for a time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::common::*;
use crate::issuer::{Issuer, Signer};
use futures_util::future::{Either, join, join_all, select};
use serde_json::{Value, json};
use tokio::time::timeout;
use vouchsafe_server::{Config, Server, Services};

use Outcome::{Trusted, Unknown, Unreachable};

const INTERVAL: i64 = 10_000;
const FRESH: i64 = 15 * 60_000;
/// The longest that a fetch takes.
const FETCH: Duration = Duration::from_secs(5);

/// A service that takes the issuer's tokens.
struct Reader {
    lab: Lab,
    issuer: Issuer,
    signer: Signer,
    is_vault: bool,
}

/// What becomes of a token.
#[derive(Debug, PartialEq)]
enum Outcome {
    Trusted,
    Unknown,
    Unreachable,
}

impl Reader {
    /// A Vault, and a Keystore with an identity provider.
    async fn both() -> [Self; 2] {
        [Self::new(true).await, Self::new(false).await]
    }

    async fn new(is_vault: bool) -> Self {
        let signer = Signer::new("1");
        let issuer = Issuer::start(&[&signer]).await;
        let lab = Lab::with(|config| {
            config.rate_limits = false;
            if is_vault {
                config.services = Services::Vault;
                config.keystore_urls = vec![issuer.url.clone()];
            } else {
                config.oidc_issuer = Some(issuer.url.clone());
                config.oidc_audiences = vec!["app".into()];
                config.oidc_jwks_url = Some(format!("{}/keys", issuer.url));
            }
        })
        .await;
        Self {
            lab,
            issuer,
            signer,
            is_vault,
        }
    }

    /// What becomes of a token that this key signed.
    async fn outcome(&self, signer: &Signer) -> Outcome {
        let mut claims = self.issuer.claims(&self.lab, "ada");
        let answer = if self.is_vault {
            claims["aud"] = json!(self.lab.server.vault_url());
            claims["sub"] = json!("3f0b7c52-6a0e-4f3c-9d1e-2b9a51c7e8d4");
            claims["email"] = Value::Null;
            claims["proof"] = Value::Null;
            claims["email_verified"] = json!(false);
            let token = signer.token(&claims);
            self.lab.vault(&token, "GET", "/cards", None).await
        } else {
            let body = json!({ "recoveryAuth": random(32) });
            let body = by(&signer.token(&claims), body);
            self.lab.open_keystore("/recovery/start", body).await
        };
        match code(&answer) {
            (200, "no error") | (401, "wrong_credentials") => Trusted,
            (401, "session_expired" | "identity_rejected") => Unknown,
            (503, "server_error") => Unreachable,
            _ => panic!("{answer:?}"),
        }
    }

    /// What becomes of a good token.
    async fn own(&self) -> Outcome {
        self.outcome(&self.signer).await
    }

    /// What becomes of a token by a key that nobody knows.
    async fn strange(&self) -> Outcome {
        self.outcome(&Signer::new("strange")).await
    }

    fn hold(&self, is_held: bool) {
        self.issuer.shows.is_held.send_replace(is_held);
    }

    /// Waits until the issuer was asked so often.
    async fn was_asked(&self, count: usize) {
        until(async || (self.issuer.asked() == count).then_some(())).await;
    }
}

#[tokio::test]
async fn keys_may_change_and_nobody_floods_the_issuer() {
    for reader in Reader::both().await {
        let (lab, issuer) = (&reader.lab, &reader.issuer);
        assert_eq!(issuer.asked(), 0, "not before there is a token");
        assert_eq!(reader.own().await, Trusted);
        assert_eq!(issuer.asked(), 1);
        let next = Signer::new("2");
        issuer.publish(&[&reader.signer, &next]);
        for _ in 0..50 {
            assert_eq!(reader.strange().await, Unknown);
        }
        assert_eq!(reader.own().await, Trusted);
        assert_eq!(issuer.asked(), 1, "so soon nobody is asked again");
        lab.pass(INTERVAL - 1);
        assert_eq!(reader.outcome(&next).await, Unknown);
        lab.pass(1);
        assert_eq!(reader.outcome(&next).await, Trusted);
        assert_eq!(reader.own().await, Trusted);
        assert_eq!(issuer.asked(), 2);

        // A key that was withdrawn.
        issuer.publish(&[&next]);
        lab.pass(FRESH - 1);
        assert_eq!(reader.own().await, Trusted);
        lab.pass(1);
        assert_eq!(reader.own().await, Unknown);
        assert_eq!(reader.outcome(&next).await, Trusted);
        assert_eq!(issuer.asked(), 3);
    }
}

#[tokio::test]
async fn an_issuer_that_fails_is_asked_now_and_then_and_not_missed_for_a_day() {
    for reader in Reader::both().await {
        let (lab, issuer) = (&reader.lab, &reader.issuer);
        let fail = || *issuer.shows.answers.lock().unwrap() = None;
        fail();
        for asked in 1..4 {
            for _ in 0..10 {
                assert_eq!(reader.own().await, Unreachable);
            }
            lab.pass(INTERVAL - 1);
            assert_eq!(reader.own().await, Unreachable);
            assert_eq!(issuer.asked(), asked);
            lab.pass(1);
        }
        issuer.publish(&[&reader.signer]);
        assert_eq!(reader.own().await, Trusted);
        assert_eq!(issuer.asked(), 4);

        fail();
        lab.pass(DAY - 1);
        assert_eq!(reader.own().await, Trusted);
        assert_eq!(reader.strange().await, Unknown);
        assert_eq!(issuer.asked(), 5);
        lab.pass(1);
        assert_eq!(reader.own().await, Unreachable);
        lab.pass(INTERVAL);
        issuer.publish(&[&reader.signer]);
        assert_eq!(reader.own().await, Trusted);
    }
}

#[tokio::test]
async fn what_is_no_key_set_changes_nothing() {
    for reader in Reader::both().await {
        let (lab, shows) = (&reader.lab, &reader.issuer.shows);
        let good = json!({ "keys": [reader.signer.jwk()] });
        let large = json!({ "keys": good["keys"], "more": "a".repeat(512 << 10) });
        let show = |keys: Value| *shows.answers.lock().unwrap() = Some((Value::Null, keys));
        let bad = [large, json!({ "keys": [] }), json!("x"), Value::Null];
        for is_known in [false, true] {
            let expected = || if is_known { Trusted } else { Unreachable };
            for (n, keys) in (1..).zip(&bad) {
                show(keys.clone());
                lab.pass(FRESH);
                assert_eq!(reader.own().await, expected(), "answer {n}");
            }
            show(good.clone());
            shows.redirects.store(true, Ordering::SeqCst);
            lab.pass(FRESH);
            assert_eq!(reader.own().await, expected(), "a redirect");
            shows.redirects.store(false, Ordering::SeqCst);
            lab.pass(INTERVAL);
            assert_eq!(reader.own().await, Trusted);
        }
        assert_eq!(reader.issuer.asked(), 2 * (bad.len() + 2));
        let asked = shows.asked.lock().unwrap();
        assert!(!asked.iter().any(|path| path == "/elsewhere"));
    }
}

#[tokio::test]
async fn many_at_once_ask_once() {
    for reader in Reader::both().await {
        reader.hold(true);
        let callers = join_all((0..20).map(|_| reader.own()));
        let answer = async {
            reader.was_asked(1).await;
            // An answer that took long is an answer all the same.
            reader.lab.pass(INTERVAL);
            reader.hold(false);
        };
        let (outcomes, ()) = join(callers, answer).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Trusted));
        assert_eq!(reader.issuer.asked(), 1);
    }
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_up_nobody_for_long() {
    let hang = async |reader: &Reader| {
        assert_eq!(reader.own().await, Trusted);
        reader.hold(true);
        reader.lab.pass(INTERVAL);
        let strangers = join_all((0..20).map(|_| reader.strange()));
        let own = Box::pin(async {
            reader.was_asked(2).await;
            reader.own().await
        });
        let Either::Right((Trusted, strangers)) = select(strangers, own).await else {
            panic!("who has a known key does not wait");
        };
        // They wait for one fetch, all together, and it ends though no answer comes.
        let outcomes = timeout(12 * FETCH, strangers).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Unknown));
        assert_eq!(reader.strange().await, Unknown);
        assert_eq!(reader.issuer.asked(), 2);
    };
    let [vault, keystore] = Reader::both().await;
    join(hang(&vault), hang(&keystore)).await;
}

#[tokio::test]
async fn a_vault_fetches_keys_over_tls_or_on_this_machine() {
    let start = async |keystore: &str, key: Option<String>| {
        let data = tempfile::tempdir().unwrap();
        let config = Config {
            services: Services::Vault,
            keystore_urls: vec![keystore.to_owned()],
            keystore_key: key,
            ..Config::new(data.path())
        };
        Server::start(config).await.map(drop)
    };
    for plain in ["http://keystore.example", "http://10.0.0.7:8701/keystore"] {
        let refused = start(plain, None).await.unwrap_err().to_string();
        assert!(refused.contains("--keystore-url as an https"), "{refused}");
        // A key that is given need not be fetched.
        let key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
        start(plain, Some(key)).await.unwrap();
    }
    for good in [
        "https://keystore.example",
        "http://127.0.0.1:8701/keystore",
        "http://localhost:8701",
        "http://[::1]:8701",
    ] {
        start(good, None).await.unwrap();
    }
}
