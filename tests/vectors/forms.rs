//! Records of forms that are not written any more, made with Python and never again: each must open for ever. Cards and shares of
//! the first form are in `account.json`; the newest form of each kind is there, or in `live.json`.

use serde_json::Value;
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::crypto::canonical_json::to_json;
use crate::crypto::engine::rust::RustEngine;
use crate::crypto::keys::SymmetricKey;
use crate::crypto::records::{open_note, seal_note};
use crate::error::Error;
use crate::ids::Id;

const RECORDED: &str = include_str!("forms.json");

/// Whoever changes the file changes what people have stored.
#[wasm_bindgen_test(unsupported = test)]
fn stays_as_it_was_recorded() {
    let digest = Sha256::digest(RECORDED.replace('\r', ""));
    let expected = "de173aab702d47a6ba8ad56dddd23f38b3fed09eddbfaffaa40d1a90ec19b9b6";
    assert_eq!(digest[..], super::hex(expected));
}

#[wasm_bindgen_test(unsupported = test)]
fn every_older_form_opens_as_the_newest() {
    let all: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    let forms: Vec<_> = all
        .iter()
        .map(|record| (text(&record["kind"]), record["form"].as_u64()))
        .collect();
    assert_eq!(forms, [("vs-note", Some(1))]);
    for record in &all {
        let (account, connection) = (id(&record["account"]), id(&record["connection"]));
        let key = SymmetricKey::from_jwk(text(&record["key"]).as_bytes()).unwrap();
        let note = open_note(account, connection, &key, text(&record["record"])).unwrap();
        let plaintext = text(&record["plaintext"]);
        let upgraded = plaintext.strip_suffix('}').unwrap().to_owned() + r#","createdAt":null}"#;
        assert_eq!(json_of(&note), upgraded);
        // It is written again in the newest form, and opens as the same.
        let written = seal_note(&RustEngine, account, connection, &key, &note).unwrap();
        assert_eq!(typ_of(&written), "vs-note.2");
        let again = open_note(account, connection, &key, &written).unwrap();
        assert_eq!(json_of(&again), upgraded);
        // The form is authenticated: no plaintext is read as one of another form.
        let (_, rest) = text(&record["record"]).split_once('.').unwrap();
        let (newer, _) = written.split_once('.').unwrap();
        let relabelled = open_note(account, connection, &key, &format!("{newer}.{rest}"));
        assert_eq!(relabelled.unwrap_err(), Error::RecordRejected);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn id(value: &Value) -> Id {
    Id::parse(text(value)).unwrap()
}

fn json_of(note: &impl serde::Serialize) -> String {
    String::from_utf8(to_json(note).unwrap().to_vec()).unwrap()
}

fn typ_of(jwe: &str) -> String {
    let (head, _) = jwe.split_once('.').unwrap();
    let header = crate::crypto::base64url::from_base64url(head).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    text(&header["typ"]).to_owned()
}
