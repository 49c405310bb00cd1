//! Sharing, reading, revoking (steps 19-43).

use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::records::{CardContent, Part};
use vouchsafe::flows::{ShareRequest, Trust};
use vouchsafe::ids::Id;

use crate::support::{
    Person, World, connect_by_link, connect_by_mail, eventually, passport, run, snapshot, whole,
};

#[test]
fn a_card_is_read_by_whom_it_was_shared_with_and_by_nobody_else() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let carol = world.person("carol").await;
        let (hers, his) = connect_by_link(&alice, &bob).await;
        connect_by_link(&alice, &carol).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();

        let page = bob
            .session
            .incoming_shares(&PageRequest::default())
            .await
            .unwrap();
        assert_eq!(page.items[0].id, share.id);
        assert_eq!(page.items[0].connection, his.id);
        let received = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(received.card, passport());
        assert_eq!(
            (received.from.account, received.from.name.as_str()),
            (alice.session.account(), "Alice")
        );
        assert_eq!(received.trust, Trust::Verified);

        assert!(
            carol
                .session
                .incoming_shares(&PageRequest::default())
                .await
                .unwrap()
                .items
                .is_empty()
        );
        assert_eq!(
            carol.session.read_share(share.id).await.unwrap_err(),
            Error::NotFound
        );
        assert_eq!(
            alice.session.read_share(share.id).await.unwrap().card,
            passport(),
            "the sender can look again"
        );
    });
}

#[test]
fn chosen_fields_only() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let fields = |names: &[&str]| ShareRequest {
            part: Part::of_fields(names),
            ..whole(card.id, hers.id)
        };
        let share = alice.session.share(fields(&["country"])).await.unwrap();
        let received = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(
            received.card,
            CardContent::new("Passport", &[("country", "Country", "Iceland")])
        );
        for (names, argument) in [
            (&["colour"][..], "fields[0]"),
            (&["country", "country"], "fields[1]"),
            (&[], "fields"),
        ] {
            let refused = alice.session.share(fields(names)).await.unwrap_err();
            let told = (refused.code(), refused.argument());
            assert_eq!(told, ("bad_input", Some(argument)));
        }
        assert_eq!(
            bob.session
                .incoming_shares(&PageRequest::default())
                .await
                .unwrap()
                .items
                .len(),
            1
        );
    });
}

#[test]
fn unverified_is_refused_unless_accepted() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_mail(&world, &alice, &bob).await;
        let card = alice.card().await;
        let before = alice.http.sent.borrow().len();
        assert_eq!(
            alice
                .session
                .share(whole(card.id, hers.id))
                .await
                .unwrap_err(),
            Error::ConnectionUnverified
        );
        let sent: Vec<String> = alice.http.sent.borrow()[before..]
            .iter()
            .map(|request| request.url.clone())
            .collect();
        assert!(
            !sent
                .iter()
                .any(|url| url.ends_with("/spaces") || url.ends_with("/shares")),
            "{sent:?}"
        );

        let request = ShareRequest {
            accept_unverified: true,
            ..whole(card.id, hers.id)
        };
        let share = alice.session.share(request).await.unwrap();
        assert_eq!(
            bob.session.read_share(share.id).await.unwrap().trust,
            Trust::Unverified
        );

        alice
            .session
            .mark_verified(hers.id, &hers.safety_number.unwrap())
            .await
            .unwrap();
        alice.session.share(whole(card.id, hers.id)).await.unwrap();
    });
}

#[test]
fn the_first_read_claims_and_the_second_needs_no_private_key() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        let outgoing = async || {
            alice
                .session
                .outgoing_shares(&PageRequest::default(), None)
                .await
                .unwrap()
                .items
                .remove(0)
        };
        assert!(!outgoing().await.claimed);

        bob.session.read_share(share.id).await.unwrap();
        assert_eq!(bob.engine.decryptions.get(), 1);
        eventually(async || outgoing().await.claimed.then_some(())).await;
        bob.session.read_share(share.id).await.unwrap();
        assert_eq!(bob.engine.decryptions.get(), 1);

        let elsewhere = world.other_device(&bob).await;
        assert_eq!(
            elsewhere.session.read_share(share.id).await.unwrap().card,
            passport()
        );
        assert_eq!(
            elsewhere.engine.decryptions.get(),
            0,
            "the claim opens with the KEK"
        );
    });
}

#[test]
fn one_space_with_the_same_id_in_both_services() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let first = alice
            .session
            .share(snapshot(card.id, hers.id))
            .await
            .unwrap();
        let second = alice
            .session
            .share(snapshot(card.id, hers.id))
            .await
            .unwrap();
        assert_ne!(first.space, second.space, "one DEK and one space per share");
        let sent = alice.http.sent.borrow();
        for (path, member) in [
            ("/keystore/v1/spaces", "\"id\":"),
            ("/vault/v1/shares", "\"spaceId\":"),
        ] {
            let bodies: Vec<&String> = sent
                .iter()
                .filter(|request| request.url.ends_with(path))
                .filter_map(|request| request.body.as_ref())
                .collect();
            for share in [&first, &second] {
                let named = format!("{member}\"{}\"", share.space);
                assert_eq!(
                    bodies.iter().filter(|body| body.contains(&named)).count(),
                    1,
                    "{path}"
                );
            }
            assert!(
                !bodies
                    .iter()
                    .any(|body| body.contains(&card.id.to_string())),
                "no service learns the card's id"
            );
        }
    });
}

