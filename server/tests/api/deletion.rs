//! The end of an account, in both services.

use std::collections::BTreeSet;

use crate::common::*;
use crate::credentials::{recover, session};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// The text of every row of a table that holds `needle`.
async fn rows(url: &str, sql: &'static str, needle: &str) -> i64 {
    let pool = database(url).await;
    let count = sqlx::query_scalar(sql)
        .bind(needle)
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    count
}

#[tokio::test]
async fn the_keystore_forgets_an_account() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let other = session(&lab, &ada.email, &ada.passphrase).await;
    let key = json!({ "key": jwe("key"), "note": jwe("note") });
    let path = format!("/connections/{}", v7());
    lab.keystore(&ada.session, "PUT", &path, Some(key.clone()))
        .await;
    let (sent, received) = (new_space(&bob, None), new_space(&ada, None));
    for (person, space) in [(&ada, &sent), (&bob, &received)] {
        let body = json!({ "spaces": [space] });
        let answer = lab
            .keystore(&person.session, "POST", "/spaces", Some(body))
            .await;
        assert_eq!(answer.1["results"][0]["error"], Value::Null);
    }
    let body = claims(&received, "claim");
    let (_, claimed) = lab
        .keystore(&ada.session, "PUT", "/spaces/claims", body)
        .await;
    assert_eq!(claimed["results"][0]["error"], Value::Null);

    let delete = || lab.keystore(&ada.session, "DELETE", "/account", None);
    assert_eq!(delete().await, (204, Value::Null));
    assert_eq!(delete().await, (204, Value::Null), "repeated");
    for session in [&ada.session, &other] {
        let answer = lab.keystore(session, "GET", "/connections", None).await;
        assert_eq!(code(&answer), (401, "session_expired"));
        let answer = lab
            .keystore(session, "POST", "/sign-out", Some(json!({})))
            .await;
        assert_eq!(code(&answer), (401, "session_expired"));
    }
    let answer = lab.keystore(&other, "DELETE", "/account", None).await;
    assert_eq!(code(&answer), (401, "session_expired"));
    let recovery = recover(&lab, &ada.email, &recovery_auth(&ada.email)).await;
    assert_eq!(code(&recovery), (401, "wrong_credentials"));
    assert_eq!(recover(&lab, &ada.account, &random(32)).await.0, 400);
    let (_, finish) = sign_in_body(
        &lab.http,
        lab.server.keystore_url(),
        &ada.email,
        &ada.passphrase,
    )
    .await;
    assert!(finish.is_none(), "nobody has this email");

    // Bob keeps what he sent, and sees no more of what he got.
    let ids = json!({ "ids": [sent["id"], received["id"]] });
    let (_, found) = lab
        .keystore(&bob.session, "POST", "/spaces/query", Some(ids))
        .await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["id"], received["id"]);
    assert_eq!(found["items"][0]["own"], received["own"]);
    for (sql, left) in [
        ("SELECT COUNT(*) FROM connection_keys WHERE account = $1", 0),
        ("SELECT COUNT(*) FROM logins WHERE account = $1", 0),
        ("SELECT COUNT(*) FROM sessions WHERE account = $1", 1),
        (
            "SELECT COUNT(*) FROM spaces WHERE sender = $1 AND (own <> '' OR peer <> '' OR claim IS NOT NULL \
             OR share IS NOT NULL OR sent IS NOT NULL OR tag IS NOT NULL OR live <> 0)",
            0,
        ),
        (
            "SELECT COUNT(*) FROM spaces WHERE recipient = $1 AND (peer <> '' OR claim IS NOT NULL)",
            0,
        ),
        (
            "SELECT COUNT(*) FROM accounts WHERE id = $1 AND (login <> id OR email IS NOT NULL OR opaque_record <> '' \
             OR kek_passphrase <> '' OR kek_recovery <> '' OR vault_key <> '' OR signing_key <> '' \
             OR recovery_verifier <> '' OR setup IS NOT NULL)",
            0,
        ),
    ] {
        assert_eq!(
            rows(&lab.keystore_db, sql, &ada.account).await,
            left,
            "{sql}"
        );
    }
    assert_eq!(
        rows(
            &lab.keystore_db,
            "SELECT COUNT(*) FROM accounts WHERE login = $1",
            &ada.email
        )
        .await,
        0
    );

    // The id stays taken, the email is free.
    let keystore = lab.server.keystore_url();
    let mut again = sign_up_body(&lab.http, keystore, &ada.email, "secret").await;
    let fresh = std::mem::replace(&mut again["accountId"], json!(ada.account));
    let refused = lab.open_keystore("/sign-up/finish", again.clone()).await;
    assert_eq!(code(&refused), (409, "conflict"));
    again["accountId"] = fresh;
    assert_eq!(lab.open_keystore("/sign-up/finish", again).await.0, 201);
    assert_eq!(
        delete().await.0,
        204,
        "the new account has nothing to do with it"
    );
    assert!(sign_in(&lab.http, keystore, &ada.email, "secret").await.0 == 200);
    lab.pass(30 * DAY);
    assert_eq!(code(&delete().await), (401, "session_expired"));
}

