//! Editions of shares, what their readers say of them, and cards that are ahead of their shares.

use crate::common::*;
use crate::events::Stream;
use futures_util::future::join_all;
use serde_json::{Value, json};

fn edition(id: &str, replaces: i64, edition: i64, text: &str, end: Option<i64>) -> Value {
    json!({ "id": id, "replaces": replaces, "edition": edition, "expiresAt": end, "share": jwe(text) })
}

/// The one result of a new edition.
async fn renew(lab: &Lab, sender: &Person, new: &Value) -> Value {
    let body = Some(json!({ "editions": [new] }));
    let (status, made) = lab.vault(&sender.token, "PUT", "/shares", body).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["results"][0]["id"], new["id"]);
    made["results"][0].clone()
}

/// The code of the error of a new edition; null if there is none.
async fn outcome(lab: &Lab, sender: &Person, new: &Value) -> Value {
    let result = renew(lab, sender, new).await;
    assert_eq!(result["error"].is_null(), result["updatedAt"].is_i64());
    result["error"]["code"].clone()
}

async fn item(lab: &Lab, person: &Person, id: &str) -> Value {
    let body = Some(json!({ "ids": [id] }));
    let found = lab
        .vault(&person.token, "POST", "/shares/query", body)
        .await;
    found.1["results"][0]["item"].clone()
}

async fn read(lab: &Lab, person: &Person, id: &str, edition: i64) -> Value {
    let body = Some(json!({ "reads": [{ "id": id, "edition": edition }] }));
    let (status, made) = lab.vault(&person.token, "PUT", "/shares/read", body).await;
    assert_eq!(status, 200, "{made}");
    made["results"][0]["error"]["code"].clone()
}

#[tokio::test]
async fn a_share_gets_new_editions() {
    let lab = Lab::new().await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let connection = lab.connect(&ada, &bob).await;
    let mut share = new_share(&connection, Some(lab.now() + 5000));
    share["edition"] = json!(3);
    let body = Some(json!({ "shares": [share] }));
    let made = lab.vault(&ada.token, "POST", "/shares", body.clone()).await;
    assert_eq!(made.1["results"][0]["error"], Value::Null);
    let id = share["id"].as_str().unwrap();
    lab.pass(1000);
    let end = lab.now() + 60_000;
    for wrong in [
        edition(id, 3, 3, "two", None),
        edition(id, 3, 2, "two", None),
        edition(id, 0, 4, "two", None),
        edition(id, 3, 1 << 53, "two", None),
        edition(id, 3, 4, "two", Some(lab.now())),
    ] {
        assert_eq!(outcome(&lab, &ada, &wrong).await, "bad_input", "{wrong}");
    }
    let seventh = edition(id, 3, 7, "seven", Some(end));
    for somebody in [&bob, &eve] {
        assert_eq!(outcome(&lab, somebody, &seventh).await, "not_found");
    }
    let early = edition(id, 2, 7, "seven", Some(end));
    assert_eq!(outcome(&lab, &ada, &early).await, "conflict");
    let result = renew(&lab, &ada, &seventh).await;
    assert_eq!(
        result,
        json!({ "id": id, "error": null, "updatedAt": lab.now() })
    );
    lab.pass(1000);
    assert_eq!(renew(&lab, &ada, &seventh).await, result, "repeated");
    for other in [
        edition(id, 3, 7, "other", Some(end)),
        edition(id, 3, 7, "seven", None),
        edition(id, 3, 8, "seven", Some(end)),
    ] {
        assert_eq!(outcome(&lab, &ada, &other).await, "conflict", "{other}");
    }
    let again = lab.vault(&ada.token, "POST", "/shares", body).await;
    assert_eq!(
        again.1["results"][0]["error"]["code"], "conflict",
        "it has another content by now"
    );

    for (person, list) in [(&ada, "outgoing"), (&bob, "incoming")] {
        let stored = item(&lab, person, id).await;
        let (_, page) = lab
            .vault(&person.token, "GET", &format!("/shares/{list}"), None)
            .await;
        assert_eq!(stored["share"], jwe("seven"));
        for shown in [&stored, &page["items"][0]] {
            assert_eq!(
                [
                    &shown["edition"],
                    &shown["updatedAt"],
                    &shown["createdAt"],
                    &shown["expiresAt"],
                    &shown["read"]
                ],
                [
                    &json!(7),
                    &result["updatedAt"],
                    &json!(lab.now() - 2000),
                    &json!(end),
                    &Value::Null
                ]
            );
        }
    }
    // Of several at once, one is first.
    let texts = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let racing = texts.map(|text| edition(id, 7, 8, text, Some(end)));
    let outcomes = join_all(racing.iter().map(|new| outcome(&lab, &ada, new))).await;
    let won: Vec<usize> = (0..8).filter(|n| outcomes[*n].is_null()).collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    assert_eq!(item(&lab, &bob, id).await["share"], jwe(texts[won[0]]));
    for count in [0, 201] {
        let editions: Vec<Value> = (0..count)
            .map(|_| edition(&v7(), 1, 2, "two", None))
            .collect();
        let body = Some(json!({ "editions": editions }));
        let answer = lab.vault(&ada.token, "PUT", "/shares", body).await;
        assert_eq!(code(&answer), (400, "bad_input"));
    }
}

