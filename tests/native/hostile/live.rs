//! Lies about editions of live shares, and about what was shared with whom.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::records::CardContent;
use vouchsafe::ids::Id;

use crate::flows::following::{of_fields, update};
use crate::hostile::{SHARES, asked_since, count, lie_about_items};
use crate::support::secrets::{bodies, text};
use crate::support::{Http, Person, World, connect_by_link, eventually, passport, run, whole};

pub(super) const ROWS: &str = "/keystore/v1/spaces/of-cards";

pub(super) fn changed(number: &str) -> CardContent {
    CardContent::new(
        "Passport",
        &[
            ("number", "Number", number),
            ("country", "Country", "Iceland"),
        ],
    )
}

/// Nothing was written since then but the card.
fn nothing_left(person: &Person, before: usize, card: Id) {
    for asked in asked_since(person, before) {
        let written = asked.starts_with("PUT ") && !asked.contains(&card.to_string());
        assert!(!written && !asked.ends_with("/v1/shares"), "{asked}");
    }
}

/// The share that the Vault shows, as it came last.
fn keep(http: &Http) -> Rc<RefCell<Value>> {
    let kept: Rc<RefCell<Value>> = Rc::default();
    let keeps = Rc::clone(&kept);
    lie_about_items(http, SHARES, move |item| *keeps.borrow_mut() = item.clone());
    kept
}

#[test]
fn an_edition_is_the_one_that_it_is_said_to_be() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        let share = alice.session.share(whole(id, hers.id)).await.unwrap();
        let first = keep(&bob.http);
        bob.session.read_share(share.id).await.unwrap();
        update(&alice, id, 1, changed("X2")).await.unwrap();
        let elsewhere = world.other_device(&bob).await;
        let second = keep(&elsewhere.http);
        elsewhere.session.read_share(share.id).await.unwrap();
        let (first, second) = (first.borrow().clone(), second.borrow().clone());

        let with = |item: &Value, edition: u64, other: &Value| {
            let mut item = item.clone();
            item["edition"] = json!(edition);
            item["share"] = other["share"].clone();
            item
        };
        // Relabelled: an old one as the new one, the new one as a later or an older one.
        let lies = [
            with(&first, 2, &first),
            with(&second, 3, &second),
            with(&second, 1, &second),
            with(&second, 0, &second),
        ];
        for lie in lies {
            let device = world.other_device(&bob).await;
            let told = lie.clone();
            lie_about_items(&device.http, SHARES, move |item| *item = told.clone());
            let error = device.session.read_share(share.id).await.unwrap_err();
            assert_eq!(error, Error::RecordRejected, "{}", lie["edition"]);
        }
        // Withheld: who has not seen the second does not notice, and who has is not shown the first again.
        for (person, noticed) in [(&bob, false), (&elsewhere, true)] {
            let old = first.clone();
            lie_about_items(&person.http, SHARES, move |item| *item = old.clone());
            let read = person.session.read_share(share.id).await;
            assert_eq!(
                read.is_err_and(|error| error == Error::RecordRejected),
                noticed
            );
        }
    });
}

/// A Keystore that files another card's share under this card's tag does not have this card sent there.
#[test]
fn a_row_of_another_card_is_none_of_this_one() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let (id, other) = (alice.card().await.id, alice.card().await.id);
        alice.session.share(whole(id, hers.id)).await.unwrap();
        let share = alice.session.share(whole(other, hers.id)).await.unwrap();
        let tags: Vec<Value> = bodies(&alice, "/v1/spaces")
            .iter()
            .map(|body| body["spaces"][0]["tag"].clone())
            .collect();
        assert_ne!(tags[0], tags[1]);
        let elsewhere = world.other_device(&alice).await;
        // Asked for the one card, the Keystore answers with the other's row.
        let row = Rc::new(RefCell::new(Value::Null));
        let kept = Rc::clone(&row);
        elsewhere.http.tamper_json(ROWS, move |answer| {
            *kept.borrow_mut() = answer["items"][0].clone()
        });
        elsewhere
            .session
            .shares_of(other, &PageRequest::default())
            .await
            .unwrap();
        let row = row.borrow().clone();
        elsewhere
            .http
            .tamper_json(ROWS, move |answer| answer["items"] = json!([row]));
        let before = count(&elsewhere);
        let made = update(&elsewhere, id, 1, changed("only for this card"))
            .await
            .unwrap();
        assert_eq!(made.lagging.len(), 1);
        assert_eq!(made.lagging[0].error, Error::RecordRejected);
        nothing_left(&elsewhere, before, id);
        let listed = elsewhere
            .session
            .shares_of(id, &PageRequest::default())
            .await;
        let listed = listed.unwrap().items.remove(0);
        assert_eq!(listed.result.unwrap_err(), Error::RecordRejected);
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(read.card, passport());
        let error = elsewhere
            .session
            .share(whole(id, hers.id))
            .await
            .unwrap_err();
        assert_eq!(error, Error::RecordRejected);
    });
}

