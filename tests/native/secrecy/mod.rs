//! Nothing that is secret lies anywhere but with the people: a full flow against the server's own program, with every
//! byte of traffic, data and logs recorded, searched for every secret; and every ciphertext tried with every key.

mod ciphertexts;
mod flow;
mod plants;
mod process;
mod proxy;
mod record;
mod recording;
mod scan;
mod secrets;
mod spellings;
mod stage;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use ciphertexts::{Jwe, Role, find_jwes, named_opener};
use record::{Record, record};
use recording::{Piece, Place, SERVICES};
use secrets::{Kind, count_kinds};

static RECORD: LazyLock<Record> = LazyLock::new(|| {
    // In a thread of its own, because it has a runtime of its own.
    let recorded = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, record())
    });
    recorded.join().unwrap()
});

#[test]
fn no_secret_lies_where_it_must_not() {
    let Record {
        recording, scanner, ..
    } = &*RECORD;
    println!(
        "{} bytes in {} pieces from {} kinds of places, {} needles for {} secrets: {:?}",
        recording.bytes(),
        recording.pieces.len(),
        recording.places().len(),
        scanner.needles(),
        scanner.secrets.len(),
        count_kinds(&scanner.secrets),
    );
    for service in SERVICES {
        let logs = recording
            .pieces
            .iter()
            .filter(|piece| piece.place == Place::Log(service));
        let all: Vec<u8> = logs.flat_map(|log| log.bytes.clone()).collect();
        let all = String::from_utf8(all).unwrap();
        assert!(
            all.contains("DEBUG sqlx::query"),
            "everything is logged, statements too"
        );
    }
    let leaks = scanner.leaks(recording);
    assert!(leaks.is_empty(), "{leaks:#?}");

    // What is allowed to be seen is seen, so it is looked for as it is written.
    let seen = scanner.seen(recording);
    for (index, secret) in scanner.secrets.iter().enumerate() {
        let sent = match secret.kind {
            Kind::Session | Kind::VaultToken | Kind::MailToken | Kind::Setup => true,
            _ => continue,
        };
        assert_eq!(
            seen.contains(&index),
            sent,
            "{:?} {}",
            secret.kind,
            secret.name
        );
    }
}

#[test]
fn every_ciphertext_opens_with_the_key_that_is_named_and_no_other() {
    let Record { jwes, keys, .. } = &*RECORD;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for jwe in jwes.values() {
        *counts.entry(&jwe.typ).or_default() += 1;
        let place = format!("{} at {}", jwe.typ, jwe.ctx.join("/"));
        let opened = keys.opened.get(&jwe.text).map_or(&[][..], Vec::as_slice);
        let openers: Vec<&Role> = opened.iter().map(|(role, _)| role).collect();
        assert_eq!(openers, [&named_opener(jwe)], "{place}");
    }
    println!(
        "{} ciphertexts, each tried with {} keys: {counts:?}",
        jwes.len(),
        keys.known.len()
    );
    let kinds: Vec<&str> = counts.into_keys().collect();
    assert_eq!(
        kinds,
        [
            "vs-card.2",
            "vs-claim",
            "vs-dek",
            "vs-kek",
            "vs-key",
            "vs-link",
            "vs-note.2",
            "vs-own",
            "vs-sent",
            "vs-share.2"
        ]
    );
    // One key, one role: were two of them the same, one would open what is the other's.
    let named = keys
        .known
        .iter()
        .filter(|(role, _)| !matches!(role, Role::Nothing(_)));
    let mut bytes = BTreeSet::new();
    for (role, key) in named {
        assert!(
            bytes.insert(key),
            "{role:?} is the key of another role, too"
        );
    }
}

