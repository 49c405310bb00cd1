//! Clients that are slow to ask.

use std::net::SocketAddr;
use std::time::Duration;

use crate::common::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn connect(lab: &Lab) -> TcpStream {
    let address: SocketAddr = lab.server.address();
    TcpStream::connect(address).await.unwrap()
}

/// Whether the server has ended the connection; waits for something to come.
async fn ended(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 1024];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut bytes));
    matches!(read.await.expect("it comes to an end"), Ok(0) | Err(_))
}

#[tokio::test]
async fn headers_that_never_end_are_not_waited_for() {
    with_time_out(headers_never_end).await;
}

async fn headers_never_end(limit: Duration) {
    let lab = Lab::with(|config| config.header_timeout = limit).await;
    for beginning in [
        // Nothing at all.
        "",
        // What may become either version.
        "P",
        "PRI * HTTP/2.0\r\n",
        // HTTP/2 without a request.
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        "GET /health HTTP/1.1\r\nhost: x\r\n",
    ] {
        let mut stream = connect(&lab).await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        until(async || ended(&mut stream).await.then_some(())).await;
    }
    // A header now and then does not help, nor does a first request that was well made.
    for first in ["", "GET /health HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = connect(&lab).await;
        stream.write_all(first.as_bytes()).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\n").await.unwrap();
        let (mut from, mut to) = stream.split();
        let trickling = async {
            let mut pace = tokio::time::interval(limit / 15);
            while to.write_all(b"x-more: 1\r\n").await.is_ok() {
                pace.tick().await;
            }
        };
        let ending = async {
            let mut bytes = Vec::new();
            let _ = from.read_to_end(&mut bytes).await;
            let answers = String::from_utf8_lossy(&bytes).matches("200 OK").count();
            assert_eq!(answers, usize::from(!first.is_empty()));
        };
        let both = async {
            tokio::select! { () = trickling => {}, () = ending => {} }
        };
        tokio::time::timeout(PATIENCE, both)
            .await
            .expect("it comes to an end");
    }
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for_as_long() {
    with_time_out(nothing_is_said).await;
}

async fn nothing_is_said(limit: Duration) {
    let lab = Lab::with(|config| {
        config.first_timeout = limit;
        config.header_timeout = PATIENCE * 2;
    })
    .await;
    let mut silent = Vec::new();
    for beginning in ["", "G", "GET /health HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = connect(&lab).await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    let request = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut known = connect(&lab).await;
    known.write_all(request).await.unwrap();
    assert!(!ended(&mut known).await);
    for mut stream in silent {
        until(async || ended(&mut stream).await.then_some(())).await;
    }
    // One that asked before may wait before it asks again.
    known.write_all(request).await.unwrap();
    assert!(!ended(&mut known).await);
}

#[tokio::test]
async fn streams_and_slow_bodies_outlast_the_limit_on_headers() {
    with_time_out(streams_and_slow_bodies).await;
}

async fn streams_and_slow_bodies(limit: Duration) {
    let lab = Lab::with(|config| {
        config.header_timeout = limit;
        config.heartbeat = limit * 3;
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let url = format!("{}/v1/events", lab.server.vault_url());
    let mut events = lab
        .http
        .get(&url)
        .bearer_auth(&ada.token)
        .send()
        .await
        .unwrap();
    let first = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: ready"));

    // The comment comes when three times the limit is over; what was begun before it goes on after it.
    let mut stream = connect(&lab).await;
    let body = "{}";
    let head = format!(
        "POST /keystore/v1/sign-out HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        ada.session,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let comment = events.chunk().await.unwrap().unwrap();
    assert!(comment.starts_with(b":"));
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut bytes = [0; 32];
    let count = stream.read(&mut bytes).await.unwrap();
    assert!(bytes[..count].starts_with(b"HTTP/1.1 204"));
}
