//! What people send: the shapes and lengths of the client, with random bytes in them, which no database can pack.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rand_core::{OsRng, RngCore};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Characters of what the client seals: a small card, what a share of it holds, and the keys of both.
pub(crate) mod length {
    pub(crate) const CARD: usize = 967;
    pub(crate) const SHARE: usize = 2543;
    pub(crate) const OWN: usize = 413;
    pub(crate) const PEER: usize = 2671;
    pub(crate) const CLAIM: usize = 416;
    pub(crate) const SENT: usize = 1063;
    pub(crate) const CONNECTION_KEY: usize = 3560;
    pub(crate) const NOTE: usize = 5746;
    pub(crate) const KEK: usize = 332;
    pub(crate) const SIGNING_KEY: usize = 413;
}

/// A time that is far away, in milliseconds.
const A_WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;

pub(crate) fn random(length: usize) -> String {
    let mut bytes = vec![0; length];
    OsRng.fill_bytes(&mut bytes);
    BASE64URL_NOPAD.encode(&bytes)
}

pub(crate) fn v7() -> String {
    Uuid::now_v7().to_string()
}

/// Something of the shape of a compact JWE, as long or a little shorter.
pub(crate) fn jwe(length: usize) -> String {
    let before = format!(
        "{}..{}",
        BASE64URL_NOPAD.encode(br#"{"alg":"dir"}"#),
        random(12)
    );
    let after = random(16);
    let content = length.saturating_sub(before.len() + after.len() + 2).max(4) / 4 * 3;
    format!("{before}.{}.{after}", random(content))
}

/// A key of the right form with a random modulus: its id and the body that publishes it.
pub(crate) fn public_key() -> (String, Value) {
    /// What stands before the modulus of an RSA key of 3072 bits.
    const BEFORE: &[u8] = b"308201a2300d06092a864886f70d01010105000382018f003082018a0282018100";
    let mut modulus = [0; 384];
    OsRng.fill_bytes(&mut modulus);
    modulus[0] |= 0x80;
    modulus[383] |= 1;
    let before = HEXLOWER.decode(BEFORE).unwrap_or_default();
    let spki = [&before[..], &modulus, &[2, 3, 1, 0, 1]].concat();
    let jwk = format!(
        r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#,
        BASE64URL_NOPAD.encode(&modulus)
    );
    let mut xwing = [0; 1216];
    OsRng.fill_bytes(&mut xwing);
    let id = Sha256::new()
        .chain_update("vouchsafe/1 connection key")
        .chain_update(Sha256::digest(jwk))
        .chain_update(xwing)
        .finalize();
    let body = json!({
        "spki": BASE64URL_NOPAD.encode(&spki),
        "xwing": BASE64URL_NOPAD.encode(&xwing),
        "signingKey": { "crv": "Ed25519", "kty": "OKP", "x": random(32) },
        "statement": format!("{}.{}.{}", random(60), random(160), random(64)),
    });
    (BASE64URL_NOPAD.encode(&id), body)
}

/// An invitation by link, and the token that accepts it.
pub(crate) fn invitation(key: &str) -> (Value, String) {
    let token = random(16);
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap_or_default();
    let hash = BASE64URL_NOPAD.encode(&Sha256::digest(bytes));
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let expires_at = i64::try_from(now.as_millis()).unwrap_or_default() + A_WEEK_MS;
    let body = json!({
        "publicKeyId": key, "delivery": "link", "email": null, "tokenHash": hash, "page": null,
        "language": null, "expiresAt": expires_at,
    });
    (body, token)
}

/// A new card.
pub(crate) fn card() -> Value {
    json!({ "card": jwe(length::CARD), "version": 0, "unsettled": false, "files": [] })
}

/// The encryption space of a share, and the share itself.
pub(crate) fn share(connection: &str, recipient: &str) -> (Value, Value) {
    let (id, space) = (v7(), v7());
    let space_body = json!({
        "id": space, "connectionId": connection, "recipient": recipient, "expiresAt": null,
        "own": jwe(length::OWN), "peer": jwe(length::PEER), "share": id, "sent": jwe(length::SENT),
        "tag": random(16), "live": false,
    });
    let share_body = json!({
        "id": id, "connectionId": connection, "spaceId": space, "edition": 1, "expiresAt": null,
        "share": jwe(length::SHARE), "files": [],
    });
    (space_body, share_body)
}
