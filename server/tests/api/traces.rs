//! The spans of requests, as a collector gets them.

use crate::common::*;
use crate::processes::{Process, command};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector: its address, and what it gets.
async fn collector() -> (String, mpsc::UnboundedReceiver<Bytes>) {
    let (give, got) = mpsc::unbounded_channel();
    let take = move |body: Bytes| async move { give.send(body).unwrap() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async { axum::serve(listener, routes).await });
    (address, got)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn requests_have_spans_that_tell_of_nobody() {
    let (address, mut got) = collector().await;
    let data = tempfile::tempdir().unwrap();
    let options = ["--listen", "127.0.0.1:0", "--otlp-endpoint", &address];
    let mut command = command(&options, data.path());
    command
        .env("VOUCHSAFE_LOG", "info")
        .env_remove("OTEL_SERVICE_NAME");
    let process = Process::run(command).await;
    let (http, card) = (Client::new(), v7());
    let ask = async |path: String, flags: Option<&str>| {
        let mut request = http.get(format!("http://{}{path}", process.address));
        if let Some(flags) = flags {
            request = request.header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}"));
        }
        request.send().await.unwrap();
    };
    ask(format!("/vault/v1/cards/{card}?x=1"), Some("01")).await;
    ask("/keystore/live".to_owned(), None).await;
    // Whoever sent this one did not want it.
    ask("/keystore/v1/jwks".to_owned(), Some("00")).await;
    let log = process.stop().await;

    let mut sent = Vec::new();
    while let Ok(bytes) = got.try_recv() {
        sent.extend(bytes);
    }
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    for part in [
        &b"GET /v1/cards/{id}"[..],
        b"GET /live",
        &hex(TRACE),
        &hex(PARENT),
    ] {
        assert!(holds(&sent, part), "{part:?}");
    }
    for part in [card.as_bytes(), b"/v1/jwks", b"127.0.0.1"] {
        assert!(!holds(&sent, part), "{part:?}");
    }
    // The log finds each of them.
    let lines: Vec<_> = log.lines().filter(|line| line.contains("route=")).collect();
    assert!(
        lines.len() == 3 && lines.iter().all(|line| line.contains(" trace=")),
        "{log}"
    );
    assert_eq!(log.matches(&format!("trace={TRACE}")).count(), 2, "{log}");
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nobody_up() {
    let data = tempfile::tempdir().unwrap();
    let nobody = crate::port::Port::hold();
    let address = format!("http://{}", nobody.address());
    let options = ["--listen", "127.0.0.1:0", "--otlp-endpoint", &address];
    let process = Process::start(&options, data.path()).await;
    let live = format!("http://{}/live", process.address);
    assert_eq!(reqwest::get(live).await.unwrap().status(), 200);
    process.stop().await;
}
