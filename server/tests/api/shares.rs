//! Shares.

use crate::common::*;
use serde_json::{Value, json};

#[tokio::test]
async fn share_list_and_read() {
    let lab = Lab::new().await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let connection = lab.connect(&ada, &bob).await;
    let share = new_share(&connection, Some(lab.now() + 5000));
    let body = Some(json!({ "shares": [share, new_share(&v7(), None)] }));
    let (status, made) = lab.vault(&ada.token, "POST", "/shares", body.clone()).await;
    assert_eq!(
        (status, &made["results"][0]),
        (
            200,
            &json!({ "id": share["id"], "error": null, "createdAt": lab.now() })
        )
    );
    assert_eq!(made["results"][1]["error"]["code"], "not_found");
    assert_eq!(made["results"][1]["createdAt"], json!(null));
    lab.pass(1000);
    assert_eq!(
        lab.vault(&ada.token, "POST", "/shares", body).await.1,
        made,
        "repeated"
    );

    let listed = json!({
        "id": share["id"], "connectionId": connection, "spaceId": share["spaceId"], "from": ada.account,
        "to": bob.account, "edition": 1, "createdAt": lab.now() - 1000, "updatedAt": lab.now() - 1000,
        "expiresAt": share["expiresAt"], "read": null,
    });
    let (page, nothing) = (
        json!({ "items": [listed], "next": null }),
        json!({ "items": [], "next": null }),
    );
    for (person, incoming, outgoing) in [
        (&ada, &nothing, &page),
        (&bob, &page, &nothing),
        (&eve, &nothing, &nothing),
    ] {
        assert_eq!(
            &lab.vault(&person.token, "GET", "/shares/incoming", None)
                .await
                .1,
            incoming
        );
        assert_eq!(
            &lab.vault(&person.token, "GET", "/shares/outgoing", None)
                .await
                .1,
            outgoing
        );
    }
    let narrow = |id: &str| format!("/shares/outgoing?connection={id}");
    assert_eq!(
        lab.vault(&ada.token, "GET", &narrow(&connection), None)
            .await
            .1,
        page
    );
    assert_eq!(
        lab.vault(&ada.token, "GET", &narrow(&v7()), None).await.1,
        nothing
    );

    let mut full = listed.clone();
    full["share"] = share["share"].clone();
    let ids = [json!(v7()), share["id"].clone()];
    let query = Some(json!({ "ids": ids }));
    for person in [&ada, &bob] {
        let found = lab
            .vault(&person.token, "POST", "/shares/query", query.clone())
            .await
            .1;
        assert_eq!(
            found["results"][1],
            json!({ "id": share["id"], "error": null, "item": full })
        );
        assert_eq!(found["results"][0]["error"]["code"], "not_found");
    }
    let found = lab
        .vault(&eve.token, "POST", "/shares/query", query.clone())
        .await
        .1;
    assert_eq!(found["results"][0]["error"], found["results"][1]["error"]);

    lab.pass(4000);
    assert_eq!(
        lab.vault(&bob.token, "GET", "/shares/incoming", None)
            .await
            .1,
        nothing
    );
    let found = lab
        .vault(&bob.token, "POST", "/shares/query", query)
        .await
        .1;
    assert_eq!(found["results"][1]["error"]["code"], "share_expired");
    assert_eq!(
        lab.vault(&ada.token, "GET", "/shares/outgoing", None)
            .await
            .1,
        page
    );
}

#[tokio::test]
async fn ids_of_shares_and_spaces_are_taken_once() {
    let lab = Lab::new().await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let (first, second) = (lab.connect(&ada, &bob).await, lab.connect(&eve, &bob).await);
    let share = new_share(&first, None);
    lab.vault(
        &ada.token,
        "POST",
        "/shares",
        Some(json!({ "shares": [share] })),
    )
    .await;
    let mut bytes = share.clone();
    bytes["share"] = json!(jwe("another"));
    let mut space = new_share(&first, None);
    space["spaceId"] = share["spaceId"].clone();
    let mut id = new_share(&first, None);
    id["id"] = share["id"].clone();
    for other in [bytes, space, id.clone()] {
        let made = lab
            .vault(
                &ada.token,
                "POST",
                "/shares",
                Some(json!({ "shares": [other] })),
            )
            .await
            .1;
        assert_eq!(made["results"][0]["error"]["code"], "conflict", "{other}");
    }
    id["connectionId"] = json!(second);
    let made = lab
        .vault(
            &eve.token,
            "POST",
            "/shares",
            Some(json!({ "shares": [id] })),
        )
        .await
        .1;
    assert_eq!(made["results"][0]["error"]["code"], "conflict");
    // A share that failed has left no space behind.
    let mut space = new_share(&first, None);
    space["id"] = share["id"].clone();
    let fresh = space["spaceId"].clone();
    lab.vault(
        &ada.token,
        "POST",
        "/shares",
        Some(json!({ "shares": [space] })),
    )
    .await;
    let mut next = new_share(&first, None);
    next["spaceId"] = fresh;
    let made = lab
        .vault(
            &ada.token,
            "POST",
            "/shares",
            Some(json!({ "shares": [next] })),
        )
        .await
        .1;
    assert_eq!(made["results"][0]["error"], json!(null));
}

