//! Requests of strangers. The routes come from the services' own descriptions, so that none can be left out.

use std::collections::BTreeSet;

use crate::common::*;
use crate::port::Port;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use uuid::Uuid;

/// The method, the address and whether it is open, of every route of a service.
async fn routes(lab: &Lab, base: &str) -> Vec<(String, String, bool)> {
    let (status, api) = lab
        .call("GET", &format!("{base}/v1/openapi.json"), None, None)
        .await;
    assert_eq!(status, 200);
    let mut routes = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete"] {
            if let Some(operation) = item.get(method) {
                let path = path.replace("{id}", &v7()).replace("{key}", &random(32));
                let open = operation["security"] == json!([{}]);
                routes.push((method.to_uppercase(), format!("{base}{path}"), open));
            }
        }
    }
    routes
}

#[tokio::test]
async fn no_route_answers_without_its_own_token() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (keystore, vault) = (
        lab.server.keystore_url().to_owned(),
        lab.server.vault_url().to_owned(),
    );
    let mut expired = Vec::new();
    for (base, own) in [(&keystore, &ada.session), (&vault, &ada.token)] {
        let foreign = if base == &keystore {
            &ada.token
        } else {
            &ada.session
        };
        let routes = routes(&lab, base).await;
        assert!(routes.len() >= 16, "{}", routes.len());
        for (method, url, open) in routes {
            if open {
                continue;
            }
            let body = (method == "PUT" || method == "POST").then(|| json!({}));
            let refused = lab.call(&method, &url, None, body.clone()).await;
            assert_eq!(code(&refused), (401, "session_expired"), "{method} {url}");
            for bearer in [foreign, &random(32), "x", ""] {
                assert_eq!(
                    lab.call(&method, &url, Some(bearer), body.clone()).await,
                    refused,
                    "{method} {url}"
                );
            }
            if !["/events", "/sign-out", "/account"]
                .iter()
                .any(|end| url.ends_with(end))
            {
                let known = lab.call(&method, &url, Some(own), body.clone()).await;
                assert_ne!(known.0, 401, "{method} {url}: the token itself is good");
            }
            expired.push((method, url, own, body, refused));
        }
    }
    lab.pass(31 * DAY);
    for (method, url, own, body, refused) in expired {
        assert_eq!(
            lab.call(&method, &url, Some(own), body).await,
            refused,
            "{method} {url}"
        );
    }
}

#[tokio::test]
async fn the_open_routes_are_known() {
    let lab = Lab::new().await;
    let open = async |base: &str| -> BTreeSet<String> {
        let open = routes(&lab, base).await.into_iter().filter(|route| route.2);
        open.map(|(method, url, _)| {
            let path = url.trim_start_matches(base).split('/');
            let path = path.map(|part| Uuid::try_parse(part).map_or(part, |_| "{id}"));
            format!("{method} {}", path.collect::<Vec<_>>().join("/"))
        })
        .collect()
    };
    let expected = [
        "POST /v1/sign-up/start",
        "POST /v1/sign-up/finish",
        "POST /v1/sign-in/start",
        "POST /v1/sign-in/finish",
        "POST /v1/recovery/start",
        "GET /v1/jwks",
    ];
    let keystore = open(lab.server.keystore_url()).await;
    assert_eq!(keystore, expected.map(String::from).into());
    // Whoever refuses mails, has a link or its ticket, or looks at an invitation, may have no account.
    let expected = [
        "POST /v1/mail/refusals",
        "POST /v1/invitations/{id}/preview",
        "POST /v1/links/{id}/open",
        "POST /v1/links/{id}/read",
        "GET /v1/links/{id}/files/{file}",
        "GET /v1/links/{id}/files/{file}/digests",
    ];
    let vault = open(lab.server.vault_url()).await;
    assert_eq!(vault, expected.map(String::from).into());
}

