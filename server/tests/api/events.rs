//! The event stream.

use std::time::Duration;

use crate::common::*;
use reqwest::Response;
use serde_json::json;

/// An open stream, read one block at a time.
pub(crate) struct Stream {
    response: Response,
    rest: String,
}

impl Stream {
    pub(crate) async fn open(lab: &Lab, person: &Person, last: Option<&str>) -> Self {
        Self::open_at(lab, person, "/events", last).await
    }

    async fn open_at(lab: &Lab, person: &Person, path: &str, last: Option<&str>) -> Self {
        let url = format!("{}/v1{path}", lab.server.vault_url());
        let mut request = lab.http.get(url).bearer_auth(&person.token);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        let headers = response.headers();
        // Else what compresses on the way keeps events until there are more.
        assert_eq!(headers["cache-control"], "no-store, no-transform");
        assert_eq!(headers["x-accel-buffering"], "no");
        Self::read(response)
    }

    /// The stream of an answer.
    pub(crate) fn read(response: Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            rest: String::new(),
        }
    }

    /// The next block, or nothing when the stream has ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                return Some(block);
            }
            let next = tokio::time::timeout(PATIENCE, self.response.chunk());
            let chunk = next.await.expect("something comes").ok().flatten()?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event that is no comment: its kind, its record and its id.
    pub(crate) async fn event(&mut self) -> (String, String, String) {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(|value| value.trim().to_owned())
            };
            if let Some(kind) = field("event:") {
                let data: serde_json::Value =
                    serde_json::from_str(&field("data:").unwrap()).unwrap();
                return (
                    kind,
                    data["id"].as_str().unwrap_or_default().to_owned(),
                    field("id:").unwrap(),
                );
            }
        }
    }
}

#[tokio::test]
async fn everything_is_told_to_whom_it_concerns() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (mut of_ada, mut of_bob) = (
        Stream::open(&lab, &ada, None).await,
        Stream::open(&lab, &bob, None).await,
    );
    assert_eq!(of_ada.event().await.0, "ready");
    assert_eq!(of_bob.event().await.0, "ready");

    let (declined, token) = lab.invite(&ada).await;
    lab.vault(
        &bob.token,
        "POST",
        &format!("/invitations/{declined}/decline"),
        Some(json!({ "token": token })),
    )
    .await;
    let (cancelled, _) = lab.invite(&ada).await;
    lab.vault(
        &ada.token,
        "POST",
        &format!("/invitations/{cancelled}/cancel"),
        Some(json!({})),
    )
    .await;
    let connection = lab.connect(&ada, &bob).await;
    let share = lab.share(&ada, &connection, None).await;
    lab.vault(&ada.token, "DELETE", &format!("/shares/{share}"), None)
        .await;
    lab.vault(
        &bob.token,
        "DELETE",
        &format!("/connections/{connection}"),
        None,
    )
    .await;

    let own = [
        ("invitation", &declined),
        ("invitation", &declined),
        ("invitation", &cancelled),
        ("invitation", &cancelled),
        ("invitation", &connection),
    ];
    let both = [
        ("connection", &connection),
        ("share", &share),
        ("revoked", &share),
        ("connection", &connection),
    ];
    let mut last = 0;
    for (kind, record) in own.into_iter().chain(both) {
        let (seen, id, seq) = of_ada.event().await;
        assert_eq!((seen.as_str(), &id), (kind, record));
        let seq: i64 = seq.parse().unwrap();
        assert!(seq > last);
        last = seq;
    }
    for (kind, record) in [("invitation", &declined)].into_iter().chain(both) {
        let (seen, id, _) = of_bob.event().await;
        assert_eq!((seen.as_str(), &id), (kind, record));
    }
}

