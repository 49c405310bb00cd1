//! What ends is erased, however much of it there is, and also when it was cut.

use std::time::Duration;

use crate::common::*;
use crate::links::Made;
use serde_json::{Value, json};
use sqlx::AnyPool;

/// More than one piece.
const MANY: i64 = 1200;

/// A service's database, to write to.
async fn writable(url: &str) -> AnyPool {
    database(&url.replace("mode=ro", "mode=rw")).await
}

async fn run(pool: &AnyPool, sql: &'static str, values: &[&str]) {
    let mut query = sqlx::query(sql);
    for value in values {
        query = query.bind(*value);
    }
    query.execute(pool).await.unwrap();
}

async fn count(pool: &AnyPool, sql: &'static str, value: &str) -> i64 {
    let query = sqlx::query_scalar(sql).bind(value);
    query.fetch_one(pool).await.unwrap()
}

/// Fills a connection with shares.
async fn fill(pool: &AnyPool, connection: &str, from: &Person, to: &Person) {
    for n in 0..MANY {
        let (id, space) = (v7(), v7());
        run(
            pool,
            "INSERT INTO spaces (id, connection_id, created_at) VALUES ($1, $2, 1)",
            &[&space, connection],
        )
        .await;
        let share = format!("share {n}");
        run(
            pool,
            "INSERT INTO shares (id, connection_id, space_id, sender, recipient, share, size, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, LENGTH($6), 1)",
            &[&id, connection, &space, &from.account, &to.account, &share],
        )
        .await;
    }
}

const SHARES_LEFT: &str = "SELECT COUNT(*) FROM shares WHERE connection_id = $1 AND (share <> '' OR size <> 0 OR deleted_at IS NULL)";
const SPACES_LEFT: &str =
    "SELECT COUNT(*) FROM spaces WHERE connection_id = $1 AND deleted_at IS NULL";

#[tokio::test]
async fn a_connection_with_many_shares_ends_with_one_event() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let pool = writable(&lab.vault_db).await;
    fill(&pool, &connection, &bob, &ada).await;
    let events = "SELECT COUNT(*) FROM events WHERE account = $1";
    let before = [
        count(&pool, events, &ada.account).await,
        count(&pool, events, &bob.account).await,
    ];
    let path = format!("/connections/{connection}");
    let ended = lab.vault(&ada.token, "DELETE", &path, None).await;
    assert_eq!(ended, (204, Value::Null));
    for (person, before) in [&ada, &bob].into_iter().zip(before) {
        let told = count(&pool, events, &person.account).await - before;
        println!("the end of a connection with {MANY} shares: {told} event for each side");
        assert_eq!(told, 1);
    }
    assert_eq!(count(&pool, SHARES_LEFT, &connection).await, 0);
    assert_eq!(count(&pool, SPACES_LEFT, &connection).await, 0);
    let marked = "SELECT COUNT(*) FROM connections WHERE id = $1 AND to_erase = 1";
    assert_eq!(count(&pool, marked, &connection).await, 0);
    pool.close().await;
}

#[tokio::test]
async fn shares_that_wait_to_be_erased_are_not_served() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let share = lab.share(&ada, &connection, None).await;
    let link = Made::make(&lab, &bob, None).await;
    let pool = writable(&lab.vault_db).await;
    // As a cut leaves it.
    run(
        &pool,
        "UPDATE connections SET ended_at = 1, to_erase = 1 WHERE id = $1",
        &[&connection],
    )
    .await;
    let edition =
        json!({ "id": share, "replaces": 1, "edition": 2, "expiresAt": null, "share": jwe("two") });
    let editions = json!({ "editions": [edition] });
    let reads = json!({ "reads": [{ "id": share, "edition": 1 }] });
    for (person, path, body) in [(&ada, "/shares", editions), (&bob, "/shares/read", reads)] {
        let (_, made) = lab.vault(&person.token, "PUT", path, Some(body)).await;
        assert_eq!(made["results"][0]["error"]["code"], "not_found", "{path}");
    }
    let narrowed = format!("/shares/outgoing?connection={connection}");
    for (person, path) in [
        (&bob, "/shares/incoming"),
        (&ada, "/shares/outgoing"),
        (&ada, &narrowed),
    ] {
        let (_, page) = lab.vault(&person.token, "GET", path, None).await;
        assert_eq!(page["items"], json!([]), "{path}");
    }
    let ids = json!({ "ids": [share] });
    for person in [&ada, &bob] {
        let body = Some(ids.clone());
        let (_, found) = lab
            .vault(&person.token, "POST", "/shares/query", body)
            .await;
        assert_eq!(found["results"][0]["error"]["code"], "not_found");
    }
    // A link waits with the account that made it.
    assert_eq!(link.open(&lab).await.0, 200);
    run(
        &pool,
        "UPDATE accounts SET deleted_at = 1, to_erase = 1 WHERE id = $1",
        &[&bob.account],
    )
    .await;
    pool.close().await;
    for answer in [link.open(&lab).await, link.read(&lab, &random(16)).await] {
        assert_eq!(code(&answer), (404, "not_found"));
    }
}

