//! Tokens that are taken, and tokens that are refused.

use super::Scene;
use crate::common::*;
use crate::issuer::{Signer, signed_part};
use crate::tables::Tables;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The fault of a token, the words of the answer, and the token.
fn bad_tokens(scene: &Scene) -> Vec<(&'static str, &'static str, String)> {
    let (signer, now) = (&scene.signer, scene.lab.now() / 1000);
    let good = scene.claims("ada");
    let header = |name: &str, value: Value| {
        let mut header = signer.header();
        header[name] = value;
        signer.sign(&header, &good)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        signer.token(&claims)
    };
    let with = |others: Value| scene.token_with("ada", others);
    let hs256 = |secret: &[u8]| {
        let signed = signed_part(&json!({ "alg": "HS256", "typ": "JWT", "kid": "1" }), &good);
        let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        let mac = mac.chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", encode(&mac))
    };
    let whole = signer.token(&good);
    let (signed, signature) = whole.rsplit_once('.').unwrap();
    let (first, _) = signed.split_once('.').unwrap();
    let other_claims = encode(scene.claims("eve").to_string().as_bytes());
    let stranger = Signer::new("1");
    let unknown = Signer::new("2");
    let none = signed_part(&json!({ "alg": "none" }), &good);
    let alg = "it is not signed by";
    let key = "its key is none";
    let wrong = "its signature is wrong";
    let claims = "its claims do not parse";
    vec![
        (
            "another issuer",
            "its issuer",
            with(json!({ "iss": "https://evil.example" })),
        ),
        (
            "the issuer with a slash",
            "its issuer",
            with(json!({ "iss": format!("{}/", scene.issuer.url) })),
        ),
        (
            "several issuers",
            claims,
            with(json!({ "iss": [scene.issuer.url] })),
        ),
        (
            "another audience",
            "another audience",
            with(json!({ "aud": "App" })),
        ),
        (
            "other audiences",
            "another audience",
            with(json!({ "aud": ["x", "ap"] })),
        ),
        (
            "no audience in the list",
            "another audience",
            with(json!({ "aud": [] })),
        ),
        (
            "several audiences without azp",
            "its azp",
            with(json!({ "aud": ["app", "x"] })),
        ),
        (
            "several audiences, given to another",
            "its azp",
            with(json!({ "aud": ["app", "x"], "azp": "x" })),
        ),
        (
            "an azp that is no text",
            claims,
            with(json!({ "aud": ["app", "x"], "azp": ["app"] })),
        ),
        (
            "expired",
            "it has expired",
            with(json!({ "exp": now - 60 })),
        ),
        (
            "expired long ago",
            "it has expired",
            with(json!({ "exp": -1e300 })),
        ),
        (
            "not yet valid",
            "it is not valid yet",
            with(json!({ "nbf": now + 61 })),
        ),
        (
            "made in the future",
            "it is not valid yet",
            with(json!({ "iat": now + 61 })),
        ),
        (
            "an end as a text",
            claims,
            with(json!({ "exp": "2099999999" })),
        ),
        (
            "bound to a key",
            "bound to a key",
            with(json!({ "cnf": { "jkt": "x" } })),
        ),
        (
            "an empty subject",
            "its subject",
            with(json!({ "sub": "" })),
        ),
        (
            "a long subject",
            "its subject",
            with(json!({ "sub": "a".repeat(256) })),
        ),
        (
            "a subject with a line break",
            "its subject",
            with(json!({ "sub": "a\nb" })),
        ),
        ("a number as subject", claims, with(json!({ "sub": 7 }))),
        ("no iss", claims, without("iss")),
        ("no sub", claims, without("sub")),
        ("no aud", claims, without("aud")),
        ("no exp", claims, without("exp")),
        ("no iat", claims, without("iat")),
        ("alg none", alg, format!("{none}.")),
        (
            "alg none with a signature",
            alg,
            format!("{none}.{signature}"),
        ),
        ("the public key as a secret", alg, hs256(signer.public())),
        (
            "the public JWK as a secret",
            alg,
            hs256(signer.jwk().to_string().as_bytes()),
        ),
        ("no alg", "its header", header("alg", Value::Null)),
        ("alg in other letters", alg, header("alg", json!("eddsa"))),
        (
            "another alg than the key's",
            key,
            header("alg", json!("RS256")),
        ),
        ("an unknown kid", key, unknown.token(&good)),
        (
            "a stranger's key under the same kid",
            wrong,
            stranger.token(&good),
        ),
        (
            "a stranger's key without a kid",
            wrong,
            stranger.sign(&json!({ "alg": "EdDSA" }), &good),
        ),
        (
            "a key of its own",
            wrong,
            stranger.sign(
                &json!({ "alg": "EdDSA", "kid": "1", "jwk": stranger.jwk() }),
                &good,
            ),
        ),
        (
            "a logout token",
            "another kind",
            header("typ", json!("logout+jwt")),
        ),
        (
            "what must be understood",
            "another kind",
            header("crit", json!(["b64"])),
        ),
        (
            "other claims",
            wrong,
            format!("{first}.{other_claims}.{signature}"),
        ),
        (
            "a cut signature",
            wrong,
            whole[..whole.len() - 2].to_owned(),
        ),
        ("a padded signature", "base64url", format!("{whole}=")),
        ("no signature", "no signed JWT", signed.to_owned()),
        ("a JWE", "no signed JWT", format!("{whole}.AQ.AQ")),
        ("an opaque token", "no signed JWT", "eyJ".to_owned()),
        ("no JSON", "its header", format!("eyJ.{signed}")),
    ]
}

