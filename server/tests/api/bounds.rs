//! Requests that ask for much, and clients that take little: what they get, and what others still get.

use std::time::Duration;

use crate::common::*;
use crate::routes::{parts, routes};
use crate::sizes::jwe_of;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

async fn connect(lab: &Lab) -> TcpStream {
    TcpStream::connect(lab.server.address()).await.unwrap()
}

/// Reads until the server ends the connection.
async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes));
    // A connection that is cut may be reset.
    let _ = read.await.expect("it comes to an end");
    bytes
}

/// A request for health, whose connection stays open, and its answer.
async fn is_served(stream: &mut TcpStream) -> bool {
    let request = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    if stream.write_all(request).await.is_err() {
        return false;
    }
    let mut bytes = [0; 1024];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut bytes));
    let count = read.await.expect("an answer, or an end").unwrap_or(0);
    bytes[..count].starts_with(b"HTTP/1.1 200")
}

#[tokio::test]
async fn an_id_stands_once_in_a_list() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let share = lab.share(&ada, &connection, None).await;
    let ids = json!({ "ids": vec![share.clone(); 50] });
    let (new_share, new_space) = (new_share(&connection, None), new_space(&bob, None));
    let shares = json!({ "shares": [new_share, new_share] });
    let spaces = json!({ "spaces": [new_space, new_space] });
    let edition =
        json!({ "id": share, "replaces": 1, "edition": 2, "expiresAt": null, "share": jwe("two") });
    let editions = json!({ "editions": [edition, edition] });
    let read = json!({ "id": share, "edition": 1 });
    let reads = json!({ "reads": [read, read] });
    for (method, path, body) in [
        ("POST", "/shares/query", &ids),
        ("POST", "/connections/query", &ids),
        ("POST", "/shares", &shares),
        ("PUT", "/shares", &editions),
        ("PUT", "/shares/read", &reads),
        ("PUT", "/links", &editions),
        ("POST", "/links/query", &ids),
    ] {
        let answer = lab
            .vault(&ada.token, method, path, Some(body.clone()))
            .await;
        assert_eq!(code(&answer), (400, "bad_input"), "the Vault's {path}");
    }
    let id = &new_space["id"];
    let update = json!({ "id": id, "version": 1, "sent": jwe("two"), "expiresAt": null });
    let updates = json!({ "spaces": [update, update] });
    let claim = json!({ "id": id, "claim": jwe("claim") });
    let claims = json!({ "claims": [claim, claim] });
    let tags = json!({ "tags": vec![random(16); 2] });
    for (method, path, body) in [
        ("POST", "/spaces/query", &ids),
        ("POST", "/spaces/of-shares", &ids),
        ("POST", "/spaces/of-cards", &tags),
        ("POST", "/spaces/counts", &tags),
        ("POST", "/connections/query", &ids),
        ("POST", "/spaces", &spaces),
        ("PUT", "/spaces", &updates),
        ("PUT", "/spaces/claims", &claims),
    ] {
        let answer = lab
            .keystore(&ada.session, method, path, Some(body.clone()))
            .await;
        assert_eq!(code(&answer), (400, "bad_input"), "the Keystore's {path}");
    }
}

