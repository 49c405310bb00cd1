//! The web engine against the Rust engine, in both directions; and every key format through `crypto.subtle`.

use js_sys::{JSON, Uint8Array};
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::{SigningKey, SymmetricKey};
use vouchsafe::crypto::records::{
    CardContent, ShareIds, open_card, open_peer_dek, seal_card, seal_peer_dek,
};
use vouchsafe::crypto::rsa_key::{RsaKey, RsaPublicKey};
use vouchsafe::ids::Id;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{count_calls, engine, import};

const OAEP: &str = r#"{"name":"RSA-OAEP","hash":"SHA-256"}"#;

/// The calls of WebCrypto that sealing and opening take.
const NOTHING: (&[&str], &[&str]) = (&[], &[]);

fn place() -> ShareIds {
    let id = |last: u8| Id::v7(1, &[last; 10]);
    ShareIds {
        from: id(1),
        to: id(2),
        connection: id(3),
        space: id(4),
        share: id(5),
    }
}

async fn passes<A: Engine, B: Engine>(writer: &A, reader: &B, key: &ConnectionKey) {
    let dek = SymmetricKey::make(writer).unwrap();
    let jwe = seal_peer_dek(writer, key.public(), &place(), &dek)
        .await
        .unwrap();
    let rsa = reader.import_rsa_key(key.rsa().pkcs8()).await.unwrap();
    let opened = open_peer_dek(reader, &rsa, key, &place(), &jwe)
        .await
        .unwrap();
    assert_eq!(opened.as_bytes(), dek.as_bytes());

    let mut changed = jwe.into_bytes();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let error = open_peer_dek(reader, &rsa, key, &place(), &changed)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "record_rejected");
}

#[wasm_bindgen_test]
async fn each_engine_reads_what_the_other_wrote() {
    let (web, rust) = (engine(), RustEngine);
    for key in [
        ConnectionKey::make(&web).await.unwrap(),
        ConnectionKey::make(&rust).await.unwrap(),
    ] {
        passes(&web, &rust, &key).await;
        passes(&rust, &web, &key).await;
        passes(&web, &web, &key).await;
    }
}

#[wasm_bindgen_test]
async fn both_engines_refuse_crafted_ciphertexts_alike() {
    let (web, rust) = (engine(), RustEngine);
    let key = RsaKey::make(&web).await.unwrap();
    let in_web = web.import_rsa_key(key.pkcs8()).await.unwrap();
    let in_rust = rust.import_rsa_key(key.pkcs8()).await.unwrap();
    for crafted in [
        vec![],
        vec![0; 384],
        vec![0xff; 384],
        vec![1; 383],
        vec![1; 385],
        vec![7; 384],
    ] {
        assert_eq!(
            web.rsa_decrypt(&in_web, &crafted).await.unwrap_err().code(),
            "record_rejected"
        );
        assert_eq!(
            rust.rsa_decrypt(&in_rust, &crafted)
                .await
                .unwrap_err()
                .code(),
            "record_rejected"
        );
    }
}

#[wasm_bindgen_test]
async fn rsa_is_webcryptos() {
    let web = engine();
    let (key, calls) = count_calls(ConnectionKey::make(&web)).await;
    let key = key.unwrap();
    assert_eq!(calls, ["generateKey:RSA-OAEP", "exportKey:"]);
    let dek = SymmetricKey::make(&web).unwrap();
    let (jwe, calls) = count_calls(seal_peer_dek(&web, key.public(), &place(), &dek)).await;
    assert_eq!(calls, ["importKey:RSA-OAEP", "encrypt:RSA-OAEP"]);
    let (opened, calls) = count_calls(async {
        let rsa = web.import_rsa_key(key.rsa().pkcs8()).await.unwrap();
        open_peer_dek(&web, &rsa, &key, &place(), &jwe.unwrap()).await
    })
    .await;
    assert_eq!(calls, ["importKey:RSA-OAEP", "decrypt:RSA-OAEP"]);
    assert_eq!(opened.unwrap().as_bytes(), dek.as_bytes());
}

