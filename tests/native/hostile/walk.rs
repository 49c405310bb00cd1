//! Every member of every answer, changed in every way: the outcome is an error with a code, or the same result.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Value, json};
use vouchsafe::Result;
use vouchsafe::flows::{Share, Trust};

use crate::support::sample::{is_thorough, sample};
use crate::support::{
    Counting, Http, PASSPHRASE, PATIENCE, Person, World, connect_by_link, passport, run, snapshot,
};

/// The changes are tried in so many parts.
const PARTS: usize = 12;

/// A place in an answer: names and positions.
type Path = Vec<String>;

fn walk(value: &Value, at: &Path, found: &mut Vec<Path>) {
    found.push(at.clone());
    let mut into = |name: String, value: &Value| {
        let mut path = at.clone();
        path.push(name);
        walk(value, &path, found);
    };
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                into(index.to_string(), item);
            }
        }
        Value::Object(members) => members
            .iter()
            .for_each(|(name, item)| into(name.clone(), item)),
        _ => {}
    }
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|name| format!("/{name}")).collect()
}

/// What may stand there instead; `None` is absence.
fn changes(value: &Value) -> Vec<Option<Value>> {
    let mut found = vec![None];
    let mut add = |value: Value| found.push(Some(value));
    [
        json!(null),
        json!(""),
        json!(0),
        json!([]),
        json!({}),
        json!(true),
        json!("\u{0}"),
        json!([[]]),
    ]
    .into_iter()
    .for_each(&mut add);
    for number in [
        json!(-1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1.5),
    ] {
        if value.is_number() || value.is_null() {
            add(number);
        }
    }
    if let Value::String(text) = value {
        for position in [0, text.len() / 2, text.len().saturating_sub(1)] {
            let mut bytes = text.clone().into_bytes();
            if let Some(byte) = bytes.get_mut(position) {
                *byte = if *byte == b'1' { b'2' } else { b'1' };
            }
            add(json!(String::from_utf8(bytes).unwrap()));
        }
        add(json!(format!("{text}A")));
        add(json!(text.get(1..).unwrap_or_default()));
        add(json!(text.to_uppercase()));
        add(json!(format!("{text}{text}")));
    }
    if let Value::Array(items) = value {
        add(json!([items.clone(), items.clone()].concat()));
    }
    found.retain(|change| change.as_ref() != Some(value));
    found
}

fn apply(answer: &mut Value, path: &[String], change: Option<&Value>) {
    let Some((name, parent)) = path.split_last() else {
        *answer = change.cloned().unwrap_or_default();
        return;
    };
    let Some(parent) = answer.pointer_mut(&pointer(parent)) else {
        return;
    };
    match (parent, change) {
        (Value::Object(members), None) => drop(members.remove(name)),
        (Value::Object(members), Some(value)) => drop(members.insert(name.clone(), value.clone())),
        (Value::Array(items), None) => drop(items.remove(name.parse().unwrap())),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value.clone(),
        _ => {}
    }
}

/// Records the JSON answers, each under its path without ids.
fn record(http: &Http) -> Rc<RefCell<Vec<(String, Value)>>> {
    let kept: Rc<RefCell<Vec<(String, Value)>>> = Rc::default();
    let keep = kept.clone();
    http.tamper(move |request, response| {
        if let (200..300, Ok(answer)) = (response.status, serde_json::from_slice(&response.body)) {
            keep.borrow_mut().push((route(&request.url), answer));
        }
        response
    });
    kept
}

/// `/vault/v1/cards/{id}`.
fn route(url: &str) -> String {
    let path = url.splitn(4, '/').nth(3).unwrap();
    let path = path.split('?').next().unwrap();
    let names: Vec<&str> = path
        .split('/')
        .map(|part| if part.len() == 36 { "{id}" } else { part })
        .collect();
    format!("/{}", names.join("/"))
}

