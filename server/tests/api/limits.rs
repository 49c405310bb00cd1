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
async fn one_account_is_tried_thirty_times_from_one_address() {
    for route in [SignIn, SignUpStart, SignUpFinish, Recovery] {
        let lab = lab().await;
        let passes = (route.passes().to_owned(), None);
        for n in 0..30 {
            let email = if n % 2 == 0 {
                "ada@example.org"
            } else {
                " ADA@Example.org"
            };
            // One network of IPv6 is one address.
            let from = format!("2001:db8::{n:x}");
            assert_eq!(route.attempt(&lab, email, &from).await, passes, "{route:?}");
        }
        let again = async || route.attempt(&lab, "ada@example.org", "2001:db8::1").await;
        assert_eq!(again().await, limited(300), "{route:?}");
        lab.pass(WINDOW - 1);
        assert_eq!(again().await, limited(1), "{route:?}");
        for (email, from) in [
            ("bob@example.org", "2001:db8::1"),
            ("ada@example.org", "2001:db8:0:1::1"),
            ("ada@example.org", "192.0.2.1"),
        ] {
            let other = route.attempt(&lab, email, from).await;
            assert_eq!(other, passes, "{route:?}: {email} from {from}");
        }
        lab.pass(1);
        assert_eq!(again().await, passes, "{route:?}");
    }
}

/// Proxies write people's addresses in several ways.
#[tokio::test]
async fn people_behind_a_proxy_are_told_apart() {
    let lab = Lab::with(|config| config.trusted_proxies = vec!["127.0.0.0/8".into()]).await;
    let attempt = async |name: &str, value: &str| {
        let url = format!("{}/v1/sign-in/start", lab.server.keystore_url());
        let body = json!({ "keystore": lab.server.keystore_url(), "credentialRequest": "AAAA" });
        let request = lab.http.post(url).header(name, value);
        let request = request.json(&by("ada@example.org", body));
        request.send().await.unwrap().status().as_u16()
    };
    let x = "x-forwarded-for";
    for n in 0..30 {
        // Another port is no other person, and neither is what this one writes there.
        let (name, value) = match n % 4 {
            0 => (x, format!("203.0.113.7:{n}")),
            1 => (x, format!("198.51.100.{n}, 203.0.113.7, 127.0.0.{n}:80")),
            2 => (x, format!("[::ffff:203.0.113.7]:{n}")),
            _ => (
                "forwarded",
                format!("for=unknown, for=\"203.0.113.7:{n}\";proto=https"),
            ),
        };
        assert_eq!(attempt(name, &value).await, 400, "{value}");
    }
    assert_eq!(attempt(x, "203.0.113.7").await, 429);
    assert_eq!(attempt("forwarded", "for=203.0.113.7").await, 429);
    assert_eq!(attempt(x, "203.0.113.8:51234").await, 400);
    assert_eq!(
        attempt("forwarded", "for=\"[2001:db8::7]:51234\"").await,
        400
    );
}