/// What happens to one record again and again, such as a card that somebody types in, leaves one event.
#[tokio::test]
async fn the_newest_of_several_changes_is_kept() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let share = lab.share(&ada, &connection, None).await;
    let [card, other] = [v7(), v7()];
    let (mut of_ada, mut of_bob) = (
        Stream::open(&lab, &ada, None).await,
        Stream::open(&lab, &bob, None).await,
    );
    let ((_, _, start), (_, _, start_of_bob)) = (of_ada.event().await, of_bob.event().await);
    let put = async |id: &str, version: i64| {
        let text = jwe(&version.to_string());
        let body = json!({ "card": text, "version": version, "unsettled": true });
        let path = format!("/cards/{id}");
        let put = lab.vault(&ada.token, "PUT", &path, Some(body)).await;
        assert!(put.0 < 300);
    };
    let mut steps = 0;
    for version in 0..4 {
        put(&card, version).await;
        let (edition, next) = (version + 1, version + 2);
        let new = json!({
            "id": share, "replaces": edition, "edition": next, "expiresAt": null, "share": jwe("new"),
        });
        let body = Some(json!({ "editions": [new] }));
        lab.vault(&ada.token, "PUT", "/shares", body).await;
        let body = Some(json!({ "reads": [{ "id": share, "edition": next }] }));
        lab.vault(&bob.token, "PUT", "/shares/read", body).await;
        // Who listens hears each.
        for (kind, record) in [("card", &card), ("updated", &share), ("read", &share)] {
            let (seen, id, _) = of_ada.event().await;
            assert_eq!((&*seen, &id), (kind, record));
        }
        assert_eq!(of_bob.event().await.0, "updated");
        steps += 1;
    }
    put(&other, 0).await;
    for id in [&card, &other] {
        let path = format!("/cards/{id}");
        for _ in 0..2 {
            lab.vault(&ada.token, "DELETE", &path, None).await;
        }
        lab.vault(
            &ada.token,
            "PUT",
            &format!("{path}/settled"),
            Some(json!({ "version": 1 })),
        )
        .await;
    }
    let mut late = Stream::open(&lab, &ada, Some(&start)).await;
    late.event().await;
    for (kind, record) in [
        ("updated", &share),
        ("read", &share),
        ("card", &card),
        ("card", &other),
    ] {
        let (seen, id, _) = late.event().await;
        assert_eq!((&*seen, &id), (kind, record), "after {steps} steps");
    }
    let mut late = Stream::open(&lab, &bob, Some(&start_of_bob)).await;
    late.event().await;
    assert_eq!(late.event().await.0, "updated");
    // Nothing else is waiting.
    lab.invite(&bob).await;
    assert_eq!(late.event().await.0, "invitation");
}

#[tokio::test]
async fn streams_are_taken_up_again() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let mut stream = Stream::open(&lab, &bob, None).await;
    let (_, _, newest) = stream.event().await;
    drop(stream);
    let missed = [
        lab.share(&ada, &connection, None).await,
        lab.share(&ada, &connection, None).await,
    ];

    let mut stream = Stream::open(&lab, &bob, Some(&newest)).await;
    assert_eq!(
        stream.event().await,
        ("ready".into(), String::new(), newest.clone())
    );
    let (_, first, first_id) = stream.event().await;
    let (_, second, _) = stream.event().await;
    assert_eq!([first, second.clone()], missed);

    let mut stream = Stream::open(&lab, &bob, Some(&first_id)).await;
    stream.event().await;
    assert_eq!(stream.event().await.1, second, "only what came after");

    let mut stream = Stream::open(&lab, &bob, None).await;
    stream.event().await;
    let new = lab.share(&ada, &connection, None).await;
    assert_eq!(
        stream.event().await.1,
        new,
        "without an id it starts at now"
    );

    // What happens to others is not to be counted.
    let (_, _, own) = Stream::open(&lab, &bob, None).await.event().await;
    let eve = lab.sign_up("eve").await;
    lab.invite(&ada).await;
    let mut stream = Stream::open(&lab, &bob, None).await;
    assert_eq!(stream.event().await.2, own);
    let (_, _, none) = Stream::open(&lab, &eve, None).await.event().await;
    assert_eq!(none, "0");
    let url = format!("{}/v1/events", lab.server.vault_url());
    let request = lab.http.get(&url).bearer_auth(&eve.token);
    let answer = request.header("last-event-id", &own).send().await.unwrap();
    assert_eq!(answer.status(), 400, "another's number");
    let mut of_eve = Stream::open(&lab, &eve, Some(&none)).await;
    of_eve.event().await;
    let (invited, _) = lab.invite(&eve).await;
    let (kind, first, _) = of_eve.event().await;
    assert_eq!((&*kind, first), ("invitation", invited));

    // The second is of a time that a restored backup does not know.
    for wrong in ["x", "9000000000000000000", "-1"] {
        let request = lab.http.get(&url).bearer_auth(&bob.token);
        let answer = request.header("last-event-id", wrong).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn what_has_happened_is_told_and_the_stream_ends() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let before = lab.share(&ada, &connection, None).await;
    lab.pass(60_000);
    let since = [
        lab.share(&ada, &connection, None).await,
        lab.share(&ada, &connection, None).await,
    ];
    lab.pass(1);
    let past = async |query: &str, last: Option<&str>| {
        let mut stream = Stream::open_at(&lab, &bob, &format!("/events{query}"), last).await;
        let (ready, _, id) = stream.event().await;
        assert_eq!(ready, "ready");
        let mut told = Vec::new();
        while let Some(block) = stream.block().await {
            let (_, record) = block.split_once("\"id\":\"").unwrap();
            told.push(record.split_once('"').unwrap().0.to_owned());
        }
        (id, told)
    };
    let (id, told) = past("?past=30000", None).await;
    assert_eq!(told, since);
    assert_eq!(past("?past=0", Some(&id)).await.1, since, "an id says more");
    assert_eq!(past("?past=0", None).await.1, [""; 0]);
    let all = [&connection, &before, &since[0], &since[1]].map(Clone::clone);
    for long in ["90000", "9223372036854775807"] {
        assert_eq!(
            past(&format!("?past={long}"), None).await,
            ("0".into(), all.to_vec())
        );
    }
    for wrong in [
        "past=-1",
        "past=x",
        "past=",
        "future=1",
        "past=1&past=2",
        "since=-1",
        "past=1&since=1",
    ] {
        let answer = lab
            .vault(&bob.token, "GET", &format!("/events?{wrong}"), None)
            .await;
        assert_eq!(code(&answer), (400, "bad_input"), "{wrong}");
    }
}

