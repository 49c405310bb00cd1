//! What one account may have, and what it is told beyond that.

use crate::common::*;
use crate::links::Made;
use futures_util::future::join_all;
use serde_json::{Value, json};
use vouchsafe_server::Quotas;

async fn lab(change: impl FnOnce(&mut Quotas)) -> Lab {
    Lab::with(|config| change(&mut config.quotas)).await
}

/// Refused for this quota, which the error names.
fn assert_exceeded(answer: &Answer, quota: &str) {
    let error = &answer.1["error"];
    assert_eq!(code(answer), (403, "quota_exceeded"), "{quota}");
    assert_eq!(error["quota"], quota);
    assert!(error["message"].as_str().unwrap().len() > 20);
}

async fn put_card(lab: &Lab, person: &Person, id: &str, card: &str, version: i64) -> Answer {
    let body = Some(json!({ "card": card, "version": version, "unsettled": false }));
    lab.vault(&person.token, "PUT", &format!("/cards/{id}"), body)
        .await
}

/// The error of one of these shares.
async fn share(lab: &Lab, sender: &Person, new: &Value) -> Value {
    let body = Some(json!({ "shares": [new] }));
    let (status, made) = lab.vault(&sender.token, "POST", "/shares", body).await;
    assert_eq!(status, 200);
    made["results"][0]["error"].clone()
}

#[tokio::test]
async fn cards() {
    let lab = lab(|quotas| quotas.cards = 2).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (first, second, third) = (v7(), v7(), v7());
    let put = async |id: &str| put_card(&lab, &ada, id, &jwe("card"), 0).await;
    assert_eq!((put(&first).await.0, put(&second).await.0), (201, 201));
    assert_exceeded(&put(&third).await, "cards");
    assert_eq!(put(&second).await.0, 200, "a repeat makes nothing");
    let changed = put_card(&lab, &ada, &first, &jwe("new"), 1).await;
    assert_eq!(changed.0, 200, "nor does a change");
    assert_eq!(put_card(&lab, &bob, &v7(), &jwe("card"), 0).await.0, 201);
    lab.vault(&ada.token, "DELETE", &format!("/cards/{first}"), None)
        .await;
    assert_eq!(
        put(&third).await.0,
        201,
        "what was refused has left nothing"
    );
}

#[tokio::test]
async fn bytes_of_cards_and_shares() {
    let size = i64::try_from(jwe("card").len()).unwrap();
    let lab = lab(|quotas| quotas.bytes = 3 * size).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let new = |end| {
        let mut share = new_share(&connection, end);
        share["share"] = json!(jwe("card"));
        share
    };
    let (card, end) = (v7(), lab.now() + 1000);
    assert_eq!(put_card(&lab, &ada, &card, &jwe("card"), 0).await.0, 201);
    let shared = new(Some(end));
    assert_eq!(share(&lab, &ada, &shared).await, Value::Null);
    let larger = put_card(&lab, &ada, &card, &jwe("card, and more"), 1).await;
    assert_eq!(larger.0, 200);
    let over = put_card(&lab, &ada, &v7(), &jwe("card"), 0).await;
    assert_exceeded(&over, "bytes");
    assert_eq!(share(&lab, &ada, &new(None)).await["quota"], "bytes");
    let link = Made::new(&lab, None);
    assert_exceeded(&link.put(&lab, &ada).await, "bytes");
    let edition = json!({
        "id": shared["id"], "replaces": 1, "edition": 2, "expiresAt": null, "share": jwe(&"x".repeat(200)),
    });
    let body = Some(json!({ "editions": [edition] }));
    let (_, made) = lab.vault(&ada.token, "PUT", "/shares", body).await;
    assert_eq!(made["results"][0]["error"]["quota"], "bytes");
    // The recipient pays nothing.
    assert_eq!(put_card(&lab, &bob, &v7(), &jwe("card"), 0).await.0, 201);
    let id = shared["id"].as_str().unwrap();
    lab.vault(&ada.token, "DELETE", &format!("/shares/{id}"), None)
        .await;
    assert_eq!(share(&lab, &ada, &new(None)).await, Value::Null);
}