#[tokio::test]
async fn a_stranger_shares_nothing_over_a_connection() {
    let lab = Lab::new().await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let connection = lab.connect(&ada, &bob).await;
    let foreign = Some(json!({ "shares": [new_share(&connection, None)] }));
    let missing = Some(json!({ "shares": [new_share(&v7(), None)] }));
    let foreign = lab.vault(&eve.token, "POST", "/shares", foreign).await.1;
    let missing = lab.vault(&eve.token, "POST", "/shares", missing).await.1;
    assert_eq!(foreign["results"][0]["error"]["code"], "not_found");
    assert_eq!(
        foreign["results"][0]["error"],
        missing["results"][0]["error"]
    );
}

#[tokio::test]
async fn revoked_shares_are_gone_and_stay_taken() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let share = new_share(&connection, None);
    let create = Some(json!({ "shares": [share] }));
    lab.vault(&ada.token, "POST", "/shares", create.clone())
        .await;
    let path = format!("/shares/{}", share["id"].as_str().unwrap());
    let recipient = lab.vault(&bob.token, "DELETE", &path, None).await;
    assert_eq!(code(&recipient), (404, "not_found"));
    assert_eq!(
        lab.vault(&bob.token, "DELETE", &format!("/shares/{}", v7()), None)
            .await,
        recipient
    );
    for _ in 0..2 {
        assert_eq!(lab.vault(&ada.token, "DELETE", &path, None).await.0, 204);
    }
    for person in [&ada, &bob] {
        let found = lab
            .vault(
                &person.token,
                "POST",
                "/shares/query",
                Some(json!({ "ids": [share["id"]] })),
            )
            .await
            .1;
        assert_eq!(found["results"][0]["error"]["code"], "not_found");
    }
    assert_eq!(
        lab.vault(&bob.token, "GET", "/shares/incoming", None)
            .await
            .1["items"],
        json!([])
    );
    let again = lab.vault(&ada.token, "POST", "/shares", create).await.1;
    assert_eq!(again["results"][0]["error"]["code"], "conflict");
    let mut other = new_share(&connection, None);
    other["spaceId"] = share["spaceId"].clone();
    let again = lab
        .vault(
            &ada.token,
            "POST",
            "/shares",
            Some(json!({ "shares": [other] })),
        )
        .await
        .1;
    assert_eq!(again["results"][0]["error"]["code"], "conflict");
}

#[tokio::test]
async fn limits_of_shares() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    for count in [0, 201] {
        let shares: Vec<_> = (0..count).map(|_| new_share(&connection, None)).collect();
        let answer = lab
            .vault(
                &ada.token,
                "POST",
                "/shares",
                Some(json!({ "shares": shares })),
            )
            .await;
        assert_eq!(code(&answer), (400, "bad_input"));
    }
    let ids: Vec<String> = (0..201).map(|_| v7()).collect();
    let answer = lab
        .vault(
            &ada.token,
            "POST",
            "/shares/query",
            Some(json!({ "ids": ids })),
        )
        .await;
    assert_eq!(code(&answer), (400, "bad_input"));
    // One too large, beside one that fits and is larger than other routes take.
    let (mut large, mut fits) = (new_share(&connection, None), new_share(&connection, None));
    large["share"] = json!(jwe(&"x".repeat(3 << 20)));
    fits["share"] = json!(jwe(&"x".repeat((3 << 20) - 100)));
    let (status, made) = lab
        .vault(
            &ada.token,
            "POST",
            "/shares",
            Some(json!({ "shares": [large, fits] })),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(made["results"][0]["error"]["code"], "too_large");
    assert_eq!(made["results"][1]["error"], json!(null));
    let mut body = new_share(&connection, None);
    body["share"] = json!("x".repeat(33 << 20));
    let answer = lab
        .vault(
            &ada.token,
            "POST",
            "/shares",
            Some(json!({ "shares": [body] })),
        )
        .await;
    assert_eq!(code(&answer), (413, "too_large"));
}