/// What is inside of the ciphertexts, by the secrets that are in there.
#[test]
fn inside_of_a_ciphertext_is_what_belongs_there() {
    let Record {
        scanner,
        jwes,
        keys,
        ..
    } = &*RECORD;
    let mut seen = BTreeSet::new();
    for (text, opened) in &keys.opened {
        let (jwe, plaintext) = (&jwes[text], &opened[0].1);
        for secret in scanner.search(plaintext).into_keys() {
            let kind = scanner.secrets[secret].kind;
            let belongs = match jwe.typ.as_str() {
                "vs-kek" => kind == Kind::Kek,
                "vs-key" => match jwe.ctx[1].as_str() {
                    "vault" => kind == Kind::VaultKey,
                    "signing" => kind == Kind::SigningKey,
                    _ => kind == Kind::ConnectionKey,
                },
                "vs-own" | "vs-dek" | "vs-claim" => kind == Kind::Dek,
                "vs-card.2" | "vs-share.2" => kind == Kind::CardText,
                "vs-note.2" => matches!(kind, Kind::PeerName | Kind::LinkSecret),
                "vs-link" => matches!(kind, Kind::CardText | Kind::PeerName),
                // What was shared names the fields.
                "vs-sent" => match jwe.ctx.as_slice() {
                    [_, link, _] if link == "link" => {
                        matches!(kind, Kind::CardText | Kind::PeerName | Kind::LinkSecret)
                    }
                    _ => kind == Kind::CardText,
                },
                _ => false,
            };
            assert!(belongs, "{kind:?} inside of {} at {:?}", jwe.typ, jwe.ctx);
            seen.insert(secret);
        }
    }
    for (index, secret) in scanner.secrets.iter().enumerate() {
        if matches!(
            secret.kind,
            Kind::Kek
                | Kind::VaultKey
                | Kind::SigningKey
                | Kind::Dek
                | Kind::CardText
                | Kind::PeerName
                | Kind::LinkSecret
        ) {
            assert!(seen.contains(&index), "no ciphertext holds {}", secret.name);
        }
    }
}

/// Nothing was stored that did not go over the line, so that nothing is missing in the recording.
#[test]
fn what_is_stored_was_sent() {
    let Record {
        recording, jwes, ..
    } = &*RECORD;
    let mut sent = BTreeMap::new();
    for piece in &recording.pieces {
        if matches!(piece.place, Place::Requests(_)) {
            find_jwes(&piece.bytes, &mut sent);
        }
    }
    for (text, jwe) in jwes {
        assert!(
            sent.contains_key(text),
            "{} at {:?} was never sent",
            jwe.typ,
            jwe.ctx
        );
    }
}

/// What was revoked, deleted or replaced is in no row, and what is in no row is in no file of a server that was stopped.
#[test]
fn what_is_gone_is_gone() {
    let Record {
        recording,
        jwes,
        gone,
        ..
    } = &*RECORD;
    let mut left = BTreeMap::new();
    let at_the_end = |piece: &&Piece| piece.when == "at the end";
    for piece in recording.pieces.iter().filter(at_the_end) {
        if matches!(piece.place, Place::Rows(_)) {
            find_jwes(&piece.bytes, &mut left);
        }
    }
    for jwe in left.values() {
        let mut ids = jwe.ctx.iter();
        assert!(
            !ids.any(|id| gone.contains(id)),
            "{} at {:?} is left",
            jwe.typ,
            jwe.ctx
        );
    }
    let of_account = |jwe: &Jwe, word: &str| jwe.typ == "vs-kek" && jwe.ctx[1] == word;
    for word in ["passphrase", "recovery"] {
        let wraps = left.values().filter(|jwe| of_account(jwe, word)).count();
        assert_eq!(wraps, 3, "one of each account that there still is");
    }

    let erased: Vec<&String> = jwes
        .keys()
        .filter(|text| !left.contains_key(*text))
        .collect();
    // The IV, or with HPKE the beginning of the encapsulated secret, is unlike that of any other.
    let pieces = erased.iter().map(|text| {
        let mut parts = text.split('.').skip(1).filter(|part| !part.is_empty());
        &parts.next().unwrap()[..16]
    });
    let search = AhoCorasick::new(pieces).unwrap();
    let stopped = |piece: &&Piece| piece.when == "after stopping";
    for piece in recording.pieces.iter().filter(stopped) {
        if let Some(found) = search.find(&piece.bytes) {
            let jwe = &jwes[erased[found.pattern().as_usize()]];
            panic!("{} at {:?} is left in {}", jwe.typ, jwe.ctx, piece.name);
        }
    }
    println!(
        "{} ciphertexts of {} are gone from rows and files",
        erased.len(),
        jwes.len()
    );
    assert!(erased.len() > gone.len());
}

#[test]
fn planted_leaks_are_found() {
    let Record {
        recording, scanner, ..
    } = &*RECORD;
    let planted = plants::plant_everywhere(scanner, recording);
    println!(
        "{planted} plants of {} kinds of secrets in {:?}, each found alone",
        plants::all_kinds(scanner).len(),
        recording.places(),
    );
}
