//! Keys in and out, in the formats of WebCrypto.

use std::collections::BTreeSet;

use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::{BoxedUint, RsaPrivateKey, rand_core::UnwrapErr, traits::PublicKeyParts};
use serde_json::{Value, json};
use vouchsafe::crypto::connection_key::{ConnectionKey, ConnectionPublicKey};
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::{OkpPublicJwk, SigningKey, SymmetricKey, VerifyingKey};
use vouchsafe::crypto::rsa_key::{RsaKey, RsaPublicJwk, RsaPublicKey};
use vouchsafe::crypto::xwing::XwingPublicKey;
use vouchsafe::{Error, Result};
use zeroize::Zeroizing;

use crate::envelopes::case::{KEYS, key};
use crate::support::jose;

fn rejected<R>(result: Result<R>, why: &str) {
    assert_eq!(result.err(), Some(Error::RecordRejected), "{why}");
}

fn jwk(value: &Value) -> RsaPublicJwk {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn rsa_keys_round_trip() {
    let pair = KEYS[0].rsa();
    let public = pair.public();
    assert_eq!(&RsaPublicKey::from_spki(public.spki()).unwrap(), public);
    assert_eq!(
        &RsaPublicKey::from_jwk(&public.to_jwk().unwrap()).unwrap(),
        public
    );
    let again = RsaKey::from_jwk(&pair.to_jwk().unwrap()).unwrap();
    assert_eq!((again.pkcs8(), again.public()), (pair.pkcs8(), public));
    let again = RsaKey::from_pkcs8(Zeroizing::new(pair.pkcs8().to_vec())).unwrap();
    assert_eq!(again.to_jwk().unwrap(), pair.to_jwk().unwrap());
    assert_ne!(public, KEYS[1].rsa().public());
    assert_ne!(public.thumbprint(), KEYS[1].rsa().public().thumbprint());
}

#[test]
fn connection_keys_round_trip() {
    let [key, other] = KEYS.each_ref();
    let again = ConnectionKey::from_json(&key.to_json().unwrap()).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(again.to_json().unwrap(), key.to_json().unwrap());
    let spki = jose::to_base64url(key.public().rsa().spki());
    let xwing = key.public().xwing().to_text();
    assert_eq!(
        &ConnectionPublicKey::from_text(&spki, &xwing).unwrap(),
        key.public()
    );
    // The id is of both halves.
    let (ours, theirs) = (key.public(), other.public());
    let of = |rsa: &ConnectionPublicKey, xwing: &ConnectionPublicKey| {
        let made = ConnectionPublicKey::new(rsa.rsa().clone(), xwing.xwing().clone());
        made.unwrap().id().to_owned()
    };
    assert_eq!(of(ours, ours), ours.id());
    let ids = [
        ours.id().to_owned(),
        of(ours, theirs),
        of(theirs, ours),
        theirs.id().to_owned(),
    ];
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 4);
}

/// FIPS 203, section 7.2: the length, and that every coefficient is below q = 3329.
#[test]
fn encapsulation_keys_are_checked() {
    let good = KEYS[0].public().xwing().as_bytes();
    assert_eq!(good.len(), 1216);
    assert!(XwingPublicKey::from_bytes(good).is_ok());
    for length in [0, 1, 32, 1184, 1215, 1217] {
        let mut other = good.to_vec();
        other.resize(length, 7);
        rejected(XwingPublicKey::from_bytes(&other), &format!("{length}"));
    }
    // Two coefficients of 12 bits lie in three bytes.
    let with = |at: usize, coefficient: u16| {
        let mut key = good.to_vec();
        let [low, high] = coefficient.to_le_bytes();
        let place = at / 2 * 3;
        if at.is_multiple_of(2) {
            key[place] = low;
            key[place + 1] = key[place + 1] & 0xf0 | high;
        } else {
            key[place + 1] = key[place + 1] & 0x0f | low << 4;
            key[place + 2] = low >> 4 | high << 4;
        }
        XwingPublicKey::from_bytes(&key)
    };
    for at in [0, 1, 2, 383, 766, 767] {
        assert!(with(at, 0).is_ok(), "{at}");
        assert!(with(at, 3328).is_ok(), "{at}");
        for large in [3329, 3330, 4095] {
            rejected(with(at, large), &format!("{large} at {at}"));
        }
    }
    let text = KEYS[0].public().xwing().to_text();
    for spelling in [
        format!("{text}="),
        text.replace('-', "+"),
        format!(" {text}"),
    ] {
        if spelling != text {
            rejected(XwingPublicKey::from_text(&spelling), &spelling[..20]);
        }
    }
}

