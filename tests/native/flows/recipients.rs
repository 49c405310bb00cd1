//! Sharing with several people, what a call that failed leaves, and disconnecting.

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::api::{Method, PageRequest};
use vouchsafe::flows::ShareRequest;
use vouchsafe::ids::Id;

use crate::flows::sharing::space_as_seen_by;
use crate::support::secrets::claim_of;
use crate::support::{
    Fault, World, connect_by_link, connect_by_mail, eventually, passport, run, snapshot, whole,
};

#[test]
fn several_recipients_each_with_a_result() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (bob, carol) = (world.person("bob").await, world.person("carol").await);
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_mail(&world, &alice, &carol).await;
        let card = alice.card().await;
        let before = alice.http.sent.borrow().len();
        let request = ShareRequest {
            connections: vec![with_carol.id, with_bob.id],
            ..whole(card.id, with_bob.id)
        };
        let outcomes = alice.session.share_with_many(request).await.unwrap();
        assert_eq!(
            outcomes[0].result.as_ref().unwrap_err(),
            &Error::ConnectionUnverified
        );
        let share = outcomes[1].result.as_ref().unwrap();
        assert_eq!(
            bob.session.read_share(share.id).await.unwrap().card,
            passport()
        );
        let sent = alice.http.sent.borrow()[before..]
            .iter()
            .filter(|request| {
                request.url.ends_with("/spaces") || request.url.ends_with("/v1/shares")
            })
            .count();
        assert_eq!(sent, 2, "one request to each service");
    });
}

/// What goes wrong with one person stays with that person, on either side of the way.
#[test]
fn one_recipient_may_fail_for_every_reason() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let mut people = Vec::new();
        for name in ["bob", "carol", "dan", "eve", "frank"] {
            let person = world.person(name).await;
            let (connection, _) = connect_by_link(&alice, &person).await;
            people.push((person, connection.id));
        }
        let ids: Vec<Id> = people.iter().map(|(_, id)| *id).collect();
        people[1].0.session.disconnect(ids[1]).await.unwrap();
        let card = alice.card().await;
        let unknown = Id::v7(1, &[7; 10]);
        let request = ShareRequest {
            connections: [&ids[..], &[unknown]].concat(),
            ..whole(card.id, unknown)
        };
        // The Keystore refuses the space for the third, the Vault the share with the fourth: it is asked for those of the first,
        // the fourth and the fifth.
        let refused = json!({ "code": "too_large", "message": "No." });
        alice.http.tamper_json("/v1/s", move |answer| {
            if let Some(results) = answer["results"].as_array_mut() {
                let middle = results.len() / 2;
                results[middle]["error"] = refused.clone();
            }
        });
        let before = alice.http.sent.borrow().len();
        let outcomes = alice
            .session
            .share_with_many(request.clone())
            .await
            .unwrap();
        let codes: Vec<&str> = outcomes
            .iter()
            .map(|outcome| outcome.result.as_ref().map_or_else(Error::code, |_| ""))
            .collect();
        let expected = ["", "not_found", "too_large", "too_large", "", "not_found"];
        assert_eq!(codes, expected);
        for path in ["/keystore/v1/spaces", "/vault/v1/shares"] {
            let sent = alice.http.sent.borrow();
            let asked = sent[before..]
                .iter()
                .filter(|request| request.url.ends_with(path));
            assert_eq!(asked.count(), 1, "{path}");
        }
        alice.http.honest();
        for (index, (person, _)) in people.iter().enumerate() {
            let good = codes[index].is_empty();
            let listed = eventually(async || {
                let page = PageRequest::default();
                let items = person.session.incoming_shares(&page).await.unwrap().items;
                (items.len() == usize::from(good)).then_some(items)
            })
            .await;
            for share in listed {
                let read = person.session.read_share(share.id).await.unwrap();
                assert_eq!(read.card, passport());
            }
        }
        let twice = ShareRequest {
            connections: vec![ids[0], ids[0]],
            ..request
        };
        let error = alice.session.share_with_many(twice).await.unwrap_err();
        assert_eq!(error.code(), "bad_input");
    });
}