#[tokio::test]
async fn shares_in_all_and_of_a_connection() {
    let lab = Lab::with(|config| {
        config.quotas.shares = 3;
        config.quotas.shares_per_connection = 2;
        config.sweep = std::time::Duration::from_millis(20);
    })
    .await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (one, other) = (lab.connect(&ada, &bob).await, lab.connect(&ada, &bob).await);
    let end = lab.now() + 1000;
    let first = new_share(&one, Some(end));
    assert_eq!(share(&lab, &ada, &first).await, Value::Null);
    assert_eq!(share(&lab, &ada, &new_share(&one, None)).await, Value::Null);
    let refused = share(&lab, &ada, &new_share(&one, None)).await;
    assert_eq!(refused["code"], "quota_exceeded");
    assert_eq!(refused["quota"], "shares_per_connection");
    assert_eq!(share(&lab, &ada, &first).await, Value::Null, "a repeat");
    // Each side has its own.
    assert_eq!(share(&lab, &bob, &new_share(&one, None)).await, Value::Null);
    assert_eq!(
        share(&lab, &ada, &new_share(&other, None)).await,
        Value::Null
    );
    let refused = share(&lab, &ada, &new_share(&other, None)).await;
    assert_eq!(refused["quota"], "shares");
    assert_exceeded(&Made::new(&lab, None).put(&lab, &ada).await, "shares");
    // One that is over counts no more.
    lab.pass(1000);
    until(async || {
        let error = share(&lab, &ada, &new_share(&other, None)).await;
        error.is_null().then_some(())
    })
    .await;
}

#[tokio::test]
async fn pending_invitations() {
    let lab = lab(|quotas| quotas.invitations = 2).await;
    let ada = lab.sign_up("ada").await;
    let key = lab.publish(&ada).await;
    let invite = async |id: &str, token: &str| {
        let body = Some(link_invitation(&key, token, lab.now() + DAY));
        let path = format!("/invitations/{id}");
        lab.vault(&ada.token, "PUT", &path, body).await
    };
    let (first, token) = (v7(), random(16));
    assert_eq!(invite(&first, &token).await.0, 201);
    assert_eq!(invite(&v7(), &random(16)).await.0, 201);
    assert_exceeded(&invite(&v7(), &random(16)).await, "invitations");
    assert_eq!(invite(&first, &token).await.0, 200, "a repeat");
    let path = format!("/invitations/{first}/cancel");
    lab.vault(&ada.token, "POST", &path, Some(json!({}))).await;
    assert_eq!(invite(&v7(), &random(16)).await.0, 201);
}

#[tokio::test]
async fn connections() {
    let lab = lab(|quotas| quotas.connections = 1).await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let (asked, token) = lab.invite(&eve).await;
    let first = lab.connect(&ada, &bob).await;
    let key = lab.publish(&bob).await;
    let accept =
        json!({ "invitationId": asked, "token": token, "publicKeyId": key, "proof": null });
    let accept = async || {
        let body = Some(accept.clone());
        lab.vault(&bob.token, "POST", "/connections", body).await
    };
    assert_exceeded(&accept().await, "connections");
    let body = Some(link_invitation(&key, &random(16), lab.now() + DAY));
    let path = format!("/invitations/{}", v7());
    let invited = lab.vault(&bob.token, "PUT", &path, body).await;
    assert_exceeded(&invited, "connections");
    lab.vault(&ada.token, "DELETE", &format!("/connections/{first}"), None)
        .await;
    assert_eq!(accept().await.0, 201, "the invitation was not used up");
}

#[tokio::test]
async fn keys_of_connections() {
    let lab = lab(|quotas| quotas.connection_keys = 1).await;
    let ada = lab.sign_up("ada").await;
    lab.publish(&ada).await;
    let (id, body) = public_key();
    let path = format!("/public-keys/{id}");
    let answer = lab.vault(&ada.token, "PUT", &path, Some(body)).await;
    assert_exceeded(&answer, "connection_keys");

    let body = json!({ "key": jwe("key"), "note": jwe("note") });
    let put = async |id: &str| {
        let path = format!("/connections/{id}");
        let body = Some(body.clone());
        lab.keystore(&ada.session, "PUT", &path, body).await
    };
    let first = v7();
    assert_eq!(put(&first).await.0, 201);
    assert_exceeded(&put(&v7()).await, "connection_keys");
    assert_eq!(put(&first).await.0, 200, "a repeat");
}

