//! One invitation, accepted twice at the same moment.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::races::lab::{
    Caller, FRESH, Lab, ROUNDS, Tally, code, now, on_many_threads, on_one_thread, race, random,
    random_id,
};

const HOUR: i64 = 3_600_000;

/// A server, and three people at it.
pub fn alice_bob_carol() -> (Lab, [Caller; 3]) {
    on_one_thread(async {
        let lab = Lab::start().await;
        let mut callers = Vec::new();
        for name in ["alice", "bob", "carol"] {
            let person = lab.world.person(name).await;
            callers.push(Caller::of(&lab.world, &person).await);
        }
        (lab, callers.try_into().ok().unwrap())
    })
}

/// Makes an invitation, and gives its id and token.
async fn invite(inviter: &Caller, key: &str) -> (String, String) {
    let (id, token) = (random_id().to_string(), random(16));
    let hash = Sha256::digest(BASE64URL_NOPAD.decode(token.as_bytes()).unwrap());
    let body = json!({
        "publicKeyId": key,
        "delivery": "link",
        "email": null,
        "tokenHash": BASE64URL_NOPAD.encode(&hash),
        "page": null,
        "language": null,
        "expiresAt": now() + HOUR,
    });
    let path = format!("/invitations/{id}");
    assert_eq!(inviter.vault("PUT", &path, body).await.0, 201);
    (id, token)
}

async fn accept(caller: Caller, body: Value) -> (u16, Value) {
    caller.vault("POST", "/connections", body).await
}

fn acceptance(id: &str, token: &str, key: &str, proof: &str) -> Value {
    json!({ "invitationId": id, "token": token, "publicKeyId": key, "proof": proof })
}

/// Connects two callers.
pub async fn connect(inviter: &Caller, invitee: &Caller) -> String {
    let (id, token) = invite(inviter, &inviter.publish().await).await;
    let body = acceptance(&id, &token, &invitee.publish().await, &random(32));
    assert_eq!(accept(invitee.clone(), body).await.0, 201);
    id
}

#[test]
fn two_people_accept_one_invitation() {
    let (lab, mut callers) = alice_bob_carol();
    on_many_threads(async {
        let mut keys = Vec::new();
        for caller in &callers {
            keys.push(caller.publish().await);
        }
        let mut tally = Tally::new("two people accept", ["Bob", "Carol"], ROUNDS);
        while tally.goes_on() {
            if tally.rounds().is_multiple_of(FRESH) {
                for caller in &mut callers {
                    caller.renew().await;
                }
            }
            let [alice, bob, carol] = &callers;
            let (id, token) = invite(alice, &keys[0]).await;
            let of = |key: &str| acceptance(&id, &token, key, &random(32));
            let (bobs, carols) = race(
                accept(bob.clone(), of(&keys[1])),
                accept(carol.clone(), of(&keys[2])),
            )
            .await;

            let carol_won = carols.0 == 201;
            let (winner, loser, won, lost) = match carol_won {
                true => (carol, bob, &carols, &bobs),
                false => (bob, carol, &bobs, &carols),
            };
            assert_eq!((won.0, lost.0), (201, 410), "{won:?} {lost:?}");
            assert_eq!(code(lost), "invitation_used");
            let path = format!("/connections/{id}");
            let seen = alice.vault("GET", &path, Value::Null).await.1;
            assert_eq!(seen, won.1);
            assert_eq!(seen["invitee"]["account"], json!(winner.account));
            assert_eq!(loser.vault("GET", &path, Value::Null).await.0, 404);
            tally.count(carol_won);
        }
        let rounds = tally.tell();
        assert_eq!(lab.in_vault("connections").await, rounds);
        let torn = "connections JOIN invitations ON invitations.id = connections.id \
                    WHERE answered_by <> invitee OR state <> 'accepted'";
        assert_eq!(lab.in_vault(torn).await, 0);
    });
}

#[test]
fn one_person_accepts_twice() {
    let (lab, mut callers) = alice_bob_carol();
    on_many_threads(async {
        let (hers, his) = (callers[0].publish().await, callers[1].publish().await);
        let mut tally = Tally::new("one person accepts twice", ["first", "second"], ROUNDS);
        while tally.goes_on() {
            if tally.rounds().is_multiple_of(FRESH) {
                for caller in &mut callers {
                    caller.renew().await;
                }
            }
            let [alice, bob, _] = &callers;
            let (id, token) = invite(alice, &hers).await;
            let body = acceptance(&id, &token, &his, &random(32));
            let (first, second) = race(
                accept(bob.clone(), body.clone()),
                accept(bob.clone(), body.clone()),
            )
            .await;
            let mut statuses = [first.0, second.0];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 201], "{first:?} {second:?}");
            assert_eq!(first.1, second.1, "the same connection");
            tally.count(second.0 == 201);
        }
        let rounds = tally.tell();
        assert_eq!(lab.in_vault("connections").await, rounds);
    });
}
