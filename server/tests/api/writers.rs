//! Many writers of one account, and one of another.

use std::cell::RefCell;

use crate::common::*;
use crate::credentials::new_recovery;
use crate::rooms::{send, settle, status};
use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

/// Keeps everybody from writing, until it is dropped. With PostgreSQL nobody can: there each row has its own lock.
pub(crate) async fn hold_writers(database: &str) -> Option<SqliteConnection> {
    let url = database.replace("mode=ro", "mode=rw");
    if !url.starts_with("sqlite:") {
        return None;
    }
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE")
        .execute(&mut connection)
        .await
        .unwrap();
    Some(connection)
}

#[tokio::test]
async fn one_account_does_not_hold_up_another() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let Some(held) = hold_writers(&lab.vault_db).await else {
        return;
    };
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    let mut writers = Vec::new();
    for _ in 0..32 {
        let path = format!("/cards/{}", v7());
        writers.push(send(&lab, ("vault", "PUT", &path), &ada.token, Some(&body)).await);
    }
    settle(&lab, &bob).await;
    let path = format!("/cards/{}", v7());
    writers.push(send(&lab, ("vault", "PUT", &path), &bob.token, Some(&body)).await);
    settle(&lab, &bob).await;
    held.close().await.unwrap();
    for mut writer in writers {
        assert_eq!(status(&mut writer).await, "201");
    }
    // The rows lie in the order in which they were written.
    let pool = database(&lab.vault_db).await;
    let accounts: Vec<String> = sqlx::query_scalar("SELECT account FROM cards ORDER BY rowid")
        .fetch_all(&pool)
        .await
        .unwrap();
    let before = accounts.iter().take_while(|one| **one != bob.account);
    let before = before.count();
    println!("of 32 writers of one account {before} came before another's");
    assert!(before <= 4, "{before}");
}

#[tokio::test]
async fn others_write_while_an_account_is_erased() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let proof = lab.proof(&ada).await;
    let Some(mut held) = hold_writers(&lab.vault_db).await else {
        return;
    };
    // A large account, written by who holds the lock.
    sqlx::query(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60000) INSERT INTO cards \
         (account, id, card, version, created_at, updated_at, size) SELECT $1, 'card ' || n, 'x', 1, n, n, 1 FROM n",
    )
    .bind(&ada.account)
    .execute(&mut held)
    .await
    .unwrap();
    sqlx::raw_sql("COMMIT; BEGIN IMMEDIATE")
        .execute(&mut held)
        .await
        .unwrap();
    let mut deleted = send(&lab, ("vault", "DELETE", "/account"), &proof, None).await;
    settle(&lab, &bob).await;
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    let path = format!("/cards/{}", v7());
    let mut written = send(&lab, ("vault", "PUT", &path), &bob.token, Some(&body)).await;
    settle(&lab, &bob).await;
    held.close().await.unwrap();
    assert_eq!(status(&mut written).await, "201");
    // Again and again, since the first ones come before anything is erased.
    for _ in 0..8 {
        let path = format!("/cards/{}", v7());
        let mut written = send(&lab, ("vault", "PUT", &path), &bob.token, Some(&body)).await;
        assert_eq!(status(&mut written).await, "201");
    }
    let pool = database(&lab.vault_db).await;
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM cards WHERE account = $1")
        .bind(&ada.account)
        .fetch_one(&pool)
        .await
        .unwrap();
    println!("of 60,000 cards {left} were left when another account had written nine");
    assert!(left > 0, "the deletion was not over");
    assert_eq!(status(&mut deleted).await, "204");
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM cards WHERE account = $1")
        .bind(&ada.account)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn others_write_while_the_spaces_of_a_connection_are_erased() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let Some(mut held) = hold_writers(&lab.keystore_db).await else {
        return;
    };
    let connection = v7();
    sqlx::query(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60000) INSERT INTO spaces \
         (id, connection_id, sender, recipient, own, peer, created_at) SELECT 'space ' || n, $1, $2, $3, 'x', 'x', n FROM n",
    )
    .bind(&connection)
    .bind(&ada.account)
    .bind(&bob.account)
    .execute(&mut held)
    .await
    .unwrap();
    sqlx::raw_sql("COMMIT; BEGIN IMMEDIATE")
        .execute(&mut held)
        .await
        .unwrap();
    let path = format!("/connections/{connection}/spaces");
    let route = ("keystore", "DELETE", &*path);
    let mut deleted = send(&lab, route, &ada.session, None).await;
    settle(&lab, &bob).await;
    held.close().await.unwrap();
    let body = json!({ "key": jwe("key"), "note": jwe("note") });
    for _ in 0..9 {
        let path = format!("/connections/{}", v7());
        let route = ("keystore", "PUT", &*path);
        let mut written = send(&lab, route, &bob.session, Some(&body)).await;
        assert_eq!(status(&mut written).await, "201");
    }
    let pool = database(&lab.keystore_db).await;
    let left = async || -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM spaces WHERE sender = $1 AND deleted_at IS NULL")
            .bind(&ada.account)
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    let then = left().await;
    println!("of 60,000 spaces {then} were left when another account had written nine keys");
    assert!(then > 0, "the deletion was not over");
    assert_eq!(status(&mut deleted).await, "204");
    assert_eq!(left().await, 0);
    // A piece is found by an index, without looking at what is erased already.
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(
        "EXPLAIN QUERY PLAN SELECT id FROM spaces WHERE connection_id = 'a' AND sender = 'b' AND deleted_at IS NULL LIMIT 500",
    )
    .fetch_all(&mut SqliteConnection::connect(&lab.keystore_db).await.unwrap())
    .await
    .unwrap();
    let index = "USING INDEX spaces_by_sender (sender=? AND connection_id=?)";
    assert!(
        plan.iter().any(|(.., step)| step.contains(index)),
        "{plan:?}"
    );
}

