//! Envelopes that were changed, moved, or taken for something else.

use serde_json::json;
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::SigningKey;
use vouchsafe::ids::Id;

use crate::envelopes::case::{Case, KEYS, id, key};
use crate::envelopes::kind::{KINDS, Kind, members, object};
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
        let names: Vec<_> = parts
            .iter()
            .map(|part| part.split(':').next().unwrap().trim_matches('"'))
            .collect();
        let expected = match kind {
            Kind::PeerDek => ["alg", "typ", "kid", "psk_id", "ctx"],
            _ => ["alg", "enc", "typ", "kid", "ctx"],
        };
        assert_eq!(names, expected);
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
                "\"HPKE-0\"",
                "\"HPKE-10\"",
                "\"HPKE-9-KE\"",
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
            r#""ek":"""#,
            r#""enc":"A256GCM""#,
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
                Sent,
                OwnLinkKey,
                LinkSent,
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
            &[Note, OwnDek, PeerDek, Claim, Share, Sent],
        ),
        (
            "space",
            |case| case.space = id(),
            &[OwnDek, PeerDek, Claim, Share, Sent],
        ),
        (
            "share",
            |case| case.share = id(),
            &[PeerDek, Share, Sent, OwnLinkKey, LinkSent, Link],
        ),
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
            } else if ![(Note, "bob"), (Sent, "card"), (LinkSent, "card")].contains(&(kind, name)) {
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

/// The header of a peer's copy with another `psk_id`.
fn with_psk_id(jwe: &str, psk_id: &str) -> String {
    let header = jose::header_of(jwe);
    let (before, rest) = header.split_once(r#""psk_id":""#).unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!(r#"{before}"psk_id":"{psk_id}"{after}"#)
}

#[test]
fn crafted_rsa_parts_are_all_the_same() {
    let case = Case::new();
    let jwe = case.seal(Kind::PeerDek);
    let good = jose::psk_id_of(&jose::header_of(&jwe)).unwrap();
    let mut longer = good.clone();
    longer.insert(0, 0);
    let crafted = [
        (vec![], vec![7; 32]),
        (vec![0], vec![7; 32]),
        (good[1..].to_vec(), vec![7; 32]),
        (good[..383].to_vec(), vec![7; 32]),
        (longer, vec![7; 32]),
        ([good.clone(), good.clone()].concat(), vec![7; 32]),
        (vec![0; 384], vec![0; 32]),
        ([vec![0; 383], vec![1]].concat(), vec![0; 32]),
        (vec![0xff; 384], vec![7; 32]),
        (jose::random::<384>().to_vec(), vec![7; 32]),
        // Rightly encrypted, and of another length than a PSK has.
        (case.wrap(&[7; 31]), vec![7; 31]),
        (case.wrap(&[7; 33]), vec![7; 33]),
        (case.wrap(b""), vec![7; 32]),
        // Rightly encrypted, but not what HPKE sealed under.
        (case.wrap(&[8; 32]), vec![7; 32]),
    ];
    let key = case.pair.public().xwing().as_bytes();
    let sealed = |header: &str, psk: &[u8], psk_id: &[u8]| {
        let psk_id = if psk_id.is_empty() { &[7] } else { psk_id };
        jose::seal_hpke(key, header, (psk, psk_id), &case.plaintext(Kind::PeerDek))
    };
    for (psk_id, psk) in crafted {
        let text = jose::to_base64url(&psk_id);
        let header = with_psk_id(&jwe, &text);
        case.refuses(Kind::PeerDek, &sealed(&header, &psk, &psk_id), &text);
    }
    // The same bytes spelled in other ways.
    let good = case.wrap(&[7; 32]);
    let text = jose::to_base64url(&good);
    let header = with_psk_id(&jwe, &text);
    let opened = case.open(Kind::PeerDek, &sealed(&header, &[7; 32], &good));
    assert_eq!(opened, Ok(true), "the test's own");
    for spelling in other_spellings(&text).into_iter().chain([
        text.replacen(&text[..1], &format!("\\u{:04x}", text.as_bytes()[0]), 1),
        format!("{text}\",\"x\":\""),
    ]) {
        let header = with_psk_id(&jwe, &spelling);
        case.refuses(Kind::PeerDek, &sealed(&header, &[7; 32], &good), &spelling);
    }
    // `dir` has no second part, not even a good one.
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::PeerDek) {
        let header = jose::header_of(&case.seal(kind));
        let key = *case.key_of(kind).as_bytes();
        let changed = jose::seal(&key, &header, &good, &case.plaintext(kind));
        case.refuses(kind, &changed, "a wrapped key where none belongs");
    }
}

#[test]
fn crafted_xwing_parts_are_all_the_same() {
    let case = Case::new();
    let jwe = case.seal(Kind::PeerDek);
    let parts: Vec<&str> = jwe.split('.').collect();
    let good = jose::from_base64url(parts[1]);
    assert_eq!(good.len(), 1120);
    let other = case.seal(Kind::PeerDek);
    let others = jose::from_base64url(other.split('.').nth(1).unwrap());
    let crafted = [
        vec![],
        vec![0],
        good[1..].to_vec(),
        [&good[..], &[0]].concat(),
        vec![0; 1120],
        vec![0xff; 1120],
        jose::random::<1120>().to_vec(),
        others.clone(),
        // The halves of two, and a point of small order.
        [&good[..1088], &others[1088..]].concat(),
        [&others[..1088], &good[1088..]].concat(),
        [&good[..1088], &[0; 32]].concat(),
        [&good[1088..], &good[..1088]].concat(),
    ];
    for enc in crafted {
        let text = jose::to_base64url(&enc);
        let changed = [parts[0], &text, parts[2], parts[3], parts[4]].join(".");
        case.refuses(Kind::PeerDek, &changed, &text);
    }
    let moved = [parts[0], parts[1], parts[2], "", parts[3]].join(".");
    case.refuses(Kind::PeerDek, &moved, "the ciphertext in the tag's place");
}

#[test]
fn a_peer_copy_takes_both_private_keys() {
    let case = Case::new();
    let jwe = case.seal(Kind::PeerDek);
    assert_eq!(case.open(Kind::PeerDek, &jwe), Ok(true));
    let header = jose::header_of(&jwe);
    let plaintext = case.plaintext(Kind::PeerDek);
    let [ours, theirs] = KEYS.each_ref();
    let xwing = |key: &ConnectionKey| key.public().xwing().as_bytes().to_vec();
    let psk_id = case.wrap(&[7; 32]);
    let header_of = |psk_id: &[u8]| with_psk_id(&jwe, &jose::to_base64url(psk_id));
    let foreign = Case {
        pair: theirs.clone(),
        ..case.clone()
    };
    let others_psk_id = foreign.wrap(&[7; 32]);
    let sealed = |xwing: &[u8], psk_id: &[u8]| {
        let psk = (&[7; 32][..], psk_id);
        jose::seal_hpke(xwing, &header_of(psk_id), psk, &plaintext)
    };
    let both = sealed(&xwing(ours), &psk_id);
    assert_eq!(case.open(Kind::PeerDek, &both), Ok(true));
    let rsa_alone = sealed(&xwing(theirs), &psk_id);
    case.refuses(Kind::PeerDek, &rsa_alone, "for another X-Wing key");
    let xwing_alone = sealed(&xwing(ours), &others_psk_id);
    case.refuses(Kind::PeerDek, &xwing_alone, "for another RSA key");
    // Keys that hold one half of the right ones have another id, and open nothing of it either.
    for (rsa, xwing) in [(ours, theirs), (theirs, ours)] {
        let mixed = ConnectionKey::new(rsa.rsa().clone(), xwing.xwing().clone()).unwrap();
        let mixed = Case {
            pair: mixed,
            ..case.clone()
        };
        mixed.refuses(Kind::PeerDek, &jwe, "one half of the right keys");
        let named = header.replace(ours.public().id(), mixed.pair.public().id());
        let moved = [
            &jose::to_base64url(named.as_bytes()),
            jwe.split_once('.').unwrap().1,
        ]
        .join(".");
        mixed.refuses(Kind::PeerDek, &moved, "under the name of the mixed ones");
    }
    // Neither the PSK alone, nor the X-Wing key alone.
    let seed = jose::from_base64url(&ours.xwing().to_text());
    let right = jose::open_hpke(&seed, (&[7; 32], &psk_id), &both);
    assert_eq!(right, Some(plaintext));
    assert_eq!(jose::open(&[7; 32], &both), None);
    for psk in [[0; 32], [8; 32]] {
        assert_eq!(jose::open_hpke(&seed, (&psk, &psk_id), &both), None);
    }
    let other_id = (&[7; 32][..], &others_psk_id[..]);
    assert_eq!(jose::open_hpke(&seed, other_id, &both), None);
}
