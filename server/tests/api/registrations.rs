//! Registrations of passphrases, and the addresses and suites that they are made under.

use crate::common::*;
use crate::credentials::{MINUTE, new_passphrase, session};
use serde_json::{Value, json};

/// The identifiers that OPAQUE records are stored with.
async fn identifiers(lab: &Lab) -> Vec<String> {
    let pool = database(&lab.keystore_db).await;
    let found = sqlx::query_scalar("SELECT credential_id FROM accounts ORDER BY created_at, login")
        .fetch_all(&pool)
        .await
        .unwrap();
    pool.close().await;
    found
}

async fn finish(lab: &Lab, body: &Value) -> Answer {
    lab.open_keystore("/sign-up/finish", body.clone()).await
}

async fn put(lab: &Lab, session: &str, version: i64, passphrase: &Value) -> Answer {
    let body = json!({ "credentialsVersion": version, "passphrase": passphrase, "recovery": null });
    lab.keystore(session, "PUT", "/credentials", Some(body))
        .await
}

#[tokio::test]
async fn a_sign_up_can_be_repeated_for_ten_minutes() {
    let lab = Lab::new().await;
    let keystore = lab.server.keystore_url();
    let body = sign_up_body(&lab.http, keystore, "ada@example.org", "secret").await;
    lab.pass(MINUTE);
    assert_eq!(finish(&lab, &body).await.0, 201);
    // Longer than the registration itself would have lasted.
    lab.pass(10 * MINUTE - 1);
    assert_eq!(finish(&lab, &body).await.0, 201);
    lab.pass(1);
    assert_eq!(code(&finish(&lab, &body).await), (409, "email_taken"));
}

#[tokio::test]
async fn a_registration_ends_after_ten_minutes() {
    let lab = Lab::new().await;
    let keystore = lab.server.keystore_url();
    let [late, later] = [
        sign_up_body(&lab.http, keystore, "ada@example.org", "secret").await,
        sign_up_body(&lab.http, keystore, "bob@example.org", "secret").await,
    ];
    lab.pass(10 * MINUTE - 1);
    assert_eq!(finish(&lab, &late).await.0, 201);
    lab.pass(1);
    for _ in 0..2 {
        assert_eq!(code(&finish(&lab, &later).await), (400, "bad_input"));
    }
    assert_eq!(identifiers(&lab).await.len(), 1);
}

#[tokio::test]
async fn a_registration_is_good_for_what_it_was_begun_for() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let keystore = lab.server.keystore_url();
    let carols = sign_up_body(&lab.http, keystore, "carol@example.org", "secret").await;
    let adas = new_passphrase(&lab, &ada.session, "another").await;
    let flipped = |body: &Value, index: usize| {
        let mut bytes = decode(&body["registration"]);
        bytes[index] ^= 1;
        json!(encode(&bytes))
    };

    let others = [
        adas["registration"].clone(),
        json!(random(69)),
        flipped(&carols, 0),
        flipped(&carols, 40),
        flipped(&carols, 68),
    ];
    for registration in others {
        let mut body = carols.clone();
        body["registration"] = registration;
        assert_eq!(code(&finish(&lab, &body).await), (400, "bad_input"));
    }
    let mut body = carols.clone();
    body["email"] = json!("dave@example.org");
    assert_eq!(code(&finish(&lab, &body).await), (400, "bad_input"));

    for registration in [carols["registration"].clone(), flipped(&adas, 20)] {
        let mut passphrase = adas.clone();
        passphrase["registration"] = registration;
        let refused = put(&lab, &ada.session, 1, &passphrase).await;
        assert_eq!(code(&refused), (400, "bad_input"));
    }
    // Neither is it good for another session, be it the same person's.
    let other = session(&lab, &ada.email, &ada.passphrase).await;
    for session in [&bob.session, &other] {
        let refused = put(&lab, session, 1, &adas).await;
        assert_eq!(code(&refused), (400, "bad_input"));
    }
    assert_eq!(put(&lab, &ada.session, 1, &adas).await.0, 200);
    assert_eq!(finish(&lab, &carols).await.0, 201);
}

#[tokio::test]
async fn a_registration_works_once() {
    let lab = Lab::new().await;
    let keystore = lab.server.keystore_url();
    let body = sign_up_body(&lab.http, keystore, "ada@example.org", "secret").await;
    let (_, made) = finish(&lab, &body).await;
    let ada = made["session"].as_str().unwrap();
    let passphrase = new_passphrase(&lab, ada, "another").await;
    assert_eq!(put(&lab, ada, 1, &passphrase).await.0, 200);
    // The sign-up would now be another one.
    assert_eq!(code(&finish(&lab, &body).await), (409, "email_taken"));
    let mut other = passphrase.clone();
    other["kekPassphrase"] = json!(jwe("another kek"));
    for (version, passphrase) in [(1, &other), (2, &passphrase), (2, &other)] {
        let refused = put(&lab, ada, version, passphrase).await;
        assert_eq!(code(&refused), (409, "conflict"));
    }
    assert_eq!(put(&lab, ada, 1, &passphrase).await.0, 200, "repeated");
    // Not even for an account that took the place of the first.
    let gone = lab.keystore(ada, "DELETE", "/account", None).await;
    assert_eq!(gone.0, 204);
    let mut anew = body.clone();
    anew["accountId"] = json!(uuid::Uuid::new_v4().to_string());
    assert_eq!(code(&finish(&lab, &anew).await), (409, "conflict"));
}