/// The Vault's clock is an hour behind: the reader's own decides, to the millisecond.
#[test]
fn at_its_end_a_share_is_over() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let end = vouchsafe::api::Transport::now(&alice.http) + 3_600_000;
        let request = ShareRequest {
            expires_at: Some(end),
            ..whole(card.id, hers.id)
        };
        let share = alice.session.share(request).await.unwrap();
        for (time, over) in [(end - 1, false), (end, true), (end + 1, true)] {
            for person in [&bob, &alice] {
                person.http.stopped_at.set(Some(time));
                let read = person.session.read_share(share.id).await;
                let expected = over.then_some(Error::ShareExpired);
                assert_eq!(read.err(), expected, "{} before the end", end - time);
            }
        }
    });
}

#[test]
fn expiry_by_either_clock() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let until = |at: i64| ShareRequest {
            expires_at: Some(at),
            ..snapshot(card.id, hers.id)
        };
        assert_eq!(
            alice.session.share(until(5)).await.unwrap_err().code(),
            "bad_input"
        );
        let now = vouchsafe::api::Transport::now(&alice.http);
        let share = alice.session.share(until(now + 3_600_000)).await.unwrap();
        assert_eq!(
            bob.session
                .read_share(share.id)
                .await
                .unwrap()
                .share
                .expires_at,
            Some(now + 3_600_000)
        );
        bob.http
            .clock_offset
            .store(3_600_001, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(
            bob.session.read_share(share.id).await.unwrap_err(),
            Error::ShareExpired,
            "by the reader's clock"
        );
        bob.http
            .clock_offset
            .store(0, std::sync::atomic::Ordering::Relaxed);

        world.pass(1_800_000);
        let short = alice.session.share(until(now + 2_000_000)).await.unwrap();
        world.pass(300_000);
        assert_eq!(
            bob.session.read_share(short.id).await.unwrap_err(),
            Error::ShareExpired,
            "by the Vault's clock"
        );
        let listed = bob
            .session
            .incoming_shares(&PageRequest::default())
            .await
            .unwrap();
        assert_eq!(
            listed.items.iter().map(|item| item.id).collect::<Vec<_>>(),
            [share.id]
        );
        // Its sender sees when it ended, but not among those in force.
        let page = PageRequest::default();
        let sent = alice.session.outgoing_shares(&page, None).await.unwrap();
        let sent = sent.items.iter().map(|sent| sent.share.id);
        assert_eq!(sent.collect::<Vec<_>>(), [short.id, share.id]);
        let in_force = alice.session.shares_of(card.id, &page).await.unwrap();
        let in_force = in_force.items.iter().map(|share| share.id);
        assert_eq!(in_force.collect::<Vec<_>>(), [share.id]);
    });
}

#[test]
fn revoked_is_gone_everywhere() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        bob.session.read_share(share.id).await.unwrap();
        assert_eq!(
            bob.session.revoke_share(share.id).await.unwrap_err().code(),
            "not_found",
            "only the sender revokes"
        );

        world
            .other_device(&alice)
            .await
            .session
            .revoke_share(share.id)
            .await
            .unwrap();
        assert_eq!(
            bob.session.read_share(share.id).await.unwrap_err(),
            Error::NotFound
        );
        assert!(
            bob.session
                .incoming_shares(&PageRequest::default())
                .await
                .unwrap()
                .items
                .is_empty()
        );
        assert!(
            alice
                .session
                .outgoing_shares(&PageRequest::default(), None)
                .await
                .unwrap()
                .items
                .is_empty()
        );
        assert_eq!(
            space_as_seen_by(&world, &bob, share.space).await,
            "{\"items\":[],\"rest\":[]}",
            "the claim is gone too"
        );
    });
}

#[test]
fn revoking_that_was_cut_is_finished_from_anywhere() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        bob.session.read_share(share.id).await.unwrap();
        // Whatever is deleted is deleted, but the answer does not arrive.
        alice.http.tamper(|request, mut response| {
            if request.method == vouchsafe::api::Method::Delete {
                response.status = 502;
                response.body.clear();
            }
            response
        });
        let cut = alice.session.revoke_share(share.id).await.unwrap_err();
        assert_eq!(cut.code(), "server_error");

        let elsewhere = world.other_device(&alice).await;
        elsewhere.session.revoke_share(share.id).await.unwrap();
        assert!(
            bob.session
                .incoming_shares(&PageRequest::default())
                .await
                .unwrap()
                .items
                .is_empty()
        );
        assert_eq!(
            space_as_seen_by(&world, &bob, share.space).await,
            "{\"items\":[],\"rest\":[]}"
        );
    });
}

#[test]
fn many_shares_page_newest_first_and_open_together() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let mut made = Vec::new();
        for _ in 0..5 {
            made.push(
                alice
                    .session
                    .share(snapshot(card.id, hers.id))
                    .await
                    .unwrap()
                    .id,
            );
        }
        made.reverse();
        let mut listed = Vec::new();
        let mut page = PageRequest {
            cursor: None,
            limit: Some(2),
        };
        loop {
            let got = bob.session.incoming_shares(&page).await.unwrap();
            listed.extend(got.items.iter().map(|item| item.id));
            page.cursor = got.next;
            if page.cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, made);
        alice.session.revoke_share(made[1]).await.unwrap();
        let opened = bob.session.read_shares(&made).await.unwrap();
        let good: Vec<bool> = opened.iter().map(|opened| opened.result.is_ok()).collect();
        assert_eq!(
            good,
            [true, false, true, true, true],
            "one bad record does not take the others along"
        );
    });
}

/// What the Keystore answers to a person who asks for a space.
pub(crate) async fn space_as_seen_by(world: &World, person: &Person, space: Id) -> String {
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/spaces/query", world.keystore))
        .bearer_auth(person.http.bearer_to("/keystore/v1/spaces"))
        .header("content-type", "application/json")
        .body(format!("{{\"ids\":[\"{space}\"]}}"))
        .send();
    answer.await.unwrap().text().await.unwrap()
}
