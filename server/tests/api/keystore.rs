//! The Keystore's routes.

use crate::common::*;
use serde_json::json;

#[tokio::test]
async fn sign_up_and_in() {
    let lab = Lab::new().await;
    let keystore = lab.server.keystore_url();
    let body = sign_up_body(&lab.http, keystore, " Ada@Example.org", "secret").await;
    let first = lab.open_keystore("/sign-up/finish", body.clone()).await;
    assert_eq!(first.0, 201);
    assert_eq!(first.1["accountId"], body["accountId"]);
    assert_eq!(first.1["expiresAt"], lab.now() + 30 * DAY);
    assert_eq!(decode(&first.1["session"]).len(), 32);

    // The same bytes again: the same account, another session.
    let again = lab.open_keystore("/sign-up/finish", body.clone()).await;
    assert_eq!((again.0, &again.1["accountId"]), (201, &body["accountId"]));
    assert_ne!(again.1["session"], first.1["session"]);

    let mut other = body.clone();
    other["vaultKey"] = json!(jwe("another"));
    assert_eq!(
        code(&lab.open_keystore("/sign-up/finish", other).await),
        (409, "email_taken")
    );
    let mut other = sign_up_body(&lab.http, keystore, "somebody@example.org", "secret").await;
    other["accountId"] = body["accountId"].clone();
    assert_eq!(
        code(&lab.open_keystore("/sign-up/finish", other).await),
        (409, "conflict")
    );

    let (status, signed_in) = sign_in(&lab.http, keystore, "ADA@example.org ", "secret").await;
    assert_eq!(
        (status, &signed_in),
        (
            200,
            &json!({
                "accountId": body["accountId"], "email": "ada@example.org", "session": signed_in["session"],
                "expiresAt": lab.now() + 30 * DAY, "kekPassphrase": body["kekPassphrase"],
                "vaultKey": body["vaultKey"], "signingKey": body["signingKey"], "credentialsVersion": 1, "failedSignIns": 0,
            })
        )
    );
}

#[tokio::test]
async fn an_address_has_one_account_however_it_is_typed() {
    let lab = Lab::with(|config| config.rate_limits = false).await;
    let keystore = lab.server.keystore_url();
    let body = sign_up_body(&lab.http, keystore, "Anna@b\u{fc}cher.example", "secret").await;
    assert_eq!(lab.open_keystore("/sign-up/finish", body).await.0, 201);
    for same in [
        "anna@xn--bcher-kva.example",
        "ANNA@XN--BCHER-KVA.EXAMPLE",
        "anna@bu\u{308}cher.example.",
        "\u{200f}anna@b\u{fc}cher.example\u{200b}",
        "\u{feff}anna＠bücher．example\u{a0}",
    ] {
        let start = sign_up_start(keystore, same);
        let answer = lab.open_keystore("/sign-up/start", start).await;
        assert_eq!(code(&answer), (409, "email_taken"), "{same:?}");
        let (status, body) = sign_in(&lab.http, keystore, same, "secret").await;
        assert_eq!(
            (status, &body["email"]),
            (200, &json!("anna@xn--bcher-kva.example")),
            "{same:?}"
        );
    }
    for wrong in [
        "an\u{200b}na@x",
        "anna@b\u{200f}x",
        "<anna@x>",
        "anna@127.0.0.1",
    ] {
        let answer = lab
            .open_keystore("/sign-up/start", sign_up_start(keystore, wrong))
            .await;
        assert_eq!(code(&answer), (400, "bad_input"), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_taken_email_is_told_at_once() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let answer = lab
        .open_keystore(
            "/sign-up/start",
            sign_up_start(lab.server.keystore_url(), " ADA@example.org"),
        )
        .await;
    assert_eq!(code(&answer), (409, "email_taken"));
    assert_eq!(
        lab.open_keystore(
            "/sign-up/start",
            sign_up_start(lab.server.keystore_url(), "new@example.org")
        )
        .await
        .0,
        200
    );
    let mut broken = sign_up_start(lab.server.keystore_url(), &ada.email);
    broken["registrationRequest"] = json!("AAAA");
    assert_eq!(
        code(&lab.open_keystore("/sign-up/start", broken).await),
        (400, "bad_input")
    );
}

#[tokio::test]
async fn unknown_emails_look_like_known_ones() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let keystore = lab.server.keystore_url();
    let (known, fits) = sign_in_body(&lab.http, keystore, &ada.email, &ada.passphrase).await;
    assert!(fits.is_some());
    let (unknown, never) = sign_in_body(&lab.http, keystore, "nobody@example.org", "x").await;
    assert!(never.is_none());
    let shape = |body: &serde_json::Value| {
        let members: Vec<_> = body
            .as_object()
            .unwrap()
            .iter()
            .map(|(k, v)| (k.clone(), v.to_string().len()))
            .collect();
        members
    };
    assert_eq!(shape(&known), shape(&unknown));
    let finish =
        |login: &serde_json::Value| json!({ "login": login, "credentialFinalization": random(64) });
    let wrong = lab
        .open_keystore("/sign-in/finish", finish(&known["login"]))
        .await;
    assert_eq!(code(&wrong), (401, "wrong_credentials"));
    assert_eq!(
        lab.open_keystore("/sign-in/finish", finish(&unknown["login"]))
            .await,
        wrong
    );
    assert_eq!(
        lab.open_keystore("/sign-in/finish", finish(&json!(random(16))))
            .await,
        wrong
    );
}

#[tokio::test]
async fn a_login_is_good_for_one_session_and_two_minutes() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let keystore = lab.server.keystore_url();
    let begin = || sign_in_body(&lab.http, keystore, &ada.email, &ada.passphrase);
    let (_, finish) = begin().await;
    let finish = finish.unwrap();
    let first = lab.open_keystore("/sign-in/finish", finish.clone()).await;
    assert_eq!(first.0, 200);
    lab.pass(119_999);
    // The same bytes again: the same answer, with another session in place of the first one.
    let again = lab.open_keystore("/sign-in/finish", finish.clone()).await;
    let mut expected = first.clone();
    expected.1["session"] = again.1["session"].clone();
    expected.1["expiresAt"] = json!(lab.now() + 30 * DAY);
    assert_eq!(again, expected);
    let works = async |answer: &Answer| {
        let session = answer.1["session"].as_str().unwrap();
        lab.keystore(session, "GET", "/connections", None).await.0
    };
    assert_eq!((works(&first).await, works(&again).await), (401, 200));
    lab.pass(1);
    let late = lab.open_keystore("/sign-in/finish", finish.clone()).await;
    assert_eq!(code(&late), (401, "wrong_credentials"));
    assert_eq!(works(&again).await, 200);

    // A wrong message ends the login.
    let (_, finish) = begin().await;
    let finish = finish.unwrap();
    let mut wrong = finish.clone();
    wrong["credentialFinalization"] = json!(random(64));
    for body in [wrong, finish] {
        let refused = lab.open_keystore("/sign-in/finish", body).await;
        assert_eq!(code(&refused), (401, "wrong_credentials"));
    }

    // So does signing out.
    let (_, finish) = begin().await;
    let finish = finish.unwrap();
    let (_, signed_in) = lab.open_keystore("/sign-in/finish", finish.clone()).await;
    let session = signed_in["session"].as_str().unwrap();
    let signed_out = lab
        .keystore(session, "POST", "/sign-out", Some(json!({})))
        .await;
    assert_eq!(signed_out.0, 204);
    let refused = lab.open_keystore("/sign-in/finish", finish).await;
    assert_eq!(code(&refused), (401, "wrong_credentials"));
}