#[tokio::test]
async fn each_registration_has_an_identifier_of_its_own() {
    let lab = Lab::new().await;
    let keystore = lab.server.keystore_url();
    let (first, second) = (
        sign_up_body(&lab.http, keystore, "ada@example.org", "secret").await,
        sign_up_body(&lab.http, keystore, "ada@example.org", "secret").await,
    );
    assert_ne!(first["registration"], second["registration"]);
    let (_, made) = finish(&lab, &first).await;
    lab.sign_up("bob").await;
    let before = identifiers(&lab).await;
    assert!(before.iter().all(|id| decode(&json!(id)).len() == 32));
    assert_ne!(before[0], before[1]);

    // What a registration answers says nothing about the passphrase that is registered.
    let ada = made["session"].as_str().unwrap();
    let start = async |path: &str, body: Value| {
        let (status, answer) = lab.keystore(ada, "POST", path, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let request = registration_request();
    let answers = [
        start("/credentials/start", request.clone()).await,
        start("/credentials/start", request).await,
    ];
    let evaluated = |answer: &Value| decode(&answer["registrationResponse"])[..32].to_vec();
    assert_ne!(evaluated(&answers[0]), evaluated(&answers[1]));

    let passphrase = new_passphrase(&lab, ada, "another").await;
    assert_eq!(put(&lab, ada, 1, &passphrase).await.0, 200);
    let after = identifiers(&lab).await;
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1], before[1]);
}

/// An OPRF whose key differed from request to request where there is no account would tell strangers so.
#[tokio::test]
async fn a_login_is_evaluated_alike_with_and_without_an_account() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let keystore = lab.server.keystore_url();
    for email in [&ada.email, "nobody@example.org"] {
        let start = sign_in_start(keystore, email);
        let ask = async || {
            let (status, answer) = lab.open_keystore("/sign-in/start", start.clone()).await;
            assert_eq!((status, &answer["suite"]), (200, &json!(1)));
            decode(&answer["credentialResponse"])[..32].to_vec()
        };
        assert_eq!(ask().await, ask().await, "{email}");
    }
}

#[tokio::test]
async fn the_keystore_is_called_by_its_own_address() {
    let own = ["https://keystore.example/k", "http://Keystore.test:80/k/"];
    let lab = Lab::with(|config| config.keystore_urls = own.map(String::from).into()).await;
    let root = format!("http://{}/k", lab.server.address());
    let send = async |path: &str, body: Value| {
        let url = format!("{root}/v1{path}");
        call_undescribed(&lab, &url, body).await
    };
    for (named, expected) in [
        ("https://keystore.example/k", 200),
        ("http://keystore.test/k", 200),
        ("https://keystore.example/k/", 400),
        ("https://keystore.example", 400),
        ("http://keystore.test:80/k", 400),
        ("https://evil.example/k", 400),
        (&root, 400),
        ("", 400),
    ] {
        let (up, into) = (
            sign_up_start(named, "new@example.org"),
            sign_in_start(named, "new@example.org"),
        );
        for (path, body) in [("/sign-up/start", up), ("/sign-in/start", into)] {
            let answer = send(path, body).await;
            assert_eq!(answer.0, expected, "{named}: {answer:?}");
            let is_refused = code(&answer) == (400, "bad_input");
            assert_eq!(is_refused, expected == 400, "{named}: {answer:?}");
        }
    }
    // Whoever names another address uses nothing up.
    for _ in 0..40 {
        send("/sign-in/start", sign_in_start("x", "new@example.org")).await;
    }
    let good = sign_in_start("https://keystore.example/k", "new@example.org");
    assert_eq!(send("/sign-in/start", good).await.0, 200);
}

/// Asks at an address where the tests look for no description.
async fn call_undescribed(lab: &Lab, url: &str, body: Value) -> Answer {
    let response = lab.http.post(url).json(&body).send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn a_passphrase_is_registered_under_a_known_suite() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    for suite in [0, 2, 257, -1, i64::MAX] {
        let mut body = sign_up_start(lab.server.keystore_url(), "new@example.org");
        body["suite"] = json!(suite);
        let refused = lab.open_keystore("/sign-up/start", body).await;
        assert_eq!(code(&refused), (400, "bad_input"), "{suite}");
        let mut body = registration_request();
        body["suite"] = json!(suite);
        let refused = lab
            .keystore(&ada.session, "POST", "/credentials/start", Some(body))
            .await;
        assert_eq!(code(&refused), (400, "bad_input"), "{suite}");
    }
}

/// Whoever can write to the database moves no login to another account, and makes none last longer.
#[tokio::test]
async fn a_login_stays_what_it_was_begun_for() {
    let lab = Lab::with(|config| config.rate_limits = false).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let keystore = lab.server.keystore_url();
    let pool = database(&lab.keystore_db.replace("mode=ro", "mode=rw")).await;
    let begin = async |person: &Person| {
        let (_, finish) =
            sign_in_body(&lab.http, keystore, &person.email, &person.passphrase).await;
        finish.unwrap()
    };
    for change in [
        format!("UPDATE logins SET account = '{}'", ada.account),
        "UPDATE logins SET credentials_version = 2".to_owned(),
        "UPDATE logins SET expires_at = expires_at + 1".to_owned(),
        "UPDATE logins SET state = (SELECT state FROM logins ORDER BY hash LIMIT 1)".to_owned(),
    ] {
        let finishes = [begin(&bob).await, begin(&bob).await];
        let done = sqlx::query(sqlx::AssertSqlSafe(change.clone()))
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 2, "{change}");
        let mut refused = 0;
        for finish in finishes {
            let answer = lab.open_keystore("/sign-in/finish", finish).await;
            refused += usize::from(code(&answer) == (401, "wrong_credentials"));
        }
        // One of two rows had that state before.
        let expected = if change.contains("ORDER BY") { 1 } else { 2 };
        assert_eq!(refused, expected, "{change}");
        sqlx::query("DELETE FROM logins")
            .execute(&pool)
            .await
            .unwrap();
    }
    pool.close().await;
}