#[tokio::test]
async fn spaces() {
    let lab = lab(|quotas| quotas.spaces = 2).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let spaces = [(); 3].map(|()| new_space(&bob, None));
    let make = async || {
        let body = Some(json!({ "spaces": spaces }));
        let (status, made) = lab.keystore(&ada.session, "POST", "/spaces", body).await;
        assert_eq!(status, 200);
        let results = made["results"].as_array().unwrap();
        let quota = |result: &Value| result["error"]["quota"].clone();
        results.iter().map(quota).collect::<Vec<_>>()
    };
    let two = [json!(null), json!(null), json!("spaces")];
    assert_eq!(make().await, two);
    assert_eq!(make().await, two, "a repeat");
    let first = spaces[0]["id"].as_str().unwrap();
    let path = format!("/spaces/{first}");
    lab.keystore(&ada.session, "DELETE", &path, None).await;
    let body = Some(json!({ "spaces": [spaces[2]] }));
    let (_, made) = lab.keystore(&ada.session, "POST", "/spaces", body).await;
    assert_eq!(made["results"][0]["error"], Value::Null);
}

#[tokio::test]
async fn bytes_of_what_senders_keep() {
    let size = |text: &str| i64::try_from(jwe(text).len()).unwrap();
    let lab = lab(|quotas| quotas.bytes = size("sent") + size("another")).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let spaces = [(); 3].map(|()| new_space(&bob, None));
    let body = Some(json!({ "spaces": spaces }));
    let (_, made) = lab.keystore(&ada.session, "POST", "/spaces", body).await;
    let error = |made: &Value, n: usize| made["results"][n]["error"]["quota"].clone();
    assert_eq!(
        [0, 1, 2].map(|n| error(&made, n)),
        [json!(null), json!(null), json!("bytes")]
    );
    let update = |n: usize, version: i64, sent: &str| json!({ "id": spaces[n]["id"], "version": version, "sent": jwe(sent), "expiresAt": null });
    for (updates, expected) in [
        // What one gives back the next may take, and not more.
        (
            [update(0, 1, "another"), update(1, 1, "another")],
            [json!(null), json!("bytes")],
        ),
        (
            [update(0, 2, "a"), update(1, 1, "another")],
            [json!(null), json!(null)],
        ),
    ] {
        let body = Some(json!({ "spaces": updates }));
        let (_, made) = lab.keystore(&ada.session, "PUT", "/spaces", body).await;
        assert_eq!([error(&made, 0), error(&made, 1)], expected);
    }
}

#[tokio::test]
async fn requests_of_a_minute() {
    let lab = lab(|quotas| quotas.requests_per_minute = 10).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    for (base, path, bearer, others) in [
        (lab.server.vault_url(), "/cards", &ada.token, &bob.token),
        (
            lab.server.keystore_url(),
            "/connections",
            &ada.session,
            &bob.session,
        ),
    ] {
        let ask = async |bearer: &str| {
            let request = lab.http.get(format!("{base}/v1{path}"));
            let answer = request.bearer_auth(bearer).send().await.unwrap();
            let wait = answer.headers().get("retry-after").cloned();
            (answer.status().as_u16(), wait)
        };
        lab.pass(60_000);
        for _ in 0..10 {
            assert_eq!(ask(bearer).await.0, 200, "{base}");
        }
        let (status, wait) = ask(bearer).await;
        assert_eq!((status, wait.unwrap().to_str().unwrap()), (429, "60"));
        assert_eq!(ask(others).await.0, 200);
        lab.pass(60_000);
        assert_eq!(ask(bearer).await.0, 200);
    }
}

#[tokio::test]
async fn requests_of_every_kind_are_counted() {
    let lab = lab(|quotas| quotas.requests_per_minute = 10).await;
    let ada = lab.sign_up("ada").await;
    let proof = lab.proof(&ada).await;
    let keystore = async |method: &str, path: &str, body: Option<Value>| {
        lab.keystore(&ada.session, method, path, body).await
    };
    lab.pass(60_000);
    for _ in 0..10 {
        let body = Some(registration_request());
        assert_eq!(keystore("POST", "/credentials/start", body).await.0, 200);
        let cards = lab.vault(&ada.token, "GET", "/cards", None).await;
        assert_eq!(cards.0, 200);
    }
    let audience = Some(json!({ "audience": lab.server.vault_url() }));
    for (method, path, body) in [
        ("POST", "/credentials/start", Some(registration_request())),
        ("PUT", "/credentials", Some(json!({}))),
        ("POST", "/tokens/proof", audience),
        ("POST", "/sign-out", Some(json!({}))),
        ("DELETE", "/account", None),
    ] {
        let answer = keystore(method, path, body).await;
        assert_eq!(code(&answer), (429, "rate_limited"), "{method} {path}");
    }
    let delete = async || lab.vault(&proof, "DELETE", "/account", None).await;
    assert_eq!(code(&delete().await), (429, "rate_limited"));
    lab.pass(60_000);
    assert_eq!(delete().await.0, 204);
    assert_eq!(keystore("POST", "/sign-out", Some(json!({}))).await.0, 204);
}

