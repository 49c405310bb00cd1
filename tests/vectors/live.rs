//! A card, what was shared of it, and the third edition of a live share, made with Python's `cryptography` and never again: the
//! newest forms, which must open for ever.

use serde_json::Value;
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::crypto::canonical_json::to_json;
use crate::crypto::engine::Engine;
use crate::crypto::engine::rust::RustEngine;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::records::{
    Audience, CardContent, Sent, ShareIds, card_reference, card_tag, open_card, open_sent,
    open_share, shown_digest,
};
use crate::error::Error;
use crate::ids::Id;

const RECORDED: &str = include_str!("live.json");

/// Whoever changes the file changes what people have stored.
#[wasm_bindgen_test(unsupported = test)]
fn stays_as_it_was_recorded() {
    let digest = Sha256::digest(RECORDED.replace('\r', ""));
    let expected = "795e0340ce8e04d00f481e23f08f02f7eae76517752c4150407f88e572a0edef";
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
    let key = |name: &str| SymmetricKey::from_jwk(text(&all[name]).as_bytes()).unwrap();
    let person = |name: &str| {
        let jwk = serde_json::from_value(all[name].clone()).unwrap();
        VerifyingKey::from_jwk(&jwk).unwrap()
    };
    let (vault, dek) = (key("vaultKey"), key("dek"));
    let (alice, card) = (id(&all["alice"]), id(&all["cardId"]));
    let at = ShareIds {
        from: alice,
        to: id(&all["bob"]),
        connection: id(&all["connection"]),
        space: id(&all["space"]),
        share: id(&all["share"]),
    };
    assert_eq!(card_tag(&vault, card).unwrap(), text(&all["tag"]));
    let reference = card_reference(&vault, card, at.connection).unwrap();
    assert_eq!(reference, text(&all["ref"]));

    let record = text(&all["card"]["record"]);
    let (content, version) = open_card(engine, alice, card, &vault, record)
        .await
        .unwrap();
    let plaintext = text(&all["card"]["plaintext"]);
    let written = format!(r#"{{"card":{},"version":{version}}}"#, json(&content));
    assert_eq!(written, plaintext);

    let record = text(&all["sent"]["record"]);
    let sent: Sent = open_sent(&vault, &Audience::Person(at), record).unwrap();
    assert_eq!(json(&sent), text(&all["sent"]["plaintext"]));
    let shown: CardContent = content.narrow(&sent.part()).into_owned();
    assert_eq!(shown_digest(&shown).unwrap(), sent.shown);

    let record = text(&all["edition"]["record"]);
    let (sender, recipient) = (person("sender"), person("recipient"));
    let open =
        async |edition| open_share(engine, &at, edition, &dek, &sender, &recipient, record).await;
    let opened = open(3).await.unwrap();
    assert_eq!(json(&opened), text(&all["edition"]["plaintext"]));
    assert_eq!((opened.card, opened.reference), (shown, Some(reference)));
    for other in [0, 1, 2, 4] {
        assert_eq!(open(other).await.unwrap_err(), Error::RecordRejected);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn id(value: &Value) -> Id {
    Id::parse(text(value)).unwrap()
}

fn json(value: &impl serde::Serialize) -> String {
    String::from_utf8(to_json(value).unwrap().to_vec()).unwrap()
}
