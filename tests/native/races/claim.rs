//! Two devices of one person read the same share at the same moment.

use serde_json::{Value, json};

use crate::races::lab::{
    Caller, Lab, PARTS, ROUNDS, Tally, jwe, on_many_threads, on_one_thread, race, random_id, watch,
};
use crate::support::{connect_by_link, eventually, passport, sample, snapshot};

/// So many spaces go in one request.
const BATCH: usize = 100;

/// What a device does at a first read, and what it then sees.
async fn read(device: Caller, id: String, claim: String) -> Value {
    let ids = json!({ "ids": [id] });
    let (_, found) = device.keystore("POST", "/spaces/query", ids.clone()).await;
    assert!(found["items"][0]["peer"].is_string());
    let claims = json!({ "claims": [{ "id": id, "claim": claim }] });
    let (_, claimed) = device.keystore("PUT", "/spaces/claims", claims).await;
    assert_eq!(claimed["results"][0]["error"], Value::Null);
    let (_, found) = device.keystore("POST", "/spaces/query", ids).await;
    found["items"][0]["claim"].clone()
}

#[test]
fn two_devices_claim_one_space() {
    let (lab, alice, devices) = on_one_thread(async {
        let lab = Lab::start().await;
        let bob = lab.world.person("bob").await;
        let elsewhere = lab.world.other_device(&bob).await;
        let alice = lab.world.person("alice").await;
        let alice = Caller::of(&lab.world, &alice).await;
        let devices = [
            Caller::of(&lab.world, &bob).await,
            Caller::of(&lab.world, &elsewhere).await,
        ];
        (lab, alice, devices)
    });
    on_many_threads(async {
        let mut tally = Tally::new("two devices claim", ["first", "second"], ROUNDS);
        while tally.goes_on() {
            let space = |_| {
                json!({
                    "id": random_id(),
                    "connectionId": random_id(),
                    "recipient": devices[0].account,
                    "expiresAt": null,
                    "own": jwe(),
                    "peer": jwe(),
                    "share": random_id(),
                    "sent": jwe(),
                    "tag": null,
                    "live": false,
                })
            };
            let spaces: Vec<Value> = (0..BATCH).map(space).collect();
            let body = json!({ "spaces": spaces });
            assert_eq!(alice.keystore("POST", "/spaces", body).await.0, 200);
            for space in &spaces {
                let id = || space["id"].as_str().unwrap().to_owned();
                let (claim, other_claim) = (jwe(), jwe());
                let both = [json!(claim), json!(other_claim)];
                let (first, second) = race(
                    read(devices[0].clone(), id(), claim),
                    read(devices[1].clone(), id(), other_claim),
                )
                .await;
                // Either device sees its own claim, or the other's that came later.
                assert!(both.contains(&first) && both.contains(&second));
                assert!(first == both[0] || second == both[1] || first == second);
                tally.count(second == both[1]);
            }
        }
        let rounds = tally.tell();
        let claimed = "spaces WHERE claim IS NOT NULL AND claimed_at IS NOT NULL";
        assert_eq!(lab.in_keystore(claimed).await, rounds);
    });
}

/// The same with whole clients: both open the card, and what one of them stored opens for a third device.
#[test]
fn two_devices_read_one_share() {
    on_one_thread(async {
        let lab = Lab::start().await;
        let (alice, bob) = (
            lab.world.person("alice").await,
            lab.world.person("bob").await,
        );
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let devices = [
            lab.world.other_device(&bob).await,
            lab.world.other_device(&bob).await,
        ];
        devices.iter().for_each(|device| watch(&device.http));
        let mut shares = Vec::new();
        for _ in 0..sample::rounds("two devices read", PARTS, ROUNDS / 10) {
            let share = alice
                .session
                .share(snapshot(card.id, hers.id))
                .await
                .unwrap();
            let (one, other) = tokio::join!(
                devices[0].session.read_share(share.id),
                devices[1].session.read_share(share.id),
            );
            assert_eq!(
                (one.unwrap().card, other.unwrap().card),
                (passport(), passport())
            );
            shares.push(share.id);
        }
        eventually(async || {
            let claimed = lab.in_keystore("spaces WHERE claim IS NOT NULL").await;
            (claimed == shares.len()).then_some(())
        })
        .await;
        for some in shares.chunks(50) {
            for opened in bob.session.read_shares(some).await.unwrap() {
                assert_eq!(opened.result.unwrap().card, passport());
            }
        }
        assert_eq!(bob.engine.decryptions.get(), 0, "the claims open");
    });
}