#[tokio::test]
async fn new_records_of_a_day() {
    let lab = lab(|quotas| {
        (quotas.cards, quotas.shares) = (1, 1);
        (quotas.invitations, quotas.spaces) = (1, 1);
    })
    .await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&bob, &ada).await;
    let key = lab.publish(&ada).await;
    let vault = async |method: &str, path: String, body: Option<Value>| {
        lab.vault(&ada.token, method, &path, body).await
    };
    // What was made is deleted, so that there is never more than may be.
    for may in [true, true, false] {
        let card = format!("/cards/{}", v7());
        let body = Some(json!({ "card": jwe("card"), "version": 0, "unsettled": false }));
        let made = vault("PUT", card.clone(), body.clone()).await;
        if may {
            assert_eq!(made.0, 201);
            assert_eq!(vault("PUT", card.clone(), body).await.0, 200, "a repeat");
            assert_eq!(vault("DELETE", card, None).await.0, 204);
        } else {
            assert_eq!(code(&made), (429, "rate_limited"));
        }

        let id = v7();
        let body = Some(link_invitation(&key, &random(16), lab.now() + DAY));
        let made = vault("PUT", format!("/invitations/{id}"), body).await;
        if may {
            assert_eq!(made.0, 201);
            let cancel = format!("/invitations/{id}/cancel");
            assert_eq!(vault("POST", cancel, Some(json!({}))).await.0, 200);
        } else {
            assert_eq!(code(&made), (429, "rate_limited"));
        }

        let expected = match may {
            true => Value::Null,
            false => json!("rate_limited"),
        };
        let share = new_share(&connection, None);
        let path = format!("/shares/{}", share["id"].as_str().unwrap());
        let body = Some(json!({ "shares": [share] }));
        for _ in 0..2 {
            let (_, made) = vault("POST", "/shares".into(), body.clone()).await;
            assert_eq!(made["results"][0]["error"]["code"], expected);
        }
        vault("DELETE", path, None).await;

        let space = new_space(&bob, None);
        let path = format!("/spaces/{}", space["id"].as_str().unwrap());
        let body = Some(json!({ "spaces": [space] }));
        let session = &ada.session;
        for _ in 0..2 {
            let made = lab.keystore(session, "POST", "/spaces", body.clone()).await;
            assert_eq!(made.1["results"][0]["error"]["code"], expected);
        }
        lab.keystore(session, "DELETE", &path, None).await;
    }
    lab.pass(DAY);
    let body = Some(json!({ "card": jwe("card"), "version": 0, "unsettled": false }));
    let path = format!("/cards/{}", v7());
    let made = lab.vault(&lab.token(&ada).await, "PUT", &path, body).await;
    assert_eq!(made.0, 201);
}

/// Each is counted after the one before it, also where rows have locks of their own.
#[tokio::test]
async fn what_comes_at_once_is_held_to_the_quotas() {
    let lab = Lab::with(|config| {
        config.quotas.shares = 3;
        config.rate_limits = false;
    })
    .await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connections = [(); 8];
    let connections = join_all(connections.map(|()| lab.connect(&ada, &bob))).await;
    let made = join_all(connections.iter().map(async |connection| {
        let new = new_share(connection, None);
        share(&lab, &ada, &new).await.is_null().then_some(new)
    }));
    let made: Vec<Value> = made.await.into_iter().flatten().collect();
    assert_eq!(made.len(), 3, "shares that were made at once");
}

#[tokio::test]
async fn editions_that_come_at_once_are_held_to_the_quota() {
    let big = jwe(&"x".repeat(10_000));
    let most = i64::try_from(big.len()).unwrap() * 2;
    let lab = Lab::with(|config| {
        config.quotas.bytes = most;
        config.rate_limits = false;
    })
    .await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let mut shares = Vec::new();
    for _ in 0..8 {
        shares.push(lab.share(&ada, &connection, None).await);
    }
    let written = join_all(shares.iter().map(async |id| {
        let edition =
            json!({ "id": id, "replaces": 1, "edition": 2, "expiresAt": null, "share": big });
        let body = Some(json!({ "editions": [edition] }));
        let (status, written) = lab.vault(&ada.token, "PUT", "/shares", body).await;
        assert_eq!(status, 200);
        written["results"][0]["error"].is_null()
    }));
    let written = written.await.into_iter().filter(|is_written| *is_written);
    assert_eq!(written.count(), 1, "the small ones leave room for one");
}
