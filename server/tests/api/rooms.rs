//! The memory for large answers: every route that may give one takes its part of it first, and waits where there is none.

use crate::bounds::{ask_for_cards, fill};
use crate::common::*;
use crate::description::Descriptions;
use crate::files::Files;
use crate::links::Made;
use crate::routes::{parts, routes};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Routes whose answers hold a list, which is short.
const SHORT: [&str; 1] = ["keystore GET /jwks"];

/// Sends a request, and leaves its answer to be read.
pub(crate) async fn send(
    lab: &Lab,
    route: (&str, &str, &str),
    bearer: &str,
    body: Option<&Value>,
) -> TcpStream {
    let (service, method, path) = route;
    let body = body.map_or_else(String::new, Value::to_string);
    let mut stream = TcpStream::connect(lab.server.address()).await.unwrap();
    let request = format!(
        "{method} /{service}/v1{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Sends the head of a request with a body, and the first byte of the body alone.
async fn send_silently(lab: &Lab, route: (&str, &str, &str), bearer: &str) -> TcpStream {
    let (service, method, path) = route;
    let mut stream = TcpStream::connect(lab.server.address()).await.unwrap();
    let request = format!(
        "{method} /{service}/v1{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The status of the answer to a request that was sent.
pub(crate) async fn status(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    read.await.expect("an answer").unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Lets the server come to what was sent before.
pub(crate) async fn settle(lab: &Lab, person: &Person) {
    for _ in 0..20 {
        let email = lab.vault(&person.token, "GET", "/email", None);
        assert_eq!(email.await.0, 200);
    }
}

/// What is asked for: the route, its path with what the route leaves open, and the body.
type Asked = (&'static str, String, Option<Value>);

async fn large_answers(lab: &Lab, ada: &Person, bob: &Person) -> Vec<Asked> {
    let connection = lab.connect(ada, bob).await;
    let share = lab.share(ada, &connection, None).await;
    let (_, cards) = lab.vault(&ada.token, "GET", "/cards?limit=1", None).await;
    let card = cards["items"][0]["id"].as_str().unwrap();
    let file = Files::of(lab, ada).upload(b"content").await;
    let ids = |id: &str| Some(json!({ "ids": [id] }));
    let tags = Some(json!({ "tags": [random(16)] }));
    let edition =
        json!({ "id": share, "replaces": 1, "edition": 2, "expiresAt": null, "share": jwe("two") });
    let read = json!({ "id": share, "edition": 1 });
    let update = json!({ "id": v7(), "version": 1, "sent": jwe("two"), "expiresAt": null });
    let plain = |route| (route, parts(route).2.to_owned(), None);
    let posted = |route, body| (route, parts(route).2.to_owned(), body);
    vec![
        plain("vault GET /cards"),
        ("vault GET /cards/{id}", format!("/cards/{card}"), None),
        plain("vault GET /invitations"),
        plain("vault GET /connections"),
        posted("vault POST /connections/query", ids(&connection)),
        plain("vault GET /shares/incoming"),
        plain("vault GET /shares/outgoing"),
        posted("vault POST /shares/query", ids(&share)),
        posted(
            "vault POST /shares",
            Some(json!({ "shares": [new_share(&connection, None)] })),
        ),
        posted("vault PUT /shares", Some(json!({ "editions": [edition] }))),
        posted("vault PUT /shares/read", Some(json!({ "reads": [read] }))),
        plain("vault GET /cards/unsettled"),
        plain("vault GET /links"),
        posted("vault PUT /links", Some(json!({ "editions": [edition] }))),
        posted("vault POST /links/query", ids(&share)),
        plain("vault GET /files"),
        (
            "vault GET /files/{id}/parts",
            format!("/files/{file}/parts"),
            None,
        ),
        plain("keystore GET /connections"),
        posted("keystore POST /connections/query", ids(&connection)),
        posted("keystore POST /spaces/query", ids(&connection)),
        posted("keystore POST /spaces/of-shares", ids(&connection)),
        posted("keystore POST /spaces/of-cards", tags.clone()),
        posted("keystore POST /spaces/counts", tags),
        posted(
            "keystore POST /spaces",
            Some(json!({ "spaces": [new_space(bob, None)] })),
        ),
        posted("keystore PUT /spaces", Some(json!({ "spaces": [update] }))),
        posted(
            "keystore PUT /spaces/claims",
            claims(&json!({ "id": v7() }), "claim"),
        ),
    ]
}

#[tokio::test]
async fn every_large_answer_waits_for_room() {
    let lab = Lab::with(|config| config.answer_timeout = PATIENCE).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    fill(&lab, &ada).await;
    let asked = large_answers(&lab, &ada, &bob).await;
    let root = format!("http://{}", lab.server.address());
    let described = Descriptions::of(&lab.http, &root).await.unwrap();
    for route in routes(&lab).await {
        let (service, method, path) = parts(&route.name);
        let operation = described.find(service, method, &format!("/v1{path}"));
        if operation.unwrap().answers_with_a_list() && !SHORT.contains(&&*route.name) {
            let is_asked = asked.iter().any(|(name, ..)| *name == route.name);
            assert!(is_asked, "a route with a list, new here: {}", route.name);
        }
    }

    // Eight answers that nobody reads are all that one network may have, and one more waits before everybody else.
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(ask_for_cards(&lab, &ada).await.unwrap());
    }
    readers.push(send(&lab, ("vault", "GET", "/cards"), &ada.token, None).await);
    settle(&lab, &bob).await;
    let mut waiting = Vec::new();
    for (name, path, body) in &asked {
        let (service, method, _) = parts(name);
        let bearer = match service {
            "vault" => &ada.token,
            _ => &ada.session,
        };
        waiting.push(send(&lab, (service, method, path), bearer, body.as_ref()).await);
    }
    settle(&lab, &bob).await;
    for ((name, ..), stream) in asked.iter().zip(&waiting) {
        let early = stream.try_read(&mut [0; 16]);
        assert!(early.is_err(), "{name} did not wait: {early:?}");
    }
    drop(readers);
    for ((name, ..), stream) in asked.iter().zip(&mut waiting) {
        assert_eq!(status(stream).await, "200", "{name}");
    }
}

#[tokio::test]
async fn who_sends_no_body_holds_no_room_for_an_answer() {
    let lab = Lab::with(|config| {
        config.answer_timeout = PATIENCE;
        config.rate_limits = false;
    })
    .await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    fill(&lab, &ada).await;
    let link = Made::make(&lab, &ada, None).await;
    let read = "vault POST /links/{id}/read";
    let mut asked = large_answers(&lab, &ada, &bob).await;
    asked.push((read, format!("/links/{}/read", link.id), Some(json!({}))));
    // Seven answers that nobody reads leave the network room for one more, and little beside it.
    let mut readers = Vec::new();
    for _ in 0..7 {
        readers.push(ask_for_cards(&lab, &ada).await.unwrap());
    }
    for (name, path, _) in asked.iter().filter(|(.., body)| body.is_some()) {
        let (service, method, _) = parts(name);
        let bearer = match service {
            "vault" => &ada.token,
            _ => &ada.session,
        };
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(send_silently(&lab, (service, method, path), bearer).await);
        }
        settle(&lab, &bob).await;
        let mut cards = send(&lab, ("vault", "GET", "/cards"), &ada.token, None).await;
        assert_eq!(status(&mut cards).await, "200", "{name}");
        for stream in silent {
            let early = stream.try_read(&mut [0; 16]);
            assert!(
                early.is_err(),
                "{name} does not wait for its body: {early:?}"
            );
        }
    }
}

#[tokio::test]
async fn who_has_no_link_waits_for_no_room() {
    let lab = Lab::with(|config| config.answer_timeout = PATIENCE).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    fill(&lab, &ada).await;
    let link = Made::make(&lab, &ada, None).await;
    let path = format!("/links/{}/read", link.id);
    let route = ("vault", "POST", &*path);
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(ask_for_cards(&lab, &ada).await.unwrap());
    }
    readers.push(send(&lab, ("vault", "GET", "/cards"), &ada.token, None).await);
    settle(&lab, &bob).await;
    let mut body = link.read_body(&random(16));
    let mut right = send(&lab, route, "", Some(&body)).await;
    body["openingToken"] = json!(random(16));
    let mut wrong = send(&lab, route, "", Some(&body)).await;
    assert_eq!(status(&mut wrong).await, "404");
    settle(&lab, &bob).await;
    let early = right.try_read(&mut [0; 16]);
    assert!(early.is_err(), "who has it did not wait: {early:?}");
    drop(readers);
    assert_eq!(status(&mut right).await, "200");
}

#[tokio::test]
async fn looks_without_a_session_count_before_their_bodies_come() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let link = Made::make(&lab, &ada, None).await;
    let (invitation, _) = lab.invite(&ada).await;
    for path in [
        format!("/links/{}/open", link.id),
        format!("/links/{}/read", link.id),
        format!("/invitations/{invitation}/preview"),
    ] {
        let (mut silent, mut refused) = (Vec::new(), None);
        while refused.is_none() && silent.len() < 100 {
            silent.push(send_silently(&lab, ("vault", "POST", &path), "").await);
            settle(&lab, &bob).await;
            let mut answer = [0; 12];
            if silent.last().unwrap().try_read(&mut answer).is_ok() {
                refused = Some(answer);
            }
        }
        let refused = refused.unwrap_or_else(|| panic!("{path}: a body is waited for each time"));
        assert_eq!(&refused, b"HTTP/1.1 429", "{path}");
    }
}
