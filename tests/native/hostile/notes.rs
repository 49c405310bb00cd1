//! What this side remembers: older notes, invitations that were taken back, lists without end.

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::flows::{ConnectionState, Trust};

use crate::hostile::{asked_since, count, lie_about_items};
use crate::support::{PASSPHRASE, World, connect_by_link, connect_by_mail, run, snapshot, whole};

/// What the Keystore keeps for a connection.
const ENTRY: &str = "/keystore/v1/connections/";

#[test]
fn an_older_note_is_refused_by_who_saw_a_newer_one() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_mail(&world, &alice, &bob).await;
        let id = hers.id;
        let kept = std::rc::Rc::new(std::cell::RefCell::new(Value::Null));
        let keep = kept.clone();
        alice
            .http
            .tamper_json(ENTRY, move |answer| *keep.borrow_mut() = answer.clone());
        alice.session.connection(id).await.unwrap();
        alice.http.honest();
        let older = kept.borrow().clone();
        assert_eq!(older["id"], json!(id));
        let number = hers.safety_number.unwrap();
        alice.session.mark_verified(id, &number).await.unwrap();

        let roll_back = |http: &crate::support::Http| {
            let older = older.clone();
            http.tamper_json(ENTRY, move |answer| {
                if let Some(items) = answer["items"].as_array_mut() {
                    items.iter_mut().for_each(|item| *item = older.clone());
                } else if answer.get("note").is_some() {
                    *answer = older.clone();
                }
            });
        };
        roll_back(&alice.http);
        let refused = async || {
            let error = alice.session.connection(id).await.unwrap_err();
            assert_eq!(error, Error::RecordRejected);
            let page = alice
                .session
                .connections(&PageRequest::default())
                .await
                .unwrap();
            let listed = page.items[0].result.as_ref();
            assert_eq!(listed.unwrap_err(), &Error::RecordRejected);
        };
        refused().await;
        alice.session.lock();
        alice.session.unlock(PASSPHRASE).await.unwrap();
        refused().await;

        // Another device cannot know. It loses the verification; it is not granted one.
        let elsewhere = world.other_device(&alice).await;
        roll_back(&elsewhere.http);
        let seen = elsewhere.session.connection(id).await.unwrap();
        assert_eq!(seen.trust, Trust::Unverified);
        assert_eq!(seen.safety_number, Some(number));
    });
}

#[test]
fn a_version_that_the_note_does_not_say_is_refused() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        alice.http.tamper_json(ENTRY, |answer| {
            answer["version"] = json!(answer["version"].as_u64().unwrap() + 1);
        });
        let error = alice.session.connection(hers.id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
        alice.http.honest();
        alice.session.connection(hers.id).await.unwrap();
    });
}

#[test]
fn entries_of_two_connections_are_not_swapped() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let carol = world.person("carol").await;
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&alice, &carol).await;
        let device = world.other_device(&alice).await;
        for names in [&["note"][..], &["key", "note"], &["id"]] {
            device
                .http
                .tamper_json("/keystore/v1/connections/query", move |answer| {
                    let items = answer["items"].as_array_mut().unwrap();
                    let copies = items.clone();
                    for (item, other) in items.iter_mut().zip(copies.iter().rev()) {
                        for name in names {
                            item[name] = other[name].clone();
                        }
                    }
                });
            let page = device
                .session
                .connections(&PageRequest::default())
                .await
                .unwrap();
            assert_eq!(page.items.len(), 2);
            for opened in page.items {
                let error = opened.result.unwrap_err();
                assert_eq!(error, Error::RecordRejected, "{names:?}");
            }
        }
        // A key swapped alone is not looked at until it is used.
        let card = carol.card().await;
        let share = carol
            .session
            .share(whole(card.id, with_carol.id))
            .await
            .unwrap();
        let bobs_entry =
            crate::support::secrets::bodies(&alice, &format!("/connections/{}", with_bob.id));
        let key = bobs_entry[0]["key"].clone();
        lie_about_items(
            &device.http,
            "/keystore/v1/connections/query",
            move |item| {
                item["key"] = key.clone();
            },
        );
        let error = device.session.read_share(share.id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
        assert_eq!(device.engine.decryptions.get(), 0);
    });
}

/// The Vault says that it cancelled, and then shows an acceptance that is good in every other way.
#[test]
fn a_cancelled_invitation_stays_cancelled() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (invitation, ticket) = alice.invite_by_link("Bob").await;
        let id = invitation.id;
        bob.session.accept(&ticket, "Alice").await.unwrap();
        let key = crate::support::secrets::Secrets::of(&alice)
            .note(&alice, id)
            .own_key
            .clone();
        alice.http.tamper(move |request, mut response| {
            if request.url.ends_with("/cancel") {
                response.status = 200;
                response.body = serde_json::to_vec(&json!({
                    "id": id, "publicKeyId": key, "delivery": "link", "email": null,
                    "state": "cancelled", "createdAt": 1, "expiresAt": 2,
                }))
                .unwrap();
            }
            response
        });
        alice.session.cancel_invitation(id).await.unwrap();
        let card = alice.card().await;
        for device in [&alice, &world.other_device(&alice).await] {
            let before = count(device);
            let shared = device.session.share(whole(card.id, id)).await;
            assert_eq!(shared.unwrap_err(), Error::NotFound);
            let seen = device.session.connection(id).await.unwrap();
            assert_eq!(seen.state, ConnectionState::Ended);
            assert_ne!(seen.trust, Trust::Verified);
            crate::hostile::nothing_left(device, before);
        }
        let ended = asked_since(&alice, 0);
        assert!(
            ended
                .iter()
                .any(|line| line.starts_with("DELETE ") && line.ends_with(&id.to_string())),
            "the connection is ended: {ended:#?}"
        );
        alice.http.honest();
        assert_eq!(
            bob.session.connection(id).await.unwrap().state,
            ConnectionState::Ended
        );
    });
}

/// A connection that this side ended is not brought back by a Vault that says it is active.
#[test]
fn an_ended_connection_stays_ended() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        alice.session.disconnect(hers.id).await.unwrap();
        let device = world.other_device(&alice).await;
        crate::hostile::lie_about_connections(&device.http, |item| item["state"] = json!("active"));
        let before = count(&device);
        let seen = device.session.connection(hers.id).await.unwrap();
        assert_eq!(seen.state, ConnectionState::Ended);
        let shared = device.session.share(whole(card.id, hers.id)).await;
        assert_eq!(shared.unwrap_err(), Error::NotFound);
        crate::hostile::nothing_left(&device, before);
    });
}

/// The Vault shows none of the shares: their keys go by the connection, at the Keystore.
#[test]
fn disconnecting_does_not_believe_the_vaults_list() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let carol = world.person("carol").await;
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&alice, &carol).await;
        let card = alice.card().await;
        for connection in [with_bob.id, with_bob.id, with_carol.id] {
            let share = snapshot(card.id, connection);
            alice.session.share(share).await.unwrap();
        }
        alice
            .http
            .tamper_json("/vault/v1/shares", |answer| answer["items"] = json!([]));
        alice.session.disconnect(with_bob.id).await.unwrap();
        let rows = world.rows("keystore").await;
        let keys_for = |connection: String| {
            let of_spaces = rows
                .iter()
                .filter(move |row| row.starts_with("spaces: ") && row.contains(&connection));
            of_spaces
                .map(|row| row.contains("eyJ"))
                .collect::<Vec<bool>>()
        };
        assert_eq!(keys_for(with_bob.id.to_string()), [false, false]);
        assert_eq!(keys_for(with_carol.id.to_string()), [true]);
    });
}
