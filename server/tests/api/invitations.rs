//! Invitations and the connections that come of them.

use crate::common::*;
use futures_util::future::join_all;
use serde_json::{Value, json};

#[tokio::test]
async fn inviter_sees_invitations() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let key = lab.publish(&ada).await;
    let id = v7();
    let path = format!("/invitations/{id}");
    let body = link_invitation(&key, &random(16), lab.now() + 14 * DAY);
    let invitation = json!({
        "id": id, "publicKeyId": key, "delivery": "link", "email": null, "state": "pending",
        "reason": null, "createdAt": lab.now(), "expiresAt": lab.now() + 14 * DAY,
    });
    assert_eq!(
        lab.vault(&ada.token, "PUT", &path, Some(body.clone()))
            .await,
        (201, invitation.clone())
    );
    assert_eq!(
        lab.vault(&ada.token, "PUT", &path, Some(body.clone()))
            .await,
        (200, invitation.clone())
    );
    assert_eq!(
        lab.vault(&ada.token, "GET", &path, None).await,
        (200, invitation.clone())
    );
    let list = lab.vault(&ada.token, "GET", "/invitations", None).await.1;
    assert_eq!(list, json!({ "items": [invitation], "next": null }));

    let other = link_invitation(&key, &random(16), lab.now() + 14 * DAY);
    assert_eq!(
        code(&lab.vault(&ada.token, "PUT", &path, Some(other)).await),
        (409, "conflict")
    );
    let foreign = link_invitation(&lab.publish(&bob).await, &random(16), lab.now() + DAY);
    assert_eq!(
        code(
            &lab.vault(&bob.token, "PUT", &path, Some(foreign.clone()))
                .await
        ),
        (409, "conflict")
    );
    let new = format!("/invitations/{}", v7());
    let stranger = lab.vault(&ada.token, "PUT", &new, Some(foreign)).await;
    assert_eq!(code(&stranger), (404, "not_found"), "another's key");
    let missing = link_invitation(&public_key().0, &random(16), lab.now() + DAY);
    assert_eq!(
        lab.vault(&ada.token, "PUT", &new, Some(missing)).await,
        stranger
    );
    for (method, tail) in [("GET", ""), ("POST", "/cancel")] {
        let body = (method == "POST").then(|| json!({}));
        assert_eq!(
            lab.vault(&bob.token, method, &format!("{path}{tail}"), body)
                .await,
            stranger
        );
    }
    assert_eq!(
        lab.vault(&bob.token, "GET", "/invitations", None).await.1["items"],
        json!([])
    );
}

#[tokio::test]
async fn strange_invitations_are_refused() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let key = lab.publish(&ada).await;
    let good = link_invitation(&key, &random(16), lab.now() + DAY);
    for (member, wrong) in [
        ("expiresAt", json!(lab.now())),
        ("expiresAt", json!(lab.now() + 91 * DAY)),
        ("expiresAt", Value::Null),
        ("email", json!("bob@example.org")),
        ("tokenHash", Value::Null),
        ("tokenHash", json!(random(31))),
        ("delivery", json!("email")),
        ("delivery", json!("pigeon")),
        // What PostgreSQL cannot store.
        ("publicKeyId", json!("\0")),
        ("publicKeyId", json!(format!("{key}\0"))),
        ("publicKeyId", json!("")),
    ] {
        let mut body = good.clone();
        body[member] = wrong.clone();
        let answer = lab
            .vault(
                &ada.token,
                "PUT",
                &format!("/invitations/{}", v7()),
                Some(body),
            )
            .await;
        assert_eq!(code(&answer), (400, "bad_input"), "{member} {wrong}");
    }
    let mail = mail_invitation(
        &key,
        "bob@example.org\r\nBcc: eve@example.org",
        lab.now() + DAY,
    );
    let answer = lab
        .vault(
            &ada.token,
            "PUT",
            &format!("/invitations/{}", v7()),
            Some(mail),
        )
        .await;
    assert_eq!(code(&answer), (400, "bad_input"));
}