#[tokio::test]
async fn a_stream_starts_some_time_ago_and_goes_on() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    lab.pass(60_000);
    let before = lab.share(&ada, &connection, None).await;
    lab.pass(1);
    let mut stream = Stream::open_at(&lab, &bob, "/events?since=30000", None).await;
    assert_eq!(stream.event().await.0, "ready");
    assert_eq!(stream.event().await.1, before);
    let after = lab.share(&ada, &connection, None).await;
    let (_, told, id) = stream.event().await;
    assert_eq!(told, after);
    let mut stream = Stream::open_at(&lab, &bob, "/events?since=30000", Some(&id)).await;
    assert_eq!(stream.event().await.2, id, "an id says more");
}

#[tokio::test]
async fn a_burst_loses_nothing() {
    let lab = Lab::with(|config| config.rate_limits = false).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let mut stream = Stream::open(&lab, &bob, None).await;
    stream.event().await;
    let sent =
        futures_util::future::join_all((0..40).map(|_| lab.share(&ada, &connection, None))).await;
    let mut seen = Vec::new();
    for _ in 0..40 {
        seen.push(stream.event().await.1);
    }
    assert_eq!(
        std::collections::BTreeSet::from_iter(seen),
        std::collections::BTreeSet::from_iter(sent)
    );
}

#[tokio::test]
async fn an_account_has_so_many_streams_and_no_more() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = Stream::open(&lab, &ada, None).await;
        assert_eq!(stream.event().await.0, "ready");
        streams.push(stream);
    }
    let url = format!("{}/v1/events", lab.server.vault_url());
    let request = || lab.http.get(&url).bearer_auth(&ada.token).send();
    let refused = request().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "10");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limited");
    let mut of_bob = Stream::open(&lab, &bob, None).await;
    assert_eq!(of_bob.event().await.0, "ready", "others have their own");

    // The place of a stream that its reader left is free again.
    streams.pop();
    until(async || {
        let response = request().await.unwrap();
        response.status().is_success().then_some(response)
    })
    .await;
}

#[tokio::test]
async fn streams_end_with_their_token() {
    let lab = Lab::with(|config| config.heartbeat = Duration::from_millis(20)).await;
    let ada = lab.sign_up("ada").await;
    let mut stream = Stream::open(&lab, &ada, None).await;
    assert_eq!(stream.event().await.0, "ready");
    assert!(
        stream.block().await.unwrap().starts_with(':'),
        "a comment now and then"
    );
    lab.pass(5 * 60 * 1000);
    while let Some(block) = stream.block().await {
        assert!(block.starts_with(':'));
    }
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let mut stream = Stream::open(&lab, &ada, None).await;
    assert_eq!(stream.event().await.0, "ready");
    // The next comment would come in an hour, and a connection that goes on is not ended by force.
    lab.server.stop().await;
    assert_eq!(stream.block().await, None);
}
