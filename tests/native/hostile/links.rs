//! Lies about links: to whoever opens one, and to whoever made it.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::card_link::CardLink;
use vouchsafe::crypto::records::CardContent;
use vouchsafe::flows::{LinkRequest, LinkShare, LinkView};
use zeroize::Zeroizing;

use crate::flows::following::update;
use crate::flows::links::{links_of, open};
use crate::hostile::{asked_since, count};
use crate::support::{Counting, Http, World, linked, passport, run};

/// Opens a link through a Vault that changes what it answers to a read.
async fn read_through(
    world: &World,
    link: &LinkShare,
    change: impl FnMut(&mut Value) + 'static,
) -> Result<LinkView, Error> {
    let http = Http::default();
    http.tamper_json("/read", change);
    let parsed = CardLink::from_link(link.link.as_deref().unwrap()).unwrap();
    let stranger = world.client_with(http, Counting::default());
    stranger.open_link(&parsed, None).await
}

/// What the Vault answers to an honest read.
async fn answer(world: &World, link: &LinkShare) -> Value {
    let kept: Rc<RefCell<Value>> = Rc::default();
    let keeps = Rc::clone(&kept);
    let read = read_through(world, link, move |answer| {
        *keeps.borrow_mut() = answer.clone()
    });
    read.await.unwrap();
    kept.take()
}

fn changed() -> CardContent {
    CardContent::new("Passport", &[("number", "Number", "X2")])
}

#[test]
fn a_reader_sees_what_the_maker_signed_for_this_link() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let link = alice.session.share_by_link(linked(card)).await.unwrap();
        let other = alice.session.share_by_link(linked(card)).await.unwrap();
        let first = answer(&world, &link).await;
        let others = answer(&world, &other).await;
        update(&alice, card, 1, changed()).await.unwrap();
        let second = answer(&world, &link).await;
        assert_eq!(
            (&first["edition"], &second["edition"]),
            (&json!(1), &json!(2))
        );

        let with = |answer: &Value, name: &str, value: Value| {
            let mut answer = answer.clone();
            answer[name] = value;
            answer
        };
        let mut lies = vec![
            (
                "another link's record",
                with(&first, "share", others["share"].clone()),
            ),
            ("another link", others.clone()),
            ("another id", with(&second, "id", json!(other.id))),
            ("a later label", with(&second, "edition", json!(3))),
            ("an older label", with(&second, "edition", json!(1))),
            (
                "an old one as the new one",
                with(&first, "edition", json!(2)),
            ),
            (
                "another end",
                with(&second, "expiresAt", json!(link.told.expires_at + 1)),
            ),
        ];
        let share = second["share"].as_str().unwrap();
        for (part, text) in share
            .split('.')
            .enumerate()
            .filter(|(_, text)| !text.is_empty())
        {
            let start = text.as_ptr() as usize - share.as_ptr() as usize;
            for at in [start, start + text.len() / 2] {
                let letter = if &share[at..=at] == "A" { "B" } else { "A" };
                let bytes = [&share[..at], letter, &share[at + 1..]].concat();
                assert_ne!(bytes, share, "part {part}");
                lies.push(("changed bytes", with(&second, "share", json!(bytes))));
            }
        }
        for (what, lie) in lies {
            let told = lie.clone();
            let read = read_through(&world, &link, move |answer| *answer = told.clone()).await;
            assert_eq!(read.unwrap_err(), Error::RecordRejected, "{what}: {lie}");
        }
        // Readers have no memory: an older edition as such is not noticed.
        let old = read_through(&world, &link, move |answer| *answer = first.clone()).await;
        assert_eq!(old.unwrap().card, passport());
    });
}