#[tokio::test]
async fn an_answer_with_shares_ends_early() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let pool = database(&lab.vault_db.replace("mode=ro", "mode=rw")).await;
    let mut ids = Vec::new();
    for size in [4 << 20, 1 << 10, (4 << 20) - (1 << 10), 1 << 10, 4 << 20] {
        // Written past the service, which takes its time to look at a large one.
        let id = lab.share(&ada, &connection, None).await;
        sqlx::query("UPDATE shares SET share = $1, size = $2 WHERE id = $3")
            .bind(jwe_of(size))
            .bind(i64::try_from(size).unwrap())
            .bind(&id)
            .execute(&pool)
            .await
            .unwrap();
        ids.push(id);
    }
    pool.close().await;
    // What fits exactly is in; one byte more is not, and the rest is asked for.
    let mut seen = Vec::new();
    for expected in [3, 2] {
        let request = lab
            .http
            .post(format!("{}/v1/shares/query", lab.server.vault_url()));
        let request = request.json(&json!({ "ids": ids[seen.len()..] }));
        let answer = request.bearer_auth(&bob.token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let bytes = answer.bytes().await.unwrap();
        let found: Value = serde_json::from_slice(&bytes).unwrap();
        let results = found["results"].as_array().unwrap();
        println!(
            "{} shares asked for: {} in {} bytes",
            ids.len() - seen.len(),
            results.len(),
            bytes.len()
        );
        assert_eq!(results.len(), expected);
        assert!(bytes.len() < (8 << 20) + (1 << 16));
        let id = |result: &Value| result["id"].as_str().unwrap().to_owned();
        seen.extend(results.iter().map(id));
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn what_is_unknown_is_not_sent_back_whole() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let long = "x".repeat(1 << 20);
    for body in [
        json!({ &long: 1 }),
        json!({ "ids": [long] }),
        json!({ "ids": long }),
    ] {
        let answer = lab
            .vault(&ada.token, "POST", "/shares/query", Some(body))
            .await;
        let bytes = answer.1.to_string().len();
        println!("a body of a megabyte is answered with {bytes} bytes");
        assert_eq!(code(&answer), (400, "bad_input"));
        assert!(bytes < 500, "{bytes}");
    }
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let lab = Lab::with(|config| config.max_connections_per_address = 3).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&lab).await;
        assert!(is_served(&mut stream).await);
        open.push(stream);
    }
    let mut fourth = connect(&lab).await;
    assert!(
        !is_served(&mut fourth).await,
        "one more than three is closed"
    );
    assert!(is_served(&mut open[0]).await, "the others go on");
    open.pop();
    until(async || is_served(&mut connect(&lab).await).await.then_some(())).await;
}

#[tokio::test]
async fn behind_a_proxy_all_connections_are_its_own() {
    for trusted in [&[][..], &["127.0.0.0/8"]] {
        let lab = Lab::with(|config| {
            config.max_connections_per_address = 1;
            config.behind_proxy = trusted.is_empty();
            config.trusted_proxies = trusted.iter().map(|text| (*text).to_owned()).collect();
        })
        .await;
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut stream = connect(&lab).await;
            assert!(is_served(&mut stream).await);
            open.push(stream);
        }
    }
}

#[tokio::test]
async fn the_server_has_so_many_connections() {
    let lab = Lab::with(|config| config.max_connections = 1).await;
    let mut first = connect(&lab).await;
    assert!(is_served(&mut first).await);
    let mut second = connect(&lab).await;
    let request = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    second.write_all(request).await.unwrap();
    for _ in 0..10 {
        assert!(is_served(&mut first).await);
    }
    let early = second.try_read(&mut [0; 16]);
    assert!(early.is_err(), "the second one waits: {early:?}");
    drop(first);
    assert!(read_all(&mut second).await.starts_with(b"HTTP/1.1 200"));
}

/// Gives the account five cards of the largest size, written past the service.
pub(crate) async fn fill(lab: &Lab, person: &Person) {
    let pool = database(&lab.vault_db.replace("mode=ro", "mode=rw")).await;
    for _ in 0..5 {
        let sql = "INSERT INTO cards (account, id, card, version, created_at, updated_at, size) \
                   VALUES ($1, $2, $3, 1, 1, 1, 1)";
        sqlx::query(sql)
            .bind(&person.account)
            .bind(v7())
            .bind(jwe_of(3 << 19))
            .execute(&pool)
            .await
            .unwrap();
    }
    pool.close().await;
}

/// Asks for all cards, and reads the beginning of the answer, which is then in the server's memory. The kernel takes little of
/// it for the client.
pub(crate) async fn ask_for_cards(lab: &Lab, person: &Person) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(lab.server.address()).await.ok()?;
    let request = format!(
        "GET /vault/v1/cards HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        person.token
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut first = [0; 15];
    stream.read_exact(&mut first).await.ok()?;
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    Some(stream)
}

#[tokio::test]
async fn an_answer_that_is_not_read_ends() {
    with_time_out(answer_not_read).await;
}

