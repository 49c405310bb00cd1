//! What is noticed at start, before anything is written: damaged, missing and exchanged files, and another server.

use std::fs;
use std::path::Path;

use crate::common::*;
use crate::processes::{Process, logged_until_listening};
use reqwest::Client;
use tempfile::TempDir;
use vouchsafe_server::{Config, Server, Services};

/// Why a server does not start.
async fn refusal(config: Config) -> String {
    Server::start(config).await.unwrap_err().to_string()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The data of a server that was killed, with an account in it, before anything reached the databases themselves.
async fn killed() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    // Once in peace, so that nothing but what comes now is in the logs.
    let server = Server::start(Config::new(data.path())).await.unwrap();
    server.stop().await;
    // A client needs what the server's start installs.
    let http = Client::new();
    let mut process = Process::start(&["--listen", "127.0.0.1:0"], data.path()).await;
    let service = |name: &str| format!("http://{}/{name}", process.address);
    let (vault, keystore) = (service("vault"), service("keystore"));
    for name in ["ada", "bob", "eve"] {
        let person = sign_up(&http, &keystore, &vault, name).await;
        let (id, body) = public_key();
        let url = format!("{vault}/v1/public-keys/{id}");
        let put = call(&http, "PUT", &url, Some(&person.token), Some(body)).await;
        assert_eq!(put.0, 201);
    }
    process.child.kill().await.unwrap();
    data
}

