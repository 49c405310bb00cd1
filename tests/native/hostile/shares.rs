//! Shares, spaces and keys of shares that are forged, swapped or replaced.

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::SymmetricKey;
use vouchsafe::crypto::records::{seal_peer_dek, seal_share};
use vouchsafe::flows::Share;

use crate::hostile::{SHARES, SPACES};
use crate::support::jose;
use crate::support::secrets::{
    Mallory, Secrets, claim_of, first_edition, place, sent_share, sent_space, text,
};
use crate::support::{Person, World, connect_by_link, eventually, passport, run, snapshot, whole};

struct Two {
    world: World,
    alice: Person,
    bob: Person,
    first: Share,
    second: Share,
}

/// Alice shared two cards with Bob, who has read neither.
async fn two_shares() -> Two {
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
    Two {
        world,
        alice,
        bob,
        first,
        second,
    }
}

/// Answers about shares and spaces pass through both changes.
fn lie(
    person: &Person,
    share: impl Fn(&mut Value) + 'static,
    space: impl Fn(&mut Value) + 'static,
) {
    person.http.tamper(move |request, mut response| {
        let (list, inner, change): (_, _, &dyn Fn(&mut Value)) = if request.url.ends_with(SHARES) {
            ("results", true, &share)
        } else if request.url.ends_with(SPACES) {
            ("items", false, &space)
        } else {
            return response;
        };
        let mut answer: Value = serde_json::from_slice(&response.body).unwrap();
        for item in answer[list].as_array_mut().unwrap() {
            change(if inner { &mut item["item"] } else { item });
        }
        response.body = serde_json::to_vec(&answer).unwrap();
        response
    });
}

fn nothing(_: &mut Value) {}

#[test]
fn nobody_else_makes_a_share_from_alice() {
    run(async {
        let two = two_shares().await;
        let carol = two.world.person("carol").await;
        let (with_carol, _) = connect_by_link(&two.alice, &carol).await;
        let card = two.alice.card().await;
        let to_carol = two
            .alice
            .session
            .share(whole(card.id, with_carol.id))
            .await
            .unwrap();
        let (alice, bob) = (Secrets::of(&two.alice), Secrets::of(&two.bob));
        let mallory = Mallory::new().await;
        let bobs_key = bob.connection_key(&two.bob, two.first.connection);
        let at = place(&two.first);
        let dek = SymmetricKey::make(&RustEngine).unwrap();
        let peer = seal_peer_dek(&RustEngine, bobs_key.public(), &at, &dek)
            .await
            .unwrap();

        // Signed with a key of her own, in her own name.
        let own_name = seal_share(
            &RustEngine,
            &at,
            &dek,
            &mallory.signing,
            bob.signing.public(),
            first_edition(&passport(), 1),
        )
        .await
        .unwrap();
        let header = jose::header_of(&own_name);
        let reseal = |jws: &str| jose::seal(dek.as_bytes(), &header, b"", jws.as_bytes());
        // Signed with a key of her own, in Alice's name.
        let inner = jose::open(dek.as_bytes(), &own_name).unwrap();
        let payload = jose::payload_of(std::str::from_utf8(&inner).unwrap());
        let payload = String::from_utf8(payload)
            .unwrap()
            .replace(mallory.signing.public().kid(), alice.signing.public().kid());
        let head = format!(
            r#"{{"alg":"EdDSA","typ":"vs-share-content.2","kid":"{}"}}"#,
            alice.signing.public().kid()
        );
        let alices_name = jose::sign(
            &mallory.signing.to_jwk().unwrap(),
            &head,
            payload.as_bytes(),
        );
        let unsigned = format!("{}.", alices_name.rsplit_once('.').unwrap().0);
        // What Alice did sign: this very share under another DEK, another share, a share with Carol.
        let signed = |share: &Share| {
            let jwe = sent_share(&two.alice, share.id);
            let opened = jose::open(alice.dek(&two.alice, share).as_bytes(), text(&jwe["share"]));
            String::from_utf8(opened.unwrap()).unwrap()
        };
        let forgeries = [
            own_name.clone(),
            reseal(&alices_name),
            reseal(&unsigned),
            reseal(&signed(&two.first)),
            reseal(&signed(&two.second)),
            reseal(&signed(&to_carol)),
        ];
        for (index, forged) in forgeries.into_iter().enumerate() {
            let device = two.world.other_device(&two.bob).await;
            let peer = peer.clone();
            lie(
                &device,
                move |share| share["share"] = json!(forged),
                move |space| space["peer"] = json!(peer),
            );
            for _ in 0..3 {
                let error = device.session.read_share(two.first.id).await.unwrap_err();
                assert_eq!(error, Error::RecordRejected, "forgery {index}");
            }
            assert!(
                !device
                    .http
                    .sent
                    .borrow()
                    .iter()
                    .any(|request| request.url.ends_with("/claims")),
                "a forged key is not claimed"
            );
        }
        // The test's own forging is good enough for what is truly Alice's.
        let dek = alice.dek(&two.alice, &two.first);
        let resealed = jose::seal(
            dek.as_bytes(),
            &jose::header_of(text(&sent_share(&two.alice, two.first.id)["share"])),
            b"",
            signed(&two.first).as_bytes(),
        );
        lie(
            &two.bob,
            move |share| share["share"] = json!(resealed),
            nothing,
        );
        let read = two.bob.session.read_share(two.first.id).await.unwrap();
        assert_eq!(read.card, passport());
    });
}

