//! False keys: before a connection, in an invitation, in an acceptance, and later.

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::records::Role;
use vouchsafe::flows::{ConnectionState, ShareRequest, Trust};

use crate::hostile::{asked_since, count, lie_about_connections, nothing_left};
use crate::support::secrets::{Mallory, bodies};
use crate::support::{Http, World, connect_by_link, connect_by_mail, run, whole};

type Lie = Box<dyn Fn(&mut Value)>;

/// Replaces one side's publication wherever the Vault shows it.
fn substitute(http: &Http, role: &'static str, publication: Value) {
    http.tamper(move |request, mut response| {
        let vault = request.url.contains("/vault/v1/") && response.status < 300;
        if let (true, Ok(mut answer)) = (vault, serde_json::from_slice::<Value>(&response.body)) {
            if request.url.ends_with("/open") {
                answer["publication"] = publication.clone();
            } else if let Some(items) = answer["items"].as_array_mut() {
                items
                    .iter_mut()
                    .for_each(|item| item[role]["publication"] = publication.clone());
            } else if answer.get(role).is_some() {
                answer[role]["publication"] = publication.clone();
            }
            response.body = serde_json::to_vec(&answer).unwrap();
        }
        response
    });
}

#[test]
fn a_vault_in_the_middle_of_a_mail_is_seen_in_the_safety_number() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let mallory = Mallory::new().await;
        let (invitation, ticket) = alice.invite_by_mail(&world, &bob).await;
        let id = invitation.id;
        let false_alice = mallory.publication(alice.session.account(), id, Role::Inviter);
        let false_bob = mallory.publication(bob.session.account(), id, Role::Invitee);
        substitute(&bob.http, "inviter", false_alice);
        substitute(&alice.http, "invitee", false_bob);

        let his = bob.session.accept(&ticket, "Alice").await.unwrap();
        let hers = alice.session.connection(id).await.unwrap();
        assert_eq!(
            (his.trust, hers.trust),
            (Trust::Unverified, Trust::Unverified)
        );
        let number = his.safety_number.unwrap();
        assert_ne!(number, hers.safety_number.unwrap());
        assert_eq!(
            alice.session.mark_verified(id, &number).await.unwrap_err(),
            Error::SafetyNumberMismatch
        );

        let card = alice.card().await;
        let before = count(&alice);
        let shared = alice.session.share(whole(card.id, id)).await;
        assert_eq!(shared.unwrap_err(), Error::ConnectionUnverified);
        nothing_left(&alice, before);
    });
}

#[test]
fn a_vault_in_the_middle_of_a_link_is_refused_by_the_invitee() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let mallory = Mallory::new().await;
        let (invitation, ticket) = alice.invite_by_link("Bob").await;
        let id = invitation.id;
        let account = alice.session.account();
        let path = format!("/invitations/{id}/open");
        let real = bodies(&alice, "")
            .into_iter()
            .find(|body| body.get("statement").is_some());
        let real = real.unwrap();
        let whole_lie = mallory.publication(account, id, Role::Inviter);
        let part = |name: &str, value: Value| {
            let mut publication = real.clone();
            publication["id"] = invitation_key(&alice);
            publication[name] = value;
            publication
        };
        let statement = real["statement"].as_str().unwrap();
        let lies = [
            whole_lie.clone(),
            mallory.publication(bob.session.account(), id, Role::Inviter),
            mallory.publication(account, id, Role::Invitee),
            part("spki", whole_lie["spki"].clone()),
            part("xwing", whole_lie["xwing"].clone()),
            part("xwing", json!("")),
            part("statement", whole_lie["statement"].clone()),
            part("statement", json!(format!("{statement}A"))),
            part("statement", json!("")),
            part("signingKey", whole_lie["signingKey"].clone()),
        ];
        for lie in lies {
            let fresh = world.other_device(&bob).await;
            substitute(&fresh.http, "inviter", lie.clone());
            let before = count(&fresh);
            let error = fresh.session.accept(&ticket, "Alice").await.unwrap_err();
            assert_eq!(error, Error::PeerKeyChanged, "{lie}");
            let asked = asked_since(&fresh, before);
            assert!(asked.last().unwrap().ends_with(&path), "{asked:?}");
            assert_eq!(asked.len(), 2, "a token and the invitation: {asked:?}");
        }
        // The same link still works when the Vault does not lie.
        let his = bob.session.accept(&ticket, "Alice").await.unwrap();
        assert_eq!(his.trust, Trust::Verified);
    });
}