/// What was narrowed stays narrowed on a device that saw it, whatever row the Keystore shows.
#[test]
fn an_older_row_does_not_widen_a_share() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        let share = alice.session.share(whole(id, hers.id)).await.unwrap();
        let row = Rc::new(RefCell::new(Value::Null));
        let kept = Rc::clone(&row);
        alice.http.tamper_json(ROWS, move |answer| {
            *kept.borrow_mut() = answer["items"].clone()
        });
        let narrow = of_fields(id, hers.id, &["country"]);
        alice.session.share(narrow).await.unwrap();
        let wide = row.borrow().clone();
        alice
            .http
            .tamper_json(ROWS, move |answer| answer["items"] = wide.clone());
        let made = update(&alice, id, 1, changed("never for Bob"))
            .await
            .unwrap();
        assert_eq!(made.lagging[0].error, Error::RecordRejected);
        alice.http.honest();
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!((read.card.fields.len(), read.share.edition), (1, 2));
        // Half a lie does not open: each member of the row is what was sealed.
        let lies: [(&str, Value); 3] = [
            ("sentVersion", json!(7)),
            ("expiresAt", json!(1)),
            ("share", json!(id)),
        ];
        for (member, value) in lies {
            let device = world.other_device(&alice).await;
            lie_about_items(&device.http, ROWS, move |row| row[member] = value.clone());
            let made = device
                .session
                .shares_of(id, &PageRequest::default())
                .await
                .unwrap();
            assert!(made.items.iter().all(|one| one.result.is_err()), "{member}");
        }
    });
}

/// A receipt is the Vault's word: it is told as such, and changes nothing.
#[test]
fn an_invented_receipt_is_only_a_word() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        alice.session.share(whole(id, hers.id)).await.unwrap();
        lie_about_items(&alice.http, SHARES, |item| {
            item["read"] = json!({ "edition": 900, "at": 5 })
        });
        let listed = alice.session.shares_of(id, &PageRequest::default()).await;
        let listed = listed.unwrap().items.remove(0).result.unwrap();
        assert_eq!(
            listed.read.map(|read| (read.edition, read.at)),
            Some((900, 5))
        );
        assert_eq!((listed.share.edition, listed.claimed), (1, false));
        let made = update(&alice, id, 1, changed("X2")).await.unwrap();
        assert!(made.lagging.is_empty());
        let listed = bob
            .session
            .incoming_shares(&PageRequest::default())
            .await
            .unwrap();
        assert_eq!(listed.items[0].edition, 2);
    });
}

/// A Vault that calls a share unknown does not keep its key alive, also not for a session that never saw it.
#[test]
fn revoking_does_not_ask_the_vault() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        let share = alice.session.share(whole(id, hers.id)).await.unwrap();
        bob.session.read_share(share.id).await.unwrap();
        let elsewhere = world.other_device(&alice).await;
        elsewhere.http.tamper(|request, mut response| {
            if request.url.contains("/vault/v1/shares") {
                response.status = 404;
                response.content_type = "application/json".into();
                response.body = br#"{"error":{"code":"not_found","message":"No."}}"#.to_vec();
            }
            response
        });
        elsewhere.session.revoke_share(share.id).await.unwrap();
        let fresh = world.other_device(&bob).await;
        fresh
            .session
            .incoming_shares(&PageRequest::default())
            .await
            .unwrap();
        let error = fresh.session.read_share(share.id).await.unwrap_err();
        assert_eq!(error, Error::NotFound, "no key is left");
        let gone = bodies(&elsewhere, "/spaces/of-shares");
        assert_eq!(text(&gone[0]["ids"][0]), share.id.to_string());
        eventually(async || {
            let rows = world.rows("keystore").await;
            let row = rows
                .iter()
                .find(|row| row.contains(&share.space.to_string()));
            row.filter(|row| !row.contains("eyJ")).map(drop)
        })
        .await;
    });
}
