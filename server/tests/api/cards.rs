//! Cards and public keys.

use crate::common::*;
use serde_json::{Value, json};

#[tokio::test]
async fn cards_compare_and_set() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let id = v7();
    let path = format!("/cards/{id}");
    let put = |text: &str, version: i64| {
        let body = json!({ "card": jwe(text), "version": version, "unsettled": false });
        lab.vault(&ada.token, "PUT", &path, Some(body))
    };
    let first = lab.now();
    let made = json!({ "id": id, "version": 1, "createdAt": first, "updatedAt": first });
    assert_eq!(code(&put("early", 1).await), (404, "not_found"));
    assert_eq!(put("one", 0).await, (201, made.clone()));
    lab.pass(1000);
    assert_eq!(put("one", 0).await, (200, made), "repeated");
    assert_eq!(code(&put("another", 0).await), (409, "conflict"));
    let second = json!({ "id": id, "version": 2, "createdAt": first, "updatedAt": lab.now() });
    assert_eq!(put("two", 1).await, (200, second.clone()));
    lab.pass(1000);
    assert_eq!(put("two", 1).await, (200, second), "repeated");
    assert_eq!(code(&put("another", 1).await), (409, "conflict"));
    assert_eq!(code(&put("one", 0).await), (409, "conflict"));
    let stored = lab.vault(&ada.token, "GET", &path, None).await;
    let record = json!({ "id": id, "card": jwe("two"), "version": 2, "createdAt": first, "updatedAt": first + 1000 });
    assert_eq!(stored, (200, record.clone()));
    assert_eq!(
        lab.vault(&ada.token, "GET", "/cards", None).await.1,
        json!({ "items": [record], "next": null })
    );
}

#[tokio::test]
async fn deleted_cards_are_gone_and_stay_taken() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let path = format!("/cards/{}", v7());
    let body = Some(json!({ "card": jwe("one"), "version": 0, "unsettled": false }));
    lab.vault(&ada.token, "PUT", &path, body.clone()).await;
    let none = lab
        .vault(&bob.token, "DELETE", &format!("/cards/{}", v7()), None)
        .await;
    assert_eq!(code(&none), (404, "not_found"));
    for method in ["GET", "DELETE"] {
        assert_eq!(lab.vault(&bob.token, method, &path, None).await, none);
    }
    for _ in 0..2 {
        assert_eq!(lab.vault(&ada.token, "DELETE", &path, None).await.0, 204);
    }
    assert_eq!(lab.vault(&ada.token, "GET", &path, None).await, none);
    assert_eq!(
        lab.vault(&ada.token, "GET", "/cards", None).await.1["items"],
        json!([])
    );
    assert_eq!(
        code(&lab.vault(&ada.token, "PUT", &path, body.clone()).await),
        (409, "conflict")
    );
    let next = Some(json!({ "card": jwe("one"), "version": 1, "unsettled": false }));
    assert_eq!(
        code(&lab.vault(&ada.token, "PUT", &path, next).await),
        (409, "conflict")
    );
    assert_eq!(
        lab.vault(&bob.token, "PUT", &path, body).await.0,
        201,
        "private ids are each person's own"
    );
}

#[tokio::test]
async fn cards_are_listed_newest_first_in_pages() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let id = v7();
        let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
        lab.vault(&ada.token, "PUT", &format!("/cards/{id}"), Some(body))
            .await;
        ids.push(id);
        // Two of them share a time: the id decides then.
        lab.pass(if n == 2 { 0 } else { 1 });
    }
    ids.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = lab
            .vault(&ada.token, "GET", &format!("/cards?limit=2{cursor}"), None)
            .await;
        assert_eq!(status, 200);
        let items = page["items"].as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        assert_eq!(items.len(), 2);
    }
    assert_eq!(seen, ids);
    for query in [
        "?limit=0",
        "?limit=201",
        "?limit=x",
        "?cursor=AAAA",
        "?other=1",
        &format!("?connection={}", v7()),
    ] {
        let answer = lab
            .vault(&ada.token, "GET", &format!("/cards{query}"), None)
            .await;
        assert_eq!(code(&answer), (400, "bad_input"), "{query}");
    }
}

