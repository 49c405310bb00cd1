//! Envelopes that were changed, moved, or taken for something else.

use serde_json::json;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::SigningKey;
use vouchsafe::ids::Id;

use crate::envelopes::case::{Case, KEYS, KINDS, Kind, id, key, members, object};
use crate::support::jose;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn the_unchanged_record_opens() {
    for case in [Case::new(), Case::narrow()] {
        for kind in KINDS {
            assert_eq!(case.open(kind, &case.seal(kind)), Ok(true), "{kind:?}");
            let same = case.with_json(kind, &kind.fill(case.json(kind).as_bytes()));
            assert_eq!(case.open(kind, &same), Ok(true), "the test's own {kind:?}");
        }
    }
}

#[test]
fn every_part_is_authenticated() {
    let case = Case::new();
    for kind in KINDS {
        let jwe = case.seal(kind);
        let parts: Vec<&str> = jwe.split('.').collect();
        for (index, part) in parts.iter().enumerate() {
            let bytes = jose::from_base64url(part);
            let with = |part: &str| {
                let mut changed = parts.clone();
                changed[index] = part;
                changed.join(".")
            };
            let mut extended = bytes.clone();
            extended.push(0);
            let mut variants = vec![jose::to_base64url(&extended)];
            for position in [0, bytes.len() / 2, bytes.len().saturating_sub(1)] {
                for bit in [1_u8, 0x80] {
                    let mut flipped = bytes.clone();
                    if let Some(byte) = flipped.get_mut(position) {
                        *byte ^= bit;
                        variants.push(jose::to_base64url(&flipped));
                    }
                }
            }
            if let Some((_, shorter)) = bytes.split_last() {
                variants.push(jose::to_base64url(shorter));
                variants.push(jose::to_base64url(&bytes[1..]));
                variants.push(String::new());
            }
            for variant in variants {
                case.refuses(
                    kind,
                    &with(&variant),
                    &format!("part {index} {variant:.60}"),
                );
            }
            for spelling in other_spellings(part) {
                case.refuses(
                    kind,
                    &with(&spelling),
                    &format!("part {index} spelled {spelling:.60}"),
                );
            }
        }
    }
}

/// Texts that a lenient decoder reads as the same bytes.
fn other_spellings(part: &str) -> Vec<String> {
    let mut found = vec![format!("{part}="), format!("{part}\n"), format!(" {part}")];
    let spare = match part.len() % 4 {
        2 => 16,
        3 => 4,
        _ => 1,
    };
    for more in 1..spare {
        let (rest, last) = part.split_at(part.len() - 1);
        let value = LETTERS
            .iter()
            .position(|l| *l == last.as_bytes()[0])
            .unwrap();
        let letter = LETTERS[(value & !(spare - 1)) | ((value + more) % spare)];
        found.push(format!("{rest}{}", char::from(letter)));
    }
    let standard = part.replace('-', "+").replace('_', "/");
    if standard != part {
        found.push(standard);
    }
    found
}

#[test]
fn the_number_of_parts_is_five() {
    let case = Case::new();
    for kind in KINDS {
        let jwe = case.seal(kind);
        let four = jwe.rsplit_once('.').unwrap().0;
        for wrong in [
            "",
            ".",
            "....",
            four,
            &format!("{jwe}."),
            &format!("{jwe}.AAAA"),
            &format!(".{jwe}"),
            &format!(" {jwe}"),
            &format!("{jwe}\n"),
            &json!({ "protected": jwe.split('.').next() }).to_string(),
            "\u{0}",
            "ä.ö.ü.ß.é",
        ] {
            case.refuses(kind, wrong, wrong);
        }
    }
}

/// Encrypted with the right key under another header: everything but the comparison of headers holds.
#[test]
fn a_header_has_one_form() {
    let case = Case::new();
    for kind in KINDS {
        let header = jose::header_of(&case.seal(kind));
        let parts = members(&header);
        assert_eq!(
            parts
                .iter()
                .map(|part| part.split(':').next().unwrap())
                .collect::<Vec<_>>(),
            ["\"alg\"", "\"enc\"", "\"typ\"", "\"kid\"", "\"ctx\""]
        );
        let mut variants = vec![
            header.replace(',', ", "),
            header.replace("\":", "\": "),
            format!("{header} "),
            format!(" {header}"),
            format!("{header}\n"),
            header.replace("vs-", "VS-"),
            header.replace("vs-", "\\u0076s-"),
            String::from("{}"),
            String::from("null"),
        ];
        for (index, part) in parts.iter().enumerate() {
            let mut without = parts.clone();
            without.remove(index);
            variants.push(object(&without));
            let mut doubled = parts.clone();
            doubled.push(part.clone());
            variants.push(object(&doubled));
            let mut moved = without.clone();
            moved.insert((index + 1) % parts.len(), part.clone());
            if moved != parts {
                variants.push(object(&moved));
            }
            for value in [
                "\"\"",
                "null",
                "\"none\"",
                "\"dir\"",
                "\"RSA-OAEP\"",
                "\"RSA-OAEP-256\"",
                "\"RSA1_5\"",
                "\"A256KW\"",
                "\"A128GCM\"",
                "\"A256CBC-HS512\"",
                "\"JWT\"",
            ] {
                let name = part.split(':').next().unwrap();
                let mut other = parts.clone();
                other[index] = format!("{name}:{value}");
                if other != parts {
                    variants.push(object(&other));
                }
            }
        }
        for extra in [
            r#""zip":"DEF""#,
            r#""crit":[]"#,
            r#""cty":"JWT""#,
            r#""epk":{}"#,
            r#""x":1"#,
        ] {
            for index in 0..=parts.len() {
                let mut more = parts.clone();
                more.insert(index, extra.to_owned());
                variants.push(object(&more));
            }
        }
        for variant in variants {
            let resealed = case.reseal(kind, &variant, &case.plaintext(kind));
            case.refuses(kind, &resealed, &variant);
        }
    }
}

