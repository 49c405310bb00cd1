//! Many writers of one account, and one of another.

use crate::common::*;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a request, and leaves its answer to be read.
async fn send(lab: &Lab, bearer: &str, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(lab.server.address()).await.unwrap();
    let request = format!(
        "{method} /vault/v1{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn status(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer));
    read.await.expect("an answer").unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Lets the server come to what was sent before.
async fn settle(lab: &Lab, person: &Person) {
    for _ in 0..20 {
        let cards = lab.vault(&person.token, "GET", "/cards?limit=1", None);
        assert_eq!(cards.await.0, 200);
    }
}

/// Keeps everybody from writing, until it is dropped. With PostgreSQL nobody can: there each row has its own lock.
async fn hold_writers(lab: &Lab) -> Option<SqliteConnection> {
    let url = lab.vault_db.replace("mode=ro", "mode=rw");
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
    let Some(held) = hold_writers(&lab).await else {
        return;
    };
    let body = json!({ "card": jwe("card"), "version": 0 }).to_string();
    let mut writers = Vec::new();
    for _ in 0..32 {
        let path = format!("/cards/{}", v7());
        writers.push(send(&lab, &ada.token, "PUT", &path, &body).await);
    }
    settle(&lab, &bob).await;
    let path = format!("/cards/{}", v7());
    writers.push(send(&lab, &bob.token, "PUT", &path, &body).await);
    settle(&lab, &bob).await;
    held.close().await.unwrap();
    for writer in writers {
        assert_eq!(status(writer).await, "201");
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
    let Some(mut held) = hold_writers(&lab).await else {
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
    let deleted = send(&lab, &proof, "DELETE", "/account", "").await;
    settle(&lab, &bob).await;
    let body = json!({ "card": jwe("card"), "version": 0 }).to_string();
    let path = format!("/cards/{}", v7());
    let written = send(&lab, &bob.token, "PUT", &path, &body).await;
    settle(&lab, &bob).await;
    held.close().await.unwrap();
    assert_eq!(status(written).await, "201");
    // Again and again, since the first ones come before anything is erased.
    for _ in 0..8 {
        let path = format!("/cards/{}", v7());
        let written = send(&lab, &bob.token, "PUT", &path, &body).await;
        assert_eq!(status(written).await, "201");
    }
    let pool = database(&lab.vault_db).await;
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM cards WHERE account = $1")
        .bind(&ada.account)
        .fetch_one(&pool)
        .await
        .unwrap();
    println!("of 60,000 cards {left} were left when another account had written nine");
    assert!(left > 0, "the deletion was not over");
    assert_eq!(status(deleted).await, "204");
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM cards WHERE account = $1")
        .bind(&ada.account)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
