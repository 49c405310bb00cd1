//! A second, small writer and reader of compact JWE and JWS that has nothing from `src`: it takes any header and any
//! plaintext, so that tests can make what the client never would.

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
    let iv: [u8; 12] = from_base64url(parts[2]).try_into().unwrap();
    let payload = Payload {
        msg: &sealed,
        aad: parts[0].as_bytes(),
    };
    Aes256Gcm::new_from_slice(key)
        .unwrap()
        .decrypt(&Nonce::from(iv), payload)
        .ok()
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