/// The signature is that of the key in the link: whoever knows the secret, and nothing else, makes nothing that it shows.
#[test]
fn the_thumbprint_of_a_link_is_checked() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let one = alice.session.share_by_link(linked(card)).await.unwrap();
        let other = alice.session.share_by_link(linked(card)).await.unwrap();
        let parsed = |link: &LinkShare| CardLink::from_link(link.link.as_deref().unwrap()).unwrap();
        let swapped = CardLink {
            signer: parsed(&other).signer,
            ..parsed(&one)
        };
        let read = world.client().open_link(&swapped, None).await;
        assert_eq!(read.unwrap_err(), Error::RecordRejected);
    });
}

#[test]
fn a_vault_that_lies_about_the_passphrase_gains_nothing() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let bare = alice.session.share_by_link(linked(card)).await.unwrap();
        let request = LinkRequest {
            passphrase: Some(Zeroizing::new("words".into())),
            ..linked(card)
        };
        let guarded = alice.session.share_by_link(request).await.unwrap();
        for (link, says, words, error) in [
            (&guarded, false, Some("words"), Error::RecordRejected),
            (&guarded, false, None, Error::RecordRejected),
            (&bare, true, None, Error::PassphraseNeeded),
            (&bare, true, Some("words"), Error::WrongCredentials),
        ] {
            let http = Http::default();
            http.tamper_json("/open", move |answer| answer["passphrase"] = json!(says));
            let link = CardLink::from_link(link.link.as_deref().unwrap()).unwrap();
            let stranger = world.client_with(http.clone(), Counting::default());
            let read = stranger.open_link(&link, words).await;
            assert_eq!(read.unwrap_err(), error, "{says} {words:?}");
            let sent = http.sent.borrow();
            let told = sent.iter().filter_map(|request| request.body.as_ref());
            assert!(told.into_iter().all(|body| !body.contains("words")));
        }
    });
}

/// A Keystore that files rows under other tags, or mixes them, has no link show another card.
#[test]
fn a_link_follows_its_own_card_alone() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (card, other) = (alice.card().await.id, alice.card().await.id);
        let link = alice.session.share_by_link(linked(card)).await.unwrap();
        let row = Rc::new(RefCell::new(Value::Null));
        let kept = Rc::clone(&row);
        alice.http.tamper_json("/spaces/query", move |answer| {
            *kept.borrow_mut() = answer["items"][0].clone();
        });
        links_of(&alice).await;
        let row = row.borrow().clone();
        assert_eq!(row["id"], json!(link.id));
        let filed = row.clone();
        alice.http.tamper_json("/spaces/of-cards", move |answer| {
            answer["items"] = json!([filed]);
        });
        let before = count(&alice);
        let updated = update(&alice, other, 1, changed()).await.unwrap();
        let lagging: Vec<_> = updated
            .lagging
            .iter()
            .map(|one| (one.share, &one.error))
            .collect();
        assert_eq!(lagging, [(Some(link.id), &Error::RecordRejected)]);
        let deleted = alice
            .session
            .delete_card(other, Some(vouchsafe::flows::Remaining::Revoke))
            .await;
        assert_eq!(deleted, Err(Error::RecordRejected));
        let asked = asked_since(&alice, before);
        assert!(
            !asked.iter().any(|line| line.contains("/links")),
            "{asked:#?}"
        );
        assert_eq!(open(&world, &link, None).await.unwrap().card, passport());

        // Other members than those in the record, or somebody else's bytes in its place.
        for (name, value) in [
            ("live", json!(false)),
            ("sentVersion", json!(2)),
            ("expiresAt", json!(link.told.expires_at + 1)),
            ("sent", row["own"].clone()),
        ] {
            alice.http.tamper_json("/spaces/query", move |answer| {
                answer["items"][0][name] = value.clone();
            });
            let page = PageRequest::default();
            let found = alice
                .session
                .link_shares(&page)
                .await
                .unwrap()
                .items
                .remove(0);
            assert_eq!(found.id, link.id);
            assert_eq!(found.result.unwrap_err(), Error::RecordRejected, "{name}");
        }
    });
}