async fn answer_not_read(limit: Duration) {
    let mut lab = Lab::with(|config| {
        config.answer_timeout = limit;
        config.max_connections_per_address = 1;
    })
    .await;
    let ada = lab.sign_up("ada").await;
    fill(&lab, &ada).await;
    // The one connection of this address is that of the HTTP client, which gives it up.
    lab.http = reqwest::Client::new();
    let mut stalled = until(async || ask_for_cards(&lab, &ada).await).await;
    // Another one is served once the first has been ended.
    until(async || is_served(&mut connect(&lab).await).await.then_some(())).await;
    let got = read_all(&mut stalled).await.len();
    println!("of 7.5 MiB the connection held {got} bytes when it was ended");
    assert!(got < 5 * (3 << 19), "{got}");
}

/// The beginning of HTTP/2: the preface, and settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A whole request: GET this path (RFC 7541, from the static table but for the path, the authority `x` and the token).
fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    let mut block = [
        &[0x82, 0x86, 0x04, length],
        path.as_bytes(),
        &[0x41, 1, b'x'],
    ]
    .concat();
    if let Some(token) = token {
        // `authorization`, and a length of more than 127 (section 5.1).
        let value = format!("Bearer {token}");
        let rest = value.len() - 127;
        let [low, high] = [rest % 128 + 128, rest / 128].map(|part| u8::try_from(part).unwrap());
        block.extend([0x0f, 0x08, 0x7f, low, high]);
        block.extend(value.as_bytes());
    }
    frame(1, 0x05, 1, &block)
}

/// Reads until the server ends the connection, and answers meanwhile whether one is still there (PING, section 6.7).
async fn read_and_pong(stream: &mut TcpStream) -> Vec<u8> {
    let reading = async {
        let mut payloads = Vec::new();
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            if (head[3], head[4]) == (6, 0) {
                // It may be gone by now.
                let _ = stream.write_all(&frame(6, 1, 0, &payload)).await;
            }
            payloads.extend(payload);
        }
        payloads
    };
    let read = tokio::time::timeout(PATIENCE, reading);
    read.await.expect("it comes to an end")
}