#[tokio::test]
async fn tokens_end_after_five_minutes() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    lab.pass(299_999);
    assert_eq!(lab.vault(&ada.token, "GET", "/cards", None).await.0, 200);
    lab.pass(1);
    assert_eq!(
        code(&lab.vault(&ada.token, "GET", "/cards", None).await),
        (401, "session_expired")
    );
}

#[tokio::test]
async fn changed_tokens_are_refused() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let parts: Vec<&str> = ada.token.split('.').collect();
    let change = |part: usize, member: &str, value: Value| {
        let mut json: Value = serde_json::from_slice(&decode(&json!(parts[part]))).unwrap();
        json[member] = value;
        let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        parts[part] = encode(&serde_json::to_vec(&json).unwrap());
        parts.join(".")
    };
    let mut signature = BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap();
    signature[0] ^= 1;
    for token in [
        change(0, "alg", json!("none")),
        change(0, "alg", json!("HS256")),
        change(0, "typ", json!("at+jwt")),
        change(0, "kid", json!(random(32))),
        change(1, "sub", json!(v7())),
        change(1, "exp", json!(i64::MAX)),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], encode(&signature)),
        format!("{}.x", ada.token),
    ] {
        let answer = lab.vault(&token, "GET", "/cards", None).await;
        assert_eq!(code(&answer), (401, "session_expired"), "{token}");
    }
}

#[tokio::test]
async fn tokens_of_others_are_refused() {
    let lab = Lab::new().await;
    // The other Keystore makes tokens in the first one's name, but has another key.
    let (issuer, audience) = (
        lab.server.keystore_url().to_owned(),
        lab.server.vault_url().to_owned(),
    );
    let in_its_name = |config: &mut vouchsafe_server::Config, port: &Port| {
        let own = format!("http://{}/keystore", port.address());
        config.listen = port.address().to_string();
        config.keystore_urls = vec![issuer.clone(), own];
    };
    let port = Port::hold();
    let other = Lab::with(|config| {
        config.services = vouchsafe_server::Services::Keystore;
        config.vault_urls = vec![audience.clone()];
        in_its_name(config, &port);
    })
    .await;
    let base = format!("http://{}/keystore", other.server.address());
    let eve = sign_up(&lab.http, &base, &audience, "eve").await;
    assert_eq!(
        code(&lab.vault(&eve.token, "GET", "/cards", None).await),
        (401, "session_expired")
    );

    // The same key, but a token for another Vault, or by another issuer.
    let data = lab.folder.path().to_owned();
    let elsewhere = Lab::with(|config| {
        config.services = vouchsafe_server::Services::Keystore;
        config.vault_urls = vec![audience.clone(), "https://vault.example".into()];
        config.new_opaque_setup = true;
        std::fs::copy(
            data.join("keystore.setup"),
            config.data.join("keystore.setup"),
        )
        .unwrap();
    })
    .await;
    let base = elsewhere.server.keystore_url();
    let eve = sign_up(&lab.http, base, &audience, "eve").await;
    assert_eq!(
        code(&lab.vault(&eve.token, "GET", "/cards", None).await),
        (401, "session_expired"),
        "issuer"
    );
    let port = Port::hold();
    let same = Lab::with(|config| {
        config.services = vouchsafe_server::Services::Keystore;
        config.vault_urls = vec![audience.clone(), "https://vault.example".into()];
        in_its_name(config, &port);
        config.new_opaque_setup = true;
        std::fs::copy(
            data.join("keystore.setup"),
            config.data.join("keystore.setup"),
        )
        .unwrap();
    })
    .await;
    let base = format!("http://{}/keystore", same.server.address());
    let eve = sign_up(&lab.http, &base, "https://vault.example", "eve").await;
    assert_eq!(
        code(&lab.vault(&eve.token, "GET", "/cards", None).await),
        (401, "session_expired"),
        "audience"
    );
    let good = token(&lab.http, &base, &audience, &eve.session).await;
    assert_eq!(
        lab.vault(&good, "GET", "/cards", None).await.0,
        200,
        "all the rest is right"
    );
}
