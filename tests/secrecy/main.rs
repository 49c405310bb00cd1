//! Nothing that is secret lies anywhere but with the people: a full flow against the server's own program, with every
//! byte of traffic, data and logs recorded, searched for every secret; and every ciphertext tried with every key.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod ciphertexts;
mod flow;
#[path = "../envelopes/jose.rs"]
mod jose;
mod plants;
mod process;
mod proxy;
mod record;
mod recording;
mod scan;
mod secrets;
mod spellings;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ciphertexts::{Role, find_jwes, named_opener};
use record::{Record, record};
use recording::Place;
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
        let (content, openers): (Vec<&Role>, Vec<&Role>) = opened
            .iter()
            .map(|(role, _)| role)
            .partition(|role| **role == Role::Content);
        assert_eq!(openers, [&named_opener(jwe)], "{place}");
        // The key inside of an RSA envelope opens that one alone.
        assert_eq!(content.len(), usize::from(jwe.typ == "vs-dek"), "{place}");
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
            "vs-card", "vs-claim", "vs-dek", "vs-kek", "vs-key", "vs-note", "vs-own", "vs-share"
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
                "vs-card" | "vs-share" => kind == Kind::CardText,
                "vs-note" => matches!(kind, Kind::PeerName | Kind::LinkSecret),
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
