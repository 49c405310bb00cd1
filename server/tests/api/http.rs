//! The surroundings of the routes: errors, headers, cross-origin rules, the page.

use crate::common::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn every_error_is_json() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let root = format!("http://{}", lab.server.address());
    for path in [
        "/",
        "/nothing",
        "/vault",
        "/vault/v1/nothing",
        "/keystore/v2/tokens",
    ] {
        let answer = lab.call("GET", &format!("{root}{path}"), None, None).await;
        assert_eq!(code(&answer), (404, "unknown_route"), "{path}");
    }
    for path in [
        "/vault/v1/cards",
        "/keystore/v1/jwks",
        "/health",
        "/vault/health",
        "/live",
        "/keystore/live",
        "/ready",
        "/keystore/ready",
        "/vault/v1/openapi.json",
    ] {
        let answer = lab
            .call("PATCH", &format!("{root}{path}"), None, None)
            .await;
        assert_eq!(code(&answer), (405, "bad_input"), "{path}");
    }
    let url = format!("{root}/keystore/v1/tokens");
    let post = |kind: &'static str, body: &str| {
        let request = lab
            .http
            .post(&url)
            .bearer_auth(&ada.session)
            .header("content-type", kind)
            .body(body.to_owned());
        async move {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.json().await.unwrap())
        }
    };
    let audience = json!(lab.server.vault_url()).to_string();
    let good = format!(r#"{{"audience":{audience}}}"#);
    assert_eq!(post("application/json; charset=utf-8", &good).await.0, 200);
    assert_eq!(code(&post("text/plain", &good).await), (415, "bad_input"));
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"audience":1}"#,
        &format!(r#"{{"audience":{audience},"audience":{audience}}}"#),
        &format!(r#"{{"audience":{audience},"more":1}}"#),
        &format!("{good}{good}"),
    ] {
        assert_eq!(
            code(&post("application/json", body).await),
            (400, "bad_input"),
            "{body}"
        );
    }
    assert_eq!(
        code(&post("application/json", &" ".repeat((2 << 20) + 1)).await),
        (413, "too_large")
    );
    assert_eq!(
        code(&post("application/json", &"[".repeat(1 << 20)).await),
        (400, "bad_input"),
        "deep nesting"
    );
    for id in [
        "x",
        &v7().to_uppercase(),
        &v7().replace('-', ""),
        "%00",
        "%ff",
    ] {
        let answer = lab
            .vault(&ada.token, "GET", &format!("/cards/{id}"), None)
            .await;
        assert_eq!(code(&answer), (400, "bad_input"), "{id}");
    }
    let version = uuid::Uuid::new_v4();
    let card = Some(json!({ "card": jwe("x"), "version": 0, "unsettled": false }));
    let answer = lab
        .vault(&ada.token, "PUT", &format!("/cards/{version}"), card)
        .await;
    assert_eq!(code(&answer), (400, "bad_input"));
}

#[tokio::test]
async fn answers_carry_security_headers() {
    let lab = Lab::new().await;
    for path in ["/keystore/v1/jwks", "/nothing", "/vault/v1/cards"] {
        let response = lab
            .http
            .get(format!("http://{}{path}", lab.server.address()))
            .send()
            .await
            .unwrap();
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-store");
        let mut varies = headers.get_all("vary").into_iter();
        assert!(
            varies.any(|value| value == "authorization, vouchsafe-target"),
            "{path}"
        );
        assert_eq!(
            headers["content-security-policy"],
            "default-src 'none'; frame-ancestors 'none'"
        );
    }
}