#[tokio::test]
async fn the_vault_forgets_an_account_and_tells_its_peers() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let ended = lab.connect(&bob, &ada).await;
    lab.vault(&bob.token, "DELETE", &format!("/connections/{ended}"), None)
        .await;
    let (to_bob, to_ada) = (
        lab.share(&ada, &connection, None).await,
        lab.share(&bob, &connection, None).await,
    );
    let read = json!({ "reads": [{ "id": to_bob, "edition": 1 }] });
    lab.vault(&bob.token, "PUT", "/shares/read", Some(read))
        .await;
    let (invitation, token) = lab.invite(&ada).await;
    let (from_bob, token_of_bob) = lab.invite(&bob).await;
    let card = format!("/cards/{}", v7());
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    lab.vault(&ada.token, "PUT", &card, Some(body.clone()))
        .await;
    let key = lab.publish(&ada).await;
    let mail = mail_invitation(&key, "carol@example.org", lab.now() + DAY);
    let mailed = format!("/invitations/{}", v7());
    lab.vault(&ada.token, "PUT", &mailed, Some(mail)).await;
    let seen = "SELECT COALESCE(MAX(seq), 0) FROM events WHERE account = $1";
    let before = rows(&lab.vault_db, seen, &bob.account).await;

    let proof = lab.proof(&ada).await;
    let delete = || lab.vault(&proof, "DELETE", "/account", None);
    assert_eq!(delete().await, (204, Value::Null));
    let after = rows(&lab.vault_db, seen, &bob.account).await;
    assert_eq!(delete().await, (204, Value::Null), "repeated");
    assert_eq!(rows(&lab.vault_db, seen, &bob.account).await, after);

    // No token speaks for Ada any more, not even one that was made at the same time.
    for token in [&ada.token, &lab.token(&ada).await] {
        for (method, path, body) in [
            ("GET", "/cards".to_owned(), None),
            ("GET", "/events".to_owned(), None),
            ("PUT", card.clone(), Some(body.clone())),
            (
                "POST",
                format!("/invitations/{from_bob}/open"),
                Some(json!({ "token": token_of_bob })),
            ),
        ] {
            let answer = lab.vault(token, method, &path, body).await;
            assert_eq!(code(&answer), (401, "session_expired"), "{method} {path}");
        }
    }

    // Bob is told of what ended, once, and finds nothing else.
    let pool = database(&lab.vault_db).await;
    let told: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, record FROM events WHERE account = $1 AND seq > $2")
            .bind(&bob.account)
            .bind(before)
            .fetch_all(&pool)
            .await
            .unwrap();
    pool.close().await;
    let told: BTreeSet<(&str, &str)> = told
        .iter()
        .map(|(kind, record)| (kind.as_str(), record.as_str()))
        .collect();
    let expected = [("connection", connection.as_str())];
    assert_eq!(
        told,
        expected.into(),
        "the shares end with their connection"
    );
    let ids = json!({ "ids": [to_bob, to_ada] });
    let (_, found) = lab
        .vault(&bob.token, "POST", "/shares/query", Some(ids))
        .await;
    for result in found["results"].as_array().unwrap() {
        assert_eq!(result["error"]["code"], "not_found");
    }
    let path = format!("/connections/{connection}");
    let (_, stored) = lab.vault(&bob.token, "GET", &path, None).await;
    assert_eq!(stored["state"], "ended");
    let open = lab
        .vault(
            &bob.token,
            "POST",
            &format!("/invitations/{invitation}/open"),
            Some(json!({ "token": token })),
        )
        .await;
    assert_eq!(code(&open), (404, "not_found"));
    let share = json!({ "shares": [new_share(&connection, None)] });
    let (_, refused) = lab.vault(&bob.token, "POST", "/shares", Some(share)).await;
    assert_eq!(refused["results"][0]["error"]["code"], "not_found");

    for sql in [
        "SELECT COUNT(*) FROM cards WHERE account = $1",
        "SELECT COUNT(*) FROM events WHERE account = $1",
        "SELECT COUNT(*) FROM outbox WHERE account = $1",
        "SELECT COUNT(*) FROM invitations WHERE inviter = $1 AND (state = 'pending' OR token_hash <> '' OR email IS NOT NULL)",
        "SELECT COUNT(*) FROM shares WHERE (sender = $1 OR recipient = $1) AND (share <> '' OR read_edition IS NOT NULL \
         OR read_at IS NOT NULL OR deleted_at IS NULL)",
        "SELECT COUNT(*) FROM connections WHERE (inviter = $1 OR invitee = $1) AND ended_at IS NULL",
        "SELECT COUNT(*) FROM spaces WHERE deleted_at IS NULL AND connection_id IN \
         (SELECT id FROM connections WHERE inviter = $1 OR invitee = $1)",
    ] {
        assert_eq!(rows(&lab.vault_db, sql, &ada.account).await, 0, "{sql}");
    }
}

