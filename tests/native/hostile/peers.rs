//! A real peer with a client of their own making: signed rightly, sealed rightly, and against the rules inside.

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::flows::Share;

use crate::hostile::{SHARES, lie_about_items};
use crate::support::jose;
use crate::support::secrets::{Secrets, sent_share, text};
use crate::support::{Person, World, connect_by_link, passport, run, snapshot};

/// The share as Alice's keys would make it with another card inside.
fn with_card(alice: &Person, share: &Share, card: &str) -> String {
    let secrets = Secrets::of(alice);
    let dek = secrets.dek(alice, share);
    let sent = sent_share(alice, share.id);
    let jwe = text(&sent["share"]);
    let jws = String::from_utf8(jose::open(dek.as_bytes(), jwe).unwrap()).unwrap();
    let payload = String::from_utf8(jose::payload_of(&jws)).unwrap();
    let start = payload.find("\"card\":").unwrap() + 7;
    let end = payload.find(",\"madeAt\"").unwrap();
    let changed = format!("{}{card}{}", &payload[..start], payload[end..].trim_end());
    let signed = jose::sign(
        &secrets.signing.to_jwk().unwrap(),
        &jose::header_of(&jws),
        &jose::pad_to_class(changed.as_bytes()),
    );
    jose::seal(
        dek.as_bytes(),
        &jose::header_of(jwe),
        b"",
        signed.as_bytes(),
    )
}

fn field(name: &str, label: &str) -> String {
    format!(
        r#"{{"name":{},"label":{},"value":"V"}}"#,
        json!(name),
        json!(label)
    )
}

fn card(label: &str, fields: &[String]) -> String {
    format!(
        r#"{{"label":{},"kind":null,"data":null,"fields":[{}]}}"#,
        json!(label),
        fields.join(",")
    )
}

async fn outcome(cards: &[String]) -> Vec<Result<Value, Error>> {
    let world = World::start();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (hers, _) = connect_by_link(&alice, &bob).await;
    let own = alice.card().await;
    let mut outcomes = Vec::new();
    for hostile in cards {
        let share = alice
            .session
            .share(snapshot(own.id, hers.id))
            .await
            .unwrap();
        let jwe = with_card(&alice, &share, hostile);
        lie_about_items(&bob.http, SHARES, move |item| item["share"] = json!(jwe));
        let read = bob.session.read_share(share.id).await;
        outcomes.push(read.map(|read| serde_json::to_value(&read.card).unwrap()));
    }
    outcomes
}

#[test]
fn cards_against_the_rules_are_rejected() {
    run(async {
        let many: Vec<String> = (0..5000).map(|n| field(&format!("n{n}"), "L")).collect();
        let good = serde_json::to_string(&passport()).unwrap();
        let hostile = [
            card("Twice", &[field("n", "L"), field("n", "L")]),
            card("Many", &many),
            card("Nameless", &[field("", "L")]),
            card("Long", &[field(&"x".repeat(201), "L")]),
            card("Long", &[field("n", &"x".repeat(1001))]),
            card(&"x".repeat(1001), &[]),
            card("", &[]),
            good.replacen('{', r#"{"label":"A","#, 1),
            good.replacen('{', r#"{"html":"A","#, 1),
            good.replace("X123", "\\u0058123"),
            good.replace("X123", "\\ud800"),
            format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
            "null".into(),
        ];
        for (shown, outcome) in hostile.iter().zip(outcome(&hostile).await) {
            assert_eq!(outcome, Err(Error::RecordRejected), "{shown:.80}");
        }
        let read = outcome(&[good]).await.remove(0);
        assert_eq!(read, Ok(json!(passport())), "the test's own sealing");
    });
}

/// Names and labels are one line of text: a control character, an invisible one or a change of the writing direction in them
/// makes one field look like another.
#[test]
fn names_and_labels_are_plain_text() {
    run(async {
        let mut hostile = Vec::new();
        for letter in [
            "\u{0}", "\u{8}", "\n", "\u{1b}", "\u{7f}", "\u{200b}", "\u{200d}", "\u{200f}",
            "\u{2028}", "\u{2029}", "\u{202e}", "\u{2066}", "\u{2800}", "\u{feff}",
        ] {
            hostile.push(card("C", &[field(&format!("a{letter}b"), "L")]));
            hostile.push(card("C", &[field("n", &format!("a{letter}b"))]));
            hostile.push(card(&format!("a{letter}b"), &[]));
        }
        let taken: Vec<&String> = hostile
            .iter()
            .zip(outcome(&hostile).await)
            .filter(|(_, outcome)| outcome.is_ok())
            .map(|(card, _)| card)
            .collect();
        assert!(taken.is_empty(), "{taken:#?}");
    });
}