/// Changes one place of the answers of one route.
fn change_at(http: &Http, at: &str, path: &[String], change: Option<&Value>) {
    let (at, path, change) = (at.to_owned(), path.to_vec(), change.cloned());
    http.tamper(move |request, mut response| {
        if route(&request.url) == at && response.status < 300 {
            let mut answer = serde_json::from_slice(&response.body).unwrap();
            apply(&mut answer, &path, change.as_ref());
            response.body = serde_json::to_vec(&answer).unwrap();
        }
        response
    });
}

/// Runs `flow` once per change of each of the answers; gives the places where a change made no difference.
async fn harness<R>(
    http: &Http,
    answers: Vec<(String, Value)>,
    mut flow: impl AsyncFnMut() -> Result<R>,
    same: impl Fn(&R) -> bool,
) -> BTreeSet<String> {
    let mut lies = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, answer) in answers {
        if !seen.insert(at.clone()) {
            continue;
        }
        let mut places = Vec::new();
        walk(&answer, &Vec::new(), &mut places);
        for path in places {
            let value = answer.pointer(&pointer(&path)).unwrap();
            for change in changes(value) {
                lies.push((at.clone(), path.clone(), change));
            }
        }
    }
    assert!(lies.len() > 20, "{}", lies.len());
    let mut ignored = BTreeSet::new();
    for (at, path, change) in sample("changes of answers", PARTS, lies) {
        let shown = format!("{at} {} {change:?}", pointer(&path));
        change_at(http, &at, &path, change.as_ref());
        let run = tokio::time::timeout(PATIENCE, flow());
        match run.await.unwrap_or_else(|_| panic!("{shown} hangs")) {
            Err(error) => assert!(!error.code().is_empty() && !error.to_string().is_empty()),
            Ok(result) => {
                assert!(same(&result), "{shown} was believed");
                ignored.insert(format!("{at} {}", pointer(&path)));
            }
        }
    }
    http.honest();
    ignored
}

async fn two() -> (World, Person, Person, Share) {
    let world = World::start();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (hers, _) = connect_by_link(&alice, &bob).await;
    let card = alice.card().await;
    let share = alice
        .session
        .share(snapshot(card.id, hers.id))
        .await
        .unwrap();
    (world, alice, bob, share)
}

fn only_these(ignored: &BTreeSet<String>, listed: &[&str]) {
    let listed: BTreeSet<String> = listed.iter().map(|line| (*line).to_owned()).collect();
    let more: Vec<&String> = ignored.difference(&listed).collect();
    let fewer: Vec<&String> = listed.difference(ignored).collect();
    // In a sample, not every place has each of its changes.
    assert!(
        more.is_empty() && (fewer.is_empty() || !is_thorough()),
        "more {more:#?}, fewer {fewer:#?}"
    );
}

#[test]
fn reading_a_share() {
    run(async {
        let (_world, alice, bob, share) = two().await;
        let answers = record(&bob.http);
        bob.session.read_share(share.id).await.unwrap();
        let answers = answers.borrow().clone();
        let card = alice
            .session
            .cards(&vouchsafe::api::PageRequest::default())
            .await
            .unwrap();
        let card = card.items[0].id;
        let current = RefCell::new(share.clone());
        // Every try reads a share that nobody has read before.
        let flow = async || {
            let fresh = alice
                .session
                .share(snapshot(card, share.connection))
                .await
                .unwrap();
            *current.borrow_mut() = fresh.clone();
            bob.session.read_share(fresh.id).await
        };
        let sender = alice.session.account();
        let ignored = harness(&bob.http, answers, flow, |read| {
            let share = current.borrow();
            read.card == passport()
                && (read.from.account, read.from.name.as_str()) == (sender, "Alice")
                && read.trust == Trust::Verified
                && (read.share.id, read.share.connection, read.share.space)
                    == (share.id, share.connection, share.space)
                && (read.share.from, read.share.to, read.share.expires_at)
                    == (share.from, share.to, share.expires_at)
        })
        .await;
        only_these(&ignored, READ_LIES);
    });
}