#[test]
fn signing_keys_round_trip() {
    let key = SigningKey::make(&RustEngine).unwrap();
    for again in [
        SigningKey::from_jwk(&key.to_jwk().unwrap()).unwrap(),
        SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap(),
    ] {
        assert_eq!(again.public(), key.public());
        assert_eq!(again.to_jwk().unwrap(), key.to_jwk().unwrap());
    }
    for again in [
        VerifyingKey::from_bytes(key.public().as_bytes()).unwrap(),
        VerifyingKey::from_jwk(&key.public().to_jwk()).unwrap(),
    ] {
        assert_eq!(&again, key.public());
    }
    let spki = key.public().to_spki().unwrap();
    assert_eq!(spki.len(), 44);
    assert_eq!(&spki[12..], key.public().as_bytes());
    assert_eq!(&VerifyingKey::from_spki(&spki).unwrap(), key.public());
    let rsa = KEYS[0].public().rsa().spki().to_vec();
    let mut other_algorithm = spki.clone();
    // Ed448 in place of Ed25519.
    other_algorithm[8] = 0x71;
    let longer = [&spki[..], &[0]].concat();
    for wrong in [
        spki[..43].to_vec(),
        longer,
        rsa,
        other_algorithm,
        Vec::new(),
    ] {
        rejected(VerifyingKey::from_spki(&wrong), &format!("{wrong:x?}"));
    }
}

#[test]
fn symmetric_keys_round_trip() {
    let key = key();
    for again in [
        SymmetricKey::from_jwk(&key.to_jwk().unwrap()).unwrap(),
        SymmetricKey::from_bytes(Zeroizing::new(*key.as_bytes())).unwrap(),
    ] {
        assert_eq!((again.as_bytes(), again.kid()), (key.as_bytes(), key.kid()));
    }
}

#[test]
fn only_3072_bits_and_65537() {
    let mut random = UnwrapErr(getrandom::SysRng);
    let small = RsaPrivateKey::new(&mut random, 2048).unwrap();
    let small_public = rsa::RsaPublicKey::from(&small);
    rejected(
        RsaPublicKey::from_spki(small_public.to_public_key_der().unwrap().as_bytes()),
        "2048 bits",
    );
    let der = small.to_pkcs8_der().unwrap().as_bytes().to_vec();
    rejected(RsaKey::from_pkcs8(Zeroizing::new(der)), "2048 bits");

    let good = serde_json::to_value(KEYS[0].rsa().public().to_jwk().unwrap()).unwrap();
    let modulus = jose::from_base64url(good["n"].as_str().unwrap());
    let number = BoxedUint::from_be_slice_vartime(&modulus);
    for exponent in [3_u64, 17, 65_539] {
        let odd = rsa::RsaPublicKey::new(number.clone(), BoxedUint::from(exponent)).unwrap();
        assert_eq!(odd.size(), 384);
        rejected(
            RsaPublicKey::from_spki(odd.to_public_key_der().unwrap().as_bytes()),
            &format!("exponent {exponent}"),
        );
    }
    let with = |name: &str, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[name] = json!(jose::to_base64url(bytes));
        RsaPublicKey::from_jwk(&jwk(&changed))
    };
    rejected(with("e", &[3]), "exponent 3");
    rejected(with("e", &[0, 1, 0, 1]), "an exponent with a leading zero");
    rejected(with("e", &[]), "no exponent");
    rejected(with("n", &[&[0], &modulus[..]].concat()), "a leading zero");
    rejected(with("n", &[&[1], &modulus[..]].concat()), "3080 bits");
    rejected(with("n", &modulus[1..]), "3064 bits");
    let mut short = modulus.clone();
    short[0] &= 0x7f;
    rejected(with("n", &short), "3071 bits");
    rejected(with("n", &[]), "no modulus");
    let mut other = good.clone();
    other["kty"] = json!("OKP");
    rejected(RsaPublicKey::from_jwk(&jwk(&other)), "kty");
}

