//! The provider's keys: fetched when they are needed, and no more often.

use super::Scene;
use crate::common::*;
use crate::issuer::Signer;
use serde_json::{Value, json};
use vouchsafe_server::{Config, Server};

#[tokio::test]
async fn keys_may_change_and_nobody_floods_the_provider() {
    let scene = Scene::new().await;
    let (lab, issuer) = (&scene.lab, &scene.issuer);
    let passes = async |signer: &Signer| {
        let answer = scene.passes(&signer.token(&scene.claims("ada"))).await;
        match code(&answer) {
            (401, "wrong_credentials") => true,
            (401, "identity_rejected") => false,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(issuer.asked(), 0, "not before there is a token");
    assert!(passes(&scene.signer).await);
    assert_eq!(issuer.asked(), 1);
    let next = Signer::new("2");
    issuer.publish(&[&scene.signer, &next]);
    for n in 0..50 {
        assert!(!passes(&Signer::new(&format!("garbage {n}"))).await);
    }
    assert!(passes(&scene.signer).await);
    assert_eq!(issuer.asked(), 1, "so soon nobody is asked again");
    lab.pass(9_999);
    assert!(!passes(&next).await);
    lab.pass(1);
    assert!(passes(&next).await && passes(&scene.signer).await);
    assert_eq!(issuer.asked(), 2);

    // A key that was taken back.
    issuer.publish(&[&next]);
    lab.pass(15 * 60_000 - 1);
    assert!(passes(&scene.signer).await);
    lab.pass(1);
    assert!(!passes(&scene.signer).await);
    assert!(passes(&next).await);
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn a_provider_that_is_away_is_not_missed_for_a_day() {
    let scene = Scene::new().await;
    let (lab, issuer) = (&scene.lab, &scene.issuer);
    let ask = async || {
        let answer = scene.passes(&scene.token("ada")).await;
        (
            answer.0,
            answer.1["error"]["code"].as_str().unwrap().to_owned(),
        )
    };
    let away = (503, "server_error".to_owned());
    let there = (401, "wrong_credentials".to_owned());
    *issuer.shows.answers.lock().unwrap() = None;
    assert_eq!(ask().await, away);
    issuer.publish(&[&scene.signer]);
    assert_eq!(ask().await, away, "it was asked just now");
    lab.pass(10_000);
    assert_eq!(ask().await, there);
    *issuer.shows.answers.lock().unwrap() = None;
    lab.pass(DAY - 1);
    assert_eq!(ask().await, there);
    lab.pass(1);
    assert_eq!(ask().await, away);
    lab.pass(10_000);
    issuer.publish(&[&scene.signer]);
    assert_eq!(ask().await, there);
}

#[tokio::test]
async fn the_provider_must_be_the_one_that_was_named() {
    let scene = Scene::new().await;
    let keys = json!({ "keys": [scene.signer.jwk()] });
    let with = |name: &str, value: Value| {
        let mut discovery = scene.issuer.discovery();
        discovery[name] = value;
        discovery
    };
    let good = scene.issuer.discovery();
    let much = "a".repeat(512 << 10);
    for (what, asked, discovery, keys) in [
        (
            "another issuer",
            0,
            with("issuer", json!("https://accounts.example")),
            &keys,
        ),
        (
            "keys at a strange address",
            0,
            with("jwks_uri", json!(format!("{}/keys#a", scene.issuer.url))),
            &keys,
        ),
        ("no document", 0, json!("x"), &keys),
        ("no keys", 1, good.clone(), &json!({ "keys": [] })),
        (
            "no key that can be used",
            2,
            good.clone(),
            &json!({ "keys": [{ "kty": "oct", "k": "AA" }] }),
        ),
        (
            "too much",
            3,
            good.clone(),
            &json!({ "keys": [scene.signer.jwk()], "more": much }),
        ),
    ] {
        *scene.issuer.shows.answers.lock().unwrap() = Some((discovery, keys.clone()));
        let answer = scene.passes(&scene.token("ada")).await;
        assert_eq!(code(&answer), (503, "server_error"), "{what}");
        assert_eq!(scene.issuer.asked(), asked, "{what}");
        scene.lab.pass(10_000);
    }

    // Without discovery there is only the address of the keys.
    let (issuer, signer) = (&scene.issuer, &scene.signer);
    issuer.publish(&[signer]);
    let elsewhere = Scene::with(|config| {
        config.oidc_issuer = Some("https://accounts.example/".into());
        config.oidc_jwks_url = Some(format!("{}/keys", issuer.url));
    })
    .await;
    let mut claims = elsewhere.claims("ada");
    claims["iss"] = json!("https://accounts.example/");
    let answer = elsewhere.passes(&signer.token(&claims)).await;
    assert_eq!(code(&answer), (401, "wrong_credentials"));
    assert_eq!(issuer.asked(), 4);
}

#[tokio::test]
async fn what_cannot_be_trusted_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let start = async |issuer: Option<&str>, audience: Option<&str>, keys: Option<&str>| {
        let mut config = Config::new(folder.path());
        config.oidc_issuer = issuer.map(str::to_owned);
        config.oidc_audiences = audience.iter().map(|text| (*text).to_owned()).collect();
        config.oidc_jwks_url = keys.map(str::to_owned);
        Server::start(config)
            .await
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let good = Some("https://accounts.example");
    for (problem, option) in [
        (start(good, None, None).await, "--oidc-audience"),
        (start(good, Some(""), None).await, "--oidc-audience"),
        (start(None, Some("app"), None).await, "--oidc-issuer"),
        (start(None, None, good).await, "--oidc-issuer"),
        (
            start(Some("http://accounts.example"), Some("app"), None).await,
            "--oidc-issuer",
        ),
        (
            start(good, Some("app"), Some("http://accounts.example/keys")).await,
            "--oidc-jwks-url",
        ),
    ] {
        assert!(problem.contains(option), "{option}: {problem}");
    }
    // The provider is asked when it is needed.
    assert_eq!(start(good, Some("app"), None).await, "");
}
