//! `admin accounts`, `admin sessions` and `admin stats`, beside a running server and without one.

use super::{Place, Reached};
use crate::common::*;
use crate::processes::{Process, logged_until_listening};
use serde_json::{Value, json};

/// What the Keystore and the Vault say to a session and a token.
async fn heard(reached: &Reached, person: &Person) -> [String; 2] {
    let keystore = reached.at_keystore(person, "GET", "/connections", None);
    let vault = reached.at_vault(person, "GET", "/cards", None);
    [keystore.await, vault.await].map(|answer| match answer.0 {
        200 => "fine".to_owned(),
        _ => code(&answer).1.to_owned(),
    })
}

#[tokio::test]
async fn a_disabled_account_is_let_in_nowhere_and_keeps_what_it_has() {
    let place = Place::new().await;
    let process = place.serve().await;
    let reached = Reached::at(&process);
    let (ada, bob) = (reached.sign_up("ada").await, reached.sign_up("bob").await);
    let connection = reached.connect(&ada, &bob).await;
    let card = reached.make_card(&ada).await;
    let share = reached.share(&ada, &bob, &connection).await;

    let done = place
        .admin(&["accounts", "disable", "Ada@example.org "])
        .await;
    let services = json!(["keystore", "vault"]);
    let expected = json!({ "id": ada.account, "endedSessions": 1, "services": services });
    assert_eq!(done, expected);
    assert_eq!(
        heard(&reached, &ada).await,
        ["session_expired", "session_expired"]
    );
    let refused = reached.sign_in(&ada).await;
    assert_eq!(code(&refused), (401, "identity_rejected"));
    let message = refused.1["error"]["message"].as_str().unwrap();
    assert!(message.contains("disabled"), "{message}");
    // Nobody is told but who knows the passphrase.
    let (_, finish) = sign_in_body(&reached.http, &reached.keystore, &ada.email, "another").await;
    assert!(finish.is_none());
    assert_eq!(heard(&reached, &bob).await, ["fine", "fine"]);
    let read = reached.read_share(&bob, &share).await;
    assert_eq!(
        read,
        json!(jwe("share")),
        "others go on reading what it shared"
    );

    // A second time changes nothing, a restart neither.
    let first = place.admin(&["accounts", "show", &ada.account]).await;
    let again = place.admin(&["accounts", "disable", &ada.account]).await;
    assert_eq!(again["endedSessions"], 0);
    let second = place.admin(&["accounts", "show", &ada.account]).await;
    let since = &first["account"]["disabledAt"];
    assert!(since.is_i64() && *since == second["account"]["disabledAt"]);
    process.stop().await;
    let process = place.serve().await;
    let reached = Reached::at(&process);
    assert_eq!(
        code(&reached.sign_in(&ada).await),
        (401, "identity_rejected")
    );

    let done = place.admin(&["accounts", "enable", &ada.email]).await;
    assert_eq!(done["services"], services);
    let ada = reached.back(&ada).await;
    assert_eq!(heard(&reached, &ada).await, ["fine", "fine"]);
    let path = format!("/cards/{card}");
    let (status, read) = reached.at_vault(&ada, "GET", &path, None).await;
    assert_eq!((status, &read["card"]), (200, &json!(jwe(&card))));
    process.stop().await;
}