/// As a client sends it whose clock is slow.
#[tokio::test]
async fn what_would_be_over_on_arrival_is_refused() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let key = lab.publish(&ada).await;
    let share = async |share: &Value| {
        let body = Some(json!({ "shares": [share] }));
        let (status, answer) = lab.vault(&ada.token, "POST", "/shares", body).await;
        assert_eq!(status, 200);
        answer["results"][0].clone()
    };
    let space = async |space: &Value| {
        let body = Some(json!({ "spaces": [space] }));
        let (status, answer) = lab.keystore(&ada.session, "POST", "/spaces", body).await;
        assert_eq!(status, 200);
        answer["results"][0].clone()
    };
    let names_the_clock = |error: &Value| {
        assert_eq!(error["code"], "bad_input");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("clock"), "{message}");
    };
    let now = lab.now();
    for end in [now, now - 1, now - 60 * 60 * 1000, 0, -1, i64::MIN] {
        let made = share(&new_share(&connection, Some(end))).await;
        names_the_clock(&made["error"]);
        assert_eq!(made["createdAt"], Value::Null);
        names_the_clock(&space(&new_space(&bob, Some(end))).await["error"]);
        let body = Some(link_invitation(&key, &random(16), end));
        let path = format!("/invitations/{}", v7());
        let (status, made) = lab.vault(&ada.token, "PUT", &path, body).await;
        assert_eq!(status, 400);
        names_the_clock(&made["error"]);
    }
    // A clock that is a year fast makes invitations that last too long.
    for end in [now + 91 * DAY, now + 400 * DAY, i64::MAX] {
        let body = Some(link_invitation(&key, &random(16), end));
        let path = format!("/invitations/{}", v7());
        let (_, made) = lab.vault(&ada.token, "PUT", &path, body).await;
        names_the_clock(&made["error"]);
    }
    // A repeat is answered as it was, although the time is over by now.
    let (one, other) = (
        new_share(&connection, Some(now + 1)),
        new_space(&bob, Some(now + 1)),
    );
    let made = (share(&one).await, space(&other).await);
    assert_eq!(
        (&made.0["error"], &made.1["error"]),
        (&Value::Null, &Value::Null)
    );
    lab.pass(2);
    assert_eq!((share(&one).await, space(&other).await), made);
}

#[tokio::test]
async fn a_share_that_fails_does_so_alone() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let taken = lab.share(&ada, &connection, None).await;
    let [first, mut unlisted, mut other, mut large, last] =
        [(); 5].map(|()| new_share(&connection, None));
    // Each fails at another step; the rows of the first two are written by then.
    unlisted["files"] = json!([v7()]);
    other["id"] = json!(taken);
    large["edition"] = json!(0);
    let elsewhere = new_share(&v7(), None);
    let batch = [&first, &unlisted, &other, &large, &elsewhere, &last];
    let body = Some(json!({ "shares": batch }));
    let send = async || lab.vault(&ada.token, "POST", "/shares", body.clone()).await;
    let made = send().await;
    assert_eq!(made.0, 200);
    let codes = made.1["results"].as_array().unwrap().iter();
    let codes: Vec<_> = codes
        .map(|result| result["error"]["code"].as_str())
        .collect();
    let expected = [
        None,
        Some("not_found"),
        Some("conflict"),
        Some("bad_input"),
        Some("not_found"),
        None,
    ];
    assert_eq!(codes, expected);
    assert_eq!(send().await, made, "a repeat");
    let (_, listed) = lab.vault(&bob.token, "GET", "/shares/incoming", None).await;
    let listed = listed["items"].as_array().unwrap().iter();
    let mut listed: Vec<_> = listed.map(|share| share["id"].as_str().unwrap()).collect();
    let text = |share: &Value| share["id"].as_str().unwrap().to_owned();
    let (first, last) = (text(&first), text(&last));
    let mut there = vec![&*taken, &first, &last];
    listed.sort_unstable();
    there.sort_unstable();
    assert_eq!(listed, there);
    // What failed has left nothing: its ids are free.
    unlisted["files"] = json!([]);
    other["id"] = json!(v7());
    let body = Some(json!({ "shares": [unlisted, other] }));
    let (_, made) = lab.vault(&ada.token, "POST", "/shares", body).await;
    for result in made["results"].as_array().unwrap() {
        assert_eq!(result["error"], Value::Null);
    }
}