#[tokio::test]
async fn only_configured_origins_may_call() {
    // As people write it, which is not how browsers do.
    let lab = Lab::with(|config| {
        config.cors_origins = vec![
            "HTTPS://App.example:443/".into(),
            "http://localhost:5173".into(),
        ];
    })
    .await;
    let url = format!("{}/v1/cards/{}", lab.server.vault_url(), v7());
    let preflight = |origin: &'static str| {
        let request = lab
            .http
            .request(reqwest::Method::OPTIONS, &url)
            .header("origin", origin);
        let request = request.header("access-control-request-method", "PUT");
        request
            .header(
                "access-control-request-headers",
                "authorization,content-type,last-event-id",
            )
            .send()
    };
    let allowed = preflight("https://app.example").await.unwrap();
    assert_eq!(
        allowed.headers()["access-control-allow-origin"],
        "https://app.example"
    );
    assert!(
        allowed.headers()["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("PUT")
    );
    assert!(
        allowed.headers()["access-control-allow-headers"]
            .to_str()
            .unwrap()
            .contains("last-event-id")
    );
    let refused = preflight("https://evil.example").await.unwrap();
    assert!(
        !refused
            .headers()
            .contains_key("access-control-allow-origin")
    );
    let answer = lab
        .http
        .get(&url)
        .header("origin", "https://app.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(
        answer.headers()["access-control-allow-origin"],
        "https://app.example",
        "errors can be read too"
    );
    assert_eq!(
        answer.headers()["access-control-expose-headers"],
        "content-range,etag,retry-after,x-request-id"
    );
}

