//! A share is revoked while it is being read.

use std::cell::Cell;

use serde_json::{Value, json};
use vouchsafe::Error;

use crate::races::accept::{alice_bob_carol, connect};
use crate::races::lab::{
    Caller, FRESH, Lab, ROUNDS, Tally, jwe, on_many_threads, on_one_thread, race, random_id, watch,
};
use crate::support::{connect_by_link, passport, snapshot};

/// The whole client, for a part of the rounds: most of their time is its cryptography's.
const READ_ROUNDS: usize = ROUNDS / 5;

/// A share and its space, as they are stored.
struct Stored {
    share: Value,
    space: Value,
}

/// Stores them both.
async fn share(sender: &Caller, recipient: &Caller, connection: &str) -> Stored {
    let (id, space_id) = (random_id(), random_id());
    let space = json!({
        "id": space_id,
        "connectionId": connection,
        "recipient": recipient.account,
        "expiresAt": null,
        "own": jwe(),
        "peer": jwe(),
        "share": id,
        "sent": jwe(),
        "tag": null,
        "live": false,
    });
    let body = json!({ "spaces": [space] });
    assert_eq!(sender.keystore("POST", "/spaces", body).await.0, 200);
    let share = json!({
        "id": id,
        "connectionId": connection,
        "spaceId": space_id,
        "expiresAt": null,
        "edition": 1,
        "share": jwe(),
    });
    let (_, made) = sender
        .vault("POST", "/shares", json!({ "shares": [share] }))
        .await;
    assert_eq!(made["results"][0]["error"], Value::Null);
    Stored { share, space }
}

/// What a first read asks for, and what it stores. Gives the ciphertext and the copy of its key, or what is missing.
async fn read(reader: Caller, share: String, space: String) -> Result<[Value; 2], &'static str> {
    let (shares, spaces) = (json!({ "ids": [share] }), json!({ "ids": [space] }));
    let (shares, spaces) = tokio::join!(
        reader.vault("POST", "/shares/query", shares),
        reader.keystore("POST", "/spaces/query", spaces),
    );
    assert_eq!((shares.0, spaces.0), (200, 200));
    let claims = json!({ "claims": [{ "id": space, "claim": jwe() }] });
    let (_, claimed) = reader.keystore("PUT", "/spaces/claims", claims).await;
    let error = &claimed["results"][0]["error"];
    assert!(
        error.is_null() || error["code"] == "not_found",
        "{claimed:?}"
    );
    let found = &shares.1["results"][0];
    match (&found["error"], spaces.1["items"].get(0)) {
        (Value::Null, Some(space)) => Ok([found["item"]["share"].clone(), space["peer"].clone()]),
        (Value::Null, None) => Err("the key"),
        (error, _) => {
            assert_eq!(error["code"], "not_found");
            Err("the share")
        }
    }
}

async fn revoke(sender: Caller, share: String, space: String) {
    let path = format!("/spaces/{space}");
    assert_eq!(sender.keystore("DELETE", &path, Value::Null).await.0, 204);
    let path = format!("/shares/{share}");
    assert_eq!(sender.vault("DELETE", &path, Value::Null).await.0, 204);
}

/// Afterwards neither database has the ciphertext or a copy of the key.
async fn nothing_is_left(lab: &Lab, rounds: usize) {
    let copies = "spaces WHERE own <> '' OR peer <> '' OR claim IS NOT NULL";
    assert_eq!(lab.in_keystore(copies).await, 0, "no copy of a key is left");
    assert_eq!(
        lab.in_keystore("spaces WHERE deleted_at IS NOT NULL").await,
        rounds
    );
    assert_eq!(lab.in_vault("shares WHERE share <> ''").await, 0);
    assert_eq!(
        lab.in_vault("shares WHERE deleted_at IS NOT NULL").await,
        rounds
    );
}

#[test]
fn revoking_what_is_being_read() {
    let (lab, mut callers) = alice_bob_carol();
    on_many_threads(async {
        let connection = connect(&callers[0], &callers[1]).await;
        let mut tally = Tally::new("revoking what is being read", ["read", "refused"], ROUNDS);
        while tally.goes_on() {
            if tally.rounds().is_multiple_of(FRESH) {
                for caller in &mut callers {
                    caller.renew().await;
                }
            }
            let [alice, bob, _] = &callers;
            let stored = share(alice, bob, &connection).await;
            let share = || stored.share["id"].as_str().unwrap().to_owned();
            let space = || stored.space["id"].as_str().unwrap().to_owned();
            let ((), found) = race(
                revoke(alice.clone(), share(), space()),
                read(bob.clone(), share(), space()),
            )
            .await;
            if let Ok([ciphertext, key]) = &found {
                assert_eq!(ciphertext, &stored.share["share"]);
                assert_eq!(key, &stored.space["peer"]);
            }
            let again = read(bob.clone(), share(), space()).await;
            assert_eq!(again, Err("the share"));
            tally.count(found.is_err());
        }
        let rounds = tally.tell();
        nothing_is_left(&lab, rounds).await;
    });
}

#[test]
fn whole_clients_revoke_and_read() {
    let (lab, rounds) = on_one_thread(async {
        let lab = Lab::start().await;
        let (alice, bob) = (
            lab.world.person("alice").await,
            lab.world.person("bob").await,
        );
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        // Another device, which has to find out the share's place and keys.
        let revoker = lab.world.other_device(&alice).await;
        for person in [&alice, &bob, &revoker] {
            watch(&person.http);
        }
        let mut tally = Tally::new(
            "whole clients revoke and read",
            ["read", "not_found"],
            READ_ROUNDS,
        );
        while tally.goes_on() {
            let share = alice
                .session
                .share(snapshot(card.id, hers.id))
                .await
                .unwrap();
            // Revoking asks for more before it writes, so it is some requests ahead, one more in each round.
            let (sent, ahead) = (&revoker.http.sent, tally.rounds() % 4);
            let (before, is_over) = (sent.borrow().len(), Cell::new(false));
            let revoking = async {
                revoker.session.revoke_share(share.id).await.unwrap();
                is_over.set(true);
            };
            let reading = async {
                while sent.borrow().len() < before + ahead && !is_over.get() {
                    tokio::task::yield_now().await;
                }
                bob.session.read_share(share.id).await
            };
            let ((), read) = tokio::join!(revoking, reading);
            match &read {
                Ok(received) => assert_eq!(received.card, passport()),
                Err(error) => assert_eq!(error, &Error::NotFound),
            }
            tally.count(read.is_err());
            // What the device has in memory is of no more use.
            let again = bob.session.read_share(share.id).await;
            assert_eq!(again.unwrap_err(), Error::NotFound);
        }
        (lab, tally.tell())
    });
    // Every claim that was on its way has arrived by now.
    on_one_thread(nothing_is_left(&lab, rounds));
}
