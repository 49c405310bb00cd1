//! What was refused, taken back or made up once, and must not come about by a later call.

use serde_json::json;
use vouchsafe::Error;
use vouchsafe::api::{PageRequest, Request};
use vouchsafe::flows::Remaining;

use crate::flows::at_once::overtaken;
use crate::flows::following::{of_fields, update};
use crate::flows::links::open;
use crate::hostile::lie_about_items;
use crate::hostile::live::{ROWS, changed};
use crate::support::{
    Fault, World, connect_by_link, connect_by_mail, eventually, linked, run, whole,
};

#[test]
fn a_share_that_was_refused_is_not_widened_by_an_update() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_mail(&world, &alice, &bob).await;
        let id = alice.card().await.id;
        let mut narrow = of_fields(id, hers.id, &["country"]);
        narrow.accept_unverified = true;
        let share = alice.session.share(narrow.clone()).await.unwrap();
        let wide = alice.session.share(whole(id, hers.id)).await;
        assert_eq!(wide.unwrap_err(), Error::ConnectionUnverified);
        let number = hers.safety_number.clone().unwrap();
        alice.session.mark_verified(hers.id, &number).await.unwrap();
        update(&alice, id, 1, changed("never for Bob"))
            .await
            .unwrap();
        alice
            .session
            .shares_of(id, &PageRequest::default())
            .await
            .unwrap();
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(read.card.fields.len(), 1);

        // The Vault refuses the edition after the row is written.
        let stores = |request: &Request| {
            request.url.ends_with("/vault/v1/shares") && request.method.as_str() == "PUT"
        };
        for (status, code) in [
            (409, "quota_exceeded"),
            (413, "too_large"),
            (429, "rate_limited"),
        ] {
            alice.http.refuse(stores, status, code);
            let wide = alice.session.share(whole(id, hers.id)).await;
            assert_eq!(wide.unwrap_err().code(), code);
            alice.http.mend();
            let version = alice.session.card(id).await.unwrap().version;
            let number = format!("never for Bob, {code}");
            let made = update(&alice, id, version, changed(&number)).await.unwrap();
            assert!(made.lagging.is_empty(), "{:?}", made.lagging);
            let read = bob.session.read_share(share.id).await.unwrap();
            assert_eq!(read.card.fields.len(), 1, "{code}");
        }
        let wide = alice.session.share(whole(id, hers.id)).await.unwrap();
        let read = bob.session.read_share(wide.id).await.unwrap();
        assert_eq!(read.card.fields.len(), 2);
    });
}

/// A number that the Vault made up once is no number of an edition.
#[test]
fn an_edition_that_was_made_up_is_not_gone_on_from() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        let share = alice.session.share(whole(id, hers.id)).await.unwrap();
        let link = alice.session.share_by_link(linked(id)).await.unwrap();
        for path in ["/vault/v1/shares/query", "/vault/v1/links/query"] {
            let device = world.other_device(&alice).await;
            lie_about_items(&device.http, path, |item| {
                item["edition"] = json!((1_u64 << 53) - 2);
                item["share"] = json!("AAAA");
            });
            let version = device.session.card(id).await.unwrap().version;
            // Cut after the card: whoever comes next asks what the Vault has.
            device.http.break_with(|request, _| {
                let is_row = request.url.ends_with("/keystore/v1/spaces");
                is_row.then_some(Fault::BeforeSending)
            });
            let _ = update(&device, id, version, changed(path)).await;
            device.http.mend();
            device.session.catch_up_shares().await.unwrap();
        }
        let honest = world.other_device(&alice).await;
        let version = honest.session.card(id).await.unwrap().version;
        let made = update(&honest, id, version, changed("X9")).await.unwrap();
        assert!(made.lagging.is_empty(), "{:?}", made.lagging);
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(read.card, changed("X9"));
        assert_eq!(open(&world, &link, None).await.unwrap().card, changed("X9"));
    });
}

