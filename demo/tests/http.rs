//! The demo's own routes, as a stranger and as its page would ask them.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::process::Command;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use vouchsafe_demo::{Demo, Settings};

const ACCOUNT: &str = "7f1f4a52-9a52-4b33-9d7e-3f6a1c8e5d10";

struct World {
    demo: Demo,
    client: Client,
    _data: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let demo = Demo::start(Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            data: data.path().to_owned(),
            page: None,
            rate_limits: true,
        });
        Self {
            demo: demo.await.unwrap(),
            client: Client::new(),
            _data: data,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.demo.address())
    }

    fn attack(&self, account: &str) -> RequestBuilder {
        self.client
            .get(self.url(&format!("/demo/attacks?account={account}")))
    }

    fn switch(&self) -> RequestBuilder {
        self.client.put(self.url("/demo/attacks"))
    }

    fn rows(&self, account: &str) -> RequestBuilder {
        self.client
            .get(self.url(&format!("/demo/rows?account={account}")))
    }
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn refused(request: RequestBuilder, status: StatusCode) {
    let (found, body) = answer(request).await;
    assert_eq!(
        (found, &body["error"]["code"]),
        (status, &json!("bad_input")),
        "{body}"
    );
}

fn tables(service: &Value) -> Vec<&str> {
    let tables = service.as_array().unwrap().iter();
    tables
        .map(|table| table["table"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn rows_name_every_table_although_nothing_is_stored() {
    let world = World::start().await;
    let (status, body) = answer(world.rows(ACCOUNT)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(
        tables(&body["keystore"]),
        [
            "accounts",
            "connection_keys",
            "spaces",
            "sessions",
            "devices"
        ]
    );
    assert_eq!(
        tables(&body["vault"]),
        [
            "cards",
            "public_keys",
            "invitations",
            "outbox",
            "connections",
            "spaces",
            "shares",
            "files",
            "parts",
            "listings",
            "links"
        ]
    );
    for table in ["keystore", "vault"].map(|service| body[service].as_array().unwrap()) {
        for table in table {
            assert_eq!((&table["rows"], &table["more"]), (&json!([]), &json!(0)));
            assert!(table["about"].as_str().unwrap().ends_with('.'));
        }
    }
    for wrong in ["", "1", &ACCOUNT.to_uppercase(), "%27%20OR%201=1"] {
        refused(world.rows(wrong), StatusCode::BAD_REQUEST).await;
    }
    world.demo.stop().await;
}

#[tokio::test]
async fn an_attack_is_on_for_its_account_alone() {
    let world = World::start().await;
    let other = ACCOUNT.replace('7', "8");
    let is_on = async |account: &str, attack: Value| {
        let (status, body) = answer(world.attack(account)).await;
        assert_eq!(
            (status, body),
            (StatusCode::OK, json!({ "attack": attack }))
        );
    };
    is_on(ACCOUNT, json!(null)).await;
    for attack in [
        json!("swap-key-before"),
        json!("swap-key-later"),
        json!("forge-share"),
        json!("swap-records"),
        json!("old-edition"),
        json!("take-over-link"),
        json!("swap-files"),
        json!(null),
    ] {
        let body = json!({ "account": ACCOUNT, "attack": attack });
        let (status, switched) = answer(world.switch().json(&body)).await;
        assert_eq!(
            (status, switched),
            (StatusCode::OK, json!({ "attack": attack }))
        );
        is_on(ACCOUNT, attack).await;
        is_on(&other, json!(null)).await;
    }
    world.demo.stop().await;
}

#[tokio::test]
async fn an_attack_is_switched_by_json_of_ones_own_page_alone() {
    let world = World::start().await;
    let good = json!({ "account": ACCOUNT, "attack": "swap-records" });
    for wrong in [
        json!({ "account": ACCOUNT }),
        json!({ "account": ACCOUNT, "attack": "swap" }),
        json!({ "account": "me", "attack": null }),
        json!({ "attack": null }),
        json!([]),
        json!({ "account": ACCOUNT, "attack": null, "more": 1 }),
    ] {
        refused(world.switch().json(&wrong), StatusCode::BAD_REQUEST).await;
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let request = world.switch().header("content-type", kind);
        let request = request.body(good.to_string());
        refused(request, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    }
    let foreign = world.switch().header("host", "demo.example").json(&good);
    refused(foreign, StatusCode::FORBIDDEN).await;
    refused(
        world.attack(ACCOUNT).header("host", "demo.example"),
        StatusCode::FORBIDDEN,
    )
    .await;
    let (_, body) = answer(world.attack(ACCOUNT)).await;
    assert_eq!(body["attack"], json!(null));

    // A page of another origin asks first, and is told no.
    let asked = world
        .client
        .request(reqwest::Method::OPTIONS, world.url("/demo/attacks"))
        .header("origin", "https://demo.example")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type");
    let allowed = asked.send().await.unwrap();
    assert_eq!(allowed.headers().get("access-control-allow-origin"), None);
    world.demo.stop().await;
}

#[tokio::test]
async fn a_foreign_name_is_refused() {
    let world = World::start().await;
    for host in ["demo.example", "127.0.0.1.example:80", "localhost.example"] {
        refused(
            world.rows(ACCOUNT).header("host", host),
            StatusCode::FORBIDDEN,
        )
        .await;
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:8787"] {
        let (status, body) = answer(world.rows(ACCOUNT).header("host", host)).await;
        assert_eq!(status, StatusCode::OK, "{host}: {body}");
    }
    // Under a foreign name the services go on: only what the demo adds is for this machine alone.
    let health = world.client.get(world.url("/vault/health"));
    let (status, _) = answer(health.header("host", "demo.example")).await;
    assert_eq!(status, StatusCode::OK);
    world.demo.stop().await;
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let data = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.com:80", "x"] {
        let output = Command::new(env!("CARGO_BIN_EXE_vouchsafe-demo"))
            .args(["--listen", address, "--data"])
            .arg(data.path())
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{address}");
        assert!(
            error.contains("Listen on 127.0.0.1:PORT"),
            "{address}: {error}"
        );
    }
}
