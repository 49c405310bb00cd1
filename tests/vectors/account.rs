//! An account, recorded once (`tests/native/record_account.rs`) and never again: everything in it must open for ever, with
//! the passphrase and with the recovery key. The plaintexts beside the records were read with Python and a JOSE library.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::crypto::base64url::{from_base64url, to_base64url};
use crate::crypto::canonical_json::to_json;
use crate::crypto::connection_key::{ConnectionKey, ConnectionPublicKey};
use crate::crypto::engine::rust::RustEngine;
use crate::crypto::engine::{Engine, Operation};
use crate::crypto::invitation_link::{Side, Ticket, to_link};
use crate::crypto::keys::{SigningKey, SymmetricKey, VerifyingKey};
use crate::crypto::opaque;
use crate::crypto::records::{
    NoteState, Role, ShareIds, Wrap, check_publication, open_card, open_claim, open_connection_key,
    open_kek, open_note, open_own_dek, open_peer_dek, open_share, open_signing_key, open_vault_key,
    passphrase_wrapping_key,
};
use crate::crypto::recovery_key::RecoveryKey;
use crate::crypto::safety_number::derive_safety_number;
use crate::crypto::suite::Suite;
use crate::ids::Id;

const RECORDED: &str = include_str!("account.json");

/// Whoever changes the file changes what people have stored.
#[wasm_bindgen_test(unsupported = test)]
fn stays_as_it_was_recorded() {
    let digest = Sha256::digest(RECORDED.replace('\r', ""));
    let expected = "c6943f5ec87e7cc4e9c4c4a7b679f69f9d7def4456550f23956ccfa814de51cc";
    assert_eq!(digest[..], super::hex(expected));
}

