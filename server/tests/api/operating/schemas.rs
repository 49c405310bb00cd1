//! `migrate`, and releases side by side.

use super::Place;
use crate::common::*;
use crate::processes::Process;
use futures_util::future::join_all;
use reqwest::Client;
use tokio::io::{AsyncBufReadExt, BufReader};

/// A Vault alone.
const VAULT: [&str; 5] = [
    "vault",
    "--listen",
    "127.0.0.1:0",
    "--keystore-url",
    "http://127.0.0.1:1/keystore",
];

async fn run_sql(url: &str, sql: &'static str) {
    let pool = database(url).await;
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

/// The number of the newest migration that the database has had.
async fn newest(url: &str) -> i64 {
    let pool = database(url).await;
    let sql = "SELECT MAX(version) FROM _sqlx_migrations";
    let newest = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    pool.close().await;
    newest
}

#[tokio::test]
async fn a_schema_is_looked_at_and_brought_up_to_date_without_a_server() {
    let place = Place::new().await;
    let check = ["migrate", "--check"];
    let missing = place.run(&check).await;
    assert_eq!(missing.status, 1, "{missing:?}");
    if place.databases.is_none() {
        let entries = std::fs::read_dir(place.data.path()).unwrap();
        assert_eq!(entries.count(), 0, "a look makes nothing");
    }
    let migrated = place.run(&["migrate", "vault", "--to", "3"]).await;
    assert_eq!(migrated.status, 0, "{migrated:?}");
    assert_eq!(newest(&place.url("vault")).await, 3);
    let half = place.run(&["migrate", "vault", "--check"]).await;
    assert_eq!(half.status, 1, "{half:?}");
    assert!(half.out.starts_with("Vault: migration 3 of "), "{half:?}");
    let back = place.run(&["migrate", "vault", "--to", "2"]).await;
    assert!(
        back.status == 1 && back.error.contains("backup"),
        "{back:?}"
    );
    for (to, says) in [("0", "--to"), ("999", "--to")] {
        let refused = place.run(&["migrate", "vault", "--to", to]).await;
        assert!(
            refused.status == 1 && refused.error.contains(says),
            "{refused:?}"
        );
    }
    let admin = place.run(&["admin", "stats"]).await;
    assert!(admin.error.contains("up to date first"), "{admin:?}");

    assert_eq!(place.run(&["migrate"]).await.status, 0);
    let current = place.run(&check).await;
    assert_eq!(current.status, 0, "{current:?}");
    assert_eq!(current.out.matches("up to date").count(), 2);
    // Beside a server, and in its hands, it is the same.
    let process = place.serve().await;
    assert_eq!(place.run(&check).await.status, 0);
    process.stop().await;
    let broken = Place::in_folder();
    std::fs::write(broken.data.path().join("vault.db"), [7; 10_000]).unwrap();
    let unknown = broken.run(&["migrate", "vault", "--check"]).await;
    assert_eq!(unknown.status, 3, "{unknown:?}");
}

#[tokio::test]
async fn processes_that_start_at_once_migrate_once() {
    let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") else {
        return;
    };
    for _ in 0..3 {
        let database_url = make_database(&postgres).await;
        let (first, second, third) = (Place::in_folder(), Place::in_folder(), Place::in_folder());
        let command = |place: &Place, arguments: &[&str]| {
            let mut command = place.command(arguments);
            command.env("VOUCHSAFE_VAULT_DB", &database_url);
            command
        };
        // Real processes, of which each would make the tables.
        let servers = [&first, &second].map(|place| Process::run(command(place, &VAULT)));
        let migrating = super::ended(command(&third, &["migrate", "vault"]));
        let (servers, migrated) = tokio::join!(join_all(servers), migrating);
        assert_eq!(migrated.status, 0, "{migrated:?}");
        let pool = database(&database_url).await;
        let sql = "SELECT COUNT(*) - COUNT(DISTINCT version) FROM _sqlx_migrations";
        let twice: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        assert_eq!(twice, 0);
        pool.close().await;
        for server in servers {
            let health = format!("http://{}/health", server.address);
            assert_eq!(
                Client::new().get(health).send().await.unwrap().status(),
                200
            );
            server.stop().await;
        }
    }
}