#[tokio::test]
async fn nothing_is_made_for_an_account_that_goes() {
    let lab = Lab::new().await;
    for round in 0..10 {
        let ada = lab.sign_up(&format!("ada{round}")).await;
        let bob = lab.sign_up(&format!("bob{round}")).await;
        let connection = lab.connect(&ada, &bob).await;
        let (invitation, token) = lab.invite(&ada).await;
        let key = lab.publish(&bob).await;
        let ada_key = lab.publish(&ada).await;
        let mut calls = Vec::new();
        for _ in 0..3 {
            let card = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
            calls.push((&ada, "PUT", format!("/cards/{}", v7()), card));
            let link = link_invitation(&ada_key, &random(16), lab.now() + DAY);
            calls.push((&ada, "PUT", format!("/invitations/{}", v7()), link));
            for person in [&ada, &bob] {
                let share = json!({ "shares": [new_share(&connection, None)] });
                calls.push((person, "POST", "/shares".to_owned(), share));
            }
        }
        let accept = json!({ "invitationId": invitation, "token": token, "publicKeyId": key, "proof": null });
        calls.push((&bob, "POST", "/connections".to_owned(), accept));
        let calls = calls.into_iter().map(|(person, method, path, body)| {
            let lab = &lab;
            async move { lab.vault(&person.token, method, &path, Some(body)).await }
        });
        let keys = (0..4).map(|_| {
            let body = json!({ "key": jwe("key"), "note": jwe("note") });
            let (lab, ada) = (&lab, &ada);
            async move {
                let path = format!("/connections/{}", v7());
                lab.keystore(&ada.session, "PUT", &path, Some(body)).await
            }
        });
        let spaces = (0..4).map(|_| {
            let body = json!({ "spaces": [new_space(&bob, None)] });
            lab.keystore(&ada.session, "POST", "/spaces", Some(body))
        });
        let proof = lab.proof(&ada).await;
        let (gone, gone_too, made, keys, spaces) = tokio::join!(
            lab.vault(&proof, "DELETE", "/account", None),
            lab.keystore(&ada.session, "DELETE", "/account", None),
            join_all(calls),
            join_all(keys),
            join_all(spaces),
        );
        assert_eq!((gone.0, gone_too.0), (204, 204));
        for answer in made.iter().chain(&keys).chain(&spaces) {
            assert!(answer.0 < 500, "{answer:?}");
        }
        for sql in [
            "SELECT COUNT(*) FROM cards WHERE account = $1",
            "SELECT COUNT(*) FROM invitations WHERE inviter = $1 AND state = 'pending'",
            "SELECT COUNT(*) FROM shares WHERE (sender = $1 OR recipient = $1) AND (share <> '' OR read_edition IS NOT NULL \
         OR read_at IS NOT NULL OR deleted_at IS NULL)",
            "SELECT COUNT(*) FROM connections WHERE (inviter = $1 OR invitee = $1) AND ended_at IS NULL",
        ] {
            assert_eq!(rows(&lab.vault_db, sql, &ada.account).await, 0, "{sql}");
        }
        for sql in [
            "SELECT COUNT(*) FROM connection_keys WHERE account = $1",
            "SELECT COUNT(*) FROM spaces WHERE sender = $1 AND deleted_at IS NULL",
        ] {
            assert_eq!(rows(&lab.keystore_db, sql, &ada.account).await, 0, "{sql}");
        }
    }
}

/// The code of a deletion at the Vault, and whether Ada's card is still there.
async fn deletes(lab: &Lab, token: &str, card: &str, watcher: &str) -> (u16, bool) {
    let (status, _) = lab.vault(token, "DELETE", "/account", None).await;
    let (found, _) = lab.vault(watcher, "GET", card, None).await;
    (status, found == 200)
}

