//! Processes that are killed, and several with one database and one store.

use std::path::Path;

use super::*;
use crate::common::*;
use crate::port::Port;
use crate::processes::{Process, command};
use sqlx::{AnyConnection, Connection};
use vouchsafe_server::Config;

/// The objects of a file in a data folder, each with its size.
fn objects(data: &Path, file: &str) -> Vec<u64> {
    let folder = data.join("vault.files").join(file);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect()
}

#[tokio::test]
async fn a_kill_between_object_and_row_loses_nothing_that_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let port = Port::hold();
    let address = port.address().to_string();
    let mut server = Process::start(&["--listen", &address], data.path()).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::new();
    let (keystore, vault) = (
        format!("http://{address}/keystore"),
        format!("http://{address}/vault"),
    );
    let ada = sign_up(&http, &keystore, &vault, "ada").await;
    let files = Files {
        http: http.clone(),
        vault: vault.clone(),
        token: ada.token.clone(),
    };
    let (id, content) = (v7(), content(2 * PART));
    files.begin(&id).await;
    assert_eq!(files.put(&id, 0, &content).await.status, 204);

    // The row waits for somebody who writes, and the object does not.
    let url = format!(
        "sqlite://{}?mode=rw",
        data.path().join("vault.db").display()
    );
    sqlx::any::install_default_drivers();
    let mut writer = AnyConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut writer)
        .await
        .unwrap();
    let range = format!("bytes {PART}-{}/*", 2 * PART - 1);
    let request = http
        .put(format!("{vault}/v1/files/{id}"))
        .bearer_auth(&ada.token)
        .header("content-type", "application/octet-stream")
        .header("content-range", range)
        .body(content[PART..].to_vec());
    let sending = tokio::spawn(request.send());
    let whole = PART as u64;
    until(async || (objects(data.path(), &id) == [whole, whole]).then_some(())).await;
    server.child.kill().await.unwrap();
    assert!(sending.await.unwrap().is_err(), "nothing was acknowledged");
    writer.close().await.unwrap();

    let _server = Process::start(&["--listen", &address], data.path()).await;
    let first = json!({ "state": "uploading", "ranges": [{ "first": 0, "last": PART - 1 }] });
    assert_eq!(files.ranges(&id).await, (200, first));
    assert_eq!(code(&files.finish(&id, &content).await), (409, "conflict"));
    assert_eq!(files.put(&id, 1, &content).await.status, 204);
    assert_eq!(files.finish(&id, &content).await.0, 200);
    assert!(files.get(&id, &[]).await.bytes == content);
    assert_eq!(objects(data.path(), &id).len(), 3, "one has no row");
    assert_eq!(files.delete(&id).await.0, 204);
    assert_eq!(objects(data.path(), &id).len(), 0, "and goes with its file");
}

/// Two Vaults of one PostgreSQL database and one store, each a process, and the Keystore beside them.
#[tokio::test]
async fn two_vaults_share_their_files() {
    let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") else {
        return;
    };
    let (data, keystore_data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::new();
    let audience = "http://vault.test/vault";
    let start = [
        "keystore",
        "--listen",
        "127.0.0.1:0",
        "--vault-url",
        audience,
    ];
    let port = Port::hold();
    let address = port.address().to_string();
    let start = start.map(|word| {
        if word == "127.0.0.1:0" {
            &*address
        } else {
            word
        }
    });
    let _keystore = Process::start(&start, keystore_data.path()).await;
    let keystore = format!("http://{address}/keystore");
    let database = make_database(&postgres).await;
    let mut config = Config::new(data.path());
    if let Ok(endpoint) = std::env::var("VOUCHSAFE_TEST_S3") {
        use_bucket(&mut config, &endpoint).await;
    }
    let vault = async || {
        let start = [
            "vault",
            "--listen",
            "127.0.0.1:0",
            "--keystore-url",
            &keystore,
            "--vault-url",
            audience,
            "--vault-db",
            &database,
        ];
        let mut command = command(&start, data.path());
        if let Some(place) = &config.vault_files {
            command
                .env("VOUCHSAFE_VAULT_FILES", place)
                .env(
                    "VOUCHSAFE_S3_ENDPOINT",
                    config.s3.endpoint.as_ref().unwrap(),
                )
                .env("VOUCHSAFE_S3_ACCESS_KEY", "test")
                .env("VOUCHSAFE_S3_SECRET_KEY", "test");
        }
        Process::run(command).await
    };
    let processes = [vault().await, vault().await];
    let ada = sign_up(&http, &keystore, audience, "ada").await;
    let [one, other] = processes.each_ref().map(|process| Files {
        http: http.clone(),
        vault: format!("http://{}/vault", process.address),
        token: ada.token.clone(),
    });
    let (id, content) = (v7(), content(5 * PART + 9));
    assert_eq!(one.begin(&id).await.0, 201);
    assert_eq!(other.begin(&id).await.0, 200);
    for (part, files) in [&one, &other, &one, &other, &one, &other]
        .into_iter()
        .enumerate()
    {
        assert_eq!(files.put(&id, part, &content).await.status, 204);
    }
    // The same part at both at once, and another one.
    let rivals = [super::content(9), content[5 * PART..].to_vec()];
    let sent = [(&one, 0), (&other, 0), (&one, 1), (&other, 1)];
    let sent = sent.map(|(files, rival)| files.put_at(&id, 5 * PART, &rivals[rival]));
    let answers = futures_util::future::join_all(sent).await;
    let statuses: Vec<u16> = answers.iter().map(|got| got.status).collect();
    assert_eq!(statuses, [409, 409, 204, 204]);
    assert_eq!(other.finish(&id, &content).await.0, 200);
    for files in [&one, &other] {
        assert!(files.get(&id, &[]).await.bytes == content);
    }
    assert_eq!(one.delete(&id).await.0, 204);
    assert_eq!(other.get(&id, &[]).await.code(), missing());
}
