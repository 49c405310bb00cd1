//! Encryption spaces.

use crate::common::*;
use serde_json::{Value, json};

#[tokio::test]
async fn spaces_show_each_person_their_own_copy() {
    let lab = Lab::new().await;
    let (ada, bob, eve) = (
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("eve").await,
    );
    let space = new_space(&bob, Some(lab.now() + 1000));
    let body = json!({ "spaces": [space, new_space(&ada, None)] });
    let (status, made) = lab
        .keystore(&ada.session, "POST", "/spaces", Some(body.clone()))
        .await;
    assert_eq!(
        (status, &made["results"][0]),
        (200, &json!({ "id": space["id"], "error": null }))
    );
    assert_eq!(
        made["results"][1]["error"]["code"], "bad_input",
        "one's own recipient"
    );
    assert_eq!(
        lab.keystore(&ada.session, "POST", "/spaces", Some(body))
            .await
            .1,
        made,
        "repeated"
    );
    let mut other = space.clone();
    other["peer"] = json!(jwe("another"));
    let other = Some(json!({ "spaces": [other] }));
    let made = lab.keystore(&ada.session, "POST", "/spaces", other).await.1;
    assert_eq!(made["results"][0]["error"]["code"], "conflict");

    let id = space["id"].as_str().unwrap();
    let query = |session: String| {
        let body = json!({ "ids": [space["id"]] });
        let lab = &lab;
        async move {
            lab.keystore(&session, "POST", "/spaces/query", Some(body))
                .await
                .1
        }
    };
    let (created, expires) = (lab.now(), &space["expiresAt"]);
    let sender = json!({
        "id": id, "connectionId": space["connectionId"], "role": "sender", "recipient": bob.account,
        "own": space["own"], "share": space["share"], "sent": space["sent"], "sentVersion": 1, "tag": space["tag"],
        "live": false, "claimedAt": null, "createdAt": created, "expiresAt": expires,
    });
    let recipient = json!({
        "id": id, "connectionId": space["connectionId"], "role": "recipient", "sender": ada.account,
        "peer": space["peer"], "claim": null, "createdAt": created, "expiresAt": expires,
    });
    assert_eq!(
        query(ada.session.clone()).await,
        json!({ "items": [sender], "rest": [] })
    );
    assert_eq!(
        query(bob.session.clone()).await,
        json!({ "items": [recipient], "rest": [] })
    );
    assert_eq!(
        query(eve.session.clone()).await,
        json!({ "items": [], "rest": [] })
    );

    let claim = |session: String, text: &'static str| {
        let (lab, body) = (&lab, claims(&space, text));
        async move {
            let made = lab.keystore(&session, "PUT", "/spaces/claims", body).await;
            made.1["results"][0]["error"]["code"].clone()
        }
    };
    assert_eq!(claim(eve.session.clone(), "eve").await, "not_found");
    let by_sender = claim(ada.session.clone(), "ada").await;
    assert_eq!(by_sender, "not_found", "the sender claims nothing");
    assert_eq!(claim(bob.session.clone(), "first").await, Value::Null);
    lab.pass(10);
    assert_eq!(claim(bob.session.clone(), "second").await, Value::Null);
    assert_eq!(
        query(bob.session.clone()).await["items"][0]["claim"],
        jwe("second"),
        "a claim that does not open can be replaced"
    );
    assert_eq!(
        query(ada.session.clone()).await["items"][0]["claimedAt"],
        created
    );

    lab.pass(990);
    assert_eq!(
        query(bob.session.clone()).await,
        json!({ "items": [], "rest": [] }),
        "over"
    );
    assert_eq!(claim(bob.session.clone(), "late").await, "not_found");
    assert_eq!(
        query(ada.session.clone()).await["items"][0]["own"],
        space["own"]
    );
}

#[tokio::test]
async fn deleted_spaces_are_gone_and_stay_taken() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let space = new_space(&bob, None);
    let path = format!("/spaces/{}", space["id"].as_str().unwrap());
    let create = Some(json!({ "spaces": [space] }));
    lab.keystore(&ada.session, "POST", "/spaces", create.clone())
        .await;
    let stranger = lab.keystore(&bob.session, "DELETE", &path, None).await;
    assert_eq!(
        stranger,
        lab.keystore(&bob.session, "DELETE", &format!("/spaces/{}", v7()), None)
            .await
    );
    assert_eq!(code(&stranger), (404, "not_found"));
    for _ in 0..2 {
        assert_eq!(
            lab.keystore(&ada.session, "DELETE", &path, None).await.0,
            204
        );
    }
    for person in [&ada, &bob] {
        let found = lab
            .keystore(
                &person.session,
                "POST",
                "/spaces/query",
                Some(json!({ "ids": [space["id"]] })),
            )
            .await;
        assert_eq!(found.1, json!({ "items": [], "rest": [] }));
    }
    let again = lab
        .keystore(&ada.session, "POST", "/spaces", create)
        .await
        .1;
    assert_eq!(again["results"][0]["error"]["code"], "conflict");
}

#[tokio::test]
async fn the_spaces_of_a_connection_are_deleted_together() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = v7();
    let of_connection = |recipient| {
        let mut space = new_space(recipient, None);
        space["connectionId"] = json!(connection);
        space
    };
    let hers = [of_connection(&bob), of_connection(&bob)];
    let (other, his) = (new_space(&bob, None), of_connection(&ada));
    for (person, spaces) in [
        (&ada, json!([hers[0], hers[1], other])),
        (&bob, json!([his])),
    ] {
        let body = Some(json!({ "spaces": spaces }));
        let made = lab.keystore(&person.session, "POST", "/spaces", body).await;
        assert_eq!(made.1["results"][0]["error"], Value::Null);
    }
    let body = claims(&hers[0], "claim");
    lab.keystore(&bob.session, "PUT", "/spaces/claims", body)
        .await;

    let delete = |person: &Person, connection: &str| {
        let (lab, session) = (&lab, person.session.clone());
        let path = format!("/connections/{connection}/spaces");
        async move { lab.keystore(&session, "DELETE", &path, None).await.0 }
    };
    let eve = lab.sign_up("eve").await;
    assert_eq!(delete(&eve, &connection).await, 204, "she has none");
    assert_eq!(delete(&ada, &v7()).await, 204);
    let all = json!({ "ids": [hers[0]["id"], hers[1]["id"], other["id"], his["id"]] });
    let seen = async |person: &Person| {
        let found = lab
            .keystore(&person.session, "POST", "/spaces/query", Some(all.clone()))
            .await;
        let items = found.1["items"].as_array().unwrap().clone();
        items.into_iter().map(|item| item["id"].clone()).collect()
    };
    let before: Vec<Value> = seen(&ada).await;
    assert_eq!(before.len(), 4, "nobody else deletes anything");

    for _ in 0..2 {
        assert_eq!(delete(&ada, &connection).await, 204);
    }
    for person in [&ada, &bob] {
        let mut left: Vec<Value> = seen(person).await;
        left.sort_by_key(Value::to_string);
        let mut kept = vec![other["id"].clone(), his["id"].clone()];
        kept.sort_by_key(Value::to_string);
        assert_eq!(left, kept, "another connection's, and those that he made");
    }
    let again = Some(json!({ "spaces": [hers[0]] }));
    let again = lab.keystore(&ada.session, "POST", "/spaces", again).await.1;
    assert_eq!(again["results"][0]["error"]["code"], "conflict");
}