/// The message of a Keystore's `/ready`, whose database is all that it needs; none if it is ready.
async fn unready(process: &Process) -> Option<String> {
    let url = format!("http://{}/keystore/ready", process.address);
    let answer = Client::new().get(url).send().await.unwrap();
    if answer.status() == 200 {
        return None;
    }
    let body: serde_json::Value = answer.json().await.unwrap();
    Some(body["error"]["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_release_goes_on_beside_the_next_unless_that_says_it_cannot() {
    let place = Place::new().await;
    let process = place.serve().await;
    assert_eq!(unready(&process).await, None);
    // As the first process of the next release leaves the database.
    let url = place.url("keystore");
    run_sql(
        &url,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 99, description, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1; \
         ALTER TABLE accounts ADD COLUMN newer BIGINT",
    )
    .await;
    // Longer than an answer of before is given again.
    let ready = async || until(async || unready(&process).await.is_none().then_some(())).await;
    ready().await;
    let reached = super::Reached::at(&process);
    let ada = reached.sign_up("ada").await;
    let check = ["migrate", "keystore", "--check"];
    let newer = place.run(&check).await;
    assert!(
        newer.status == 2 && newer.out.contains("goes on with it"),
        "{newer:?}"
    );
    process.stop().await;
    // It may start anew meanwhile, and changes nothing.
    assert_eq!(place.run(&["migrate", "keystore"]).await.status, 0);
    let process = place.serve().await;
    let reached = super::Reached::at(&process);
    assert_eq!(reached.sign_in(&ada).await.0, 200);
    assert_eq!(newest(&url).await, 99);
    let shown = place.admin(&["accounts", "show", &ada.email]).await;
    assert_eq!(shown["id"], ada.account);

    run_sql(&url, "UPDATE owner SET needs = 99").await;
    let message = until(async || unready(&process).await).await;
    assert!(message.contains("another release"), "{message}");
    process.stop().await;
    let newer = place.run(&check).await;
    assert!(
        newer.status == 2 && newer.out.contains("cannot work"),
        "{newer:?}"
    );
    for arguments in [
        &["admin", "stats"][..],
        &["migrate", "keystore"],
        &["--listen", "127.0.0.1:0"],
    ] {
        let refused = place.run(arguments).await;
        assert!(
            refused.status == 1 && refused.error.contains("newer release"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_migration_holds_nobody_up_that_waits_for_a_backup() {
    let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") else {
        return;
    };
    let url = make_database(&postgres).await;
    let place = Place::in_folder();
    let migrate = |arguments: &[&str]| {
        let mut command = place.command(&[&["migrate", "vault"], arguments].concat());
        command.env("VOUCHSAFE_VAULT_DB", &url);
        command
    };
    let half = migrate(&["--to", "14"]).output().await.unwrap();
    assert!(half.status.success(), "{half:?}");
    let pool = database(&url).await;
    // As `pg_dump` holds every table while it reads.
    let mut backup = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE accounts IN ACCESS SHARE MODE")
        .execute(&mut *backup)
        .await
        .unwrap();
    let mut rest = migrate(&[]);
    rest.env("VOUCHSAFE_LOG", "warn");
    let mut rest = rest.spawn().unwrap();
    let mut log = BufReader::new(rest.stderr.take().unwrap()).lines();
    let again = async {
        while let Ok(Some(line)) = log.next_line().await {
            if line.contains("trying again") {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, again).await.unwrap());
    // Nobody waits behind it meanwhile.
    let others = sqlx::query("SELECT COUNT(*) FROM accounts").execute(&pool);
    others.await.unwrap();
    backup.rollback().await.unwrap();
    pool.close().await;
    assert!(rest.wait().await.unwrap().success());
    assert!(newest(&url).await > 14);
}