#[tokio::test]
async fn one_address_tries_three_hundred_times() {
    for route in [SignIn, SignUpStart, SignUpFinish, Recovery] {
        let lab = lab().await;
        let passes = (route.passes().to_owned(), None);
        for n in 0..300 {
            let email = format!("ada{n}@example.org");
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
async fn a_network_of_many_addresses_locks_out_nobody_else() {
    let lab = lab().await;
    let mut passed = 0;
    for n in 0..1200 {
        let (email, from) = (format!("ada{n}@example.org"), n % 256);
        let from = format!("2001:db8:0:{from:x}::{n:x}");
        let (code, _) = Recovery.attempt(&lab, &email, &from).await;
        passed += usize::from(code == "wrong_credentials");
    }
    let elsewhere = Recovery.attempt(&lab, "bob@example.org", "192.0.2.1").await;
    println!("1200 requests of one /56: {passed} passed; then somebody elsewhere: {elsewhere:?}");
    assert_eq!(passed, 600);
    assert_eq!(elsewhere, ("wrong_credentials".to_owned(), None));
}

/// Requests of one device at one address.
fn device_at(address: &str, device: Option<&str>) -> reqwest::Client {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("x-forwarded-for", address.parse().unwrap());
    if let Some(device) = device {
        headers.insert("vouchsafe-device", device.parse().unwrap());
    }
    let builder = reqwest::Client::builder().default_headers(headers);
    builder.build().unwrap()
}

/// Uses up what a stranger's networks have for this person.
async fn use_up(lab: &Lab, email: &str, networks: &[&str]) {
    for from in networks {
        for _ in 0..31 {
            SignIn.attempt(lab, email, from).await;
            Recovery.attempt(lab, email, from).await;
        }
        assert_eq!(SignIn.attempt(lab, email, from).await, limited(300));
    }
}

#[tokio::test]
async fn strangers_keep_nobody_out() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    use_up(&lab, &ada.email, &["192.0.2.1", "192.0.3.1", "2001:db8::1"]).await;
    let keystore = lab.server.keystore_url();
    let here = device_at("198.51.100.7", None);
    let recovery = by(
        &ada.email,
        json!({ "recoveryAuth": recovery_auth(&ada.email) }),
    );
    let recovered = send(&lab, "/recovery/start", "198.51.100.7", None, &recovery).await;
    assert_eq!(recovered, ("none".to_owned(), None));

    // Every way in begins with a sign-in: an unlocking, a change, a deletion.
    let (status, signed_in) = sign_in(&here, keystore, &ada.email, &ada.passphrase).await;
    println!("the owner, while a stranger has used up three networks: {status}");
    assert_eq!(status, 200, "{signed_in}");
    let session = signed_in["session"].as_str().unwrap();
    let passphrase = crate::credentials::new_passphrase(&lab, session, "another").await;
    let body = json!({ "credentialsVersion": 1, "passphrase": passphrase, "recovery": null });
    let changed = lab
        .keystore(session, "PUT", "/credentials", Some(body))
        .await;
    assert_eq!(changed.0, 200);
    let (_, again) = sign_in(&here, keystore, &ada.email, "another").await;
    let session = again["session"].as_str().unwrap();
    let gone = lab.keystore(session, "DELETE", "/account", None).await;
    assert_eq!(gone.0, 204);
}

#[tokio::test]
async fn a_device_that_the_account_knows_is_spared() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    let keystore = lab.server.keystore_url();
    let (known, unknown) = (random(32), random(32));
    let device = device_at("192.0.2.1", Some(&known));
    let signed_in = sign_in(&device, keystore, &ada.email, &ada.passphrase).await;
    assert_eq!(signed_in.0, 200);
    use_up(&lab, &ada.email, &["192.0.2.1"]).await;

    // At the stranger's own address.
    let start = async |email: &str, device: Option<&str>| {
        let url = format!("{keystore}/v1/sign-in/start");
        let body = sign_in_start(keystore, email);
        let client = device_at("192.0.2.1", device);
        call(&client, "POST", &url, None, Some(body)).await.0
    };
    assert_eq!(start(&ada.email, None).await, 429);
    assert_eq!(start(&ada.email, Some(&unknown)).await, 429);
    assert_eq!(start(&ada.email, Some("x")).await, 400);
    for n in 0..30 {
        assert_eq!(start(&ada.email, Some(&known)).await, 200, "{n}");
    }
    assert_eq!(start(&ada.email, Some(&known)).await, 429);
    // It is known to this account alone, and as long as its passphrase stays.
    lab.sign_up("bob").await;
    use_up(&lab, "bob@example.org", &["192.0.2.1"]).await;
    assert_eq!(start("bob@example.org", Some(&known)).await, 429);
    lab.pass(WINDOW);
    assert!(!holds(lab.folder.path(), &known), "it is not stored");
    let (_, signed_in) = sign_in(&lab.http, keystore, &ada.email, &ada.passphrase).await;
    let session = signed_in["session"].as_str().unwrap();
    let passphrase = crate::credentials::new_passphrase(&lab, session, "another").await;
    let body = json!({ "credentialsVersion": 1, "passphrase": passphrase, "recovery": null });
    let changed = lab
        .keystore(session, "PUT", "/credentials", Some(body))
        .await;
    assert_eq!(changed.0, 200);
    use_up(&lab, &ada.email, &["192.0.2.1"]).await;
    assert_eq!(start(&ada.email, Some(&known)).await, 429);
}

#[tokio::test]
async fn an_account_knows_twenty_devices() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    let keystore = lab.server.keystore_url();
    let devices: Vec<String> = (0..21).map(|_| random(32)).collect();
    for device in &devices {
        let client = device_at("192.0.2.1", Some(device));
        let signed_in = sign_in(&client, keystore, &ada.email, &ada.passphrase).await;
        assert_eq!(signed_in.0, 200);
        lab.pass(1);
    }
    let known = async || -> Vec<String> {
        let pool = database(&lab.keystore_db).await;
        let found = sqlx::query_scalar("SELECT hash FROM devices ORDER BY used_at");
        let found = found.fetch_all(&pool).await.unwrap();
        pool.close().await;
        found
    };
    let hashes: Vec<String> = devices[1..].iter().map(|device| hash(device)).collect();
    assert_eq!(known().await, hashes);
}

