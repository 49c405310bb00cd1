//! Every kind of record, over and over, under the same keys: as many as a busy account makes in years.

use futures_util::FutureExt;
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Watched};
use vouchsafe::crypto::keys::{SigningKey, SymmetricKey};
use vouchsafe::crypto::records::{
    self, CardContent, Delivery, Note, NoteState, Role, ShareIds, Wrap,
};
use vouchsafe::crypto::suite::Suite;
use vouchsafe::ids::Id;

use crate::nonces::seen::Seen;
use crate::support::sample;
use crate::support::secrets::first_edition;

/// Where everything is tried; otherwise in one of so many parts of them.
const ROUNDS: usize = 16_700;

const PARTS: usize = 10;

/// After so many rounds the page is loaded anew: another engine, the same keys.
const ROUNDS_PER_LOAD: usize = 500;

/// After so many rounds the peer's copy of a DEK is sealed too; RSA takes its time.
const ROUNDS_PER_RSA: usize = 100;

struct Account {
    id: Id,
    connection: Id,
    kek: SymmetricKey,
    vault: SymmetricKey,
    signing: SigningKey,
    pair: ConnectionKey,
}

impl Account {
    /// The records that hold a key of 32 bytes.
    fn seal_keys(&self, engine: &impl Engine, at: &ShareIds) -> [String; 5] {
        let (id, kek, vault) = (self.id, &self.kek, &self.vault);
        [
            records::seal_kek(engine, id, Wrap::Passphrase(Suite::One), vault, kek),
            records::seal_kek(engine, id, Wrap::Recovery, vault, kek),
            records::seal_vault_key(engine, id, kek, vault),
            records::seal_own_dek(engine, kek, at, vault),
            records::seal_claim(engine, kek, at, vault),
        ]
        .map(Result::unwrap)
    }

    /// One of the larger records, in turn.
    fn seal_larger(&self, engine: &impl Engine, at: &ShareIds, round: usize) -> String {
        let (id, kek, vault, signing) = (self.id, &self.kek, &self.vault, &self.signing);
        let card = CardContent::new("Passport", &[("number", "Number", "X123")]);
        match round % 5 {
            0 => records::seal_signing_key(engine, id, kek, signing),
            1 => records::seal_connection_key(engine, id, kek, &self.pair),
            2 => now(records::seal_card(engine, id, at.share, vault, &card, 1)),
            3 => {
                let (state, role) = (NoteState::Invited, Role::Inviter);
                let note = Note::new(state, role, Delivery::Email, self.pair.public(), "Bob", 1);
                records::seal_note(engine, id, self.connection, vault, &note)
            }
            _ => {
                let recipient = signing.public();
                now(records::seal_share(
                    engine,
                    at,
                    vault,
                    signing,
                    recipient,
                    first_edition(&card, 1),
                ))
            }
        }
        .unwrap()
    }

    /// One place for ten rounds: the same content at the same place must not give the same record.
    fn place(&self, round: usize) -> ShareIds {
        let share = Id::v7((round / 10) as i64, &[7; 10]);
        ShareIds {
            from: self.id,
            to: self.id,
            connection: self.connection,
            space: share,
            share,
        }
    }
}

fn now<R>(future: impl Future<Output = R>) -> R {
    future.now_or_never().unwrap()
}

#[test]
fn a_hundred_thousand_records() {
    let account = Account {
        id: Id::v4([1; 16]),
        connection: Id::v7(1, &[2; 10]),
        kek: SymmetricKey::make(&RustEngine).unwrap(),
        vault: SymmetricKey::make(&RustEngine).unwrap(),
        signing: SigningKey::make(&RustEngine).unwrap(),
        pair: now(ConnectionKey::make(&RustEngine)).unwrap(),
    };
    let mut seen = Seen::default();
    let mut engine = Watched::new(RustEngine);
    let rounds = sample::rounds("records under the same keys", PARTS, ROUNDS);
    for round in 0..rounds {
        if round % ROUNDS_PER_LOAD == 0 {
            engine = Watched::new(RustEngine);
        }
        let at = account.place(round);
        for record in account.seal_keys(&engine, &at) {
            seen.note(&record);
        }
        seen.note(&account.seal_larger(&engine, &at, round));
        if round % ROUNDS_PER_RSA == 0 {
            let sealed = records::seal_peer_dek(&engine, account.pair.public(), &at, &account.kek);
            seen.note(&now(sealed).unwrap());
        }
    }
    let in_turn = rounds / 5;
    for (typ, count) in [
        ("vs-kek", 2 * rounds),
        ("vs-key", rounds + 2 * in_turn),
        ("vs-card.2", in_turn),
        ("vs-note.2", in_turn),
        ("vs-own", rounds),
        ("vs-dek", rounds.div_ceil(ROUNDS_PER_RSA)),
        ("vs-claim", rounds),
        ("vs-share.2", in_turn),
    ] {
        assert_eq!(seen.of_kind(typ), count, "{typ}");
    }
    assert_eq!(seen.repeated, 0);
    assert!(seen.count() > 6 * rounds, "{} records", seen.count());
    println!("{} records, no key and IV twice", seen.count());
}
