//! `docs/protocol.md` is enough, and true: its worked example is what was recorded, a stranger opens the share by the page,
//! and not when a character of it is another; its table of steps has those that happen.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;

use serde_json::{Value, json};
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{Client, Steps};

use crate::support::sample::sample;
use crate::support::{Http, PAGE, World, by_link, eventually, passport, run, whole};

const RECORDS: &str = "tests/vectors/account.json";
/// Records that are all on the page.
const LIVE: &str = "tests/vectors/live.json";
const LINK: &str = "tests/vectors/link.json";

/// The changed characters are tried in so many parts: for each the stranger is started.
const PARTS: usize = 6;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/protocol.md")).unwrap()
}

fn records() -> Value {
    let read = |path: &str| -> Value {
        serde_json::from_slice(&std::fs::read(root().join(path)).unwrap()).unwrap()
    };
    let mut records = read(RECORDS);
    records["live"] = read(LIVE);
    records["link"] = read(LINK);
    records
}

/// Lets the stranger read a page.
fn read(page: &Path) -> Output {
    Command::new("node")
        .arg(root().join("tests/native/foreign/stranger.mjs"))
        .args([page, &root().join(RECORDS)])
        .output()
        .expect("node is missing: install Node.js 20 or later")
}

/// The places that the page shows, and where in the page the lines of each stand.
fn blocks(page: &str) -> Vec<(&str, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut from = page.find("## A worked example").unwrap();
    while let Some(start) = page[from..].find("```text\n").map(|at| from + at + 8) {
        let end = start + page[start..].find("\n```").unwrap();
        let first = page[start..].lines().next().unwrap();
        if let Some(place) = first.strip_suffix(" =") {
            found.push((place, start + first.len() + 1..end));
        }
        from = end + 4;
    }
    found
}

#[test]
fn a_stranger_opens_the_share_of_the_page() {
    let records = records();
    let output = read(&root().join("docs/protocol.md"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["card"], records["card"]["content"]);
    assert_eq!(told["from"], "Alice");
    let field = json!([{ "name": "key", "label": "Key", "value": "open sesame" }]);
    assert_eq!(
        (&told["live"]["edition"], &told["live"]["card"]["fields"]),
        (&json!(3), &field)
    );
    let view = &told["view"];
    assert_eq!(
        (&view["name"], &view["card"]["fields"]),
        (&json!("Alice 🦊"), &field)
    );
}

#[test]
fn the_page_shows_what_was_recorded() {
    let (page, records) = (page(), records());
    let blocks = blocks(&page);
    for (place, lines) in &blocks {
        let pointer = format!("/{}", place.replace('.', "/"));
        let recorded = records.pointer(&pointer).unwrap_or(&Value::Null);
        let recorded = recorded
            .as_str()
            .map_or_else(|| recorded.to_string(), str::to_owned);
        assert_eq!(page[lines.clone()].replace('\n', ""), recorded, "{place}");
    }
    let places: Vec<&str> = blocks.iter().map(|block| block.0).collect();
    for place in [
        "bob.kekRecovery",
        "bob.vaultKey",
        "bob.entry.note",
        "bob.entry.key",
        "share.peer",
        "share.share",
        "live.sent.record",
        "live.edition.record",
        "link.edition.record",
        "link.sent.record",
    ] {
        assert!(places.contains(&place), "{place} is not shown");
    }
}

#[test]
fn a_stranger_refuses_a_changed_character() {
    let page = page();
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("protocol.md");
    let mut changes = Vec::new();
    for (place, lines) in blocks(&page) {
        let last = lines.len() - 1;
        changes.extend([last / 4, last / 2, last].map(|at| (place, lines.start + at)));
    }
    for (place, at) in sample("changed characters", PARTS, changes) {
        let other = if &page[at..=at] == "A" { "B" } else { "A" };
        let text = [&page[..at], other, &page[at + 1..]].concat();
        std::fs::write(&changed, text).unwrap();
        let output = read(&changed);
        assert!(!output.status.success(), "{place}, byte {at}");
        // It is the stranger who refuses, or the library that it uses; not a slip in the script.
        let complaint = String::from_utf8_lossy(&output.stderr);
        let refused = ["Error: refused: ", "JWEDecryptionFailed"];
        assert!(
            refused.iter().any(|word| complaint.contains(word)),
            "{place}, byte {at}: {complaint}"
        );
    }
}

#[test]
fn the_table_has_the_steps_that_happen() {
    let told: Rc<RefCell<BTreeSet<u8>>> = Rc::default();
    run(async {
        let world = World::start();
        let sign_up = async |email: &str| {
            let told = Rc::clone(&told);
            let steps = Steps::to(move |step| {
                told.borrow_mut().insert(step.number);
            });
            let (vault, keystore) = (&world.vault, &world.keystore);
            let page = Some(PAGE.into());
            let client = Client::new(Http::default(), RustEngine, vault, keystore, page, steps);
            let made = client.unwrap().sign_up(email, "correct horse").await;
            made.unwrap().session
        };
        let (alice, bob) = (
            sign_up("alice@example.org").await,
            sign_up("bob@example.org").await,
        );
        let link = alice.invite(by_link("Bob")).await.unwrap().link.unwrap();
        let ticket = Ticket::from_link(&link).unwrap();
        let connection = bob.accept(&ticket, "Alice").await.unwrap();
        let card = alice.create_card(passport()).await.unwrap();
        let share = alice.share(whole(card.id, connection.id)).await.unwrap();
        bob.read_share(share.id).await.unwrap();
        eventually(async || told.borrow().contains(&40).then_some(())).await;
    });
    let page = page();
    let rows = page.lines().filter_map(|line| {
        let cell = line.strip_prefix("| ")?.split(" |").next()?;
        cell.split(' ').next()?.parse::<u8>().ok()
    });
    assert_eq!(rows.collect::<BTreeSet<_>>(), *told.borrow());
}
