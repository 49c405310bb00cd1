//! What is our own: values that were computed with `node:crypto`, and again with Python's `hashlib`, and nothing of ours.

use serde_json::json;
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;
use zeroize::Zeroizing;

use super::Scripted;
use crate::crypto::base64url::{from_base64url_exact, to_base64url};
use crate::crypto::connection_key::ConnectionPublicKey;
use crate::crypto::invitation_link::{LinkSecret, Side};
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::marks::{Kind, Marks, digest_of, marks_id, open_marks, seal_marks};
use crate::crypto::records::passphrase_wrapping_key;
use crate::crypto::recovery_key::RecoveryKey;
use crate::crypto::rsa_key::RsaPublicKey;
use crate::crypto::safety_number::{
    compare_safety_number, derive_safety_number, read_safety_number,
};
use crate::crypto::xwing::XwingPublicKey;
use crate::error::Error;
use crate::ids::Id;

/// The public keys of the first two examples of RFC 8032.
const FIRST: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const SECOND: &str = "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";

const ALICE: &str = "0d6f2a3e-1b4c-4d5e-8f60-718293a4b5c6";
const BOB: &str = "f1e2d3c4-b5a6-4798-8a7b-6c5d4e3f2a1b";

fn recovery_key_of_counting_bytes() -> RecoveryKey {
    let bytes: Vec<u8> = (0..32).collect();
    RecoveryKey::make(&Scripted::new(&bytes)).unwrap()
}

