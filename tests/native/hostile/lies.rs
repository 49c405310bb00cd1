//! What is told beside the ciphertext: signed or checked members are refused when they change, the others are listed.

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::flows::ShareRequest;

use crate::hostile::{SHARES, SPACES, lie_about_items};
use crate::support::{World, connect_by_link, passport, run, snapshot};

#[test]
fn metadata_of_shares() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let carol = world.person("carol").await;
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&bob, &carol).await;
        let card = alice.card().await;
        let end = vouchsafe::api::Transport::now(&alice.http) + 3_600_000;
        let make = async || {
            let request = ShareRequest {
                expires_at: Some(end),
                ..snapshot(card.id, hers.id)
            };
            alice.session.share(request).await.unwrap()
        };
        let other = make().await;
        let (account, carols) = (json!(bob.session.account()), json!(carol.session.account()));
        let refused = [
            ("from", carols.clone()),
            ("from", account),
            ("to", carols.clone()),
            ("to", json!(alice.session.account())),
            ("connectionId", json!(with_carol.id)),
            ("connectionId", json!(other.id)),
            ("spaceId", json!(other.space)),
            ("spaceId", json!(other.id)),
            ("expiresAt", Value::Null),
            ("expiresAt", json!(end + 1)),
            ("expiresAt", json!(end - 1)),
            ("expiresAt", json!(1)),
            ("id", json!(other.id)),
        ];
        for (name, value) in refused {
            let share = make().await;
            let shown = format!("{name}: {value}");
            lie_about_items(&bob.http, SHARES, move |item| item[name] = value.clone());
            let error = bob.session.read_share(share.id).await.unwrap_err();
            let codes = ["record_rejected", "not_found", "share_expired"];
            assert!(codes.contains(&error.code()), "{shown}: {error:?}");
            // The end is told by the signature alone; all else is refused before a private key is used.
            let used = bob.engine.decryptions.replace(0);
            assert!(used == 0 || (name, used) == ("expiresAt", 1), "{shown}");
            bob.http.honest();
        }
        let refused = [
            ("sender", carols),
            ("sender", json!(bob.session.account())),
            ("connectionId", json!(with_carol.id)),
            ("id", json!(other.space)),
            ("role", json!("sender")),
        ];
        for (name, value) in refused {
            let share = make().await;
            let shown = format!("{name}: {value}");
            lie_about_items(&bob.http, SPACES, move |item| item[name] = value.clone());
            let error = bob.session.read_share(share.id).await.unwrap_err();
            let codes = ["record_rejected", "not_found", "server_error"];
            assert!(codes.contains(&error.code()), "{shown}: {error:?}");
            bob.http.honest();
        }
        assert_eq!(bob.engine.decryptions.get(), 0);

        // The list of what the services may lie about: times that they set themselves.
        let share = make().await;
        lie_about_items(&bob.http, SHARES, |item| item["createdAt"] = json!(7));
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!((read.share.created_at, read.card), (7, passport()));
    });
}

/// Withholding looks like absence, and nothing else.
#[test]
fn withheld_records_are_not_found() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        for (path, list) in [
            (SHARES, "results"),
            (SPACES, "items"),
            ("/vault/v1/connections/query", "items"),
        ] {
            let share = alice
                .session
                .share(snapshot(card.id, hers.id))
                .await
                .unwrap();
            bob.http
                .tamper_json(path, move |answer| answer[list] = json!([]));
            let error = bob.session.read_share(share.id).await.unwrap_err();
            assert_eq!(error, Error::NotFound, "{path}");
            bob.http.honest();
        }
        // A connection without a note was not made here: nothing is pinned, nothing is opened.
        let share = alice
            .session
            .share(snapshot(card.id, hers.id))
            .await
            .unwrap();
        let path = "/keystore/v1/connections/query";
        bob.http
            .tamper_json(path, |answer| answer["items"] = json!([]));
        let error = bob.session.read_share(share.id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
        assert_eq!(bob.engine.decryptions.get(), 0);
    });
}

/// Cards of one's own: another of one's cards, an older one, another version's number.
#[test]
fn cards_are_not_swapped() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (first, second) = (alice.card().await, alice.card().await);
        let sent =
            crate::support::secrets::bodies(&alice, &format!("/cards/{}", second.id)).remove(0);
        let second_jwe = sent["card"].clone();
        let lies: Vec<(&str, Value)> = vec![
            ("card", second_jwe),
            ("id", json!(second.id)),
            ("version", json!(2)),
            ("version", json!(0)),
        ];
        for (name, value) in lies {
            let shown = value.clone();
            alice.http.tamper_json("/vault/v1/cards", move |answer| {
                if let Some(items) = answer["items"].as_array_mut() {
                    items.iter_mut().for_each(|item| item[name] = value.clone());
                } else {
                    answer[name] = value.clone();
                }
            });
            let error = alice.session.card(first.id).await.unwrap_err();
            assert_eq!(error, Error::RecordRejected, "{name}: {shown}");
            let page = alice
                .session
                .cards(&vouchsafe::api::PageRequest::default())
                .await
                .unwrap();
            let refused = page
                .items
                .iter()
                .filter(|opened| opened.result.is_err())
                .count();
            assert!(refused >= 1, "{name}: {shown}");
        }
        alice.http.honest();
        alice.session.card(first.id).await.unwrap();
    });
}