#[test]
fn swapped_shares_are_refused() {
    run(async {
        let two = two_shares().await;
        let (first, second) = (
            sent_share(&two.alice, two.first.id),
            sent_share(&two.alice, two.second.id),
        );
        let (keys, other_keys) = (
            sent_space(&two.alice, two.first.space),
            sent_space(&two.alice, two.second.space),
        );
        type Lies = (Box<dyn Fn(&mut Value)>, Box<dyn Fn(&mut Value)>);
        let set = |name: &'static str, value: &Value| -> Box<dyn Fn(&mut Value)> {
            let value = value.clone();
            Box::new(move |item: &mut Value| item[name] = value.clone())
        };
        let lies: Vec<Lies> = vec![
            (set("share", &second["share"]), Box::new(nothing)),
            (Box::new(nothing), set("peer", &other_keys["peer"])),
            (
                set("share", &second["share"]),
                set("peer", &other_keys["peer"]),
            ),
            (set("spaceId", &second["spaceId"]), Box::new(nothing)),
            (set("id", &second["id"]), Box::new(nothing)),
            (Box::new(nothing), set("peer", &keys["own"])),
            (Box::new(nothing), set("peer", &first["share"])),
        ];
        for (index, (share, space)) in lies.into_iter().enumerate() {
            let device = two.world.other_device(&two.bob).await;
            lie(&device, share, space);
            let error = device.session.read_share(two.first.id).await.unwrap_err();
            assert_eq!(error, Error::RecordRejected, "swap {index}");
        }
        // The answers of two shares for each other.
        let device = two.world.other_device(&two.bob).await;
        device.http.tamper_json(SHARES, |answer| {
            let results = answer["results"].as_array_mut().unwrap();
            let ids: Vec<Value> = results.iter().map(|result| result["id"].clone()).collect();
            results.reverse();
            for (result, id) in results.iter_mut().zip(ids) {
                result["id"] = id;
            }
        });
        let opened = device
            .session
            .read_shares(&[two.first.id, two.second.id])
            .await
            .unwrap();
        for opened in opened {
            assert_eq!(opened.result.unwrap_err(), Error::RecordRejected);
        }
    });
}

#[test]
fn crafted_keys_cost_one_private_key_operation_at_most() {
    run(async {
        let two = two_shares().await;
        let good = sent_space(&two.alice, two.first.space);
        let good = text(&good["peer"]);
        let parts: Vec<&str> = good.split('.').collect();
        let with_rsa = |bytes: &[u8]| {
            let rsa = jose::to_base64url(bytes);
            [parts[0], &rsa, parts[2], parts[3], parts[4]].join(".")
        };
        let bob = Secrets::of(&two.bob);
        let stranger = Mallory::new().await;
        let dek = SymmetricKey::make(&RustEngine).unwrap();
        let for_another = seal_peer_dek(
            &RustEngine,
            stranger.pair.public(),
            &place(&two.first),
            &dek,
        )
        .await
        .unwrap();
        let crafted = [
            String::new(),
            "garbage".into(),
            with_rsa(&[0; 384]),
            with_rsa(&[0xff; 384]),
            with_rsa(&[1; 383]),
            with_rsa(&[1; 385]),
            with_rsa(&jose::random::<384>()),
            format!("{good}A"),
            good[..good.len() - 2].to_owned(),
            for_another,
            jose::seal(bob.kek.as_bytes(), &jose::header_of(good), b"", b"{}"),
        ];
        let mut traffic = Vec::new();
        for peer in crafted {
            let device = two.world.other_device(&two.bob).await;
            let shown = peer.clone();
            lie(&device, nothing, move |space| space["peer"] = json!(peer));
            let before = crate::hostile::count(&device);
            for _ in 0..4 {
                let error = device.session.read_share(two.first.id).await.unwrap_err();
                assert_eq!(error, Error::RecordRejected, "{shown:.80}");
            }
            assert!(device.engine.decryptions.get() <= 1, "{shown:.80}");
            traffic.push(crate::hostile::asked_since(&device, before));
        }
        assert!(
            traffic.windows(2).all(|pair| pair[0] == pair[1]),
            "which key it was cannot be seen from outside"
        );
    });
}