/// From a large card on, encryption is WebCrypto's, too.
#[wasm_bindgen_test]
async fn what_is_large_is_encrypted_by_webcrypto_and_read_by_both() {
    let (web, rust, at) = (engine(), RustEngine, place());
    let key = SymmetricKey::make(&rust).unwrap();
    let text = "£ and € and more. ".repeat(20_000);
    for (text, (to_seal, to_open)) in [
        ("a few words", NOTHING),
        (
            &text,
            (
                &["importKey:AES-GCM", "encrypt:AES-GCM"],
                &["importKey:AES-GCM", "decrypt:AES-GCM"],
            ),
        ),
    ] {
        let card = CardContent::new("Card", &[("text", "Text", text)]);
        let seal = seal_card(&web, at.from, at.share, &key, &card, 1);
        let (by_web, calls) = count_calls(seal).await;
        let by_web = by_web.unwrap();
        assert_eq!(calls, to_seal);
        let by_rust = seal_card(&rust, at.from, at.share, &key, &card, 1).await;
        for jwe in [&by_web, &by_rust.unwrap()] {
            let (opened, calls) = count_calls(open_card(&web, at.from, at.share, &key, jwe)).await;
            assert_eq!(opened.unwrap(), (card.clone(), 1));
            assert_eq!(calls, to_open);
            let opened = open_card(&rust, at.from, at.share, &key, jwe).await;
            assert_eq!(opened.unwrap(), (card.clone(), 1));
        }

        let middle = by_web.len() / 2;
        let other = if &by_web[middle..=middle] == "A" {
            "B"
        } else {
            "A"
        };
        let mut changed = by_web;
        changed.replace_range(middle..=middle, other);
        let error = open_card(&web, at.from, at.share, &key, &changed).await;
        assert_eq!(error.unwrap_err().code(), "record_rejected");
    }
}

#[wasm_bindgen_test]
async fn every_exported_key_is_imported_by_webcrypto() {
    let json = |bytes: &[u8]| JSON::parse(std::str::from_utf8(bytes).unwrap()).unwrap();
    let bytes = |bytes: &[u8]| JsValue::from(Uint8Array::from(bytes));

    for key in [
        RsaKey::make(&engine()).await.unwrap(),
        RsaKey::make(&RustEngine).await.unwrap(),
    ] {
        let jwk = serde_json::to_vec(&key.to_jwk().unwrap()).unwrap();
        import("pkcs8", &bytes(key.pkcs8()), OAEP, &["decrypt"])
            .await
            .unwrap();
        import("jwk", &json(&jwk), OAEP, &["decrypt"])
            .await
            .unwrap();
        import("spki", &bytes(key.public().spki()), OAEP, &["encrypt"])
            .await
            .unwrap();
        let public = serde_wasm_bindgen::to_value(&key.public().to_jwk().unwrap()).unwrap();
        import("jwk", &public, OAEP, &["encrypt"]).await.unwrap();
        let back = RsaPublicKey::from_jwk(&key.public().to_jwk().unwrap()).unwrap();
        assert_eq!(back.spki(), key.public().spki());
        assert_eq!(
            RsaKey::from_jwk(&key.to_jwk().unwrap()).unwrap().pkcs8(),
            key.pkcs8()
        );
    }

    let aes = SymmetricKey::make(&engine()).unwrap();
    let gcm = r#"{"name":"AES-GCM"}"#;
    import("raw", &bytes(aes.as_bytes()), gcm, &["encrypt", "decrypt"])
        .await
        .unwrap();
    import(
        "jwk",
        &json(&aes.to_jwk().unwrap()),
        gcm,
        &["encrypt", "decrypt"],
    )
    .await
    .unwrap();

    let signing = SigningKey::make(&engine()).unwrap();
    let ed25519 = r#"{"name":"Ed25519"}"#;
    import(
        "pkcs8",
        &bytes(&signing.to_pkcs8().unwrap()),
        ed25519,
        &["sign"],
    )
    .await
    .unwrap();
    import("jwk", &json(&signing.to_jwk().unwrap()), ed25519, &["sign"])
        .await
        .unwrap();
    import(
        "raw",
        &bytes(signing.public().as_bytes()),
        ed25519,
        &["verify"],
    )
    .await
    .unwrap();
    import(
        "spki",
        &bytes(&signing.public().to_spki().unwrap()),
        ed25519,
        &["verify"],
    )
    .await
    .unwrap();
    let public = serde_wasm_bindgen::to_value(&signing.public().to_jwk()).unwrap();
    import("jwk", &public, ed25519, &["verify"]).await.unwrap();

    // And the other way round: a broken key is not imported, so the calls above can fail.
    let mut broken = signing.to_pkcs8().unwrap().to_vec();
    broken.truncate(40);
    import("pkcs8", &bytes(&broken), ed25519, &["sign"])
        .await
        .unwrap_err();
}

#[wasm_bindgen_test]
fn texts_are_normalised_alike() {
    for text in ["cafe\u{301}", "Å", "ﬁ", "\u{1100}\u{1161}", ""] {
        assert_eq!(engine().to_nfc(text), RustEngine.to_nfc(text), "{text}");
    }
}