#[tokio::test]
async fn http2_heads_that_are_too_long_are_answered_in_json() {
    let lab = Lab::new().await;
    let name = [&[0, 1][..], b"x"].concat();
    // Below 16 KiB, over that, and so long that most of it comes in further frames (CONTINUATION, section 6.10).
    for (length, says) in [
        (16_000, "\"status\""),
        (17_000, "\"too_large\""),
        (70_000, "\"too_large\""),
    ] {
        let rest = length - 127;
        let digits = [rest % 128 + 128, rest / 128 % 128 + 128, rest / 128 / 128];
        let digits = digits.map(|digit| u8::try_from(digit).unwrap());
        // From the static table: GET, http, `/health` and the authority `x`; then `x: xx…`.
        let mut block = [&[0x82, 0x86, 0x04, 7], &b"/health"[..], &[0x41, 1, b'x']].concat();
        block.extend([&*name, &[0x7f], &digits].concat());
        block.resize(block.len() + length, b'x');
        let pieces: Vec<&[u8]> = block.chunks(16 << 10).collect();
        let mut stream = connect(&lab).await;
        let mut begin = [PREFACE, &frame(4, 0, 0, &[])].concat();
        for (at, piece) in pieces.iter().enumerate() {
            let kind = if at == 0 { 1 } else { 9 };
            let ends = if at + 1 == pieces.len() { 4 } else { 0 };
            begin.extend(frame(kind, u8::from(at == 0) | ends, 1, piece));
        }
        stream.write_all(&begin).await.unwrap();
        let mut got = String::new();
        let reading = async {
            while !got.contains("\"}") {
                let mut some = [0; 4096];
                let count = stream.read(&mut some).await.unwrap();
                assert!(count > 0, "{length}: {got}");
                got += &String::from_utf8_lossy(&some[..count]);
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading);
        read.await.expect("there is an answer");
        assert!(got.contains(says), "{length}: {got}");
    }
}

#[tokio::test]
async fn http2_connections_idle_out() {
    with_time_out(http2_idles).await;
}

async fn http2_idles(limit: Duration) {
    let lab = Lab::with(|config| config.header_timeout = limit).await;
    let mut stream = connect(&lab).await;
    let begin = [PREFACE, &frame(4, 0, 0, &[]), &get("/health", None)].concat();
    stream.write_all(&begin).await.unwrap();
    let got = read_and_pong(&mut stream).await;
    let answered = b"{\"status\":\"ok\"}";
    assert!(got.windows(answered.len()).any(|part| part == answered));
}

#[tokio::test]
async fn http2_answers_that_are_not_taken_end() {
    with_time_out(http2_stalls).await;
}

async fn http2_stalls(limit: Duration) {
    let lab = Lab::with(|config| config.answer_timeout = limit).await;
    let mut stream = connect(&lab).await;
    // The window of a new stream has no bytes, and never gets any.
    let settings = frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let description = get("/vault/v1/openapi.json", None);
    let begin = [PREFACE, &settings, &description].concat();
    stream.write_all(&begin).await.unwrap();
    let got = read_and_pong(&mut stream).await.len();
    assert!(got < 1000, "the headers and no more: {got}");
}

#[tokio::test]
async fn answers_that_are_taken_too_slowly_end() {
    let limit = Duration::from_secs(1);
    let lab = Lab::with(|config| config.answer_timeout = limit).await;
    let ada = lab.sign_up("ada").await;
    fill(&lab, &ada).await;
    let mut stream = connect(&lab).await;
    let settings = frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let cards = get("/vault/v1/cards", Some(&ada.token));
    stream
        .write_all(&[PREFACE, &settings, &cards].concat())
        .await
        .unwrap();
    // The windows of the stream and of the connection grow by 64 KiB four times within each time-out (section 6.9): something
    // is taken all the time, and too little. A machine that is slow at this takes even less.
    let (mut from, mut to) = stream.into_split();
    let more = [1, 0].map(|of| frame(8, 0, of, &(64u32 << 10).to_be_bytes()));
    let trickling = async {
        let mut pace = tokio::time::interval(limit / 4);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while to.write_all(&more.concat()).await.is_ok() {
            pace.tick().await;
        }
    };
    let mut got = Vec::new();
    let reading = async {
        tokio::select! { () = trickling => {}, _ = from.read_to_end(&mut got) => {} }
    };
    let read = tokio::time::timeout(PATIENCE, reading);
    read.await.expect("it comes to an end");
    println!(
        "of 7.5 MiB {} bytes were taken when it was ended",
        got.len()
    );
    assert!((64 << 10..2 << 20).contains(&got.len()), "{}", got.len());
}

#[tokio::test]
async fn open_routes_take_small_bodies() {
    let lab = Lab::new().await;
    let mut tried = 0;
    for route in routes(&lab).await.iter().filter(|route| route.is_open) {
        let (service, method, path) = parts(&route.name);
        if method == "GET" {
            continue;
        }
        let path = path.replace("{id}", &v7());
        let base = format!("http://{}/{service}/v1{path}", lab.server.address());
        let of = |bytes: usize| Some(json!({ "email": "x".repeat(bytes) }));
        let fits = lab.call(method, &base, None, of(60 << 10)).await;
        assert_eq!(code(&fits), (400, "bad_input"), "{}", route.name);
        let larger = lab.call(method, &base, None, of(64 << 10)).await;
        assert_eq!(code(&larger), (413, "too_large"), "{}", route.name);
        tried += 1;
    }
    assert_eq!(tried, 9);
}

/// A connection from this address of the machine.
async fn connect_from(lab: &Lab, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    socket.connect(lab.server.address()).await.unwrap()
}

#[tokio::test]
async fn the_networks_around_an_address_have_so_many_connections() {
    let lab = Lab::with(|config| config.max_connections_per_address = 1).await;
    let mut open = Vec::new();
    for last in 1..3 {
        let mut stream = connect_from(&lab, last).await;
        assert!(is_served(&mut stream).await, "{last}");
        open.push(stream);
    }
    assert!(!is_served(&mut connect_from(&lab, 3).await).await, "a /24");
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 1, 1], 0).into()).unwrap();
    let mut far = socket.connect(lab.server.address()).await.unwrap();
    assert!(is_served(&mut far).await);
    open.pop();
    let again = async || {
        let mut stream = connect_from(&lab, 3).await;
        is_served(&mut stream).await.then_some(())
    };
    until(again).await;
}
