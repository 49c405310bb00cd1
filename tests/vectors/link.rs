//! A link with a passphrase, what it shows and what its maker keeps, made with Python's `cryptography` and never again: the
//! first forms, which must open for ever.

use serde_json::Value;
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::crypto::canonical_json::to_json;
use crate::crypto::card_link::{CardLink, stretch_for_link};
use crate::crypto::engine::Engine;
use crate::crypto::engine::rust::RustEngine;
use crate::crypto::keys::SymmetricKey;
use crate::crypto::records::{Audience, open_link, open_own_link_key, open_sent, shown_digest};
use crate::error::Error;
use crate::ids::Id;

const RECORDED: &str = include_str!("link.json");

/// Whoever changes the file changes what people have stored.
#[wasm_bindgen_test(unsupported = test)]
fn stays_as_it_was_recorded() {
    let digest = Sha256::digest(RECORDED.replace('\r', ""));
    let expected = "a6679c14e8ae175a25127ac0dbbf028ff7559a8f9af06d3341babf0f73273e50";
    assert_eq!(digest[..], super::hex(expected));
}

#[wasm_bindgen_test(unsupported = tokio::test)]
async fn opens_with_the_rust_engine() {
    opens(&RustEngine).await;
}

async fn opens(engine: &impl Engine) {
    let all: Value = serde_json::from_str(RECORDED).unwrap();
    let is = |name: &str, value: &str| assert_eq!(text(&all[name]), value, "{name}");
    let key = |name: &str| SymmetricKey::from_jwk(text(&all[name]).as_bytes()).unwrap();
    let link = CardLink::from_link(text(&all["link"])).unwrap();
    let passphrase = Some(text(&all["passphrase"]));
    let stretched = stretch_for_link(engine, link.id, passphrase).await.unwrap();
    is(
        "stretched",
        &crate::crypto::base64url::to_base64url(&stretched),
    );
    let opening = link.secret.opening_token().unwrap();
    is("openingToken", &opening.to_text());
    is("openingHash", &opening.hash());
    let (reading, link_key) = link.secret.reading_keys(&stretched).unwrap();
    is("readingToken", &reading.to_text());
    is("readingHash", &reading.hash());
    assert_eq!(link_key.as_bytes(), key("key").as_bytes());

    let record = text(&all["edition"]["record"]);
    let open = async |edition, signer| {
        open_link(engine, link.id, edition, &link_key, signer, record).await
    };
    let opened = open(2, &link.signer).await.unwrap();
    assert_eq!(json(&opened), text(&all["edition"]["plaintext"]));
    for (edition, signer) in [(1, &link.signer), (3, &link.signer), (2, &opened.dek)] {
        let refused = open(edition, signer).await.unwrap_err();
        assert_eq!(refused, Error::RecordRejected);
    }

    let account = Id::parse(text(&all["account"])).unwrap();
    let own = open_own_link_key(account, link.id, &key("kek"), text(&all["own"])).unwrap();
    assert_eq!(own.as_bytes(), link_key.as_bytes());
    let record = text(&all["sent"]["record"]);
    let at = Audience::Link {
        from: account,
        id: link.id,
    };
    let sent = open_sent(&key("vaultKey"), &at, record).unwrap();
    assert_eq!(json(&sent), text(&all["sent"]["plaintext"]));
    assert_eq!(shown_digest(&opened.card).unwrap(), sent.shown);
    let kept = sent.link.unwrap();
    assert_eq!(kept.signing_key().unwrap().public().kid(), link.signer);
    assert_eq!(*kept.secret().unwrap().to_text(), *link.secret.to_text());
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn json(value: &impl serde::Serialize) -> String {
    String::from_utf8(to_json(value).unwrap().to_vec()).unwrap()
}