/// The id under which the inviter published.
fn invitation_key(person: &crate::support::Person) -> Value {
    let sent = person.http.sent.borrow();
    let put = sent
        .iter()
        .find(|request| request.url.contains("/public-keys/"));
    json!(put.unwrap().url.rsplit_once('/').unwrap().1)
}

/// A connection that nobody but the Vault made.
#[test]
fn a_forged_acceptance_of_a_link_never_counts() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let mallory = Mallory::new().await;
        let card = alice.card().await;
        let (invitation, _) = alice.invite_by_link("Bob").await;
        let id = invitation.id;
        let mut own = bodies(&alice, "")
            .into_iter()
            .find(|body| body.get("statement").is_some())
            .unwrap();
        own["id"] = invitation_key(&alice);
        for proof in [
            json!(null),
            json!(""),
            json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            json!("not base64url"),
        ] {
            let forged = json!({
                "id": id,
                "state": "active",
                "inviter": { "account": alice.session.account(), "publication": own },
                "invitee": {
                    "account": bob.session.account(),
                    "publication": mallory.publication(bob.session.account(), id, Role::Invitee),
                },
                "proof": proof,
                "createdAt": 1,
            });
            alice.http.tamper(move |request, mut response| {
                if request.url.contains("/vault/v1/connections") {
                    let listed = request.url.contains("query") || request.url.contains('?');
                    let answer = if listed {
                        json!({ "items": [forged], "next": null })
                    } else {
                        forged.clone()
                    };
                    response.status = 200;
                    response.body = serde_json::to_vec(&answer).unwrap();
                }
                response
            });
            let before = count(&alice);
            let page = alice
                .session
                .connections(&PageRequest::default())
                .await
                .unwrap();
            let listed = page.items[0].result.as_ref().unwrap();
            assert_eq!(
                (listed.trust, listed.safety_number.clone()),
                (Trust::Changed, None),
                "{proof}"
            );
            for accept_unverified in [false, true] {
                let request = ShareRequest {
                    accept_unverified,
                    ..whole(card.id, id)
                };
                let error = alice.session.share(request).await.unwrap_err();
                assert_eq!(error, Error::PeerKeyChanged, "{proof}");
            }
            let zeros = "0".repeat(60);
            let error = alice.session.mark_verified(id, &zeros).await.unwrap_err();
            assert_eq!(error, Error::PeerKeyChanged);
            nothing_left(&alice, before);
        }
    });
}

/// The invitee really accepted; the Vault shows the inviter other keys, or another person.
#[test]
fn an_acceptance_seen_through_a_lie_never_counts() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let carol = world.person("carol").await;
        let mallory = Mallory::new().await;
        let (_, ticket) = alice.invite_by_link("Bob").await;
        let id = ticket.id();
        bob.session.accept(&ticket, "Alice").await.unwrap();
        let false_bob = mallory.publication(bob.session.account(), id, Role::Invitee);
        let carols = mallory.publication(carol.session.account(), id, Role::Invitee);
        let carols_account = carol.session.account();
        let lies: Vec<Lie> = vec![
            Box::new(move |item| item["invitee"]["publication"] = false_bob.clone()),
            Box::new(move |item| item["invitee"]["account"] = json!(carols_account)),
            Box::new(move |item| {
                item["invitee"] = json!({ "account": carols_account, "publication": carols });
            }),
            Box::new(|item| item["proof"] = Value::Null),
            Box::new(|item| item["invitee"] = item["inviter"].clone()),
        ];
        for lie in lies {
            lie_about_connections(&alice.http, lie);
            let before = count(&alice);
            let seen = alice.session.connection(id).await.unwrap();
            assert_eq!(seen.trust, Trust::Changed);
            nothing_left(&alice, before);
        }
        alice.http.honest();
        let seen = alice.session.connection(id).await.unwrap();
        assert_eq!(seen.trust, Trust::Verified, "a lie leaves no trace");
    });
}