#[tokio::test]
async fn a_log_that_lost_something() {
    let before = killed().await;
    for service in ["vault", "keystore"] {
        let data = tempfile::tempdir().unwrap();
        let log = data.path().join(format!("{service}.db-wal"));
        let start = async || refusal(Config::new(data.path())).await;
        copy(before.path(), data.path());
        let whole = fs::read(&log).unwrap();
        assert!(whole.len() > 10_000, "{}", whole.len());

        fs::remove_file(&log).unwrap();
        for _ in 0..2 {
            let error = start().await;
            assert!(
                error.contains(&format!("{service}.db-wal back: it is gone")),
                "{error}"
            );
        }
        // Twice each, since a start that fails shall not make the next one believe that all is well.
        for length in [whole.len() / 2, whole.len() - 1, 32, 31, 0, 0] {
            fs::write(&log, &whole[..length]).unwrap();
            let error = start().await;
            assert!(error.contains("cut short"), "{length}: {error}");
            assert_eq!(fs::read(&log).unwrap().len(), length, "nothing was written");
        }

        fs::write(&log, &whole).unwrap();
        let server = Server::start(Config::new(data.path())).await.unwrap();
        let http = Client::new();
        let keystore = server.keystore_url();
        let ada = sign_in(
            &http,
            keystore,
            "ada@example.org",
            "passphrase of ada@example.org",
        );
        assert_eq!(ada.await.0, 200, "a log that is whole is taken");
        server.stop().await;
    }
    // The way out that the sentence names.
    fs::remove_file(before.path().join("keystore.db-wal")).unwrap();
    let error = refusal(Config::new(before.path())).await;
    let index = before.path().join("keystore.db-shm");
    assert!(
        error.contains(&format!("remove {}", index.display())),
        "{error}"
    );
    fs::remove_file(index).unwrap();
    let server = Server::start(Config::new(before.path())).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn an_empty_log_after_the_machine_stopped_is_no_damage() {
    let data = killed().await;
    let file = |ending: &str| data.path().join(format!("keystore.db{ending}"));
    // An index of before the log was last emptied may be what a power failure leaves.
    fs::write(file("-wal"), "").unwrap();
    assert!(fs::metadata(file("-shm")).unwrap().len() > 0);
    let lock = fs::read_to_string(file(".lock")).unwrap();
    let (service, boot) = lock.split_once('\n').unwrap();
    assert_eq!(service, "Keystore");
    assert!(!boot.is_empty(), "{lock}");
    fs::write(file(".lock"), "Keystore\nanother boot").unwrap();
    let server = Server::start(Config::new(data.path())).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_log_that_is_gone_without_a_trace_is_told_of() {
    let data = killed().await;
    let warnings = async || {
        let mut command = crate::processes::command(&["--listen", "127.0.0.1:0"], data.path());
        let log = logged_until_listening(command.env("VOUCHSAFE_LOG", "warn")).await;
        let lines = log.lines().filter(|line| line.contains("-wal is gone"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    // Killed, but whole.
    assert_eq!(warnings().await, [""; 0]);
    for ending in ["-wal", "-shm"] {
        fs::remove_file(data.path().join(format!("keystore.db{ending}"))).unwrap();
    }
    let told = warnings().await;
    assert!(
        told.len() == 1 && told[0].contains("no server closed") && told[0].contains("keystore.db,"),
        "{told:?}"
    );
    // Once it was closed all is well.
    let server = Server::start(Config::new(data.path())).await.unwrap();
    server.stop().await;
    assert!(!data.path().join("keystore.db-wal").exists());
    assert_eq!(warnings().await, [""; 0]);
}

#[tokio::test]
async fn a_database_that_is_damaged_or_empty() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Config::new(data.path())).await.unwrap();
    server.stop().await;
    for (service, name) in [("vault", "Vault"), ("keystore", "Keystore")] {
        let file = data.path().join(format!("{service}.db"));
        let whole = fs::read(&file).unwrap();
        let mut garbage = whole.clone();
        garbage[..4096].fill(7);
        for bytes in [&[7; 10_000][..], &garbage, &whole[..whole.len() / 2]] {
            fs::write(&file, bytes).unwrap();
            let error = refusal(Config::new(data.path())).await;
            let cure = format!("Restore the {name}'s database from a backup");
            assert!(error.starts_with(&cure), "{error}");
            assert_eq!(fs::read(&file).unwrap(), bytes, "nothing was written");
        }
        // Beside a setup that was in use there was a database.
        for _ in 0..2 {
            fs::write(&file, "").unwrap();
            let error = refusal(Config::new(data.path())).await;
            let setup = format!("{service}.setup");
            assert!(
                error.contains("database back: this one is empty") && error.contains(&setup),
                "{error}"
            );
            fs::remove_file(&file).unwrap();
            assert_eq!(refusal(Config::new(data.path())).await, error);
        }
        fs::write(&file, &whole).unwrap();
    }
    let server = Server::start(Config::new(data.path())).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn two_servers_on_one_folder() {
    let data = tempfile::tempdir().unwrap();
    let config = || Config::new(data.path());
    let first = Server::start(config()).await.unwrap();
    for _ in 0..2 {
        let error = refusal(config()).await;
        assert!(error.contains("keystore.db is in use"), "{error}");
    }
    // By another path, and another process.
    let elsewhere = tempfile::tempdir().unwrap();
    let vault = |path: &Path| Config {
        services: Services::Vault,
        vault_db: Some(format!("sqlite://{}?mode=rwc", path.display())),
        keystore_urls: vec!["http://127.0.0.1:1/keystore".into()],
        ..Config::new(elsewhere.path())
    };
    let dotted = data.path().join(".").join("vault.db");
    let error = refusal(vault(&dotted)).await;
    assert!(error.contains("vault.db is in use"), "{error}");
    let output = crate::processes::command(&["--listen", "127.0.0.1:0"], data.path()).output();
    let output = output.await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && error.contains("is in use"),
        "{error}"
    );
    first.stop().await;
    // What a process that was killed leaves behind holds nobody up.
    let mut killed = Process::start(&["--listen", "127.0.0.1:0"], data.path()).await;
    killed.child.kill().await.unwrap();
    let again = Server::start(config()).await.unwrap();
    again.stop().await;
}

#[tokio::test]
async fn a_setup_of_somewhere_else_or_damaged() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let http = Client::new();
    for folder in [data.path(), other.path()] {
        let server = Server::start(Config::new(folder)).await.unwrap();
        sign_up(&http, server.keystore_url(), server.vault_url(), "ada").await;
        server.stop().await;
    }
    for (service, way_out) in [
        ("keystore", "--new-opaque-setup"),
        ("vault", "remove this one"),
    ] {
        let name = format!("{service}.setup");
        let file = data.path().join(&name);
        let own = fs::read_to_string(&file).unwrap();
        fs::copy(other.path().join(&name), &file).unwrap();
        for _ in 0..2 {
            let error = refusal(Config::new(data.path())).await;
            let cure = format!("Put back the {name}");
            assert!(
                error.starts_with(&cure) && error.contains(way_out),
                "{error}"
            );
        }
        // One letter of a secret, which would be as good a secret.
        let at = own.find(r#"ecret": ""#).unwrap() + 20;
        let letter = if &own[at..=at] == "A" { "B" } else { "A" };
        let damaged = [&own[..at], letter, &own[at + 1..]].concat();
        fs::write(&file, &damaged).unwrap();
        let error = refusal(Config::new(data.path())).await;
        assert!(
            error.contains("damaged") && error.contains(&name),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
        fs::write(&file, own).unwrap();
    }
    let server = Server::start(Config::new(data.path())).await.unwrap();
    let keystore = server.keystore_url();
    let ada = sign_in(
        &http,
        keystore,
        "ada@example.org",
        "passphrase of ada@example.org",
    );
    assert_eq!(
        ada.await.0,
        200,
        "with its own files everything is as it was"
    );
    server.stop().await;

    // Told so, it takes the other one; and keeps to it.
    let file = "keystore.setup";
    fs::copy(other.path().join(file), data.path().join(file)).unwrap();
    for new_opaque_setup in [true, false] {
        let config = Config {
            new_opaque_setup,
            ..Config::new(data.path())
        };
        let server = Server::start(config).await.unwrap();
        let url = format!("{}/v1/sign-in/start", server.keystore_url());
        let body = sign_in_start(server.keystore_url(), "ada@example.org");
        let lost = call(&http, "POST", &url, None, Some(body)).await;
        assert_eq!(code(&lost), (403, "recovery_needed"));
        server.stop().await;
    }
}

#[tokio::test]
async fn several_keystores_at_once_make_one_setup() {
    let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let database = make_database(&postgres).await;
    let starts = (0..8).map(|_| {
        Server::start(Config {
            services: Services::Keystore,
            keystore_db: Some(database.clone()),
            vault_urls: vec!["http://127.0.0.1:1/vault".into()],
            ..Config::new(data.path())
        })
    });
    for server in futures_util::future::join_all(starts).await {
        server.unwrap().stop().await;
    }
}
