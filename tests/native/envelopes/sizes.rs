//! What the length of a record tells: its class, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::records::{self, CardContent};
use vouchsafe::{Error, Result};

use crate::envelopes::case::{Case, now};
use crate::envelopes::kind::Kind;
use crate::support::jose;
use crate::support::sample::sample;
use crate::support::secrets::first_edition;

/// The classes are tried in so many parts: a megabyte takes seconds without optimisation.
const PARTS: usize = 8;

/// The kinds whose plaintexts are filled up, and their largest classes.
const PADDED: [(Kind, usize); 3] = [
    (Kind::Card, 1 << 20),
    (Kind::Note, 1 << 14),
    (Kind::Share, 2 << 20),
];

/// Seals a record of this kind with this text in it.
fn seal(case: &Case, kind: Kind, text: &str) -> Result<String> {
    let engine = &RustEngine;
    let card = || CardContent::new("Card", &[("text", "Text", text)]);
    match kind {
        Kind::Card => now(records::seal_card(
            engine,
            case.alice,
            case.card,
            &case.vault,
            &card(),
            1,
        )),
        Kind::Note => {
            let mut note = case.note();
            note.name = text.to_owned();
            records::seal_note(engine, case.alice, case.connection, &case.vault, &note)
        }
        _ => {
            let (at, recipient) = (case.at(), case.bobs.public());
            let signing = &case.signing;
            now(records::seal_share(
                engine,
                &at,
                &case.dek,
                signing,
                recipient,
                first_edition(&card(), 1),
            ))
        }
    }
}

/// The JSON inside, padding and all.
fn padded_json(case: &Case, kind: Kind, jwe: &str) -> Vec<u8> {
    let plaintext = jose::open(case.key_of(kind).as_bytes(), jwe).unwrap();
    match kind {
        Kind::Share => jose::payload_of(std::str::from_utf8(&plaintext).unwrap()),
        _ => plaintext,
    }
}

/// The text inside, as the client reads it.
fn text_of(case: &Case, kind: Kind, jwe: &str) -> Result<String> {
    let engine = &RustEngine;
    let text = |card: &CardContent| card.fields[0].value.clone();
    match kind {
        Kind::Card => {
            let opening = records::open_card(engine, case.alice, case.card, &case.vault, jwe);
            now(opening).map(|(card, _)| text(&card))
        }
        Kind::Note => {
            records::open_note(case.alice, case.connection, &case.vault, jwe).map(|note| note.name)
        }
        _ => {
            let (sender, recipient) = (case.signing.public(), case.bobs.public());
            let at = case.at();
            let opening = records::open_share(engine, &at, 1, &case.dek, sender, recipient, jwe);
            now(opening).map(|content| text(&content.card))
        }
    }
}

/// The length of the JSON with no text at all.
fn shortest(case: &Case, kind: Kind) -> usize {
    let jwe = seal(case, kind, "").unwrap();
    padded_json(case, kind, &jwe).trim_ascii_end().len()
}

#[test]
fn one_length_for_each_class() {
    let case = Case::new();
    for (kind, largest) in PADDED {
        let shortest = shortest(&case, kind);
        let smallest = shortest.max(512).next_power_of_two();
        let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
        let classes = std::iter::successors(Some(smallest), |class| Some(2 * class));
        let classes: Vec<usize> = classes.take_while(|class| *class <= largest).collect();
        let steps = (largest / smallest).ilog2() as usize + 1;
        assert_eq!(classes.len(), steps, "{kind:?}");
        let classes = sample(&format!("classes of {kind:?}"), PARTS, classes);
        for &class in &classes {
            let first = if class == smallest {
                shortest
            } else {
                class / 2 + 1
            };
            for json in [first, class] {
                let jwe = seal(&case, kind, &"x".repeat(json - shortest)).unwrap();
                let length = lengths.entry(class).or_insert(jwe.len());
                assert_eq!(*length, jwe.len(), "{kind:?} of {json} bytes");
            }
        }
        let too_large = "x".repeat(largest + 1 - shortest);
        assert!(
            matches!(seal(&case, kind, &too_large), Err(Error::TooLarge(_))),
            "{kind:?}"
        );
        let mut different: Vec<usize> = lengths.values().copied().collect();
        different.dedup();
        assert_eq!(
            different.len(),
            lengths.len(),
            "{kind:?}: a class of its own each"
        );
        assert_eq!(lengths.len(), classes.len(), "{kind:?}");
        println!("{kind:?}, length by class: {lengths:?}");
    }
}

#[test]
fn json_that_fills_its_class_gets_no_space() {
    let case = Case::new();
    for (kind, largest) in PADDED {
        let shortest = shortest(&case, kind);
        let smallest = shortest.max(512).next_power_of_two();
        let classes = vec![smallest, 2 * smallest, 4 * smallest, largest];
        for class in sample(&format!("full classes of {kind:?}"), PARTS, classes) {
            let text = "x".repeat(class - shortest);
            let jwe = seal(&case, kind, &text).unwrap();
            let json = padded_json(&case, kind, &jwe);
            assert_eq!(json.len(), class, "{kind:?}");
            assert_eq!(json.last(), Some(&b'}'), "{kind:?}, {class}");
            let read = text_of(&case, kind, &jwe);
            assert!(read.as_ref() == Ok(&text), "{kind:?}, {class}");
            if class < largest {
                let wider = case.with_json(kind, &jose::pad(&json, 2 * class));
                case.refuses(kind, &wider, &format!("{class} in the next class"));
            }
        }
    }
}

#[test]
fn within_a_class_nothing_shows() {
    let (case, other) = (Case::new(), Case::new());
    for (kind, _) in PADDED {
        let shortest = shortest(&case, kind);
        let smallest = shortest.max(1024).next_power_of_two();
        for class in [smallest, 2 * smallest] {
            let mut lengths = BTreeSet::new();
            for json in [
                class / 2 + 1,
                class / 2 + 2,
                class / 4 * 3,
                class - 1,
                class,
            ] {
                let text = json.checked_sub(shortest).map(|count| "x".repeat(count));
                let Some(text) = text else { continue };
                // As many bytes in fewer letters: two bytes each, and two by their escape.
                let (half, rest) = (text.len() / 2, &text[..text.len() % 2]);
                let [long, quoted] = ["é", "\""].map(|letter| letter.repeat(half) + rest);
                let sealed = [
                    seal(&case, kind, &text),
                    seal(&other, kind, &text),
                    seal(&case, kind, &long),
                    seal(&case, kind, &quoted),
                ]
                .map(Result::unwrap);
                assert_eq!(
                    padded_json(&case, kind, &sealed[3]).len(),
                    class,
                    "{kind:?}"
                );
                lengths.extend(sealed.map(|jwe| jwe.len()));
            }
            assert_eq!(lengths.len(), 1, "{kind:?}, {class}: {lengths:?}");
        }
    }
}

#[test]
fn wrapped_keys_have_one_length_each() {
    let (case, other) = (Case::new(), Case::new());
    for kind in [
        Kind::KekPassphrase,
        Kind::KekRecovery,
        Kind::VaultKey,
        Kind::SigningKey,
        Kind::OwnDek,
        Kind::PeerDek,
        Kind::Claim,
    ] {
        assert_eq!(case.seal(kind).len(), other.seal(kind).len(), "{kind:?}");
    }
}
