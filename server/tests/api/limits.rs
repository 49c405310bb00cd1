//! Limits of attempts.

use crate::common::*;
use serde_json::{Value, json};

const WINDOW: i64 = 5 * 60_000;

/// A lab behind a proxy, so that requests come from the addresses that the tests say.
async fn lab() -> Lab {
    Lab::with(|config| config.behind_proxy = true).await
}

/// The code of the answer, and how long it says to wait.
async fn send(
    lab: &Lab,
    path: &str,
    from: &str,
    bearer: Option<&str>,
    body: &Value,
) -> (String, Option<i64>) {
    let url = format!("{}/v1{path}", lab.server.keystore_url());
    let mut request = lab.http.post(url).header("x-forwarded-for", from);
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    let response = request.json(body).send().await.unwrap();
    let wait = response.headers().get("retry-after");
    let wait = wait.map(|wait| wait.to_str().unwrap().parse().unwrap());
    assert_eq!(response.status() == 429, wait.is_some());
    let body: Value = response.json().await.unwrap();
    let code = body["error"]["code"].as_str().unwrap_or("none");
    (code.to_owned(), wait)
}

/// Requests that are limited alike.
#[derive(Clone, Copy, Debug)]
enum Route {
    SignIn,
    SignUpStart,
    SignUpFinish,
    Recovery,
}

use Route::{Recovery, SignIn, SignUpFinish, SignUpStart};

impl Route {
    /// One attempt, which fails for other reasons as long as it is not limited.
    async fn attempt(self, lab: &Lab, email: &str, from: &str) -> (String, Option<i64>) {
        let (path, body) = match self {
            SignIn => (
                "/sign-in/start",
                by(
                    email,
                    json!({ "keystore": lab.server.keystore_url(), "credentialRequest": "AAAA" }),
                ),
            ),
            SignUpStart => (
                "/sign-up/start",
                by(
                    email,
                    json!({
                        "keystore": lab.server.keystore_url(), "suite": 1, "registrationRequest": "AAAA",
                    }),
                ),
            ),
            SignUpFinish => (
                "/sign-up/finish",
                json!({
                    "accountId": v7(), "email": email, "identityToken": null, "registration": random(69), "registrationRecord": "AAAA", "kekPassphrase": jwe("x"),
                    "kekRecovery": jwe("x"), "vaultKey": jwe("x"), "signingKey": jwe("x"),
                    "recoveryVerifier": random(32),
                }),
            ),
            Recovery => (
                "/recovery/start",
                by(email, json!({ "recoveryAuth": random(32) })),
            ),
        };
        send(lab, path, from, None, &body).await
    }

    /// The code of an attempt that is let through.
    fn passes(self) -> &'static str {
        match self {
            Recovery => "wrong_credentials",
            _ => "bad_input",
        }
    }
}

fn limited(wait: i64) -> (String, Option<i64>) {
    ("rate_limited".to_owned(), Some(wait))
}

#[tokio::test]
async fn one_account_is_tried_thirty_times() {
    for route in [SignIn, SignUpStart, SignUpFinish, Recovery] {
        let lab = lab().await;
        let passes = (route.passes().to_owned(), None);
        for n in 0..30 {
            // Recovery counts an account by address.
            let from = match route {
                Recovery => "192.0.2.1".to_owned(),
                _ => format!("192.0.2.{n}"),
            };
            let email = if n % 2 == 0 {
                "ada@example.org"
            } else {
                " ADA@Example.org"
            };
            assert_eq!(route.attempt(&lab, email, &from).await, passes, "{route:?}");
        }
        let again = async || route.attempt(&lab, "ada@example.org", "192.0.2.1").await;
        assert_eq!(again().await, limited(300), "{route:?}");
        lab.pass(WINDOW - 1);
        assert_eq!(again().await, limited(1), "{route:?}");
        let other = route.attempt(&lab, "bob@example.org", "192.0.2.1").await;
        assert_eq!(other, passes, "{route:?}: another account");
        lab.pass(1);
        assert_eq!(again().await, passes, "{route:?}");
    }
}

#[tokio::test]
async fn one_address_tries_three_hundred_times() {
    for route in [SignIn, SignUpStart, SignUpFinish, Recovery] {
        let lab = lab().await;
        let passes = (route.passes().to_owned(), None);
        for n in 0..300 {
            let email = format!("ada{n}@example.org");
            // One network of IPv6 is one address.
            let from = format!("2001:db8::{n:x}");
            assert_eq!(
                route.attempt(&lab, &email, &from).await,
                passes,
                "{route:?}"
            );
        }
        let again = async |from| route.attempt(&lab, "ada@example.org", from).await;
        assert_eq!(again("2001:db8::ffff").await, limited(300), "{route:?}");
        assert_eq!(again("2001:db8:0:1::1").await, passes, "{route:?}");
        lab.pass(WINDOW);
        assert_eq!(again("2001:db8::ffff").await, passes, "{route:?}");
    }
}

#[tokio::test]
async fn strangers_do_not_close_an_owners_recovery() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    for address in 0..9 {
        for _ in 0..31 {
            let from = format!("192.0.2.{address}");
            Recovery.attempt(&lab, &ada.email, &from).await;
            SignIn.attempt(&lab, &ada.email, &from).await;
        }
    }
    let body = by(
        &ada.email,
        json!({ "recoveryAuth": recovery_auth(&ada.email) }),
    );
    let own = "198.51.100.7";
    assert_eq!(
        send(&lab, "/recovery/start", own, None, &body).await,
        ("none".to_owned(), None)
    );
    assert_eq!(SignIn.attempt(&lab, &ada.email, own).await, limited(300));
}

#[tokio::test]
async fn one_account_gets_three_hundred_tokens() {
    let lab = lab().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let body = json!({ "audience": lab.server.vault_url() });
    let token = async |person: &Person, n: i64| {
        let from = format!("192.0.2.{}", n % 200);
        send(&lab, "/tokens", &from, Some(&person.session), &body).await
    };
    // The first one was asked for at sign-up.
    for n in 1..300 {
        assert_eq!(token(&ada, n).await.1, None);
    }
    assert_eq!(token(&ada, 0).await, limited(300));
    assert_eq!(token(&bob, 0).await.1, None);
    lab.pass(WINDOW);
    assert_eq!(token(&ada, 0).await.1, None);
}
