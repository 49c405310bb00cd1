//! A card with files, and what was shown of it by a share and by a link, made with Python's `cryptography` and never again: the
//! forms that have files, which must open for ever.

use serde_json::Value;
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::crypto::canonical_json::to_json;
use crate::crypto::engine::Engine;
use crate::crypto::engine::rust::RustEngine;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::records::{
    Audience, ShareIds, open_card, open_link, open_sent, open_share, shown_digest,
};
use crate::ids::Id;

const RECORDED: &str = include_str!("filed.json");

/// Whoever changes the file changes what people have stored.
#[wasm_bindgen_test(unsupported = test)]
fn stays_as_it_was_recorded() {
    let digest = Sha256::digest(RECORDED.replace('\r', ""));
    let expected = "06fd280611145716aea1680a9f4b523bbfc824d930736af4f51b788af2562e2f";
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
    let is = |name: &str, opened: String| assert_eq!(opened, text(&all[name]["plaintext"]));
    let record = |name: &str| text(&all[name]["record"]);
    let key = |name: &str| SymmetricKey::from_jwk(text(&all[name]).as_bytes()).unwrap();
    let person = |name: &str| {
        let jwk = serde_json::from_value(all[name].clone()).unwrap();
        VerifyingKey::from_jwk(&jwk).unwrap()
    };
    let (vault, alice) = (key("vaultKey"), id(&all["alice"]));
    let at = ShareIds {
        from: alice,
        to: id(&all["bob"]),
        connection: id(&all["connection"]),
        space: id(&all["space"]),
        share: id(&all["share"]),
    };
    let card = id(&all["cardId"]);
    let opened = open_card(engine, alice, card, &vault, record("card")).await;
    let (content, version) = opened.unwrap();
    is(
        "card",
        format!(r#"{{"card":{},"version":{version}}}"#, json(&content)),
    );

    let sent = open_sent(&vault, &Audience::Person(at), record("sent")).unwrap();
    is("sent", json(&sent));
    let shown = content.narrow(&sent.part()).into_owned();
    assert_eq!(shown_digest(&shown).unwrap(), sent.shown);
    let (sender, recipient) = (person("sender"), person("recipient"));
    let (dek, edition) = (key("dek"), record("edition"));
    let opened = open_share(engine, &at, 4, &dek, &sender, &recipient, edition).await;
    let opened = opened.unwrap();
    is("edition", json(&opened));
    assert_eq!(opened.card, shown);

    let link = id(&all["link"]);
    let at = Audience::Link {
        from: alice,
        id: link,
    };
    let sent = open_sent(&vault, &at, record("linkSent")).unwrap();
    is("linkSent", json(&sent));
    let (key, signer) = (key("linkKey"), text(&all["linkSigner"]));
    let opened = open_link(engine, link, 1, &key, signer, record("linkEdition")).await;
    let opened = opened.unwrap();
    is("linkEdition", json(&opened));
    assert_eq!(opened.card, shown);
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