/// The Vault made the shares, but its answer never came: the caller is told that it failed, so they are taken back.
#[test]
fn a_share_whose_call_failed_does_not_stay() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (bob, carol) = (world.person("bob").await, world.person("carol").await);
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&alice, &carol).await;
        let card = alice.card().await;
        let request = ShareRequest {
            connections: vec![with_bob.id, with_carol.id],
            ..snapshot(card.id, with_bob.id)
        };
        alice.http.break_with(|request, _| {
            let making = request.url.ends_with("/vault/v1/shares");
            making.then_some(Fault::AnswerLost)
        });
        let outcomes = alice
            .session
            .share_with_many(request.clone())
            .await
            .unwrap();
        let mut spaces = Vec::new();
        for outcome in outcomes {
            assert_eq!(outcome.result.unwrap_err().code(), "offline");
        }
        for request in alice.http.sent.borrow().iter() {
            if request.url.ends_with("/keystore/v1/spaces") {
                let body: Value = serde_json::from_str(request.body.as_ref().unwrap()).unwrap();
                for space in body["spaces"].as_array().unwrap() {
                    spaces.push(Id::parse(space["id"].as_str().unwrap()).unwrap());
                }
            }
        }
        alice.http.mend();
        let page = PageRequest::default();
        for person in [&bob, &carol] {
            eventually(async || {
                let listed = person.session.incoming_shares(&page).await.unwrap();
                listed.items.is_empty().then_some(())
            })
            .await;
        }
        assert_eq!(spaces.len(), 2);
        for space in spaces {
            eventually(async || {
                let seen = space_as_seen_by(&world, &alice, space).await;
                (seen == "{\"items\":[],\"rest\":[]}").then_some(())
            })
            .await;
        }
        let outcomes = alice.session.share_with_many(request).await.unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
        for person in [&bob, &carol] {
            let listed = person.session.incoming_shares(&page).await.unwrap();
            assert_eq!(listed.items.len(), 1, "as if nothing had been cut");
            let read = person.session.read_share(listed.items[0].id).await;
            assert_eq!(read.unwrap().card, passport());
        }
    });
}

/// What cannot be taken back yet can be read and revoked, like any share.
#[test]
fn a_share_that_could_not_be_taken_back_is_whole() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        alice.http.break_with(|request, _| match request.method {
            Method::Post if request.url.ends_with("/vault/v1/shares") => Some(Fault::AnswerLost),
            Method::Delete if request.url.contains("/vault/") => Some(Fault::BeforeSending),
            _ => None,
        });
        let error = alice
            .session
            .share(snapshot(card.id, hers.id))
            .await
            .unwrap_err();
        assert_eq!(error.code(), "offline");
        let given_up = || {
            let sent = alice.http.sent.borrow();
            let tried = sent
                .iter()
                .filter(|request| request.method == Method::Delete);
            (tried.count() >= 5).then_some(())
        };
        eventually(async || given_up()).await;
        alice.http.mend();
        let page = PageRequest::default();
        let listed = bob.session.incoming_shares(&page).await.unwrap().items;
        let read = bob.session.read_share(listed[0].id).await.unwrap();
        assert_eq!(read.card, passport());
        let elsewhere = world.other_device(&alice).await;
        elsewhere.session.revoke_share(listed[0].id).await.unwrap();
        let error = bob.session.read_share(listed[0].id).await.unwrap_err();
        assert_eq!(error, Error::NotFound);
    });
}

#[test]
fn disconnecting_revokes_what_one_shared() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (bob, carol) = (world.person("bob").await, world.person("carol").await);
        let (with_bob, his) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&alice, &carol).await;
        let (card, his_card) = (alice.card().await, bob.card().await);
        let mut shares = Vec::new();
        for _ in 0..3 {
            let share = alice.session.share(snapshot(card.id, with_bob.id)).await;
            shares.push(share.unwrap());
        }
        let kept = alice
            .session
            .share(whole(card.id, with_carol.id))
            .await
            .unwrap();
        let got = bob.session.share(whole(his_card.id, his.id)).await.unwrap();
        bob.session.read_share(shares[0].id).await.unwrap();
        eventually(async || claim_of(&bob, shares[0].space)).await;

        // From a device that knows nothing yet, and whose connection is cut at each request in turn.
        let device = world.other_device(&alice).await;
        let mut cuts = 0;
        loop {
            device.http.cut_from(cuts, Fault::AnswerLost);
            let outcome = device.session.disconnect(with_bob.id).await;
            device.http.mend();
            if outcome.is_ok() {
                break;
            }
            assert_eq!(outcome.unwrap_err().code(), "offline");
            cuts += 1;
            assert!(cuts < 40);
        }
        assert!(cuts > 3, "{cuts}");

        for share in &shares {
            for person in [&alice, &bob] {
                let seen = space_as_seen_by(&world, person, share.space).await;
                assert_eq!(
                    seen, "{\"items\":[],\"rest\":[]}",
                    "every copy of the key is gone"
                );
            }
            let error = bob.session.read_share(share.id).await.unwrap_err();
            assert_eq!(error, Error::NotFound);
        }
        let page = PageRequest::default();
        assert!(
            bob.session
                .incoming_shares(&page)
                .await
                .unwrap()
                .items
                .is_empty()
        );
        let error = alice.session.read_share(got.id).await.unwrap_err();
        assert_eq!(error, Error::NotFound, "a connection has two ends");
        let read = carol.session.read_share(kept.id).await.unwrap();
        assert_eq!(read.card, passport(), "other people keep theirs");
        let outgoing = alice.session.outgoing_shares(&page, None).await.unwrap();
        assert_eq!(outgoing.items.len(), 1);
    });
}