#[wasm_bindgen_test(unsupported = tokio::test)]
async fn opens_with_the_rust_engine() {
    opens(&RustEngine).await;
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
async fn opens_with_webcrypto() {
    opens(&super::web_engine()).await;
}

async fn opens(engine: &impl Engine) {
    let all: Value = serde_json::from_str(RECORDED).unwrap();
    let plain = &all["plaintexts"];
    let alice = Person::sign_in(engine, &all["alice"], &plain["alice"]);
    let bob = Person::sign_in(engine, &all["bob"], &plain["bob"]);

    let pending = &all["alice"]["pendingEntry"];
    alice.open_entry(pending, &plain["alice"]["pendingEntry"], NoteState::Invited);
    let entry = |who: &str| (&all[who]["entry"], &plain[who]["entry"]);
    let (record, expected) = entry("alice");
    let her_key = alice.open_entry(record, expected, NoteState::Accepted);
    let (record, expected) = entry("bob");
    let his_key = bob.open_entry(record, expected, NoteState::Accepting);

    are_connected(&all["connection"], (&alice, &her_key), (&bob, &his_key));

    let (card, version) = open_card(
        engine,
        alice.account,
        id(&all["card"]["id"]),
        &alice.vault,
        text(&all["card"]["card"]),
    )
    .await
    .unwrap();
    let mut expected = all["card"]["content"].clone();
    expected["kind"] = Value::Null;
    expected["data"] = Value::Null;
    assert_eq!(serde_json::to_value(&card).unwrap(), expected);
    assert_eq!(version, all["card"]["version"]);
    assert_eq!(
        format!(r#"{{"card":{},"version":{version}}}"#, json(&card)),
        upgraded(&plain["card"])
    );

    let share = &all["share"];
    let at = ShareIds {
        from: alice.account,
        to: bob.account,
        connection: id(&all["connection"]["id"]),
        space: id(&share["space"]),
        share: id(&share["id"]),
    };
    let rsa = engine.import_rsa_key(his_key.rsa().pkcs8()).await.unwrap();
    let unwrapped = open_peer_dek(engine, &rsa, &his_key, &at, text(&share["peer"])).await;
    for dek in [
        open_own_dek(&alice.kek, &at, text(&share["own"])),
        unwrapped,
        open_claim(&bob.kek, &at, text(&share["claim"])),
    ] {
        let dek = dek.unwrap();
        is_jwk(&dek.to_jwk().unwrap(), &plain["dek"]);
        let (sender, recipient) = (alice.signing.public(), bob.signing.public());
        let jwe = text(&share["share"]);
        let content = open_share(engine, &at, 1, &dek, sender, recipient, jwe)
            .await
            .unwrap();
        let expected = upgraded(&plain["share"]);
        let expected = expected.replace(r#","card":"#, r#","edition":1,"ref":null,"card":"#);
        assert_eq!(json(&content), expected);
        assert_eq!(content.card, card);
    }
}

/// The JSON of a card of the first form, as the newest form has it.
fn upgraded(plaintext: &Value) -> String {
    text(plaintext).replace(r#","fields":"#, r#","kind":null,"data":null,"fields":"#)
}

struct Person {
    account: Id,
    kek: SymmetricKey,
    vault: SymmetricKey,
    signing: SigningKey,
}

impl Person {
    /// From passphrase and recovery key to the keys below, as a sign-in and a recovery would.
    fn sign_in(engine: &impl Engine, record: &Value, plain: &Value) -> Self {
        let account = id(&record["account"]);
        let sign_in = &record["signIn"];
        let suite = Suite::from_number(sign_in["suite"].as_u64().unwrap()).unwrap();
        let passphrase = opaque::passphrase_bytes(engine, text(&record["passphrase"]));
        let finished = opaque::finish(
            Operation::SignIn(suite, text(&sign_in["keystore"])),
            &bytes(&sign_in["state"]),
            &passphrase,
            &bytes(&sign_in["response"]),
        )
        .unwrap();
        assert_eq!(finished.message, bytes(&sign_in["finalization"]));
        assert_eq!(*finished.export_key, bytes(&sign_in["exportKey"]));

        let wrapping = passphrase_wrapping_key(&finished.export_key).unwrap();
        let sealed = text(&record["kekPassphrase"]);
        let kek = open_kek(account, Wrap::Passphrase(suite), &wrapping, sealed).unwrap();
        is_jwk(&kek.to_jwk().unwrap(), &plain["kek"]);

        let recovery = RecoveryKey::from_written(text(&record["recoveryKey"])).unwrap();
        assert_eq!(
            *recovery.to_written().unwrap(),
            text(&record["recoveryKey"])
        );
        assert_eq!(
            to_base64url(&recovery.verifier().unwrap()),
            text(&record["recoveryVerifier"])
        );
        let wrapping = recovery.wrapping_key().unwrap();
        let sealed = text(&record["kekRecovery"]);
        let recovered = open_kek(account, Wrap::Recovery, &wrapping, sealed).unwrap();
        assert_eq!(recovered.as_bytes(), kek.as_bytes());

        let vault = open_vault_key(account, &kek, text(&record["vaultKey"])).unwrap();
        is_jwk(&vault.to_jwk().unwrap(), &plain["vaultKey"]);
        let signing = open_signing_key(account, &kek, text(&record["signingKey"])).unwrap();
        is_jwk(&signing.to_jwk().unwrap(), &plain["signingKey"]);
        Self {
            account,
            kek,
            vault,
            signing,
        }
    }

    /// Opens the note and, by the id in it, the connection key.
    fn open_entry(&self, record: &Value, plain: &Value, state: NoteState) -> ConnectionKey {
        let sealed = text(&record["note"]);
        let note = open_note(self.account, id(&record["id"]), &self.vault, sealed).unwrap();
        assert_eq!(json(&note), text(&plain["note"]));
        assert_eq!(note.state, state);
        let sealed = text(&record["key"]);
        let key = open_connection_key(self.account, &self.kek, &note.own_key, sealed).unwrap();
        is_jwk(&key.to_json().unwrap(), &plain["key"]);
        key
    }

    fn side<'a>(&'a self, key: &'a ConnectionKey) -> Side<'a> {
        Side {
            account: self.account,
            signing_key: self.signing.public(),
            connection_key: key.public(),
        }
    }
}

/// What both sides published, the link between them, and what it proves.
fn are_connected(
    record: &Value,
    inviter: (&Person, &ConnectionKey),
    invitee: (&Person, &ConnectionKey),
) {
    let connection = id(&record["id"]);
    for ((person, key), role) in [(inviter, Role::Inviter), (invitee, Role::Invitee)] {
        let name = if role == Role::Inviter {
            "inviter"
        } else {
            "invitee"
        };
        let publication = serde_json::from_value(record[name].clone()).unwrap();
        let checked: (VerifyingKey, ConnectionPublicKey) =
            check_publication(&publication, person.account, connection, role).unwrap();
        assert_eq!(
            (&checked.0, &checked.1),
            (person.signing.public(), key.public())
        );
    }

    let link = text(&record["link"]);
    let Ticket::Link {
        id,
        inviter: thumbprint,
        secret,
    } = Ticket::from_link(link).unwrap()
    else {
        panic!("the link was one of a mail");
    };
    let (alice, bob) = (inviter.0, invitee.0);
    assert_eq!(
        (id, &*thumbprint),
        (connection, alice.signing.public().kid())
    );
    let (base, _) = link.split_once('#').unwrap();
    assert_eq!(*to_link(base, id, alice.signing.public(), &secret), link);
    assert_eq!(secret.token().unwrap().hash(), text(&record["tokenHash"]));
    let (hers, his) = (alice.side(inviter.1), bob.side(invitee.1));
    let proof = bytes(&record["proof"]);
    assert!(
        secret
            .is_accept_proof(&proof, connection, hers, his)
            .unwrap()
    );
    let number = derive_safety_number(
        (alice.account, alice.signing.public()),
        (bob.account, bob.signing.public()),
    );
    assert_eq!(number, text(&record["safetyNumber"]));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    from_base64url(text(value)).unwrap()
}

fn id(value: &Value) -> Id {
    Id::parse(text(value)).unwrap()
}

fn json(value: &impl Serialize) -> String {
    String::from_utf8(to_json(value).unwrap().to_vec()).unwrap()
}

fn is_jwk(jwk: &[u8], expected: &Value) {
    assert_eq!(jwk, text(expected).as_bytes());
}