#[tokio::test]
async fn an_account_may_have_more_or_less_than_others() {
    let place = Place::new().await;
    let process = Process::run(place.command(&[
        "--listen",
        "127.0.0.1:0",
        "--quota-cards",
        "1",
        "--quota-spaces",
        "1",
    ]));
    let process = process.await;
    let reached = Reached::at(&process);
    let (ada, bob) = (reached.sign_up("ada").await, reached.sign_up("bob").await);
    let put = async |person: &Person| {
        let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
        let path = format!("/cards/{}", v7());
        let answer = reached.at_vault(person, "PUT", &path, Some(body)).await;
        (answer.0, answer.1["error"]["quota"].clone())
    };
    let keep = async |from: &Person, to: &Person| {
        let body = json!({ "spaces": [new_space(to, None)] });
        let made = reached.at_keystore(from, "POST", "/spaces", Some(body));
        made.await.1["results"][0]["error"]["quota"].clone()
    };
    let (made, full) = ((201, Value::Null), (403, json!("cards")));
    assert_eq!(
        [put(&ada).await, put(&bob).await],
        [made.clone(), made.clone()]
    );
    assert_eq!(
        [put(&ada).await, put(&bob).await],
        [full.clone(), full.clone()]
    );
    assert_eq!(keep(&ada, &bob).await, Value::Null);
    assert_eq!(keep(&ada, &bob).await, "spaces");

    let set = place
        .admin(&["accounts", "quota", &ada.email, "cards=3", "spaces=2"])
        .await;
    let quotas = json!({ "cards": 3, "spaces": 2 });
    let expected = json!({ "id": ada.account, "keystore": quotas, "vault": quotas });
    assert_eq!(set, expected);
    assert_eq!(
        [put(&ada).await, put(&ada).await],
        [made.clone(), made.clone()]
    );
    assert_eq!(
        [put(&ada).await, put(&bob).await],
        [full.clone(), full.clone()]
    );
    assert_eq!(keep(&ada, &bob).await, Value::Null);
    assert_eq!(keep(&ada, &bob).await, "spaces");

    // What it has stays where it may have less.
    place
        .admin(&[
            "accounts",
            "quota",
            &ada.account,
            "cards=0",
            "spaces=default",
        ])
        .await;
    let shown = place.admin(&["accounts", "quota", &ada.account]).await;
    let fewer = json!({ "cards": 0 });
    assert_eq!([&shown["keystore"], &shown["vault"]], [&fewer, &fewer]);
    assert_eq!(put(&ada).await, full);
    let cards = reached.at_vault(&ada, "GET", "/cards", None).await.1;
    assert_eq!(cards["items"].as_array().unwrap().len(), 3);

    for wrong in ["cards", "cards=-1", "cards=many", "dreams=1"] {
        let ended = place
            .run(&["admin", "accounts", "quota", &ada.account, wrong])
            .await;
        assert!(
            ended.status != 0 && ended.error.contains("quota"),
            "{ended:?}"
        );
    }
    process.stop().await;
}

#[tokio::test]
async fn a_recovery_does_not_lead_into_a_disabled_account() {
    let place = Place::new().await;
    let process = place.serve().await;
    let reached = Reached::at(&process);
    let http = &reached.http;
    let shown = random(32);
    let mut body = sign_up_body(http, &reached.keystore, "ada@example.org", "passphrase").await;
    // The hash of what a recovery shows.
    body["recoveryVerifier"] = json!(hash(&shown));
    let post = async |path: &str, body: Value| {
        let url = format!("{}/v1{path}", reached.keystore);
        call(http, "POST", &url, None, Some(body)).await
    };
    let (status, made) = post("/sign-up/finish", body.clone()).await;
    assert_eq!(status, 201);
    let id = made["accountId"].as_str().unwrap();
    let recover = async || {
        let body = by("ada@example.org", json!({ "recoveryAuth": shown }));
        post("/recovery/start", body).await
    };
    assert_eq!(recover().await.0, 200);
    place.admin(&["accounts", "disable", id]).await;
    assert_eq!(code(&recover().await), (401, "identity_rejected"));
    // Nor does the sign-up that made it, which may be repeated for a while.
    let again = post("/sign-up/finish", body.clone()).await;
    assert_eq!(code(&again), (401, "identity_rejected"));
    place.admin(&["accounts", "enable", id]).await;
    assert_eq!(recover().await.0, 200);
    assert_eq!(post("/sign-up/finish", body).await.0, 201);
    process.stop().await;
}

