//! A second, small writer and reader of compact JWE and JWS that has nothing from `src`: it takes any header and any
//! plaintext, so that tests can make what the client never would.

use hpke::aead::AesGcm256;
use hpke::kdf::KdfShake256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, PskBundle, Serializable};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::Signer;
use serde_json::Value;

pub fn to_base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

pub fn from_base64url(text: &str) -> Vec<u8> {
    BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Encrypts under `key` with this very header; `wrapped` is the second part.
pub fn seal(key: &[u8; 32], header: &str, wrapped: &[u8], plaintext: &[u8]) -> String {
    let header = to_base64url(header.as_bytes());
    let iv = random::<12>();
    let payload = Payload {
        msg: plaintext,
        aad: header.as_bytes(),
    };
    let sealed = Aes256Gcm::new_from_slice(key)
        .unwrap()
        .encrypt(&Nonce::from(iv), payload)
        .unwrap();
    let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
    [wrapped, &iv, ciphertext, tag]
        .iter()
        .fold(header, |text, part| {
            format!("{text}.{}", to_base64url(part))
        })
}

/// Decrypts with `key`, whatever the header says.
pub fn open(key: &[u8; 32], jwe: &str) -> Option<Vec<u8>> {
    let parts: Vec<&str> = jwe.split('.').collect();
    let mut sealed = from_base64url(parts[3]);
    sealed.extend(from_base64url(parts[4]));
    let iv: [u8; 12] = from_base64url(parts[2]).try_into().ok()?;
    let payload = Payload {
        msg: &sealed,
        aad: parts[0].as_bytes(),
    };
    Aes256Gcm::new_from_slice(key)
        .unwrap()
        .decrypt(&Nonce::from(iv), payload)
        .ok()
}

/// Seals with HPKE in PSK mode for a public X-Wing key, with this very header, which holds `psk_id` or does not.
pub fn seal_hpke(
    key: &[u8],
    header: &str,
    (psk, psk_id): (&[u8], &[u8]),
    plaintext: &[u8],
) -> String {
    let header = to_base64url(header.as_bytes());
    let key = <XWing as Kem>::PublicKey::from_bytes(key).unwrap();
    let mode = OpModeS::Psk(PskBundle::new(psk, psk_id).unwrap());
    let (enc, sealed) = hpke::single_shot_seal_with_rng::<AesGcm256, KdfShake256, XWing>(
        &mode,
        &key,
        &[],
        plaintext,
        header.as_bytes(),
        &mut rsa::rand_core::UnwrapErr(getrandom::SysRng),
    )
    .unwrap();
    format!(
        "{header}.{}..{}.",
        to_base64url(&enc.to_bytes()),
        to_base64url(&sealed)
    )
}

/// Opens HPKE in PSK mode with an X-Wing seed, whatever the header says.
pub fn open_hpke(seed: &[u8], (psk, psk_id): (&[u8], &[u8]), jwe: &str) -> Option<Vec<u8>> {
    let parts: Vec<&str> = jwe.split('.').collect();
    let key = <XWing as Kem>::PrivateKey::from_bytes(seed).unwrap();
    let enc = <XWing as Kem>::EncappedKey::from_bytes(&from_base64url(parts[1])).ok()?;
    let mode = OpModeR::Psk(PskBundle::new(psk, psk_id).ok()?);
    hpke::single_shot_open::<AesGcm256, KdfShake256, XWing>(
        &mode,
        &key,
        &enc,
        &[],
        &from_base64url(parts[3]),
        parts[0].as_bytes(),
    )
    .ok()
}

/// The `psk_id` in a header, if there is one that is base64url.
pub fn psk_id_of(header: &str) -> Option<Vec<u8>> {
    let (_, rest) = header.split_once(r#""psk_id":""#)?;
    let (psk_id, _) = rest.split_once('"')?;
    BASE64URL_NOPAD.decode(psk_id.as_bytes()).ok()
}

/// The decoded header of a JWE or JWS.
pub fn header_of(compact: &str) -> String {
    let (head, _) = compact.split_once('.').unwrap();
    String::from_utf8(from_base64url(head)).unwrap()
}

pub fn header_value(compact: &str) -> Value {
    serde_json::from_str(&header_of(compact)).unwrap()
}

/// Signs with this very header. `jwk` is a private Ed25519 JWK.
pub fn sign(jwk: &[u8], header: &str, payload: &[u8]) -> String {
    let jwk: Value = serde_json::from_slice(jwk).unwrap();
    let seed: [u8; 32] = from_base64url(jwk["d"].as_str().unwrap())
        .try_into()
        .unwrap();
    let signed = format!(
        "{}.{}",
        to_base64url(header.as_bytes()),
        to_base64url(payload)
    );
    let signature = ed25519_dalek::SigningKey::from_bytes(&seed).sign(signed.as_bytes());
    format!("{signed}.{}", to_base64url(&signature.to_bytes()))
}

/// The payload of a JWS, unverified.
pub fn payload_of(jws: &str) -> Vec<u8> {
    from_base64url(jws.split('.').nth(1).unwrap())
}

/// Fills with spaces up to `length`.
pub fn pad(json: &[u8], length: usize) -> Vec<u8> {
    let mut padded = json.to_vec();
    padded.resize(length, b' ');
    padded
}

/// Fills with spaces to the power of two that the client would choose.
pub fn pad_to_class(json: &[u8]) -> Vec<u8> {
    pad(json, json.len().max(512).next_power_of_two())
}