/// Two may erase an account at once, and one of them finish, after which its owner comes back.
#[tokio::test]
async fn who_erases_an_account_stops_where_another_has_finished() {
    let lab = Lab::with(|config| config.sweep = Duration::from_millis(20)).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let pool = writable(&lab.vault_db).await;
    let made = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60000) INSERT INTO cards \
                (account, id, card, version, created_at, updated_at, size) SELECT $1, 'card ' || n, 'x', 1, n, n, 1 FROM n";
    run(&pool, made, &[&ada.account]).await;
    let deleted = "INSERT INTO accounts (id, deleted_at, to_erase) VALUES ($1, 1, 1) ON CONFLICT (id) DO UPDATE \
                   SET deleted_at = 1, to_erase = 1";
    let cards = "SELECT COUNT(*) FROM cards WHERE account = $1";
    run(&pool, deleted, &[&ada.account]).await;
    until(async || (count(&pool, cards, &ada.account).await < 60_000).then_some(())).await;
    // Whoever writes this waits for a piece that is being erased, and the next piece for this.
    let finished = "UPDATE accounts SET to_erase = 0 WHERE id = $1";
    run(&pool, finished, &[&ada.account]).await;
    let left = count(&pool, cards, &ada.account).await;
    assert!(left > 0, "it was erased faster than this could be written");
    // A later sweep is over.
    run(&pool, deleted, &[&bob.account]).await;
    let waits = "SELECT COUNT(*) FROM accounts WHERE id = $1 AND to_erase = 1";
    until(async || (count(&pool, waits, &bob.account).await == 0).then_some(())).await;
    assert_eq!(count(&pool, cards, &ada.account).await, left);
    pool.close().await;
}

#[tokio::test]
async fn a_sweep_ends_what_was_cut() {
    let lab = Lab::with(|config| config.sweep = Duration::from_millis(20)).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (first, second) = (lab.connect(&ada, &bob).await, lab.connect(&bob, &ada).await);
    let (invitation, _) = lab.invite(&ada).await;
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    let path = format!("/cards/{}", v7());
    assert_eq!(lab.vault(&ada.token, "PUT", &path, Some(body)).await.0, 201);
    let pool = writable(&lab.vault_db).await;
    for connection in [&first, &second] {
        lab.share(&ada, connection, None).await;
        lab.share(&bob, connection, None).await;
    }

    // A connection whose end was cut.
    run(
        &pool,
        "UPDATE connections SET ended_at = 1, to_erase = 1 WHERE id = $1",
        &[&first],
    )
    .await;
    until(async || (count(&pool, SHARES_LEFT, &first).await == 0).then_some(())).await;
    assert!(count(&pool, SHARES_LEFT, &second).await > 0);

    // An account whose deletion was cut, at each service.
    let deleted = "UPDATE accounts SET deleted_at = 1, to_erase = 1 WHERE id = $1";
    run(&pool, deleted, &[&ada.account]).await;
    let waits = "SELECT COUNT(*) FROM accounts WHERE id = $1 AND to_erase = 1";
    until(async || (count(&pool, waits, &ada.account).await == 0).then_some(())).await;
    assert_eq!(count(&pool, SHARES_LEFT, &second).await, 0);
    let cards = "SELECT COUNT(*) FROM cards WHERE account = $1";
    assert_eq!(count(&pool, cards, &ada.account).await, 0);
    let pending = "SELECT COUNT(*) FROM invitations WHERE id = $1 AND state = 'pending'";
    assert_eq!(count(&pool, pending, &invitation).await, 0);
    let path = format!("/connections/{second}");
    let (_, stored) = lab.vault(&bob.token, "GET", &path, None).await;
    assert_eq!(stored["state"], "ended", "the other side sees it");
    pool.close().await;

    let pool = writable(&lab.keystore_db).await;
    let body = json!({ "key": jwe("key"), "note": jwe("note") });
    let path = format!("/connections/{first}");
    lab.keystore(&ada.session, "PUT", &path, Some(body)).await;
    for (person, other) in [(&ada, &bob), (&bob, &ada)] {
        let body = json!({ "spaces": [new_space(other, None)] });
        let made = lab.keystore(&person.session, "POST", "/spaces", Some(body));
        assert_eq!(made.await.1["results"][0]["error"], Value::Null);
    }
    run(&pool, deleted, &[&ada.account]).await;
    until(async || (count(&pool, waits, &ada.account).await == 0).then_some(())).await;
    for sql in [
        "SELECT COUNT(*) FROM connection_keys WHERE account = $1",
        "SELECT COUNT(*) FROM spaces WHERE sender = $1 AND (own <> '' OR peer <> '' OR deleted_at IS NULL)",
        "SELECT COUNT(*) FROM spaces WHERE recipient = $1 AND peer <> ''",
    ] {
        assert_eq!(count(&pool, sql, &ada.account).await, 0, "{sql}");
    }
    let kept = "SELECT COUNT(*) FROM spaces WHERE sender = $1 AND own <> ''";
    assert_eq!(count(&pool, kept, &bob.account).await, 1);
    pool.close().await;
}