#[tokio::test]
async fn one_message_sent_many_times_makes_one_session() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let keystore = lab.server.keystore_url();
    let (_, finish) = sign_in_body(&lab.http, keystore, &ada.email, &ada.passphrase).await;
    let sent = (0..10).map(|_| lab.open_keystore("/sign-in/finish", finish.clone().unwrap()));
    let answers = futures_util::future::join_all(sent).await;
    let mut good = 0;
    for (status, body) in answers {
        assert_eq!(status, 200, "{body}");
        let session = body["session"].as_str().unwrap();
        let (status, _) = lab.keystore(session, "GET", "/connections", None).await;
        good += usize::from(status == 200);
    }
    assert_eq!(good, 1);
}

#[tokio::test]
async fn sessions_end() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (_, other) = sign_in(
        &lab.http,
        lab.server.keystore_url(),
        &ada.email,
        &ada.passphrase,
    )
    .await;
    let other = other["session"].as_str().unwrap();
    assert_eq!(
        lab.keystore(other, "POST", "/sign-out", Some(json!({})))
            .await
            .0,
        204
    );
    assert_eq!(
        code(&lab.keystore(other, "GET", "/connections", None).await),
        (401, "session_expired")
    );
    lab.pass(30 * DAY - 1);
    assert_eq!(
        lab.keystore(&ada.session, "GET", "/connections", None)
            .await
            .0,
        200
    );
    lab.pass(1);
    assert_eq!(
        code(
            &lab.keystore(&ada.session, "GET", "/connections", None)
                .await
        ),
        (401, "session_expired")
    );
}

#[tokio::test]
async fn only_hashes_of_secrets_are_stored() {
    // In files, which can be searched whatever the tables are.
    let lab = Lab::with(|config| config.keystore_db = None).await;
    let ada = lab.sign_up("ada").await;
    let (login, _) = sign_in_body(
        &lab.http,
        lab.server.keystore_url(),
        &ada.email,
        &ada.passphrase,
    )
    .await;
    let mut stored = Vec::new();
    for entry in std::fs::read_dir(lab.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            stored.extend(std::fs::read(path).unwrap());
        }
    }
    let holds = |text: &str| {
        stored
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds(&ada.account), "the search finds what is there");
    assert!(!holds(&ada.session));
    assert!(!holds(login["login"].as_str().unwrap()));
}