/// A page of another origin asks once for each service.
#[tokio::test]
async fn a_route_may_be_named_in_a_header() {
    let lab = Lab::with(|config| config.cors_origins = vec!["https://app.example".into()]).await;
    let ada = lab.sign_up("ada").await;
    let url = format!("{}/v1/-", lab.server.vault_url());
    let ask = async |method: &str, target: &str, body: Option<Value>| {
        let request = lab.http.request(method.parse().unwrap(), &url);
        let request = request.header("vouchsafe-target", target);
        let request = request.bearer_auth(&ada.token).json(&body);
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    let (first, second) = (v7(), v7());
    for id in [&first, &second] {
        let body = json!({ "card": jwe(id), "version": 0, "unsettled": false });
        let made = ask("PUT", &format!("/cards/{id}"), Some(body)).await;
        assert_eq!(made.0, 201);
    }
    let (status, card) = ask("GET", &format!("/cards/{first}"), None).await;
    assert_eq!((status, &card["card"]), (200, &json!(jwe(&first))));
    let (_, page) = ask("GET", "/cards?limit=1", None).await;
    assert_eq!(page["items"][0]["id"], second);
    let (_, rest) = ask(
        "GET",
        &format!("/cards?limit=1&cursor={}", page["next"].as_str().unwrap()),
        None,
    )
    .await;
    assert_eq!(rest["items"][0]["id"], first);
    // What is no route is none here, either.
    for target in [
        "",
        "cards",
        "/",
        "/-",
        "//cards",
        "/nothing",
        "/../v1/cards",
        "/a b",
        "https://x/v1/cards",
    ] {
        let answer = ask("GET", target, None).await;
        assert_eq!(code(&answer), (404, "unknown_route"), "{target}");
    }
    let bare = lab.http.get(&url).bearer_auth(&ada.token).send().await;
    assert_eq!(bare.unwrap().status(), 404);

    let preflight = lab.http.request(reqwest::Method::OPTIONS, &url);
    let preflight = preflight
        .header("origin", "https://app.example")
        .header("access-control-request-method", "PUT")
        .header(
            "access-control-request-headers",
            "authorization,vouchsafe-target",
        )
        .send();
    let allowed = preflight.await.unwrap();
    let header = |name: &str| allowed.headers()[name].to_str().unwrap().to_owned();
    assert!(header("access-control-allow-headers").contains("vouchsafe-target"));
    assert_eq!(header("access-control-max-age"), "86400");
}

/// What never becomes a request is answered by the HTTP library.
#[tokio::test]
async fn what_is_no_request_is_answered_in_json() {
    let lab = Lab::new().await;
    let long = "x".repeat(70_000);
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let get =
        |path: &str, headers: &str| format!("GET /{path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    for (request, status, code) in [
        (get(&long, ""), 414, "too_large"),
        (get(&format!("?{long}"), ""), 414, "too_large"),
        (
            get("", &format!("x: {}\r\n", long.repeat(8))),
            431,
            "too_large",
        ),
        (get("", &many), 431, "too_large"),
        (get("", "no header\r\n"), 400, "bad_input"),
        (get("a b", ""), 400, "bad_input"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400, "bad_input"),
        ("\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), 400, "bad_input"),
        // Behind one that is answered.
        (get("health", "") + &get(&long, ""), 414, "too_large"),
    ] {
        let mut stream = TcpStream::connect(lab.server.address()).await.unwrap();
        let (mut from, mut to) = stream.split();
        let mut answer = Vec::new();
        // The end may come before all is sent.
        let (_, read) = tokio::join!(
            to.write_all(request.as_bytes()),
            tokio::time::timeout(PATIENCE, from.read_to_end(&mut answer)),
        );
        let _ = read.expect("it comes to an end");
        let answer = String::from_utf8(answer).unwrap();
        let shown = &request[..request.len().min(60)];
        let (head, body) = answer.rsplit_once("\r\n\r\n").unwrap();
        let (_, head) = head.rsplit_once("HTTP/1.1 ").unwrap();
        assert!(head.starts_with(&status.to_string()), "{shown}: {answer}");
        assert!(head.contains("content-type: application/json"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"]["code"], code, "{shown}");
    }
}

#[tokio::test]
async fn services_can_be_mounted_at_the_root() {
    let lab = Lab::with(|config| {
        config.services = vouchsafe_server::Services::Keystore;
        config.vault_urls = vec!["https://vault.example".into()];
        config.keystore_urls = vec!["https://keystore.example".into()];
    })
    .await;
    let root = format!("http://{}", lab.server.address());
    assert_eq!(
        lab.call("GET", &format!("{root}/v1/jwks"), None, None)
            .await
            .0,
        200
    );
    assert_eq!(
        lab.call("GET", &format!("{root}/health"), None, None)
            .await
            .0,
        200
    );
    assert_eq!(
        lab.call("GET", &format!("{root}/keystore/v1/jwks"), None, None)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn the_page_runs_its_own_scripts_only() {
    let page = tempfile::tempdir().unwrap();
    for name in [
        "index.html",
        "app.mjs",
        "app.js",
        "app_bg.wasm",
        "style.css",
    ] {
        std::fs::write(page.path().join(name), name).unwrap();
    }
    let lab = Lab::with(|config| config.page = Some(page.path().to_owned())).await;
    let root = format!("http://{}", lab.server.address());
    for (path, kind) in [
        ("/", "text/html"),
        ("/app.mjs", "text/javascript"),
        ("/app.js", "text/javascript"),
        ("/app_bg.wasm", "application/wasm"),
        ("/style.css", "text/css"),
    ] {
        let response = lab.http.get(format!("{root}{path}")).send().await.unwrap();
        let headers = response.headers().clone();
        assert_eq!(
            headers["content-type"].to_str().unwrap().split(';').next(),
            Some(kind),
            "{path}"
        );
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(
            headers["content-security-policy"],
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; \
             style-src 'self'; img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types vouchsafe"
        );
        let expected = if path == "/" {
            "index.html"
        } else {
            path.trim_start_matches('/')
        };
        assert_eq!(response.text().await.unwrap(), expected);
    }
    for path in ["/nothing", "/%2e%2e/keystore.setup", "/vault/v1/nothing"] {
        assert_eq!(
            code(&lab.call("GET", &format!("{root}{path}"), None, None).await),
            (404, "unknown_route"),
            "{path}"
        );
    }
    let ada = lab.sign_up("ada").await;
    assert_eq!(lab.vault(&ada.token, "GET", "/cards", None).await.0, 200);
}
