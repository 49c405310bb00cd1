//! Databases that are new, from another release, or somebody else's.

use std::path::Path;

use crate::common::*;
use futures_util::future::join_all;
use vouchsafe_server::{Config, Server, Services};

/// A Vault alone, with this database.
fn vault(data: &Path, database: &str) -> Config {
    Config {
        services: Services::Vault,
        vault_db: Some(database.to_owned()),
        keystore_urls: vec!["http://127.0.0.1:1/keystore".into()],
        ..Config::new(data)
    }
}

/// Why it does not start.
async fn refusal(config: Config) -> String {
    Server::start(config).await.err().unwrap().to_string()
}

#[tokio::test]
async fn several_may_start_at_once_with_a_new_database() {
    let lab = Lab::new().await;
    let new = match std::env::var("VOUCHSAFE_TEST_POSTGRES") {
        Ok(postgres) => make_database(&postgres).await,
        Err(_) => format!(
            "sqlite://{}?mode=rwc",
            lab.folder.path().join("new.db").display()
        ),
    };
    let starts = (0..8).map(|_| Server::start(vault(lab.folder.path(), &new)));
    for server in join_all(starts).await {
        server.unwrap().stop().await;
    }
}

#[tokio::test]
async fn every_file_is_run() {
    let lab = Lab::new().await;
    for (url, service) in [(&lab.vault_db, "vault"), (&lab.keystore_db, "keystore")] {
        let folder = format!("{}/src/{service}/migrations", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().count();
        let pool = database(url).await;
        let run: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(usize::try_from(run), Ok(files), "{service}");
        pool.close().await;
    }
}

#[tokio::test]
async fn a_database_that_another_release_changed_is_not_opened() {
    let lab = Lab::new().await;
    let url = lab.vault_db.replace("mode=ro", "mode=rw");
    let data = tempfile::tempdir().unwrap();
    let start = async || refusal(vault(data.path(), &url)).await;
    let pool = database(&url).await;
    let run = async |sql: &'static str| {
        let done = sqlx::query(sql).execute(&pool).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{sql}");
    };

    run("UPDATE _sqlx_migrations SET version = 99 WHERE version = 1").await;
    let newer = start().await;
    assert!(newer.contains("newer release"), "{newer}");

    run("UPDATE _sqlx_migrations SET version = 1, checksum = '' WHERE version = 99").await;
    let other = start().await;
    assert!(
        other.contains("migration 1 was previously applied but has been modified"),
        "{other}"
    );
    pool.close().await;
}

#[tokio::test]
async fn two_services_do_not_share_a_database() {
    let data = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", data.path().join("one.db").display());
    let config = Config {
        vault_db: Some(url.clone()),
        keystore_db: Some(url),
        ..Config::new(data.path())
    };
    let refused = refusal(config).await;
    assert!(
        refused.contains("database of its own: this one belongs to the Keystore"),
        "{refused}"
    );
}