#[test]
fn only_the_recipients_own_claim_is_a_claim() {
    run(async {
        let two = two_shares().await;
        for share in [&two.first, &two.second] {
            two.bob.session.read_share(share.id).await.unwrap();
        }
        let claim = async |share: &Share| {
            eventually(async || claim_of(&two.bob, share.space)).await["claim"].clone()
        };
        let (first, second) = (claim(&two.first).await, claim(&two.second).await);
        let own = sent_space(&two.alice, two.first.space);
        let bob = Secrets::of(&two.bob);
        let at = place(&two.first);
        // Alice's copy, the copy for Bob, another share's claim, and the right DEK as a kind that it is not.
        let dek = Secrets::of(&two.alice).dek(&two.alice, &two.first);
        let as_own = vouchsafe::crypto::records::seal_own_dek(&RustEngine, &bob.kek, &at, &dek);
        let false_claims = [
            own["own"].clone(),
            own["peer"].clone(),
            second,
            json!(as_own.unwrap()),
            json!(""),
        ];
        for wrong in false_claims {
            let device = two.world.other_device(&two.bob).await;
            let shown = wrong.clone();
            lie(&device, nothing, move |space| {
                space["claim"] = wrong.clone()
            });
            let read = device.session.read_share(two.first.id).await.unwrap();
            assert_eq!(read.card, passport());
            assert_eq!(
                device.engine.decryptions.get(),
                1,
                "{shown:.80}: the peer's copy"
            );
            let anew = eventually(async || claim_of(&device, two.first.space)).await;
            assert_ne!(anew["claim"], shown, "it is replaced");
            device.session.read_share(two.first.id).await.unwrap();
            assert_eq!(device.engine.decryptions.get(), 1);
        }
        // What was stored last is a good claim, and neither copy is a third one.
        let device = two.world.other_device(&two.bob).await;
        device.session.read_share(two.first.id).await.unwrap();
        assert_eq!(device.engine.decryptions.get(), 0);
        let device = two.world.other_device(&two.bob).await;
        let wrong = own["own"].clone();
        lie(&device, nothing, move |space| {
            space["claim"] = wrong.clone();
            space["peer"] = wrong.clone();
        });
        for _ in 0..2 {
            let error = device.session.read_share(two.first.id).await.unwrap_err();
            assert_eq!(error, Error::RecordRejected);
        }
        assert!(device.engine.decryptions.get() <= 1);
        assert_eq!(claim_of(&device, two.first.space), None);
        let device = two.world.other_device(&two.bob).await;
        lie(&device, nothing, move |space| {
            space["claim"] = first.clone()
        });
        device.session.read_share(two.first.id).await.unwrap();
        // And the sender's own copy is not replaced by another.
        let device = two.world.other_device(&two.alice).await;
        let peer = own["peer"].clone();
        lie(&device, nothing, move |space| space["own"] = peer.clone());
        let error = device.session.read_share(two.first.id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
    });
}

/// The key opens, the share does not: that is known after one try, too.
#[test]
fn a_forged_share_costs_one_private_key_operation_at_most() {
    run(async {
        let two = two_shares().await;
        let other = sent_share(&two.alice, two.second.id)["share"].clone();
        lie(
            &two.bob,
            move |share| share["share"] = other.clone(),
            nothing,
        );
        for _ in 0..3 {
            let error = two.bob.session.read_share(two.first.id).await.unwrap_err();
            assert_eq!(error, Error::RecordRejected);
        }
        assert_eq!(two.bob.engine.decryptions.get(), 1);
    });
}