#[tokio::test]
async fn the_owner_is_told_of_failed_sign_ins() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    let keystore = lab.server.keystore_url();
    let start = async |who: &str, passphrase: &str| {
        sign_in_body(&lab.http, keystore, who, passphrase).await.1
    };
    let finish = async |body: &Option<Value>| {
        let answer = lab.open_keystore("/sign-in/finish", body.clone().unwrap());
        let (status, answer) = answer.await;
        assert_eq!(status, 200, "{answer}");
        answer["failedSignIns"].as_i64().unwrap()
    };
    let enter = async || finish(&start(&ada.email, &ada.passphrase).await).await;
    assert_eq!(enter().await, 0);
    for _ in 0..3 {
        assert!(start(&ada.email, "a guess").await.is_none());
        assert!(start("bob@example.org", "a guess").await.is_none());
    }
    // They may still be finished.
    assert_eq!(enter().await, 0);
    lab.pass(2 * 60_000);
    let last = start(&ada.email, &ada.passphrase).await;
    assert_eq!(finish(&last).await, 3);
    assert_eq!(finish(&last).await, 3, "the same again");
    assert_eq!(enter().await, 0);

    // Two devices of the owner's at once are no failures.
    let (one, other) = (
        start(&ada.email, &ada.passphrase).await,
        start(&ada.email, &ada.passphrase).await,
    );
    assert_eq!((finish(&one).await, finish(&other).await), (0, 0));
    lab.pass(2 * 60_000);
    assert_eq!(enter().await, 0);

    // A request that is sent again is one guess; a wrong last message is a failure at once.
    let body = sign_in_start(keystore, &ada.email);
    for _ in 0..2 {
        let begun = lab.open_keystore("/sign-in/start", body.clone()).await;
        assert_eq!(begun.0, 200);
    }
    lab.pass(2 * 60_000);
    assert_eq!(enter().await, 1);
    let (started, _) = sign_in_body(&lab.http, keystore, &ada.email, "a guess").await;
    let wrong = json!({ "login": started["login"], "credentialFinalization": random(64) });
    let refused = lab.open_keystore("/sign-in/finish", wrong).await;
    assert_eq!(code(&refused), (401, "wrong_credentials"));
    assert_eq!(enter().await, 1);
}

#[tokio::test]
async fn one_account_gets_three_hundred_tokens() {
    let lab = lab().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let body = json!({ "audience": lab.server.vault_url() });
    let token = async |person: &Person, path: &str| {
        send(&lab, path, "192.0.2.1", Some(&person.session), &body).await
    };
    // The first one was asked for at sign-up.
    for n in 1..300 {
        let path = if n % 2 == 0 {
            "/tokens"
        } else {
            "/tokens/proof"
        };
        assert_eq!(token(&ada, path).await.1, None);
    }
    assert_eq!(token(&ada, "/tokens").await, limited(300));
    assert_eq!(token(&ada, "/tokens/proof").await, limited(300));
    assert_eq!(token(&bob, "/tokens").await.1, None);
    lab.pass(WINDOW);
    assert_eq!(token(&ada, "/tokens").await.1, None);
}