#[tokio::test]
async fn what_is_over_gets_no_edition_and_no_receipt() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (connection, ended) = (lab.connect(&ada, &bob).await, lab.connect(&ada, &bob).await);
    let [over, revoked, of_ended] = [
        lab.share(&ada, &connection, Some(lab.now() + 1000)).await,
        lab.share(&ada, &connection, None).await,
        lab.share(&ada, &ended, None).await,
    ];
    lab.pass(1000);
    lab.vault(&ada.token, "DELETE", &format!("/shares/{revoked}"), None)
        .await;
    lab.vault(&bob.token, "DELETE", &format!("/connections/{ended}"), None)
        .await;
    for (id, expected) in [
        (&over, "share_expired"),
        (&revoked, "not_found"),
        (&of_ended, "not_found"),
        (&v7(), "not_found"),
    ] {
        assert_eq!(
            outcome(&lab, &ada, &edition(id, 1, 2, "two", None)).await,
            expected
        );
        assert_eq!(read(&lab, &bob, id, 1).await, expected);
    }
}

#[tokio::test]
async fn readers_tell_the_sender_what_they_opened() {
    let lab = Lab::new().await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let connection = lab.connect(&ada, &bob).await;
    let id = &lab.share(&ada, &connection, None).await;
    assert_eq!(
        outcome(&lab, &ada, &edition(id, 1, 3, "three", None)).await,
        Value::Null
    );
    for somebody in [&ada, &eve] {
        assert_eq!(read(&lab, somebody, id, 1).await, "not_found");
    }
    assert_eq!(
        read(&lab, &bob, id, 4).await,
        "conflict",
        "there is none yet"
    );
    assert_eq!(read(&lab, &bob, id, 0).await, "bad_input");
    assert_eq!(item(&lab, &ada, id).await["read"], Value::Null);

    let mut told = Stream::open(&lab, &ada, None).await;
    assert_eq!(told.event().await.0, "ready");
    assert_eq!(read(&lab, &bob, id, 2).await, Value::Null);
    let first = json!({ "edition": 2, "at": lab.now() });
    lab.pass(1000);
    for repeat in [2, 1] {
        assert_eq!(read(&lab, &bob, id, repeat).await, Value::Null);
    }
    assert_eq!(
        item(&lab, &ada, id).await["read"],
        first,
        "the newest, at its first time"
    );
    assert_eq!(read(&lab, &bob, id, 3).await, Value::Null);
    let second = json!({ "edition": 3, "at": lab.now() });
    let (_, page) = lab.vault(&ada.token, "GET", "/shares/outgoing", None).await;
    assert_eq!(page["items"][0]["read"], second);
    assert_eq!(
        item(&lab, &bob, id).await["read"],
        Value::Null,
        "it is for the sender"
    );
    let (_, page) = lab.vault(&bob.token, "GET", "/shares/incoming", None).await;
    assert_eq!(page["items"][0]["read"], Value::Null);

    // A new edition takes nothing of it back. Repeats told nobody.
    assert_eq!(
        outcome(&lab, &ada, &edition(id, 3, 4, "four", None)).await,
        Value::Null
    );
    assert_eq!(item(&lab, &ada, id).await["read"], second);
    for kind in ["read", "read", "updated"] {
        let (told, record, _) = told.event().await;
        assert_eq!((&*told, &record), (kind, id));
    }
}

#[tokio::test]
async fn a_card_is_unsettled_until_its_shares_follow() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (card, plain) = (v7(), v7());
    let put = async |id: &str, version: i64, unsettled: bool| {
        let body = json!({ "card": jwe(&format!("{version}")), "version": version, "unsettled": unsettled });
        let path = format!("/cards/{id}");
        lab.vault(&ada.token, "PUT", &path, Some(body)).await.0
    };
    let settle = async |person: &Person, id: &str, version: i64| {
        let path = format!("/cards/{id}/settled");
        let body = Some(json!({ "version": version }));
        lab.vault(&person.token, "PUT", &path, body).await.0
    };
    let unsettled = async |person: &Person| {
        let (status, found) = lab
            .vault(&person.token, "GET", "/cards/unsettled", None)
            .await;
        assert_eq!(status, 200);
        found["ids"].clone()
    };
    assert_eq!(
        (put(&card, 0, false).await, put(&plain, 0, false).await),
        (201, 201)
    );
    assert_eq!(unsettled(&ada).await, json!([]));
    assert_eq!(put(&card, 1, true).await, 200);
    assert_eq!(
        put(&card, 2, false).await,
        200,
        "what was said before stays"
    );
    assert_eq!(unsettled(&ada).await, json!([card]));
    assert_eq!(unsettled(&bob).await, json!([]));
    assert_eq!(settle(&bob, &card, 3).await, 404);
    for version in [2, 4] {
        assert_eq!(settle(&ada, &card, version).await, 204);
        assert_eq!(unsettled(&ada).await, json!([card]), "another version");
    }
    assert_eq!(settle(&ada, &card, 3).await, 204);
    assert_eq!(unsettled(&ada).await, json!([]));
    // A conflict says nothing, and a deleted card has no shares.
    assert_eq!(put(&card, 1, true).await, 409);
    assert_eq!(unsettled(&ada).await, json!([]));
    assert_eq!(put(&plain, 1, true).await, 200);
    assert_eq!(unsettled(&ada).await, json!([plain]));
    let path = format!("/cards/{plain}");
    lab.vault(&ada.token, "DELETE", &path, None).await;
    assert_eq!(unsettled(&ada).await, json!([]));
    assert_eq!(settle(&ada, &plain, 2).await, 204);
}