#[tokio::test]
async fn a_page_of_large_cards_ends_early() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    // Just below the limit of one card: five fit into a page, six do not.
    let card = jwe(&"x".repeat(1_179_000));
    assert!(card.len() < 3 << 19 && 6 * card.len() > 8 << 20 && 5 * card.len() < 8 << 20);
    for _ in 0..6 {
        let body = json!({ "card": card, "version": 0, "unsettled": false });
        assert_eq!(
            lab.vault(&ada.token, "PUT", &format!("/cards/{}", v7()), Some(body))
                .await
                .0,
            201
        );
    }
    let (_, first) = lab.vault(&ada.token, "GET", "/cards", None).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 5);
    let next = format!("/cards?cursor={}", first["next"].as_str().unwrap());
    let (_, second) = lab.vault(&ada.token, "GET", &next, None).await;
    assert_eq!(
        (second["items"].as_array().unwrap().len(), &second["next"]),
        (1, &Value::Null)
    );

    let large = json!({ "card": jwe(&"x".repeat(1_180_000)), "version": 0, "unsettled": false });
    let answer = lab
        .vault(&ada.token, "PUT", &format!("/cards/{}", v7()), Some(large))
        .await;
    assert_eq!(code(&answer), (413, "too_large"));
}

#[tokio::test]
async fn public_keys_are_published_once() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (id, body) = public_key();
    let put = |token: &str, id: &str, body: &Value| {
        let (token, path, body) = (
            token.to_owned(),
            format!("/public-keys/{id}"),
            Some(body.clone()),
        );
        let lab = &lab;
        async move { lab.vault(&token, "PUT", &path, body).await }
    };
    assert_eq!(
        put(&ada.token, &id, &body).await,
        (201, json!({ "id": id }))
    );
    assert_eq!(
        put(&ada.token, &id, &body).await,
        (200, json!({ "id": id }))
    );
    assert_eq!(code(&put(&bob.token, &id, &body).await), (409, "conflict"));
    let mut other = body.clone();
    other["signingKey"]["x"] = json!(random(32));
    assert_eq!(code(&put(&ada.token, &id, &other).await), (409, "conflict"));

    let (other_id, _) = public_key();
    assert_eq!(
        code(&put(&ada.token, &other_id, &body).await),
        (400, "bad_input"),
        "not its id"
    );
    let mut other_half = body.clone();
    other_half["xwing"] = json!(random(1216));
    assert_eq!(
        code(&put(&ada.token, &id, &other_half).await),
        (400, "bad_input"),
        "the id is of both keys"
    );
    for (member, wrong) in [
        ("spki", json!(random(422))),
        ("xwing", json!(random(1215))),
        ("xwing", json!(format!("{}=", random(1216)))),
        (
            "signingKey",
            json!({ "crv": "X25519", "kty": "OKP", "x": random(32) }),
        ),
        (
            "signingKey",
            json!({ "crv": "Ed25519", "kty": "OKP", "x": random(32), "d": random(32) }),
        ),
        (
            "signingKey",
            json!({ "crv": "Ed25519", "kty": "OKP", "x": random(31) }),
        ),
        ("statement", json!("not a JWS")),
    ] {
        let mut body = body.clone();
        body[member] = wrong;
        assert_eq!(
            code(&put(&ada.token, &id, &body).await),
            (400, "bad_input"),
            "{member}"
        );
    }
    let mut large = body.clone();
    large["statement"] = json!(format!("AQ.{}.AQ", random(1600)));
    assert_eq!(
        code(&put(&ada.token, &id, &large).await),
        (413, "too_large")
    );
}