fn verifying(text: &str) -> VerifyingKey {
    VerifyingKey::from_bytes(&from_base64url_exact(text).unwrap()).unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn safety_number() {
    let alice = Id::parse(ALICE).unwrap();
    let bob = Id::parse(BOB).unwrap();
    let (hers, his) = (verifying(FIRST), verifying(SECOND));
    let number = "84667 92211 19219 72490 92611 34672 61394 11401 60457 23845 86705 48757";
    assert_eq!(derive_safety_number((alice, &hers), (bob, &his)), number);
    assert_eq!(derive_safety_number((bob, &his), (alice, &hers)), number);
    for other in [
        derive_safety_number((alice, &his), (bob, &hers)),
        derive_safety_number((alice, &hers), (bob, &hers)),
        derive_safety_number((alice, &hers), (alice, &his)),
    ] {
        assert_ne!(other, number);
    }
    let compare = |typed: &str| {
        let typed = read_safety_number(typed)?;
        compare_safety_number(&typed, number)
    };
    for typed in [
        number,
        &number.replace(' ', ""),
        &number.replace(' ', "-"),
        &number.replace(' ', "\u{a0}"),
        &format!(" \"{number}\".\n"),
    ] {
        assert_eq!(compare(typed), Ok(()), "{typed:?}");
    }
    // What is no number, or mistyped, tells nothing of the keys.
    for typed in [
        "",
        "84667",
        &number[6..],
        &format!("{number} 0"),
        &number.replace('8', "B"),
        &format!("x{number}"),
        &number.replace('6', "\u{666}"),
        &number.replacen("84667", "84676", 1),
        &number.replacen("84667 9", "00000 0", 1),
    ] {
        assert_eq!(compare(typed).unwrap_err().code(), "bad_input", "{typed:?}");
    }
    for typed in [
        derive_safety_number((alice, &hers), (bob, &hers)),
        number.replacen("84667 922", "00000 000", 1),
        "0".repeat(60),
    ] {
        assert_eq!(compare(&typed), Err(Error::SafetyNumberMismatch), "{typed}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn thumbprints() {
    assert_eq!(
        verifying(FIRST).kid(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    let recovery = recovery_key_of_counting_bytes().wrapping_key().unwrap();
    assert_eq!(
        recovery.kid(),
        "0ducHgHoc5jmBOUMODK5NviZI8DT8ir_sQU6MA27LK8"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn the_recovery_key() {
    let key = recovery_key_of_counting_bytes();
    let written = "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFN-HN2K";
    assert_eq!(*key.to_written().unwrap(), written);
    for key in [key, RecoveryKey::from_written(written).unwrap()] {
        assert_eq!(
            to_base64url(&key.verifier().unwrap()),
            "kqWUFS_uTX0v3lIV_KaYmAJBL3TnkRBOXQ49iA54C0U"
        );
        assert_eq!(
            to_base64url(key.wrapping_key().unwrap().as_bytes()),
            "HxwePVCVZkaHXi9W7FiCwGN_A56OL1IrIyff6yYeBfw"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_key_from_the_export_key() {
    let key = passphrase_wrapping_key(&[7; 64]).unwrap();
    assert_eq!(
        to_base64url(key.as_bytes()),
        "-Pw7HPSv8epaYtbSamEv_YdtPNT0MUmud-ZpciPl1uM"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn invitation_token() {
    let secret = LinkSecret::from_text("AAECAwQFBgcICQoLDA0ODw").unwrap();
    let token = secret.token().unwrap();
    assert_eq!(*token.to_text(), "qoX8Ias-U9PbCqEvq_g_oQ");
    assert_eq!(token.hash(), "x_cPvXzz_WDN1iWWmuuzNfMtCwRaDPUxYFuJ6Ndr13g");
}

/// A connection key whose modulus is one byte over and over, and its X-Wing key another: nothing is computed with it here.
fn connection_key((modulus, xwing): (u8, u8)) -> ConnectionPublicKey {
    let jwk = json!({ "e": "AQAB", "kty": "RSA", "n": to_base64url(&[modulus; 384]) });
    let rsa = RsaPublicKey::from_jwk(&serde_json::from_value(jwk).unwrap()).unwrap();
    let xwing = XwingPublicKey::from_bytes(&[xwing; 1216]).unwrap();
    ConnectionPublicKey::new(rsa, xwing).unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn the_acceptance_proof() {
    let secret = LinkSecret::from_text("AAECAwQFBgcICQoLDA0ODw").unwrap();
    let invitation = Id::parse("0197f3a0-5c00-7123-8456-789abcdef012").unwrap();
    let (keys, theirs) = (
        [FIRST, SECOND].map(verifying),
        [(0xc1, 1), (0xd3, 2)].map(connection_key),
    );
    assert_eq!(
        theirs[0].rsa().thumbprint(),
        "ikz3HnpdPKkofmmJMLKOlMuxrHL0A71-rc3SNAxQxCc"
    );
    assert_eq!(
        theirs.each_ref().map(ConnectionPublicKey::id),
        [
            "Sa7zvopp2BCmrvGhJrB7yU9RQlr6PdtzMtsZqbwQxo0",
            "vPZuXKXjYC8gf1wYFF0n7S9I3cVpqmQsZOaYr4JBPiQ"
        ]
    );
    let side = |account, index: usize| Side {
        account: Id::parse(account).unwrap(),
        signing_key: &keys[index],
        connection_key: &theirs[index],
    };
    let proof = secret
        .accept_proof(invitation, side(ALICE, 0), side(BOB, 1))
        .unwrap();
    assert_eq!(
        to_base64url(&proof),
        "-grwX1sjY_JqCTKS9BXLNRaRwSqWZg2a96dMdN6uFqM"
    );
    assert!(
        !secret
            .is_accept_proof(&proof, invitation, side(BOB, 1), side(ALICE, 0))
            .unwrap()
    );
}

/// The example of `docs/protocol.md`, made with Python's `cryptography`.
#[wasm_bindgen_test(unsupported = tokio::test)]
async fn marks() {
    let counting: Vec<u8> = (0..32).collect();
    let bytes = Zeroizing::new(<[u8; 32]>::try_from(&counting[..]).unwrap());
    let vault_key = SymmetricKey::from_bytes(bytes).unwrap();
    let name = "5LLxL0LZmqhFQe4DT2feDtvwRuTVdbqK76hi2A8XiT8";
    assert_eq!(marks_id(&vault_key).unwrap(), name);

    let card = Id::parse("01931f72-3c4d-7f63-a1b2-c3d4e5f60718").unwrap();
    let mut marks = Marks::default();
    let digest = digest_of(b"a card");
    assert!(marks.see(Kind::Card, card, 2, &digest).unwrap());
    let engine = Scripted::new(&counting[..12]);
    let sealed = seal_marks(&engine, &vault_key, &marks).await.unwrap();
    let hash: String = Sha256::digest(&sealed)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let expected = "286956d4461671fec5522734c780de68f9aa1eebfdae1a0bd7008d1e36cae057";
    assert_eq!((sealed.len(), hash.as_str()), (4124, expected));
    let opened = open_marks(&engine, &vault_key, &sealed).await.unwrap();
    assert_eq!(opened, marks);
    let page = include_str!("../../docs/protocol.md");
    for value in [name, expected] {
        assert!(page.contains(value), "{value}");
    }
}
