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
async fn several_start_at_once_with_a_new_database() {
    let data = tempfile::tempdir().unwrap();
    let postgres = std::env::var("VOUCHSAFE_TEST_POSTGRES").ok();
    let new = match &postgres {
        Some(postgres) => make_database(postgres).await,
        None => format!("sqlite://{}?mode=rwc", data.path().join("new.db").display()),
    };
    let starts = (0..8).map(|_| Server::start(vault(data.path(), &new)));
    let mut started = 0;
    for server in join_all(starts).await {
        match server {
            Ok(server) => {
                started += 1;
                server.stop().await;
            }
            Err(error) => assert!(error.to_string().contains("is in use"), "{error}"),
        }
    }
    assert_eq!(started, if postgres.is_some() { 8 } else { 1 });
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

/// The statement of a migration with which the release before could not go on, if there is one: it reads and writes what is
/// taken away, or does not give what is asked for.
fn what_breaks(migration: &str) -> Option<String> {
    let lines = migration.lines().filter(|line| !line.starts_with("--"));
    let text = lines.collect::<Vec<_>>().join(" ").to_uppercase();
    let breaks = |statement: &&str| {
        let has = |words: &str| statement.contains(words);
        let takes_away = ["DROP TABLE", "DROP COLUMN", "RENAME ", "CREATE TRIGGER"];
        let asks_for = [
            "ADD CONSTRAINT",
            "CREATE UNIQUE INDEX",
            "SET NOT NULL",
            "ALTER COLUMN",
        ];
        takes_away.iter().chain(&asks_for).any(|words| has(words))
            || (has("ADD COLUMN") && has("NOT NULL") && !has("DEFAULT"))
    };
    text.split(';')
        .find(breaks)
        .map(|found| found.trim().to_owned())
}

#[test]
fn a_migration_that_the_release_before_cannot_go_on_with_says_so() {
    for (migration, breaks) in [
        ("ALTER TABLE cards ADD COLUMN one BIGINT", false),
        (
            "ALTER TABLE cards ADD COLUMN one BIGINT NOT NULL DEFAULT 0",
            false,
        ),
        (
            "CREATE TABLE others (id TEXT PRIMARY KEY, name TEXT NOT NULL);\n-- DROP TABLE others",
            false,
        ),
        (
            "DROP INDEX cards_by_time; CREATE INDEX cards_by_time ON cards (account)",
            false,
        ),
        ("ALTER TABLE cards ADD COLUMN one BIGINT NOT NULL", true),
        (
            "UPDATE cards SET size = 1; ALTER TABLE cards DROP COLUMN size",
            true,
        ),
        ("ALTER TABLE cards RENAME COLUMN size TO bytes", true),
        ("CREATE UNIQUE INDEX one ON cards (size)", true),
        ("DROP TABLE cards", true),
    ] {
        assert_eq!(what_breaks(migration).is_some(), breaks, "{migration}");
    }
    for service in ["vault", "keystore"] {
        let folder = format!("{}/src/{service}/migrations", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts: Vec<_> = files
            .iter()
            .map(|file| std::fs::read_to_string(file).unwrap())
            .collect();
        // From the one on that made the column in which it is said.
        let made = texts
            .iter()
            .position(|text| text.contains("ADD COLUMN needs"));
        for (index, text) in texts.iter().enumerate().skip(made.unwrap() + 1) {
            let says = format!("UPDATE owner SET needs = {}", index + 1);
            let breaks = what_breaks(text);
            assert!(
                breaks.is_none() || text.contains(&says),
                "{}: add `{says};`, or leave this to the release after: {breaks:?}",
                files[index].display()
            );
        }
    }
}

#[tokio::test]
async fn a_database_that_another_release_changed_is_not_opened() {
    let lab = Lab::new().await;
    let url = lab.vault_db.replace("mode=ro", "mode=rw");
    let folder = lab.folder;
    lab.server.stop().await;
    let start = async || refusal(vault(folder.path(), &url)).await;
    let run = async |sql: &'static str| {
        let pool = database(&url).await;
        let done = sqlx::query(sql).execute(&pool).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{sql}");
        pool.close().await;
    };
    let content = async || {
        let pool = database(&url).await;
        let sql = "SELECT MAX(version) FROM _sqlx_migrations";
        let newest: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        let sql = "SELECT seen_at FROM owner";
        let seen: Option<i64> = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        pool.close().await;
        (newest, seen)
    };

    // As a newer release leaves it, and as one whose first files were put together does.
    run(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 99, description, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    run("UPDATE owner SET needs = 99").await;
    let before = content().await;
    for _ in 0..2 {
        let newer = start().await;
        assert!(newer.contains("newer release"), "{newer}");
    }
    assert_eq!(content().await, before, "nothing was written");
    run("UPDATE owner SET needs = 0").await;
    run("DELETE FROM _sqlx_migrations WHERE version = 1").await;
    let newer = start().await;
    assert!(newer.contains("newer release"), "{newer}");

    run("UPDATE _sqlx_migrations SET version = 1, checksum = '' WHERE version = 99").await;
    let other = start().await;
    assert!(
        other.contains("migration 1 was previously applied but has been modified"),
        "{other}"
    );
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