/// Where a change made no difference when a share was read: the times that services set, a second copy of the same
/// entry, the proof (it is for the inviter, and Bob was invited), and members that are null and may be absent.
const READ_LIES: &[&str] = &[
    "/keystore/v1/connections/query /items",
    "/keystore/v1/connections/query /items/0/createdAt",
    // What looks older than it was is asked for once more.
    "/keystore/v1/connections/query /items/0/version",
    "/keystore/v1/spaces/query /items/0/claim",
    "/keystore/v1/spaces/query /items/0/createdAt",
    "/keystore/v1/spaces/query /items/0/expiresAt",
    "/vault/v1/connections/query /items/0/createdAt",
    "/vault/v1/connections/query /items/0/proof",
    "/vault/v1/shares/query /results/0/error",
    "/vault/v1/shares/query /results/0/item/createdAt",
    "/vault/v1/shares/query /results/0/item/expiresAt",
    "/vault/v1/shares/query /results/0/item/read",
    "/vault/v1/shares/query /results/0/item/updatedAt",
];

#[test]
fn sharing() {
    run(async {
        let (_world, alice, bob, share) = two().await;
        let cards = alice
            .session
            .cards(&vouchsafe::api::PageRequest::default())
            .await
            .unwrap();
        let card = cards.items[0].id;
        let answers = record(&alice.http);
        alice
            .session
            .share(snapshot(card, share.connection))
            .await
            .unwrap();
        let answers = answers.borrow().clone();
        let flow = async || {
            let before = crate::hostile::count(&alice);
            let made = alice.session.share(snapshot(card, share.connection)).await;
            // Whatever left, left for Bob's true key.
            for request in &alice.http.sent.borrow()[before..] {
                let body = request.body.as_deref().unwrap_or_default();
                assert!(!body.contains("X123") && !body.contains("Passport"));
            }
            let made = made?;
            let read = bob.session.read_share(made.id).await;
            assert_eq!(read.unwrap().card, passport(), "what was shared arrived");
            Ok(made)
        };
        let ignored = harness(&alice.http, answers, flow, |made| {
            (made.connection, made.from, made.to, made.expires_at)
                == (share.connection, share.from, share.to, None)
        })
        .await;
        only_these(&ignored, SHARE_LIES);
    });
}

/// The same when a card was shared. One's own connection key is not needed for that.
const SHARE_LIES: &[&str] = &[
    "/keystore/v1/connections/query /items",
    "/keystore/v1/connections/query /items/0/createdAt",
    // What looks older than it was is asked for once more.
    "/keystore/v1/connections/query /items/0/version",
    "/keystore/v1/connections/query /items/0/key",
    "/keystore/v1/spaces /results/0/error",
    "/vault/v1/cards/{id} /createdAt",
    "/vault/v1/cards/{id} /updatedAt",
    "/vault/v1/connections/query /items/0/createdAt",
    "/vault/v1/shares /results/0/createdAt",
    "/vault/v1/shares /results/0/error",
];

#[test]
fn signing_in() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let http = Http::default();
        let client = world.client_with(http.clone(), Counting::default());
        let flow = async || {
            let session = client.sign_in(&alice.email, PASSPHRASE).await?;
            let read = session.card(card.id).await?;
            Ok((session.account(), read.content.clone()))
        };
        let answers = record(&http);
        flow().await.unwrap();
        let mut answers = answers.borrow().clone();
        // The address has a test of its own.
        for (_, answer) in &mut answers {
            answer.as_object_mut().unwrap().remove("email");
        }
        let ignored = harness(&http, answers, flow, |(account, content)| {
            *account == alice.session.account() && *content == passport()
        })
        .await;
        only_these(&ignored, SIGN_IN_LIES);
    });
}