#[test]
fn keys_that_change_later_stop_everything_but_leaving() {
    run(async {
        for by_mail in [false, true] {
            let world = World::start();
            let (alice, bob) = (world.person("alice").await, world.person("bob").await);
            let mallory = Mallory::new().await;
            let (hers, _) = if by_mail {
                connect_by_mail(&world, &alice, &bob).await
            } else {
                connect_by_link(&alice, &bob).await
            };
            let id = hers.id;
            let (card, his_card) = (alice.card().await, bob.card().await);
            let anyway = |card, id| ShareRequest {
                accept_unverified: true,
                ..whole(card, id)
            };
            let sent = alice.session.share(anyway(card.id, id)).await.unwrap();
            let got = bob.session.share(anyway(his_card.id, id)).await.unwrap();

            let false_bob = mallory.publication(bob.session.account(), id, Role::Invitee);
            lie_about_connections(&alice.http, move |item| {
                item["invitee"]["publication"] = false_bob.clone();
            });
            let before = count(&alice);
            let page = alice
                .session
                .connections(&PageRequest::default())
                .await
                .unwrap();
            let listed = page.items[0].result.as_ref().unwrap();
            assert_eq!((listed.trust, listed.verified_by), (Trust::Changed, None));
            assert_eq!(
                listed.safety_number, hers.safety_number,
                "of the pinned keys"
            );
            let number = hers.safety_number.unwrap();
            let refused = [
                alice.session.share(anyway(card.id, id)).await.map(|_| ()),
                alice.session.read_share(got.id).await.map(|_| ()),
                alice.session.read_share(sent.id).await.map(|_| ()),
                alice.session.mark_verified(id, &number).await.map(|_| ()),
            ];
            for result in refused {
                assert_eq!(result.unwrap_err(), Error::PeerKeyChanged);
            }
            nothing_left(&alice, before);
            assert_eq!(alice.engine.decryptions.get(), 0);

            let page = alice
                .session
                .incoming_shares(&PageRequest::default())
                .await
                .unwrap();
            assert_eq!(page.items.len(), 1, "listing works");
            alice.session.revoke_share(sent.id).await.unwrap();
            alice.session.disconnect(id).await.unwrap();
            alice.http.honest();
            assert_eq!(
                alice.session.connection(id).await.unwrap().state,
                ConnectionState::Ended
            );
        }
    });
}

#[test]
fn a_false_own_key_is_refused() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let mallory = Mallory::new().await;
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = hers.id;
        let (card, his_card) = (alice.card().await, bob.card().await);
        let got = bob.session.share(whole(his_card.id, id)).await.unwrap();
        let false_alice = mallory.publication(alice.session.account(), id, Role::Inviter);
        let stranger = mallory.publication(bob.session.account(), id, Role::Inviter);
        let bobs = bob.session.account();
        let lies: Vec<Lie> = vec![
            Box::new(move |item| item["inviter"]["publication"] = false_alice.clone()),
            Box::new(move |item| item["inviter"]["account"] = json!(bobs)),
            Box::new(move |item| {
                item["inviter"] = json!({ "account": bobs, "publication": stranger });
            }),
            Box::new(|item| {
                let (a, b) = (item["inviter"].clone(), item["invitee"].clone());
                (item["inviter"], item["invitee"]) = (b, a);
            }),
        ];
        let zeros = "0".repeat(60);
        for lie in lies {
            let device = world.other_device(&alice).await;
            lie_about_connections(&device.http, lie);
            let before = count(&device);
            let refused = [
                device.session.connection(id).await.map(|_| ()),
                device.session.share(whole(card.id, id)).await.map(|_| ()),
                device.session.read_share(got.id).await.map(|_| ()),
                device.session.mark_verified(id, &zeros).await.map(|_| ()),
            ];
            for result in refused {
                assert_eq!(result.unwrap_err(), Error::RecordRejected);
            }
            nothing_left(&device, before);
            assert_eq!(device.engine.decryptions.get(), 0);
        }
    });
}