/// Both services bring back what was revoked, on the very device that revoked it.
#[test]
fn what_was_revoked_is_not_brought_up_to_date() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        let share = alice.session.share(whole(id, hers.id)).await.unwrap();
        let link = alice.session.share_by_link(linked(id)).await.unwrap();
        let kept = std::rc::Rc::new(std::cell::RefCell::new(json!(null)));
        let keeps = std::rc::Rc::clone(&kept);
        alice.http.tamper_json(ROWS, move |answer| {
            *keeps.borrow_mut() = answer["items"].clone()
        });
        alice
            .session
            .shares_of(id, &PageRequest::default())
            .await
            .unwrap();
        alice.session.revoke_share(share.id).await.unwrap();
        alice.session.revoke_link(link.id).await.unwrap();
        let rows = kept.borrow().clone();
        assert_eq!(rows.as_array().unwrap().len(), 2);
        alice
            .http
            .tamper_json(ROWS, move |answer| answer["items"] = rows.clone());
        let before = alice.http.sent.borrow().len();
        let made = update(&alice, id, 1, changed("after")).await.unwrap();
        assert_eq!(made.lagging.len(), 2);
        assert!(
            made.lagging
                .iter()
                .all(|one| one.error == Error::RecordRejected)
        );
        let sent = alice.http.sent.borrow();
        let writes = sent[before..]
            .iter()
            .filter(|request| request.method.as_str() == "PUT");
        assert_eq!(writes.count(), 1, "the card alone");
    });
}

/// A card is deleted while another device shows it to somebody.
#[test]
fn what_is_shown_of_a_card_that_is_deleted_meanwhile_is_taken_back() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let elsewhere = world.other_device(&alice).await;
        for remaining in [None, Some(Remaining::Revoke)] {
            let id = alice.card().await.id;
            // A device that does not know the card looks before it makes a key, of which the other would hear.
            let device = world.other_device(&alice).await;
            let sharer = if remaining.is_none() { &device } else { &alice };
            let share = sharer.session.share(whole(id, hers.id));
            let delete = elsewhere.session.delete_card(id, remaining);
            let to = |request: &Request| request.url.contains("/spaces/of-cards");
            let (share, deleted) = overtaken(sharer, to, share, delete).await;
            deleted.unwrap();
            share.unwrap();
            eventually(async || {
                let listed = bob.session.incoming_shares(&PageRequest::default()).await;
                listed.unwrap().items.is_empty().then_some(())
            })
            .await;

            let id = alice.card().await.id;
            let link = alice.session.share_by_link(linked(id));
            let delete = elsewhere.session.delete_card(id, remaining);
            let to = move |request: &Request| request.url.contains(&format!("/cards/{id}"));
            let (link, deleted) = overtaken(&alice, to, link, delete).await;
            deleted.unwrap();
            let link = link.unwrap();
            eventually(async || open(&world, &link, None).await.err().map(drop)).await;
        }
    });
}

/// Who shares a card, and then deletes it so that its shares stay, has not deleted it behind anybody's back.
#[test]
fn what_is_to_stay_of_a_card_stays() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        let share = alice.session.share(whole(id, hers.id)).await.unwrap();
        // The look behind that call finds the card gone.
        let before = alice.http.sent.borrow().len();
        let is_look = move |request: &Request| {
            request.method.as_str() == "GET" && request.url.contains(&format!("/cards/{id}"))
        };
        alice.http.refuse(is_look, 404, "not_found");
        let deleted = alice.session.delete_card(id, Some(Remaining::Keep)).await;
        deleted.unwrap();
        eventually(async || {
            let sent = alice.http.sent.borrow();
            sent[before..].iter().any(is_look).then_some(())
        })
        .await;
        alice.session.cards(&PageRequest::default()).await.unwrap();
        let deletes = {
            let sent = alice.http.sent.borrow();
            let since = sent[before..].iter();
            since.filter(|one| one.method.as_str() == "DELETE").count()
        };
        assert_eq!(deletes, 1, "the card alone");
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(read.card.fields.len(), 2);
    });
}
