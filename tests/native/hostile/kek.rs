//! No key leaves but under the key that it belongs under; the KEK under nothing but its two wraps.

use serde_json::Value;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::records::open_peer_dek;

use crate::support::jose;
use crate::support::secrets::{Secrets, place, sent_space, text};
use crate::support::{Person, World, connect_by_link, eventually, run, whole};

fn envelopes(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("eyJ") && text.split('.').count() == 5 => {
            found.push(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| envelopes(item, found)),
        Value::Object(members) => members.values().for_each(|item| envelopes(item, found)),
        _ => {}
    }
}

fn sent_envelopes(person: &Person) -> Vec<String> {
    let mut found = Vec::new();
    for body in crate::support::secrets::bodies(person, "") {
        envelopes(&body, &mut found);
    }
    found
}

#[test]
fn the_kek_stays_under_its_own_wraps() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        bob.session.read_share(share.id).await.unwrap();
        eventually(async || crate::support::secrets::claim_of(&bob, share.space)).await;

        let (hers, his) = (Secrets::of(&alice), Secrets::of(&bob));
        let dek = hers.dek(&alice, &share);
        let bobs_key = his.connection_key(&bob, share.connection);
        let private = RustEngine
            .import_rsa_key(bobs_key.rsa().pkcs8())
            .await
            .unwrap();
        let peer = sent_space(&alice, share.space);
        let opened = open_peer_dek(
            &RustEngine,
            &private,
            &bobs_key,
            &place(&share),
            text(&peer["peer"]),
        )
        .await
        .unwrap();
        assert_eq!(opened.kid(), dek.kid(), "the peer's copy holds the DEK");
        assert_ne!(opened.kid(), hers.kek.kid(), "and not the KEK");

        let all: Vec<String> = [sent_envelopes(&alice), sent_envelopes(&bob)].concat();
        let keys = [
            &hers.wrapping,
            &hers.kek,
            &hers.vault,
            &his.wrapping,
            &his.kek,
            &his.vault,
            &dek,
        ];
        let mut kinds = Vec::new();
        for jwe in &all {
            let header = jose::header_value(jwe);
            let typ = text(&header["typ"]).to_owned();
            let plaintext = keys.iter().find_map(|key| jose::open(key.as_bytes(), jwe));
            if let Some(plaintext) = &plaintext {
                for kek in [&hers.kek, &his.kek] {
                    let written = jose::to_base64url(kek.as_bytes());
                    let holds = String::from_utf8_lossy(plaintext).contains(&written);
                    assert!(!holds || typ == "vs-kek", "a {typ} holds a KEK");
                }
            }
            let unopened = plaintext.is_none();
            let expected = typ == "vs-dek" || text(&header["ctx"]).ends_with("/passphrase/1");
            assert_eq!(unopened, expected, "{header}");
            kinds.push(typ);
        }
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(
            kinds,
            [
                "vs-card.2",
                "vs-claim",
                "vs-dek",
                "vs-kek",
                "vs-key",
                "vs-note.2",
                "vs-own",
                "vs-sent",
                "vs-share.2"
            ]
        );
        let bodies = all.join(" ");
        for secret in [&hers.kek, &his.kek, &hers.vault, &dek] {
            assert!(!bodies.contains(&jose::to_base64url(secret.as_bytes())));
        }
    });
}

#[test]
fn link_secrets_are_not_sent_and_not_logged() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (invitation, ticket) = alice.invite_by_link("Bob").await;
        let link = invitation.link.clone().unwrap();
        let secret = link.rsplit_once('.').unwrap().1.to_owned();
        bob.session.accept(&ticket, "Alice").await.unwrap();
        alice.session.connection(invitation.id).await.unwrap();
        for person in [&alice, &bob] {
            for request in person.http.sent.borrow().iter() {
                assert!(!request.url.contains(&secret));
                let body = request.body.as_deref().unwrap_or_default();
                assert!(!body.contains(&secret), "{body}");
            }
        }
        assert!(!format!("{ticket:?}").contains(&secret));
        assert!(
            !format!("{invitation:?}").contains(&secret),
            "Debug of an invitation"
        );
    });
}
