//! Where an identity provider's keys are looked for.

use super::Scene;
use crate::common::*;
use serde_json::{Value, json};
use vouchsafe_server::{Config, Server};

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