#[tokio::test]
async fn bad_tokens_are_refused_and_change_nothing() {
    let scene = Scene::new().await;
    scene.sign_up(&scene.token("ada")).await;
    let tables = Tables::open(&scene.lab).await;
    let before = tables.dump().await;
    for (what, why, token) in bad_tokens(&scene) {
        for answer in scene.everywhere(|body| by(&token, body)).await {
            assert_eq!(
                code(&answer),
                (401, "identity_rejected"),
                "{what}: {answer:?}"
            );
            let message = answer.1["error"]["message"].as_str().unwrap();
            assert!(message.contains(why), "{what}: {message}");
        }
    }
    for answer in scene
        .everywhere(|body| by(&format!("eyJ{}", "A".repeat(16 << 10)), body))
        .await
    {
        assert_eq!(code(&answer), (413, "too_large"));
    }
    assert_eq!(tables.dump().await, before);
    tables.close().await;
}

#[tokio::test]
async fn good_tokens_come_in_several_shapes() {
    let scene = Scene::new().await;
    let now = scene.lab.now() / 1000;
    let signer = &scene.signer;
    let good = scene.claims("ada");
    for (what, token) in [
        (
            "another of our audiences",
            scene.token_with("ada", json!({ "aud": "other app" })),
        ),
        (
            "several audiences",
            scene.token_with("ada", json!({ "aud": ["x", "app"], "azp": "app" })),
        ),
        (
            "a list of one audience, given to another",
            scene.token_with("ada", json!({ "aud": ["app"], "azp": "x" })),
        ),
        (
            "a clock that is behind",
            scene.token_with("ada", json!({ "exp": now - 59 })),
        ),
        (
            "a clock that goes ahead",
            scene.token_with("ada", json!({ "iat": now + 60, "nbf": now + 60 })),
        ),
        (
            "a part of a second",
            scene.token_with("ada", json!({ "iat": now as f64 + 0.25 })),
        ),
        (
            "other claims",
            scene.token_with("ada", json!({ "nonce": "x", "roles": ["a"], "email": 7 })),
        ),
        (
            "an access token",
            signer.sign(
                &json!({ "alg": "EdDSA", "typ": "at+JWT", "kid": "1" }),
                &good,
            ),
        ),
        (
            "no typ",
            signer.sign(&json!({ "alg": "EdDSA", "kid": "1" }), &good),
        ),
        (
            "the only key",
            signer.sign(&json!({ "alg": "EdDSA" }), &good),
        ),
    ] {
        let answer = scene.passes(&token).await;
        assert_eq!(
            code(&answer),
            (401, "wrong_credentials"),
            "{what}: {answer:?}"
        );
    }
    // With several keys a token has to say which.
    scene.issuer.publish(&[signer, &Signer::new("2")]);
    scene.lab.pass(15 * 60_000);
    let unnamed = signer.sign(&json!({ "alg": "EdDSA" }), &scene.claims("ada"));
    assert_eq!(
        code(&scene.passes(&unnamed).await),
        (401, "identity_rejected")
    );
    let named = scene.passes(&scene.token("ada")).await;
    assert_eq!(code(&named), (401, "wrong_credentials"));
}