#[tokio::test]
async fn open_and_accept() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (ada_key, ada_body) = public_key();
    lab.vault(
        &ada.token,
        "PUT",
        &format!("/public-keys/{ada_key}"),
        Some(ada_body.clone()),
    )
    .await;
    let (id, token) = (v7(), random(16));
    let body = link_invitation(&ada_key, &token, lab.now() + DAY);
    lab.vault(&ada.token, "PUT", &format!("/invitations/{id}"), Some(body))
        .await;

    let open = format!("/invitations/{id}/open");
    let publication = |id: &str, body: &Value| {
        let mut publication = body.clone();
        publication["id"] = json!(id);
        publication
    };
    let opened = json!({
        "id": id, "inviter": ada.account, "publication": publication(&ada_key, &ada_body), "delivery": "link",
        "expiresAt": lab.now() + DAY,
    });
    assert_eq!(
        lab.vault(&bob.token, "POST", &open, Some(json!({ "token": token })))
            .await,
        (200, opened.clone())
    );
    let wrong = lab
        .vault(
            &bob.token,
            "POST",
            &open,
            Some(json!({ "token": random(16) })),
        )
        .await;
    assert_eq!(code(&wrong), (404, "not_found"));
    let unknown = format!("/invitations/{}/open", v7());
    assert_eq!(
        lab.vault(
            &bob.token,
            "POST",
            &unknown,
            Some(json!({ "token": token }))
        )
        .await,
        wrong
    );
    let own = lab
        .vault(&ada.token, "POST", &open, Some(json!({ "token": token })))
        .await;
    assert_eq!(code(&own), (400, "bad_input"));

    let (bob_key, bob_body) = public_key();
    let accept =
        json!({ "invitationId": id, "token": token, "publicKeyId": bob_key, "proof": random(32) });
    let early = lab
        .vault(&bob.token, "POST", "/connections", Some(accept.clone()))
        .await;
    assert_eq!(
        code(&early),
        (404, "not_found"),
        "the key is not published yet"
    );
    let mut strange = accept.clone();
    strange["publicKeyId"] = json!(format!("{}\0", &bob_key[..42]));
    let strange = lab
        .vault(&bob.token, "POST", "/connections", Some(strange))
        .await;
    assert_eq!(code(&strange), (400, "bad_input"));
    let mut foreign = accept.clone();
    foreign["publicKeyId"] = json!(ada_key);
    let foreign = lab
        .vault(&bob.token, "POST", "/connections", Some(foreign))
        .await;
    assert_eq!(foreign, early, "nor is another's key one's own");
    lab.vault(
        &bob.token,
        "PUT",
        &format!("/public-keys/{bob_key}"),
        Some(bob_body.clone()),
    )
    .await;
    let connection = json!({
        "id": id, "state": "active", "proof": accept["proof"], "createdAt": lab.now(),
        "inviter": { "account": ada.account, "publication": publication(&ada_key, &ada_body) },
        "invitee": { "account": bob.account, "publication": publication(&bob_key, &bob_body) },
    });
    assert_eq!(
        lab.vault(&bob.token, "POST", "/connections", Some(accept.clone()))
            .await,
        (201, connection.clone())
    );
    assert_eq!(
        lab.vault(&bob.token, "POST", "/connections", Some(accept.clone()))
            .await,
        (200, connection.clone())
    );
    let mut other = accept.clone();
    other["proof"] = Value::Null;
    assert_eq!(
        code(
            &lab.vault(&bob.token, "POST", "/connections", Some(other))
                .await
        ),
        (410, "invitation_used")
    );
    // Whoever accepted may look again; nobody else.
    assert_eq!(
        lab.vault(&bob.token, "POST", &open, Some(json!({ "token": token })))
            .await,
        (200, opened)
    );
    let eve = lab.sign_up("eve").await;
    let late = lab
        .vault(&eve.token, "POST", &open, Some(json!({ "token": token })))
        .await;
    assert_eq!(code(&late), (410, "invitation_used"));

    for person in [&ada, &bob] {
        let path = format!("/connections/{id}");
        assert_eq!(
            lab.vault(&person.token, "GET", &path, None).await,
            (200, connection.clone())
        );
        let query = Some(json!({ "ids": [v7(), id] }));
        let items = json!({ "items": [connection] });
        assert_eq!(
            lab.vault(&person.token, "POST", "/connections/query", query)
                .await
                .1,
            items
        );
        let list = lab
            .vault(&person.token, "GET", "/connections", None)
            .await
            .1;
        assert_eq!(list, json!({ "items": [connection], "next": null }));
    }
    let cancelled = lab
        .vault(
            &ada.token,
            "POST",
            &format!("/invitations/{id}/cancel"),
            Some(json!({})),
        )
        .await;
    assert_eq!(code(&cancelled), (410, "invitation_used"));
}

