//! Values that were computed elsewhere, with `node:crypto` and nothing of ours.

use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Finished, Operation};
use vouchsafe::crypto::invitation_link::LinkSecret;
use vouchsafe::crypto::keys::VerifyingKey;
use vouchsafe::crypto::records::passphrase_wrapping_key;
use vouchsafe::crypto::recovery_key::RecoveryKey;
use vouchsafe::crypto::safety_number::{derive_safety_number, is_same_number};
use vouchsafe::ids::Id;
use vouchsafe::{Error, Result};
use zeroize::Zeroizing;

use crate::jose;

/// The public keys of the first two examples of RFC 8032.
const FIRST: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const SECOND: &str = "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";

fn verifying(text: &str) -> VerifyingKey {
    VerifyingKey::from_bytes(&jose::from_base64url(text).try_into().unwrap()).unwrap()
}

#[test]
fn safety_number() {
    let alice = Id::parse("0d6f2a3e-1b4c-4d5e-8f60-718293a4b5c6").unwrap();
    let bob = Id::parse("f1e2d3c4-b5a6-4798-8a7b-6c5d4e3f2a1b").unwrap();
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
    for typed in [
        number,
        &number.replace(' ', ""),
        &number.replace(' ', "-"),
        &format!(" {number}\n"),
    ] {
        assert!(is_same_number(typed, number), "{typed:?}");
    }
    for typed in [
        "",
        "84667",
        &number[6..],
        &format!("{number} 0"),
        &number.replace('8', "B"),
        &format!("x{number}"),
    ] {
        assert!(!is_same_number(typed, number), "{typed:?}");
    }
}

#[test]
fn thumbprints() {
    assert_eq!(
        verifying(FIRST).kid(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    let recovery = RecoveryKey::make(&Counted).unwrap().wrapping_key().unwrap();
    assert_eq!(
        recovery.kid(),
        "0ducHgHoc5jmBOUMODK5NviZI8DT8ir_sQU6MA27LK8"
    );
}

#[test]
fn recovery_key() {
    let key = RecoveryKey::make(&Counted).unwrap();
    let written = "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFN-HN2K";
    assert_eq!(*key.to_written().unwrap(), written);
    for key in [key, RecoveryKey::from_written(written).unwrap()] {
        assert_eq!(
            jose::to_base64url(&key.verifier().unwrap()),
            "kqWUFS_uTX0v3lIV_KaYmAJBL3TnkRBOXQ49iA54C0U"
        );
        assert_eq!(
            jose::to_base64url(key.wrapping_key().unwrap().as_bytes()),
            "HxwePVCVZkaHXi9W7FiCwGN_A56OL1IrIyff6yYeBfw"
        );
    }
}

#[test]
fn the_key_from_the_export_key() {
    let key = passphrase_wrapping_key(&[7; 64]).unwrap();
    assert_eq!(
        jose::to_base64url(key.as_bytes()),
        "-Pw7HPSv8epaYtbSamEv_YdtPNT0MUmud-ZpciPl1uM"
    );
}

#[test]
fn invitation_token() {
    let secret = LinkSecret::from_text("AAECAwQFBgcICQoLDA0ODw").unwrap();
    let token = secret.token().unwrap();
    assert_eq!(*token.to_text(), "qoX8Ias-U9PbCqEvq_g_oQ");
    assert_eq!(token.hash(), "x_cPvXzz_WDN1iWWmuuzNfMtCwRaDPUxYFuJ6Ndr13g");
}

/// An engine whose random bytes count up from zero.
#[derive(Clone)]
struct Counted;

impl Engine for Counted {
    type PrivateKey = <RustEngine as Engine>::PrivateKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        (0..).zip(buffer).for_each(|(n, byte)| *byte = n);
        Ok(())
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        Err(Error::RecordRejected)
    }

    async fn import_rsa_key(&self, _: &[u8]) -> Result<Self::PrivateKey> {
        Err(Error::RecordRejected)
    }

    async fn rsa_encrypt(&self, _: &[u8], _: &[u8]) -> Result<Vec<u8>> {
        Err(Error::RecordRejected)
    }

    async fn rsa_decrypt(&self, _: &Self::PrivateKey, _: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(Error::RecordRejected)
    }

    async fn finish_opaque(&self, _: Operation, _: &[u8], _: &[u8], _: &[u8]) -> Result<Finished> {
        Err(Error::RecordRejected)
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }
}
