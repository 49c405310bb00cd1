//! Backing up a running server, and going on from the backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::*;
use crate::files::{self, Files};
use crate::processes::command;
use serde_json::{Value, json};
use tempfile::TempDir;
use vouchsafe_server::{Clock, Config, Server, StartError};

/// On SQLite even where the other tests are not.
async fn lab() -> Lab {
    Lab::with(|config| {
        (config.vault_db, config.keystore_db) = (None, None);
        config.rate_limits = false;
    })
    .await
}

/// The same, whose files lie in a folder.
async fn files_lab() -> Lab {
    Lab::with(|config| {
        (config.vault_db, config.keystore_db) = (None, None);
        config.vault_files = None;
    })
    .await
}

async fn back_up(data: &Path, to: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["backup", "--to", to.to_str().unwrap()];
    arguments.extend(more);
    command(&arguments, data).output().await.unwrap()
}

/// One person who makes cards and shares for as long as wanted, and what the server has taken of them.
struct Writer<'a> {
    lab: &'a Lab,
    person: &'a Person,
    peer: &'a Person,
    connection: &'a str,
    cards: Mutex<Vec<String>>,
    shares: Mutex<Vec<String>>,
}

impl Writer<'_> {
    async fn write(&self, stopped: &AtomicBool) {
        while !stopped.load(Ordering::SeqCst) {
            let id = v7();
            let body = Some(json!({ "card": jwe(&id), "version": 0, "unsettled": false }));
            let path = format!("/cards/{id}");
            let (status, _) = self.lab.vault(&self.person.token, "PUT", &path, body).await;
            assert_eq!(status, 201);
            self.cards.lock().unwrap().push(id);

            let (mut space, mut share) =
                (new_space(self.peer, None), new_share(self.connection, None));
            space["connectionId"] = json!(self.connection);
            share["spaceId"] = space["id"].clone();
            let session = &self.person.session;
            let body = Some(json!({ "spaces": [space] }));
            let (_, made) = self.lab.keystore(session, "POST", "/spaces", body).await;
            assert_eq!(made["results"][0]["error"], Value::Null);
            let body = Some(json!({ "shares": [share] }));
            let (_, made) = self
                .lab
                .vault(&self.person.token, "POST", "/shares", body)
                .await;
            assert_eq!(made["results"][0]["error"], Value::Null);
            self.shares
                .lock()
                .unwrap()
                .push(share["id"].as_str().unwrap().to_owned());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&copy).unwrap();
            copy_folder(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_writes_holds_what_was_acknowledged() {
    let (lab, place) = (lab().await, tempfile::tempdir().unwrap());
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    // So much that copying the Keystore takes a while, in which much is written.
    for _ in 0..10 {
        let large = || {
            let mut space = new_space(&bob, None);
            (space["own"], space["peer"]) = (json!(jwe(&random(4000))), json!(jwe(&random(4000))));
            space
        };
        let spaces: Vec<Value> = (0..100).map(|_| large()).collect();
        let body = Some(json!({ "spaces": spaces }));
        let (status, _) = lab.keystore(&ada.session, "POST", "/spaces", body).await;
        assert_eq!(status, 200);
    }
    let to = place.path().join("backup");
    let stopped = AtomicBool::new(false);
    let writer = || Writer {
        lab: &lab,
        person: &ada,
        peer: &bob,
        connection: &connection,
        cards: Mutex::default(),
        shares: Mutex::default(),
    };
    let writers = [writer(), writer(), writer(), writer()];
    let acknowledged = |what: fn(&Writer<'_>) -> Vec<String>| -> Vec<String> {
        writers.iter().flat_map(what).collect()
    };
    let cards = || acknowledged(|writer| writer.cards.lock().unwrap().clone());
    let shares = || acknowledged(|writer| writer.shares.lock().unwrap().clone());
    let backing_up = async {
        until(async || (shares().len() > 100).then_some(())).await;
        let before = (cards(), shares());
        let output = back_up(lab.folder.path(), &to, &[]).await;
        let so_far = shares().len();
        until(async || (shares().len() > so_far + 20).then_some(())).await;
        stopped.store(true, Ordering::SeqCst);
        (output, before)
    };
    let writing = futures_util::future::join_all(writers.iter().map(|w| w.write(&stopped)));
    let ((output, (cards, shares)), _) = tokio::join!(backing_up, writing);
    assert!(output.status.success(), "{output:?}");
    assert!(shares.len() > 100);

    // The folder is whole, and nothing else is there.
    let names = |folder: &Path| {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(place.path()), ["backup"]);
    assert_eq!(
        names(&to),
        ["keystore.db", "keystore.setup", "vault.db", "vault.setup"]
    );
    #[cfg(unix)]
    for (path, mode) in [
        ("", 0o700),
        ("keystore.setup", 0o600),
        ("vault.db", 0o600),
        ("vault.setup", 0o600),
    ] {
        use std::os::unix::fs::PermissionsExt;
        let permissions = fs::metadata(to.join(path)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{path}");
    }
    for name in ["vault.db", "keystore.db"] {
        let pool = database(&format!("sqlite://{}?mode=ro", to.join(name).display())).await;
        let verdict: String = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(verdict, "ok", "{name}");
    }

    let restored = tempfile::tempdir().unwrap();
    copy_folder(&to, restored.path());
    let now = lab.now();
    let server = Server::start(Config {
        clock: Clock::new(move || now),
        ..Config::new(restored.path())
    })
    .await
    .unwrap();
    let (vault, keystore) = (server.vault_url(), server.keystore_url());
    let (status, _) = sign_in(&lab.http, keystore, &ada.email, &ada.passphrase).await;
    assert_eq!(status, 200);
    let token = token(&lab.http, keystore, vault, &ada.session).await;
    let get = async |path: &str| {
        let url = format!("{vault}/v1{path}");
        call(&lab.http, "GET", &url, Some(&token), None).await
    };
    for id in &cards {
        let (status, card) = get(&format!("/cards/{id}")).await;
        assert_eq!((status, &card["card"]), (200, &json!(jwe(id))));
    }
    // Every share that the backup has, those that came while it was made too, has its space.
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = get(&format!("/shares/outgoing?limit=200{cursor}")).await;
        let items = page["items"].as_array().unwrap().clone();
        let spaces: Vec<&Value> = items.iter().map(|share| &share["spaceId"]).collect();
        let url = format!("{keystore}/v1/spaces/query");
        let body = Some(json!({ "ids": spaces }));
        let (_, known) = call(&lab.http, "POST", &url, Some(&ada.session), body).await;
        assert_eq!(known["items"].as_array().unwrap().len(), items.len());
        found.extend(
            items
                .iter()
                .map(|share| share["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(shares.iter().all(|id| found.contains(id)));
    server.stop().await;
}

/// A server that goes on from a backup, in the lab's time.
async fn restore(lab: &Lab, data: &Path) -> Result<Server, StartError> {
    let now = lab.now();
    Server::start(Config {
        clock: Clock::new(move || now),
        ..Config::new(data)
    })
    .await
}

#[tokio::test]
async fn a_backup_holds_the_files() {
    let (lab, place) = (files_lab().await, tempfile::tempdir().unwrap());
    let ada = lab.sign_up("ada").await;
    let files = Files::of(&lab, &ada);
    let content = files::content(2 * files::PART + 3);
    let (whole, begun, gone) = (files.upload(&content).await, v7(), files.upload(b"x").await);
    files.begin(&begun).await;
    files.put(&begun, 0, &content).await;
    assert_eq!(files.delete(&gone).await.0, 204);
    let (with, without) = (place.path().join("with"), place.path().join("without"));
    assert!(
        back_up(lab.folder.path(), &with, &[])
            .await
            .status
            .success()
    );
    let more = ["--without-files"];
    assert!(
        back_up(lab.folder.path(), &without, &more)
            .await
            .status
            .success()
    );
    assert!(!without.join("vault.files").exists());
    let copied = fs::read_dir(with.join("vault.files")).unwrap().count();
    assert_eq!(copied, 2, "what was deleted is not copied");

    let server = restore(&lab, &with).await.unwrap();
    let (vault, keystore) = (server.vault_url(), server.keystore_url());
    let restored = Files {
        http: lab.http.clone(),
        vault: vault.to_owned(),
        token: token(&lab.http, keystore, vault, &ada.session).await,
    };
    assert!(restored.get(&whole, &[]).await.bytes == content);
    for part in [1, 2] {
        assert_eq!(restored.put(&begun, part, &content).await.status, 204);
    }
    assert_eq!(restored.finish(&begun, &content).await.0, 200);
    server.stop().await;

    // Without its files the database is told of.
    let refused = restore(&lab, &without).await.err().unwrap().to_string();
    assert!(refused.contains("vault.files back"), "{refused}");
    fs::create_dir(without.join("vault.files")).unwrap();
    restore(&lab, &without).await.unwrap().stop().await;
}

/// A refused backup: its one sentence. Nothing is left of it.
async fn refusal(data: &Path, to: &Path, more: &[&str]) -> String {
    let place = to.parent().unwrap();
    let before = fs::read_dir(place).unwrap().count();
    let output = back_up(data, to, more).await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.starts_with("error: ") && error.lines().count() == 1,
        "{error}"
    );
    assert_eq!(fs::read_dir(place).unwrap().count(), before);
    error
}

#[tokio::test]
async fn a_backup_overwrites_nothing() {
    let (lab, place) = (lab().await, tempfile::tempdir().unwrap());
    let data = lab.folder.path();
    let full = place.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine"), "mine").unwrap();
    let error = refusal(data, &full, &[]).await;
    assert!(error.contains("new folder"), "{error}");
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1);

    let file = place.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(refusal(data, &file, &[]).await.contains("new folder"));

    let (to, part) = (place.path().join("b"), place.path().join("b.part"));
    fs::create_dir(&part).unwrap();
    assert!(refusal(data, &to, &[]).await.contains("b.part"));
    fs::remove_dir(&part).unwrap();

    fs::create_dir(&to).unwrap();
    assert!(back_up(data, &to, &[]).await.status.success());
    assert_eq!(fs::read_dir(&to).unwrap().count(), 4);
    assert!(refusal(data, &to, &[]).await.contains("new folder"));
}

#[tokio::test]
async fn a_backup_is_not_put_into_what_it_is_a_backup_of() {
    let (lab, place) = (lab().await, tempfile::tempdir().unwrap());
    let data = lab.folder.path();
    fs::create_dir(data.join("there")).unwrap();
    let link = place.path().join("link");
    #[cfg(unix)]
    std::os::unix::fs::symlink(data, &link).unwrap();
    for to in [
        data.join("backup"),
        data.join("there"),
        data.join("there").join("backup"),
        data.join("there").join("..").join("backup"),
        link.join("backup"),
    ] {
        let error = refusal(data, &to, &[]).await;
        assert!(error.contains("outside of"), "{}: {error}", to.display());
    }
    // Beside it, or with it in front of the name, is elsewhere.
    let beside = data.with_file_name(format!(
        "{}-backup",
        data.file_name().unwrap().to_str().unwrap()
    ));
    assert!(back_up(data, &beside, &[]).await.status.success());
    fs::remove_dir_all(beside).unwrap();
}

#[tokio::test]
async fn what_cannot_be_backed_up_says_why() {
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("backup");
    let data = || -> (TempDir, PathBuf) {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().to_owned();
        (data, path)
    };

    let (_kept, empty) = data();
    let error = refusal(&empty, &to, &[]).await;
    assert!(error.contains("no database"), "{error}");

    let lab = lab().await;
    for option in ["--vault-db", "--keystore-db"] {
        let more = [option, "postgres://vouchsafe:hidden@db.example/vouchsafe"];
        let error = refusal(lab.folder.path(), &to, &more).await;
        assert!(
            error.contains("pg_dump") && error.contains("keystore.setup"),
            "{error}"
        );
        assert!(!error.contains("hidden"), "{error}");
    }
    let missing = ["--vault-db", "sqlite:///nowhere/vault.db?mode=rwc"];
    let error = refusal(lab.folder.path(), &to, &missing).await;
    assert!(error.contains("no such file"), "{error}");
    let other = lab.folder.path().join("keystore.db");
    let other = format!("sqlite://{}", other.display());
    let error = refusal(lab.folder.path(), &to, &["--vault-db", &other]).await;
    assert!(error.contains("belongs to the Keystore"), "{error}");

    // The second database breaks after the first was copied.
    let (_kept, broken) = data();
    copy_folder(lab.folder.path(), &broken);
    fs::write(broken.join("keystore.db"), vec![7; 10_000]).unwrap();
    let _ = fs::remove_file(broken.join("keystore.db-wal"));
    let error = refusal(&broken, &to, &[]).await;
    assert!(error.contains("the Keystore's database"), "{error}");

    fs::remove_file(lab.folder.path().join("keystore.setup")).unwrap();
    let error = refusal(lab.folder.path(), &to, &[]).await;
    assert!(error.contains("keystore.setup"), "{error}");
    assert!(!to.exists());
}