#[test]
fn another_key_does_not_open() {
    let case = Case::new();
    let other = Case {
        wrapping: key(),
        kek: key(),
        vault: key(),
        dek: key(),
        pair: KEYS[1].clone(),
        ..case.clone()
    };
    for kind in KINDS {
        other.refuses(kind, &case.seal(kind), "another key");
        // Another key under the right key's name.
        let header = jose::header_of(&case.seal(kind));
        case.refuses(
            kind,
            &other.reseal(kind, &header, &case.plaintext(kind)),
            "kid of another",
        );
    }
}

type Change = (&'static str, fn(&mut Case), &'static [Kind]);

#[test]
fn a_record_belongs_to_one_place() {
    use Kind::*;
    let changes: [Change; 6] = [
        (
            "alice",
            |case| case.alice = Id::v4(jose::random()),
            &[
                KekPassphrase,
                KekRecovery,
                VaultKey,
                SigningKey,
                ConnectionKey,
                Card,
                Note,
                OwnDek,
                PeerDek,
                Share,
            ],
        ),
        (
            "bob",
            |case| case.bob = Id::v4(jose::random()),
            &[PeerDek, Claim, Share],
        ),
        (
            "connection",
            |case| case.connection = id(),
            &[Note, OwnDek, PeerDek, Claim, Share],
        ),
        (
            "space",
            |case| case.space = id(),
            &[OwnDek, PeerDek, Claim, Share],
        ),
        ("share", |case| case.share = id(), &[PeerDek, Share]),
        ("card", |case| case.card = id(), &[Card]),
    ];
    for (name, change, kinds) in changes {
        for kind in KINDS {
            let case = Case::new();
            let mut elsewhere = case.clone();
            change(&mut elsewhere);
            let jwe = case.seal(kind);
            if kinds.contains(&kind) {
                elsewhere.refuses(kind, &jwe, name);
            } else if kind != Note || name != "bob" {
                assert_eq!(
                    elsewhere.open(kind, &jwe),
                    Ok(true),
                    "{kind:?} has no {name}"
                );
            }
        }
    }
}

#[test]
fn no_kind_is_taken_for_another() {
    let case = Case::narrow();
    for kind in KINDS {
        let jwe = case.seal(kind);
        for other in KINDS.into_iter().filter(|other| *other != kind) {
            case.refuses(other, &jwe, &format!("it is a {kind:?}"));
        }
    }
}

#[test]
fn the_signers_count() {
    let case = Case::new();
    let jwe = case.seal(Kind::Share);
    let stranger = SigningKey::make(&RustEngine).unwrap();
    let other_sender = Case {
        signing: stranger.clone(),
        ..case.clone()
    };
    other_sender.refuses(Kind::Share, &jwe, "signed by somebody else");
    let other_recipient = Case {
        bobs: stranger,
        ..case.clone()
    };
    other_recipient.refuses(Kind::Share, &jwe, "meant for somebody else's key");
}

#[test]
fn crafted_rsa_parts_are_all_the_same() {
    let case = Case::new();
    let jwe = case.seal(Kind::PeerDek);
    let parts: Vec<&str> = jwe.split('.').collect();
    let wrapped = jose::from_base64url(parts[1]);
    let mut longer = wrapped.clone();
    longer.insert(0, 0);
    let crafted = [
        vec![],
        vec![0],
        wrapped[1..].to_vec(),
        wrapped[..383].to_vec(),
        longer,
        [wrapped.clone(), wrapped.clone()].concat(),
        vec![0; 384],
        [vec![0; 383], vec![1]].concat(),
        vec![0xff; 384],
        jose::random::<384>().to_vec(),
        case.wrap(&[7; 31]),
        case.wrap(&[7; 33]),
        case.wrap(b""),
    ];
    for rsa in crafted {
        let text = jose::to_base64url(&rsa);
        let changed = [parts[0], &text, parts[2], parts[3], parts[4]].join(".");
        case.refuses(Kind::PeerDek, &changed, &text);
    }
    // `dir` has no second part, not even a good one.
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::PeerDek) {
        let header = jose::header_of(&case.seal(kind));
        let key = *case.key_of(kind).as_bytes();
        let changed = jose::seal(&key, &header, &wrapped, &case.plaintext(kind));
        case.refuses(kind, &changed, "a wrapped key where none belongs");
    }
}