#[tokio::test]
async fn invitations_that_are_over_say_why() {
    let lab = Lab::new().await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let key = lab.publish(&bob).await;
    let answers = |id: String, token: String| {
        let (lab, bob, key) = (&lab, &bob, &key);
        async move {
            let token_body = json!({ "token": token });
            let accept =
                json!({ "invitationId": id, "token": token, "publicKeyId": key, "proof": null });
            let open = lab
                .vault(
                    &bob.token,
                    "POST",
                    &format!("/invitations/{id}/open"),
                    Some(token_body.clone()),
                )
                .await;
            let accepted = lab
                .vault(&bob.token, "POST", "/connections", Some(accept))
                .await;
            let decline = lab
                .vault(
                    &bob.token,
                    "POST",
                    &format!("/invitations/{id}/decline"),
                    Some(token_body),
                )
                .await;
            assert_eq!((&open, &open), (&accepted, &decline));
            (open.0, open.1["error"]["code"].as_str().unwrap().to_owned())
        }
    };
    let state = |id: String| {
        let (lab, ada) = (&lab, &ada);
        async move {
            lab.vault(&ada.token, "GET", &format!("/invitations/{id}"), None)
                .await
                .1["state"]
                .clone()
        }
    };
    let (id, token) = lab.invite(&ada).await;
    let path = format!("/invitations/{id}/cancel");
    for _ in 0..2 {
        let (status, body) = lab.vault(&ada.token, "POST", &path, Some(json!({}))).await;
        assert_eq!((status, &body["state"]), (200, &json!("cancelled")));
    }
    assert_eq!(
        answers(id, token).await,
        (410, "invitation_cancelled".into())
    );

    let (id, token) = lab.invite(&ada).await;
    let decline = format!("/invitations/{id}/decline");
    for _ in 0..2 {
        assert_eq!(
            lab.vault(
                &eve.token,
                "POST",
                &decline,
                Some(json!({ "token": token }))
            )
            .await
            .0,
            204
        );
    }
    assert_eq!(state(id.clone()).await, "declined");
    assert_eq!(
        answers(id, token).await,
        (410, "invitation_declined".into())
    );

    let (id, token) = lab.invite(&ada).await;
    lab.pass(14 * DAY);
    let (ada_token, bob_token) = (lab.token(&ada).await, lab.token(&bob).await);
    let answer = lab
        .vault(
            &bob_token,
            "POST",
            &format!("/invitations/{id}/open"),
            Some(json!({ "token": token })),
        )
        .await;
    assert_eq!(code(&answer), (410, "invitation_expired"));
    let body = json!({ "invitationId": id, "token": token, "publicKeyId": key, "proof": null });
    let answer = lab
        .vault(&bob_token, "POST", "/connections", Some(body))
        .await;
    assert_eq!(code(&answer), (410, "invitation_expired"));
    let seen = lab
        .vault(&ada_token, "GET", &format!("/invitations/{id}"), None)
        .await
        .1;
    assert_eq!(seen["state"], "expired");
}

#[tokio::test]
async fn fifty_parallel_accepts_make_one_connection() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (id, token) = lab.invite(&ada).await;
    let people = join_all((0..10).map(|n| {
        let lab = &lab;
        async move {
            let person = lab.sign_up(&format!("person{n}")).await;
            let key = lab.publish(&person).await;
            (person, key)
        }
    }))
    .await;
    let tries = (0..50).map(|n| {
        let (person, key) = &people[n % 10];
        let body = json!({ "invitationId": id, "token": token, "publicKeyId": key, "proof": null });
        lab.vault(&person.token, "POST", "/connections", Some(body))
    });
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.0 == 201).count(), 1);
    // The winner's four repetitions answer like the first; everybody else is too late.
    assert_eq!(answers.iter().filter(|answer| answer.0 == 200).count(), 4);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| code(answer) == (410, "invitation_used"))
            .count(),
        45
    );
    let made = lab.vault(&ada.token, "GET", "/connections", None).await.1;
    assert_eq!(made["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn guessing_tokens_is_limited() {
    let lab = Lab::new().await;
    let (ada, eve) = (lab.sign_up("ada").await, lab.sign_up("eve").await);
    let (id, token) = lab.invite(&ada).await;
    let path = format!("/invitations/{id}/open");
    for _ in 0..30 {
        let guess = lab
            .vault(
                &eve.token,
                "POST",
                &path,
                Some(json!({ "token": random(16) })),
            )
            .await;
        assert_eq!(code(&guess), (404, "not_found"));
    }
    let right = Some(json!({ "token": token }));
    assert_eq!(
        code(&lab.vault(&eve.token, "POST", &path, right.clone()).await),
        (429, "rate_limited")
    );
    let bob = lab.sign_up("bob").await;
    assert_eq!(
        lab.vault(&bob.token, "POST", &path, right).await.0,
        200,
        "others are not held up"
    );
}

#[tokio::test]
async fn ended_connections_stay_in_sight() {
    let lab = Lab::new().await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let id = lab.connect(&ada, &bob).await;
    let path = format!("/connections/{id}");
    let none = lab
        .vault(&eve.token, "GET", &format!("/connections/{}", v7()), None)
        .await;
    assert_eq!(code(&none), (404, "not_found"));
    for method in ["GET", "DELETE"] {
        assert_eq!(lab.vault(&eve.token, method, &path, None).await, none);
    }
    let (mine, theirs) = (
        lab.share(&ada, &id, None).await,
        lab.share(&bob, &id, None).await,
    );
    for person in [&bob, &ada] {
        assert_eq!(lab.vault(&person.token, "DELETE", &path, None).await.0, 204);
    }
    for person in [&ada, &bob] {
        let list = lab
            .vault(&person.token, "GET", "/connections", None)
            .await
            .1;
        assert_eq!(list["items"][0]["state"], "ended");
        for share in [&mine, &theirs] {
            let found = lab
                .vault(
                    &person.token,
                    "POST",
                    "/shares/query",
                    Some(json!({ "ids": [share] })),
                )
                .await
                .1;
            assert_eq!(found["results"][0]["error"]["code"], "not_found");
        }
        let new = Some(json!({ "shares": [new_share(&id, None)] }));
        let made = lab.vault(&person.token, "POST", "/shares", new).await.1;
        assert_eq!(made["results"][0]["error"]["code"], "not_found");
    }
}