/// The same at sign-in. How long a session or a token lasts is for the services to say, and how many shares a card has.
const SIGN_IN_LIES: &[&str] = &[
    "/keystore/v1/spaces/counts ",
    "/keystore/v1/spaces/counts /counts",
    "/keystore/v1/spaces/counts /counts/0",
    "/keystore/v1/sign-in/finish /credentialsVersion",
    "/keystore/v1/sign-in/finish /expiresAt",
    "/keystore/v1/sign-in/finish /failedSignIns",
    "/keystore/v1/tokens /expiresAt",
    "/vault/v1/cards/{id} /createdAt",
    "/vault/v1/cards/{id} /updatedAt",
];

#[test]
fn recovering() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let http = Http::default();
        let client = world.client_with(http.clone(), Counting::default());
        let key = RefCell::new(alice.recovery_key.clone());
        let flow = async || {
            let old = key.borrow().clone();
            let made = client.recover(&alice.email, &old, PASSPHRASE).await?;
            *key.borrow_mut() = made.recovery_key.to_string();
            let read = made.session.card(card.id).await?;
            Ok((made.session.account(), read.content.clone()))
        };
        let answers = record(&http);
        flow().await.unwrap();
        let mut answers = answers.borrow().clone();
        answers.retain(|(at, _)| at.ends_with("/start"));
        assert_eq!(answers.len(), 2);
        let ignored = harness(&http, answers, flow, |(account, content)| {
            *account == alice.session.account() && *content == passport()
        })
        .await;
        only_these(&ignored, RECOVERY_LIES);
        let last = key.borrow().clone();
        let recovered = client.recover(&alice.email, &last, PASSPHRASE).await;
        recovered.expect("the key that came last opens");
    });
}

/// The same at recovery. A Keystore that answers the registration with another key of its own cannot check the passphrase
/// later; it could refuse it anyway.
const RECOVERY_LIES: &[&str] = &[
    "/keystore/v1/credentials/start /registrationResponse",
    "/keystore/v1/recovery/start /expiresAt",
];

#[test]
fn inviting() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let answers = record(&alice.http);
        let (invitation, _) = alice.invite_by_link("Bob").await;
        alice
            .session
            .cancel_invitation(invitation.id)
            .await
            .unwrap();
        // Each try makes a key pair, so only the member that names the record is walked.
        let answers: Vec<(String, Value)> = answers
            .borrow()
            .iter()
            .filter(|(route, _)| route.starts_with("/vault/v1/invitations/"))
            .map(|(route, answer)| (route.clone(), json!({ "id": answer["id"] })))
            .collect();
        assert_eq!(answers.len(), 2);
        let flow = async || {
            let made = alice.session.invite(crate::support::by_link("Bob")).await?;
            let ticket = vouchsafe::crypto::invitation_link::Ticket::from_link(
                made.link.as_ref().map_or("", |link| link.as_str()),
            );
            let cancelled = alice.session.cancel_invitation(made.id).await?;
            Ok((ticket.map(|ticket| ticket.id()), made.id, cancelled))
        };
        harness(&alice.http, answers, flow, |(ticket, id, cancelled)| {
            ticket.as_ref().is_ok_and(|ticket| ticket == id) && cancelled.id == *id
        })
        .await;
    });
}

#[test]
fn the_harness_sees_what_is_believed() {
    let answer = json!({ "a": [{ "b": 1 }], "c": "x" });
    let mut places = Vec::new();
    walk(&answer, &Vec::new(), &mut places);
    let places: Vec<String> = places.iter().map(|path| pointer(path)).collect();
    assert_eq!(places, ["", "/a", "/a/0", "/a/0/b", "/c"]);
    let mut changed = answer.clone();
    apply(
        &mut changed,
        &["a".into(), "0".into(), "b".into()],
        Some(&json!(2)),
    );
    assert_eq!(changed, json!({ "a": [{ "b": 2 }], "c": "x" }));
    apply(&mut changed, &["c".into()], None);
    apply(&mut changed, &["a".into(), "0".into()], None);
    assert_eq!(changed, json!({ "a": [] }));
    assert_eq!(
        route("http://127.0.0.1:1/vault/v1/cards/01890a5d-ac96-774b-bcce-b302099a8057?x=1"),
        "/vault/v1/cards/{id}"
    );
}
