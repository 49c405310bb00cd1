//! The restore drill: a backup of a server that goes on working, and what is there when it was lost and restored.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Place, Reached, copy_folder};
use crate::cluster::Cluster;
use crate::common::*;
use crate::files::{self, Files};
use serde_json::{Value, json};
use tokio::process::Command;

/// Two people, and what they have when the backup begins.
struct Before {
    ada: Person,
    bob: Person,
    connection: String,
    cards: Vec<String>,
    shares: Vec<String>,
    file: (String, Vec<u8>),
}

async fn fill(reached: &Reached) -> Before {
    let (ada, bob) = (reached.sign_up("ada").await, reached.sign_up("bob").await);
    let connection = reached.connect(&ada, &bob).await;
    let content = files::content(files::PART + 3);
    let files = Files {
        http: reached.http.clone(),
        vault: reached.vault.clone(),
        token: ada.token.clone(),
    };
    let (mut cards, mut shares) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        cards.push(reached.make_card(&ada).await);
        shares.push(reached.share(&ada, &bob, &connection).await);
    }
    Before {
        file: (files.upload(&content).await, content),
        ada,
        bob,
        connection,
        cards,
        shares,
    }
}

/// Everything from before the backup is there, and no share without its key.
async fn check(place: &Place, before: &Before) {
    let process = place.serve().await;
    let reached = Reached::at(&process);
    let (ada, bob) = (
        reached.back(&before.ada).await,
        reached.back(&before.bob).await,
    );
    for card in &before.cards {
        let path = format!("/cards/{card}");
        let (status, read) = reached.at_vault(&ada, "GET", &path, None).await;
        assert_eq!((status, &read["card"]), (200, &json!(jwe(card))));
    }
    let files = Files {
        http: reached.http.clone(),
        vault: reached.vault.clone(),
        token: ada.token.clone(),
    };
    assert!(files.get(&before.file.0, &[]).await.bytes == before.file.1);
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/shares/incoming?limit=50{cursor}");
        let (_, page) = reached.at_vault(&bob, "GET", &path, None).await;
        let items = page["items"].as_array().unwrap().clone();
        let ids: Vec<&Value> = items.iter().map(|share| &share["spaceId"]).collect();
        let body = Some(json!({ "ids": ids }));
        let (_, keys) = reached
            .at_keystore(&bob, "POST", "/spaces/query", body)
            .await;
        assert_eq!(
            keys["items"].as_array().unwrap().len(),
            items.len(),
            "a key for each"
        );
        let texts = items.iter().map(|share| share["id"].as_str().unwrap());
        found.extend(texts.map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(before.shares.iter().all(|share| found.contains(share)));
    for share in &before.shares {
        let read = reached.read_share(&bob, share).await;
        assert_eq!(read, json!(jwe("share")));
    }
    // And it goes on.
    reached.share(&ada, &bob, &before.connection).await;
    process.stop().await;
}

/// Shares all the time, while it is backed up and for a while after it.
async fn backed_up(reached: &Reached, before: &Before, backup: impl Future<Output = ()>) {
    let (is_over, made) = (AtomicBool::new(false), Mutex::new(0));
    let count = || *made.lock().unwrap();
    let writing = async {
        while !is_over.load(Ordering::SeqCst) {
            let (ada, bob) = (&before.ada, &before.bob);
            reached.share(ada, bob, &before.connection).await;
            *made.lock().unwrap() += 1;
        }
    };
    let backing_up = async {
        backup.await;
        let so_far = count();
        until(async || (count() > so_far + 10).then_some(())).await;
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(writing, backing_up);
}

#[tokio::test]
async fn what_was_backed_up_by_the_command_comes_back() {
    let place = Place::in_folder();
    let mut process = place.serve().await;
    let reached = Reached::at(&process);
    let before = fill(&reached).await;
    let kept = tempfile::tempdir().unwrap();
    let to = kept.path().join("backup");
    backed_up(&reached, &before, async {
        let copied = place.run(&["backup", "--to", to.to_str().unwrap()]).await;
        assert_eq!(copied.status, 0, "{copied:?}");
    })
    .await;
    // The machine is lost.
    process.child.kill().await.unwrap();
    drop(place);
    let restored = Place::in_folder();
    copy_folder(&to, restored.data.path());
    check(&restored, &before).await;
}

/// A program of PostgreSQL, from the path or from where Debian puts it.
fn program(name: &str) -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql");
    let versions = installed.into_iter().flatten().flatten();
    let mut programs = versions.map(|version| version.path().join("bin").join(name));
    programs
        .find(|program| program.is_file())
        .unwrap_or_else(|| name.into())
}

async fn dump(url: &str, to: &Path) {
    let mut dump = Command::new(program("pg_dump"));
    dump.arg("--format=custom").arg("--file").arg(to).arg(url);
    let done = dump.output().await.unwrap();
    assert!(done.status.success(), "{done:?}");
}

async fn restore(url: &str, from: &Path) {
    let mut restore = Command::new(program("pg_restore"));
    restore
        .arg("--exit-on-error")
        .arg("--dbname")
        .arg(url)
        .arg(from);
    let done = restore.output().await.unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[tokio::test]
async fn what_was_dumped_from_postgresql_comes_back() {
    if std::env::var("VOUCHSAFE_TEST_POSTGRES").is_err() {
        return;
    }
    let place = Place::new().await;
    let mut process = place.serve().await;
    let reached = Reached::at(&process);
    let before = fill(&reached).await;
    let kept = tempfile::tempdir().unwrap();
    let file = |name: &str| kept.path().join(name);
    backed_up(&reached, &before, async {
        // The Vault first, the Keystore after it, and files last.
        dump(&place.url("vault"), &file("vault.dump")).await;
        dump(&place.url("keystore"), &file("keystore.dump")).await;
        for setup in ["vault.setup", "keystore.setup"] {
            std::fs::copy(place.data.path().join(setup), file(setup)).unwrap();
        }
        let folder = place.data.path().join("vault.files");
        copy_folder(&folder, &file("vault.files"));
    })
    .await;
    process.child.kill().await.unwrap();
    drop(place);
    let restored = Place::new().await;
    for service in ["vault", "keystore"] {
        restore(&restored.url(service), &file(&format!("{service}.dump"))).await;
        let setup = format!("{service}.setup");
        std::fs::copy(file(&setup), restored.data.path().join(setup)).unwrap();
    }
    copy_folder(
        &file("vault.files"),
        &restored.data.path().join("vault.files"),
    );
    check(&restored, &before).await;
}

#[tokio::test]
async fn both_databases_go_back_to_a_moment_before_a_mistake() {
    let Some(mut vault) = Cluster::start_archiving().await else {
        return;
    };
    let mut keystore = Cluster::start_archiving().await.unwrap();
    let databases = [
        make_database(&vault.url()).await,
        make_database(&keystore.url()).await,
    ];
    let place = Place {
        databases: Some(databases),
        ..Place::in_folder()
    };
    let process = place.serve().await;
    let reached = Reached::at(&process);
    let mut before = fill(&reached).await;
    vault.back_up().await;
    keystore.back_up().await;

    let mut of_vault = String::new();
    let (ada, bob) = (&before.ada, &before.bob);
    let share = reached.share(ada, bob, &before.connection).await;
    before.shares.push(share);
    backed_up(&reached, &before, async {
        of_vault = vault.now().await;
    })
    .await;
    // The Keystore's moment is the later one.
    let of_keystore = keystore.now().await;
    let (ada, bob) = (&before.ada, &before.bob);
    reached.share(ada, bob, &before.connection).await;
    let pool = database(&place.url("vault")).await;
    let mistake = "UPDATE shares SET share = '', size = 0";
    sqlx::query(mistake).execute(&pool).await.unwrap();
    pool.close().await;
    vault.archived().await;
    keystore.archived().await;
    process.stop().await;
    vault.go_back(&of_vault).await;
    keystore.go_back(&of_keystore).await;
    check(&place, &before).await;
}