#[test]
fn der_has_one_encoding() {
    let spki = KEYS[0].rsa().public().spki();
    let ed25519 = SigningKey::make(&RustEngine).unwrap();
    let mut pss = spki.to_vec();
    let oid = pss
        .windows(9)
        .position(|w| w == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
    pss[oid.unwrap() + 8] = 10;
    // The parameters of rsaEncryption are NULL; here they are left out.
    let null = spki.windows(2).position(|w| w == [0x05, 0]).unwrap();
    let mut bare = [&spki[..null], &spki[null + 2..]].concat();
    assert_eq!((bare[1], bare[5]), (0x82, 0x0d));
    bare[3] -= 2;
    bare[5] = 0x0b;
    let mut unused_bits = spki.to_vec();
    let bits = unused_bits.windows(2).position(|w| w == [0x05, 0]).unwrap() + 2;
    assert_eq!(unused_bits[bits], 0x03);
    unused_bits[bits + 4] = 1;
    for (wrong, why) in [
        ([spki, &[0]].concat(), "more after it"),
        (spki[..spki.len() - 1].to_vec(), "cut"),
        (spki[1..].to_vec(), "cut in front"),
        (Vec::new(), "nothing"),
        (ed25519.public().to_spki().unwrap(), "Ed25519"),
        (pss, "RSA-PSS"),
        (bare, "no parameters"),
        (unused_bits, "unused bits"),
        (vec![0x30, 0x80, 0, 0], "indefinite length"),
        (vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff], "a huge length"),
    ] {
        rejected(RsaPublicKey::from_spki(&wrong), why);
    }
    let pkcs8 = KEYS[0].rsa().pkcs8();
    for (wrong, why) in [
        ([pkcs8, &[0]].concat(), "more after it"),
        (pkcs8[..pkcs8.len() - 1].to_vec(), "cut"),
        (Vec::new(), "nothing"),
        (spki.to_vec(), "a public key"),
        (ed25519.to_pkcs8().unwrap().to_vec(), "Ed25519"),
    ] {
        rejected(RsaKey::from_pkcs8(Zeroizing::new(wrong)), why);
    }
    let good = ed25519.to_pkcs8().unwrap();
    for (wrong, why) in [
        ([&good[..], &[0]].concat(), "more after it"),
        (good[..good.len() - 1].to_vec(), "cut"),
        (Vec::new(), "nothing"),
        (pkcs8.to_vec(), "RSA"),
    ] {
        rejected(SigningKey::from_pkcs8(&wrong), why);
    }
    let mut x25519 = good.to_vec();
    let oid = x25519
        .windows(3)
        .position(|w| w == [0x2b, 0x65, 0x70])
        .unwrap();
    x25519[oid + 2] = 0x6e;
    rejected(SigningKey::from_pkcs8(&x25519), "X25519");
}

#[test]
fn jwks_are_not_mixed_up() {
    let symmetric = key().to_jwk().unwrap();
    let signing = SigningKey::make(&RustEngine).unwrap();
    let public: OkpPublicJwk = signing.public().to_jwk();
    let rsa = serde_json::to_vec(&KEYS[0].rsa().to_jwk().unwrap()).unwrap();
    let connection = KEYS[0].to_json().unwrap();
    rejected(
        SymmetricKey::from_jwk(&signing.to_jwk().unwrap()),
        "signing",
    );
    rejected(SymmetricKey::from_jwk(&rsa), "RSA");
    rejected(SymmetricKey::from_jwk(&connection), "connection");
    rejected(SigningKey::from_jwk(&connection), "connection");
    rejected(SigningKey::from_jwk(&symmetric), "symmetric");
    rejected(
        SigningKey::from_jwk(&serde_json::to_vec(&public).unwrap()),
        "public",
    );
    rejected(ConnectionKey::from_json(&symmetric), "symmetric");
    rejected(ConnectionKey::from_json(&rsa), "RSA alone");
    let public = serde_json::to_vec(&KEYS[0].rsa().public().to_jwk().unwrap()).unwrap();
    rejected(ConnectionKey::from_json(&public), "public");
}

/// Points of small order: a signature for them holds for any message.
#[test]
fn weak_signing_keys_are_rejected() {
    let of_order_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    let mut weak = vec![[0; 32], [0; 32], [0xff; 32]];
    weak[1][0] = 1;
    weak[2][0] = 0xec;
    weak[2][31] = 0x7f;
    weak.push(std::array::from_fn(|n| {
        u8::from_str_radix(&of_order_8[2 * n..2 * n + 2], 16).unwrap()
    }));
    for key in weak {
        rejected(VerifyingKey::from_bytes(&key), &format!("{key:x?}"));
    }
}