#[tokio::test]
async fn accounts_are_listed_in_pages_and_counted() {
    let place = Place::new().await;
    let process = place.serve().await;
    let reached = Reached::at(&process);
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve"] {
        people.push(reached.sign_up(name).await);
    }
    let connection = reached.connect(&people[0], &people[1]).await;
    reached.share(&people[0], &people[1], &connection).await;
    reached.make_card(&people[0]).await;
    place
        .admin(&["accounts", "disable", "eve@example.org"])
        .await;

    let list = ["accounts", "list", "--limit", "2"];
    let first = place.admin(&list).await;
    let next = first["next"].as_str().unwrap();
    let second = place.admin(&[&list[..], &["--after", next]].concat()).await;
    assert_eq!(second["next"], Value::Null);
    let items = |page: &Value| page["items"].as_array().unwrap().clone();
    let mut all = [items(&first), items(&second)].concat();
    assert_eq!(items(&first).len(), 2);
    all.sort_by_key(|item| item["login"].as_str().unwrap().to_owned());
    for (item, person) in all.iter().zip(&people) {
        assert_eq!(item["id"], person.account);
        assert_eq!(item["login"], person.email);
        let is_disabled = person.email.starts_with("eve");
        assert_eq!(item["disabledAt"].is_i64(), is_disabled, "{item}");
    }
    assert_eq!(all.len(), 3);
    // For people, a line each.
    let shown = place.run(&["admin", "accounts", "list"]).await;
    assert_eq!(shown.out.lines().count(), 3, "{shown:?}");
    let line = shown.out.lines().find(|line| line.contains("eve@"));
    assert!(line.unwrap().contains("disabled 20"), "{shown:?}");

    let shown = place.admin(&["accounts", "show", "ada@example.org"]).await;
    let (keystore, vault) = (&shown["keystore"], &shown["vault"]);
    assert_eq!(
        (&keystore["sessions"], &keystore["spaces"]),
        (&json!(1), &json!(1))
    );
    for (member, count) in [
        ("cards", 1),
        ("shares", 1),
        ("connections", 1),
        ("links", 0),
    ] {
        assert_eq!(vault[member], count, "{member}");
    }
    let stats = place.admin(&["stats"]).await;
    let (keystore, vault) = (&stats["keystore"], &stats["vault"]);
    assert_eq!(keystore["accounts"], 3);
    assert_eq!(keystore["disabledAccounts"], 1);
    assert_eq!(keystore["sessions"], 2);
    assert_eq!(
        (&vault["cards"], &vault["connections"]),
        (&json!(1), &json!(1))
    );
    assert!(vault["cardBytes"].as_i64().unwrap() > 0);
    assert!(vault["databaseBytes"].as_i64().unwrap() > 4096);
    let shown = place.run(&["admin", "stats"]).await;
    assert!(shown.out.contains("  disabled accounts: 1\n"), "{shown:?}");
    process.stop().await;
}