#[tokio::test]
async fn people_come_in_however_many_accounts_write() {
    let lab = Lab::new().await;
    let bob = lab.sign_up("bob").await;
    let mut writers = Vec::new();
    for n in 0..8 {
        writers.push(lab.sign_up(&format!("ada{n}")).await);
    }
    let keystore = lab.server.keystore_url();
    let sign_in = sign_in_start(keystore, &bob.email);
    let recovery = by(
        &bob.email,
        json!({ "recoveryAuth": recovery_auth(&bob.email) }),
    );
    let Some(held) = hold_writers(&lab.keystore_db).await else {
        return;
    };
    let mut sent = Vec::new();
    let key = json!({ "key": jwe("key"), "note": jwe("note") });
    for person in &writers {
        for _ in 0..4 {
            let path = format!("/connections/{}", v7());
            let route = ("keystore", "PUT", &*path);
            sent.push((
                "a key",
                send(&lab, route, &person.session, Some(&key)).await,
            ));
        }
    }
    // One account changes its credentials again and again.
    let change = json!({
        "credentialsVersion": 1, "passphrase": null, "recovery": new_recovery(&random(32)),
    });
    for _ in 0..16 {
        let route = ("keystore", "PUT", "/credentials");
        let session = &writers[0].session;
        sent.push((
            "credentials",
            send(&lab, route, session, Some(&change)).await,
        ));
    }
    settle(&lab, &bob).await;
    settle(&lab, &bob).await;
    for (path, body) in [("/sign-in/start", &sign_in), ("/recovery/start", &recovery)] {
        for _ in 0..2 {
            let route = ("keystore", "POST", path);
            sent.push(("a door", send(&lab, route, "", Some(body)).await));
        }
    }
    settle(&lab, &bob).await;
    held.close().await.unwrap();
    let order = RefCell::new(Vec::new());
    let answers = sent.into_iter().map(async |(what, mut stream)| {
        let status = status(&mut stream).await;
        assert!(["200", "201"].contains(&&*status), "{what}: {status}");
        order.borrow_mut().push(what);
    });
    join_all(answers).await;
    let order = order.into_inner();
    let last = order.iter().rposition(|what| *what == "a door").unwrap();
    println!(
        "of {} requests the last one at a door was answered as the {}th",
        order.len(),
        last + 1
    );
    assert!(last < 16, "{order:?}");
}
