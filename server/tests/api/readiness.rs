//! The life of a process, and whether it can do its work.

use crate::common::*;
use crate::port::Port;
use serde_json::json;
use vouchsafe_server::Services;

async fn ask(lab: &Lab, path: &str) -> Answer {
    let url = format!("http://{}{path}", lab.server.address());
    lab.call("GET", &url, None, None).await
}

/// Waits until these are ready, and no others.
async fn ready(lab: &Lab, expected: &[&str]) {
    for path in ["/ready", "/vault/ready", "/keystore/ready"] {
        let status = if expected.contains(&path) { 200 } else { 503 };
        until(async || (ask(lab, path).await.0 == status).then_some(())).await;
    }
    for path in [
        "/live",
        "/vault/live",
        "/keystore/live",
        "/health",
        "/vault/health",
    ] {
        let alive = (200, json!({ "status": "ok" }));
        assert_eq!(ask(lab, path).await, alive, "it needs no restart");
    }
}

const ALL: &[&str] = &["/ready", "/vault/ready", "/keystore/ready"];

#[tokio::test]
async fn a_service_that_cannot_write_is_not_ready() {
    let lab = Lab::new().await;
    let answer = ask(&lab, "/vault/ready").await;
    assert_eq!(answer, (200, json!({ "status": "ready" })));
    ready(&lab, ALL).await;
    if !lab.vault_db.starts_with("sqlite:") {
        return;
    }
    let ada = lab.sign_up("ada").await;
    let pool = database(&lab.vault_db.replace("mode=ro", "mode=rw")).await;
    let run = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    };
    // They end the transaction behind the service's back, as SQLite does when the disk is full.
    run(
        "CREATE TRIGGER full_cards BEFORE INSERT ON cards BEGIN SELECT RAISE(ROLLBACK, 'full'); END; \
         CREATE TRIGGER full_owner BEFORE UPDATE ON owner BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
    )
    .await;
    let write = async || {
        let path = format!("/cards/{}", v7());
        let body = Some(json!({ "card": jwe("card"), "version": 0, "unsettled": false }));
        lab.vault(&ada.token, "PUT", &path, body).await
    };
    for _ in 0..3 {
        assert_eq!(code(&write().await), (500, "server_error"));
    }
    ready(&lab, &["/keystore/ready"]).await;
    let (_, body) = ask(&lab, "/ready").await;
    let message = body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("the Vault's database cannot be written"),
        "{message}"
    );
    run("DROP TRIGGER full_cards; DROP TRIGGER full_owner").await;
    assert_eq!(
        write().await.0,
        201,
        "with room again, and without a restart"
    );
    ready(&lab, ALL).await;
    pool.close().await;
}

#[tokio::test]
async fn a_database_of_another_release_is_not_ready() {
    let lab = Lab::new().await;
    let pool = database(&lab.keystore_db.replace("mode=ro", "mode=rw")).await;
    for (sql, expected) in [
        (
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 99, description, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
            ALL,
        ),
        // The newer release says that this one cannot go on.
        ("UPDATE owner SET needs = 99", &["/vault/ready"][..]),
        ("DELETE FROM _sqlx_migrations WHERE version = 99", ALL),
        // As of a backup that is older than the process.
        (
            "UPDATE _sqlx_migrations SET version = 0 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
            &["/vault/ready"],
        ),
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
        ready(&lab, expected).await;
    }
    pool.close().await;
}

#[tokio::test]
async fn a_vault_whose_keystore_is_away_is_not_ready() {
    let nobody = Port::hold();
    let keystore = format!("http://{}/keystore", nobody.address());
    let lab = Lab::with(|config| {
        config.services = Services::Vault;
        config.keystore_urls = vec![keystore];
    })
    .await;
    let (status, body) = ask(&lab, "/vault/ready").await;
    let message = body["error"]["message"].as_str().unwrap();
    assert!(
        status == 503 && message.contains("reach the Keystore"),
        "{message}"
    );
    assert_eq!(ask(&lab, "/health").await.0, 200);
}
