//! Files that nobody but the server's own user may read.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::*;
use crate::files::Files;
use crate::processes::{command, logged_until_listening};
use vouchsafe_server::{Config, Server, backup};

/// Every file and folder, with its mode.
fn modes(path: &Path, found: &mut Vec<(String, u32)>) {
    let metadata = fs::metadata(path).unwrap();
    let mode = metadata.permissions().mode() & 0o777;
    found.push((path.display().to_string(), mode));
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            modes(&entry.unwrap().path(), found);
        }
    }
}

#[tokio::test]
async fn everything_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("new/data"), folder.path().join("copy"));
    let elsewhere = folder.path().join("elsewhere.db");
    let mut config = Config::new(&data);
    config.vault_db = Some(format!("sqlite://{}?mode=rwc", elsewhere.display()));
    let server = Server::start(config.clone()).await.unwrap();
    let http = reqwest::Client::new();
    let (vault, keystore) = (server.vault_url(), server.keystore_url());
    let ada = sign_up(&http, keystore, vault, "ada").await;
    let (key, body) = public_key();
    let put = async |path: String, body| {
        let url = format!("{vault}/v1{path}");
        let answer = call(&http, "PUT", &url, Some(&ada.token), Some(body)).await;
        assert_eq!(answer.0, 201);
    };
    put(format!("/public-keys/{key}"), body).await;
    let tomorrow = Config::new("").clock.now() + DAY;
    let mail = mail_invitation(&key, "bob@example.org", tomorrow);
    put(format!("/invitations/{}", v7()), mail).await;
    let files = Files {
        http: http.clone(),
        vault: vault.to_owned(),
        token: ada.token.clone(),
    };
    files.upload(b"content").await;
    let outbox = data.join("outbox");
    until(async || fs::read_dir(&outbox).ok()?.next().map(drop)).await;
    backup(&config, &copy, true).await.unwrap();

    let mut found = Vec::new();
    for path in [&folder.path().join("new"), &copy] {
        modes(path, &mut found);
    }
    for beside in ["", "-wal", "-shm"] {
        let path = format!("{}{beside}", elsewhere.display());
        modes(Path::new(&path), &mut found);
    }
    // Two folders and the outbox, keystore.db with two beside it, the setup, a mail, the backup, the Vault's database, and the
    // store of files, twice.
    assert!(found.len() >= 3 + 4 + 1 + 4 + 3 + 2 * 3, "{found:#?}");
    found.retain(|(_, mode)| mode & 0o077 != 0);
    assert!(found.is_empty(), "others can read {found:#?}");
    server.stop().await;
}

#[tokio::test]
async fn what_others_can_read_is_complained_about() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = async || {
        let mut command = command(&["--listen", "127.0.0.1:0"], &data);
        logged_until_listening(command.env("VOUCHSAFE_LOG", "warn")).await
    };
    assert_eq!(
        start().await,
        "",
        "nothing is to be said of one's own files"
    );
    let setup = data.join("keystore.setup");
    for (path, mode) in [(&data, 0o750), (&setup, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let log = start().await;
    assert_eq!(log.lines().count(), 2, "{log}");
    for (path, mode) in [(&data, "0750"), (&setup, "0644")] {
        let path = path.display().to_string();
        let said = log
            .lines()
            .any(|line| line.contains(&format!("path={path} ")) && line.contains(mode));
        assert!(said, "{path} in {log}");
    }
}