#[tokio::test]
async fn the_vault_deletes_nothing_without_a_fresh_proof() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let card = format!("/cards/{}", v7());
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    lab.vault(&ada.token, "PUT", &card, Some(body)).await;
    let ask = json!({ "audience": lab.server.vault_url() });

    // A token that reads and writes deletes nothing, at once or after a sign-out.
    let signed_in = crate::credentials::session(&lab, &ada.email, &ada.passphrase).await;
    let (keystore, vault) = (lab.server.keystore_url(), lab.server.vault_url());
    let other = token(&lab.http, keystore, vault, &signed_in).await;
    let got = deletes(&lab, &other, &card, &ada.token).await;
    println!("a token of a fresh session: {got:?}");
    assert_eq!(got, (401, true));
    lab.keystore(&signed_in, "POST", "/sign-out", Some(json!({})))
        .await;
    let got = deletes(&lab, &other, &card, &ada.token).await;
    println!("the same after a sign-out: {got:?}");
    assert_eq!(got, (401, true));
    let late = lab
        .keystore(&signed_in, "POST", "/tokens/proof", Some(ask.clone()))
        .await;
    assert_eq!(code(&late), (401, "session_expired"), "signed out");

    // A proof does nothing else, and ends five minutes after the passphrase was proven.
    lab.pass(2 * 60_000);
    let proof = lab.proof(&ada).await;
    let read = lab.vault(&proof, "GET", &card, None).await;
    assert_eq!(code(&read), (401, "session_expired"));
    lab.pass(3 * 60_000);
    let young = lab.token(&ada).await;
    let got = deletes(&lab, &proof, &card, &young).await;
    println!("a proof of five minutes ago: {got:?}");
    assert_eq!(got, (401, true));
    lab.pass(1);
    let stale = lab
        .keystore(&ada.session, "POST", "/tokens/proof", Some(ask))
        .await;
    assert_eq!(
        code(&stale),
        (401, "session_expired"),
        "as a page's that was locked"
    );
    let got = deletes(&lab, &young, &card, &young).await;
    assert_eq!(got, (401, true));

    let session = crate::credentials::session(&lab, &ada.email, &ada.passphrase).await;
    let fresh = lab.proof(&Person { session, ..ada }).await;
    assert_eq!(deletes(&lab, &fresh, &card, &young).await, (204, false));
}

#[tokio::test]
async fn an_account_that_the_keystore_still_has_begins_anew() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let card = format!("/cards/{}", v7());
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    let write = async |token: &str| lab.vault(token, "PUT", &card, Some(body.clone())).await.0;
    assert_eq!(write(&ada.token).await, 201);
    let delete = async |token: &str| lab.vault(token, "DELETE", "/account", None).await.0;
    let proof = lab.proof(&ada).await;
    assert_eq!(delete(&proof).await, 204);

    // Clocks may differ by a minute: what may have been made before the deletion is worth nothing after it.
    lab.pass(60_000);
    for old in [&ada.token, &lab.token(&ada).await] {
        assert_eq!(write(old).await, 401);
    }
    lab.pass(1000);
    let token = lab.token(&ada).await;
    let (status, cards) = lab.vault(&token, "GET", "/cards", None).await;
    assert_eq!((status, &cards["items"]), (200, &json!([])));
    assert_eq!(write(&token).await, 201);
    assert_eq!(write(&ada.token).await, 401);

    // The proof of before does nothing any more, another one does.
    assert_eq!(delete(&proof).await, 204);
    assert_eq!(write(&token).await, 200, "the card is there");
    assert_eq!(delete(&lab.proof(&ada).await).await, 204);
    assert_eq!(write(&token).await, 401);
    let cards = "SELECT COUNT(*) FROM cards WHERE account = $1";
    assert_eq!(rows(&lab.vault_db, cards, &ada.account).await, 0);
}

#[tokio::test]
async fn the_vaults_part_can_follow_the_keystores() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let card = format!("/cards/{}", v7());
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    lab.vault(&ada.token, "PUT", &card, Some(body)).await;
    let gone = lab.keystore(&ada.session, "DELETE", "/account", None).await;
    assert_eq!(gone.0, 204);
    lab.pass(DAY);
    let proof = lab.proof(&ada).await;
    assert_eq!(lab.vault(&proof, "DELETE", "/account", None).await.0, 204);
    let cards = "SELECT COUNT(*) FROM cards WHERE account = $1";
    assert_eq!(rows(&lab.vault_db, cards, &ada.account).await, 0);
}