#[tokio::test]
async fn sessions_end_and_new_ones_begin() {
    let place = Place::new().await;
    let process = place.serve().await;
    let reached = Reached::at(&process);
    let (ada, bob) = (reached.sign_up("ada").await, reached.sign_up("bob").await);
    let elsewhere = reached.back(&ada).await;
    let done = place.admin(&["sessions", "end", &ada.email]).await;
    let expected = json!({ "id": ada.account, "endedSessions": 2, "services": ["keystore"] });
    assert_eq!(done, expected);
    for person in [&ada, &elsewhere] {
        assert_eq!(heard(&reached, person).await[0], "session_expired");
    }
    assert_eq!(heard(&reached, &bob).await, ["fine", "fine"]);
    let ada = reached.back(&ada).await;
    assert_eq!(heard(&reached, &ada).await, ["fine", "fine"]);
    process.stop().await;
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing() {
    let place = Place::new().await;
    let process = place.serve().await;
    let reached = Reached::at(&process);
    let (ada, bob) = (reached.sign_up("ada").await, reached.sign_up("bob").await);
    let connection = reached.connect(&ada, &bob).await;
    reached.share(&ada, &bob, &connection).await;
    reached.make_card(&ada).await;

    let asked = place
        .run(&["admin", "accounts", "delete", &ada.email])
        .await;
    assert_eq!(asked.status, 1);
    assert!(asked.error.contains("--yes") && asked.error.contains(&ada.account));
    assert_eq!(heard(&reached, &ada).await, ["fine", "fine"]);

    let delete = ["accounts", "delete", &ada.email, "--yes"];
    place.admin(&delete).await;
    assert_eq!(
        heard(&reached, &ada).await,
        ["session_expired", "session_expired"]
    );
    let again = place.run(&[&["admin"], &delete[..]].concat()).await;
    assert!(again.error.contains("no such account"), "{again:?}");
    // The services erase by their next sweep: the first one comes with a start.
    process.stop().await;
    let process = place.serve().await;
    let used = until(async || {
        let stats = place.admin(&["stats"]).await;
        let (keystore, vault) = (&stats["keystore"], &stats["vault"]);
        let left = [
            &vault["cards"],
            &vault["shares"],
            &vault["connections"],
            &keystore["spaces"],
        ];
        left.iter()
            .all(|count| **count == json!(0))
            .then_some(stats)
    })
    .await;
    assert_eq!(used["keystore"]["accounts"], 1);
    // The address is free, and the other side has seen it go.
    let reached = Reached::at(&process);
    let bob = reached.back(&bob).await;
    let path = format!("/connections/{connection}");
    let (_, shown) = reached.at_vault(&bob, "GET", &path, None).await;
    assert_eq!(shown["state"], "ended", "{shown}");
    let anew = reached.sign_up("ada").await;
    assert_ne!(anew.account, ada.account);
    process.stop().await;
}

#[tokio::test]
async fn a_command_without_a_server_leaves_the_data_as_it_was() {
    let place = Place::in_folder();
    let mut process = place.serve().await;
    let reached = Reached::at(&process);
    let ada = reached.sign_up("ada").await;
    process.child.kill().await.unwrap();
    // Of what a killed server leaves nothing is lost.
    let log = place.data.path().join("keystore.db-wal");
    let newest = std::fs::read(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let refused = place.run(&["admin", "stats"]).await;
    assert_eq!(refused.status, 1);
    assert!(
        refused.error.contains("keystore.db-wal back"),
        "{refused:?}"
    );
    std::fs::write(&log, newest).unwrap();
    let shown = place.admin(&["accounts", "show", &ada.email]).await;
    assert_eq!(shown["id"], ada.account);
    let mut command = place.command(&["--listen", "127.0.0.1:0"]);
    let warnings = logged_until_listening(command.env("VOUCHSAFE_LOG", "warn")).await;
    assert!(!warnings.contains("no server closed"), "{warnings}");
}

#[tokio::test]
async fn a_command_says_what_it_lacks() {
    let place = Place::in_folder();
    let stats = ["admin", "stats"];
    let error = place.run(&stats).await.error;
    assert!(error.contains("holds no database"), "{error}");
    let nowhere = [&stats[..], &["--vault-db", "sqlite:///nowhere/vault.db"]].concat();
    let error = place.run(&nowhere).await.error;
    assert!(error.contains("there is no file"), "{error}");
    // A Vault alone knows ids, and a Keystore alone has no mails.
    let arguments = [
        "vault",
        "--listen",
        "127.0.0.1:0",
        "--keystore-url",
        "http://127.0.0.1:1",
    ];
    let vault = Process::run(place.command(&arguments)).await;
    let error = place
        .run(&["admin", "accounts", "show", "ada@example.org"])
        .await
        .error;
    assert!(error.contains("id"), "{error}");
    let error = place.run(&["admin", "accounts", "list"]).await.error;
    assert!(error.contains("--keystore-db"), "{error}");
    let id = uuid::Uuid::new_v4().to_string();
    let done = place.admin(&["accounts", "disable", &id]).await;
    assert_eq!(done["services"], json!(["vault"]));
    vault.stop().await;
    let place = Place::in_folder();
    let arguments = [
        "keystore",
        "--listen",
        "127.0.0.1:0",
        "--vault-url",
        "http://127.0.0.1:1",
    ];
    let keystore = Process::run(place.command(&arguments)).await;
    let error = place.run(&["admin", "mails", "stuck"]).await.error;
    assert!(error.contains("--vault-db"), "{error}");
    keystore.stop().await;
}