#[tokio::test]
async fn tokens_are_for_known_audiences() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let foreign = json!({ "audience": "https://vault.example" });
    assert_eq!(
        code(
            &lab.keystore(&ada.session, "POST", "/tokens", Some(foreign))
                .await
        ),
        (400, "bad_input")
    );
    let local = lab.server.vault_url().replace("127.0.0.1", "localhost");
    let (status, body) = lab
        .keystore(
            &ada.session,
            "POST",
            "/tokens",
            Some(json!({ "audience": local })),
        )
        .await;
    assert_eq!(
        (status, &body["expiresAt"]),
        (200, &json!(lab.now() + 300_000))
    );

    let parts: Vec<&str> = body["token"].as_str().unwrap().split('.').collect();
    let part =
        |n: usize| serde_json::from_slice::<serde_json::Value>(&decode(&json!(parts[n]))).unwrap();
    let (_, jwks) = lab
        .call(
            "GET",
            &format!("{}/v1/jwks", lab.server.keystore_url()),
            None,
            None,
        )
        .await;
    let key = &jwks["keys"][0];
    let expected = json!({ "kty": "OKP", "crv": "Ed25519", "x": key["x"], "kid": key["kid"], "use": "sig", "alg": "EdDSA" });
    assert_eq!(jwks, json!({ "keys": [expected] }));
    assert_eq!(
        part(0),
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": key["kid"] })
    );
    let seconds = lab.now() / 1000;
    assert_eq!(
        part(1),
        json!({
            "iss": lab.server.keystore_url(), "aud": local, "sub": ada.account, "email": ada.email,
            "email_verified": false, "iat": seconds, "exp": seconds + 300, "proof": null,
        })
    );
    assert_eq!(
        lab.vault(body["token"].as_str().unwrap(), "GET", "/cards", None)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn connection_keys() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (id, body) = (v7(), json!({ "key": jwe("key"), "note": jwe("note 1") }));
    let path = format!("/connections/{id}");
    let put = |body: serde_json::Value| lab.keystore(&ada.session, "PUT", &path, Some(body));
    assert_eq!(put(body.clone()).await, (201, json!({ "version": 1 })));
    assert_eq!(put(body.clone()).await, (200, json!({ "version": 1 })));
    let other = json!({ "key": jwe("key"), "note": jwe("another") });
    assert_eq!(code(&put(other).await), (409, "conflict"));

    let record = json!({ "id": id, "key": body["key"], "note": body["note"], "version": 1, "createdAt": lab.now() });
    assert_eq!(
        lab.keystore(&ada.session, "GET", &path, None).await,
        (200, record.clone())
    );
    let ids = Some(json!({ "ids": [v7(), id] }));
    assert_eq!(
        lab.keystore(&ada.session, "POST", "/connections/query", ids.clone())
            .await
            .1,
        json!({ "items": [record] })
    );
    let none = lab
        .keystore(&bob.session, "GET", &format!("/connections/{}", v7()), None)
        .await;
    assert_eq!(code(&none), (404, "not_found"));
    assert_eq!(lab.keystore(&bob.session, "GET", &path, None).await, none);
    assert_eq!(
        lab.keystore(&bob.session, "POST", "/connections/query", ids)
            .await
            .1,
        json!({ "items": [] })
    );
    // Keyed by account and id: another account may use the same id.
    assert_eq!(
        lab.keystore(&bob.session, "PUT", &path, Some(body.clone()))
            .await
            .0,
        201
    );
}

#[tokio::test]
async fn notes_compare_and_set() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let path = format!("/connections/{}", v7());
    let body = json!({ "key": jwe("key"), "note": jwe("note 1") });
    assert_eq!(
        lab.keystore(&ada.session, "PUT", &path, Some(body)).await.0,
        201
    );
    let note_path = format!("{path}/note");
    let write = |text: &str, version: i64| {
        let body = json!({ "note": jwe(text), "version": version });
        lab.keystore(&ada.session, "PUT", &note_path, Some(body))
    };
    assert_eq!(write("note 2", 1).await, (200, json!({ "version": 2 })));
    assert_eq!(
        write("note 2", 1).await,
        (200, json!({ "version": 2 })),
        "repeated"
    );
    assert_eq!(code(&write("another", 1).await), (409, "conflict"));
    assert_eq!(code(&write("note 2", 2 + 1).await), (409, "conflict"));
    assert_eq!(
        lab.keystore(&ada.session, "GET", &path, None).await.1["note"],
        jwe("note 2")
    );
    let missing = format!("/connections/{}/note", v7());
    let body = json!({ "note": jwe("x"), "version": 1 });
    assert_eq!(
        code(
            &lab.keystore(&ada.session, "PUT", &missing, Some(body))
                .await
        ),
        (404, "not_found")
    );
    // Of many writers of one version, one wins.
    let writers = (0..20).map(|n| {
        let body = json!({ "note": jwe(&format!("writer {n}")), "version": 2 });
        lab.keystore(&ada.session, "PUT", &note_path, Some(body))
    });
    let answers = futures_util::future::join_all(writers).await;
    assert_eq!(answers.iter().filter(|answer| answer.0 == 200).count(), 1);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| code(answer) == (409, "conflict"))
            .count(),
        19
    );
}
