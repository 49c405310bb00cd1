//! Compact JWS (RFC 7515) with EdDSA (RFC 8037), read as strictly as the envelopes: the expected header is built and
//! compared, never interpreted.

use zeroize::Zeroizing;

use super::base64url::{
    base64url_len, from_base64url, from_base64url_exact, push_base64url, to_base64url,
};
use super::engine::Engine;
use super::forms::Kind;
use super::keys::{SigningKey, VerifyingKey};
use crate::error::{Error, Result};

/// The length of a signature of 64 bytes.
const SIGNATURE_CHARS: usize = base64url_len(64);

fn header(kind: Kind, form: u32, kid: &str) -> String {
    let typ = kind.typ(form);
    to_base64url(format!(r#"{{"alg":"EdDSA","typ":"{typ}","kid":"{kid}"}}"#).as_bytes())
}

/// Signs `payload` as a record of this kind. The payload stands in it for all to read, so it is wiped.
pub(crate) fn sign(key: &SigningKey, kind: Kind, payload: &[u8]) -> Result<Zeroizing<String>> {
    let header = header(kind, kind.written, key.public().kid());
    let parts = [header.len(), base64url_len(payload.len()), SIGNATURE_CHARS];
    let mut jws = Zeroizing::new(Vec::with_capacity(parts.iter().sum::<usize>() + 2));
    jws.extend_from_slice(header.as_bytes());
    jws.push(b'.');
    push_base64url(&mut jws, payload);
    let signature = key.sign(&jws);
    jws.push(b'.');
    push_base64url(&mut jws, &signature);
    String::from_utf8(std::mem::take(&mut *jws))
        .map(Zeroizing::new)
        .map_err(|_| Error::RecordRejected)
}

/// The payload, if it is of this kind, in this form, and signed by `key`.
pub(crate) fn verify(
    key: &VerifyingKey,
    kind: Kind,
    form: u32,
    jws: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    let Parts {
        signed,
        payload,
        signature,
    } = parts_of(key, kind, form, jws)?;
    key.verify(signed.as_bytes(), &signature)?;
    decoded(payload)
}

/// As [`verify`], where many are checked: the platform does it, if it can.
pub(crate) async fn verify_by(
    engine: &impl Engine,
    key: &VerifyingKey,
    kind: Kind,
    form: u32,
    jws: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    let Parts {
        signed,
        payload,
        signature,
    } = parts_of(key, kind, form, jws)?;
    check_by(engine, key, signed.as_bytes(), &signature).await?;
    decoded(payload)
}

fn decoded(payload: &str) -> Result<Zeroizing<Vec<u8>>> {
    from_base64url(payload).map(Zeroizing::new)
}

/// Decides as [`VerifyingKey::verify`] does.
pub(crate) async fn check_by(
    engine: &impl Engine,
    key: &VerifyingKey,
    signed: &[u8],
    signature: &[u8; 64],
) -> Result<()> {
    match engine.is_signed(key.as_bytes(), signed, signature).await {
        Some(true) if !has_small_order(signature) && is_below_order(signature) => Ok(()),
        Some(_) => Err(Error::RecordRejected),
        None => key.verify(signed, signature),
    }
}

/// A JWS whose header is as expected.
struct Parts<'a> {
    signed: &'a str,
    payload: &'a str,
    signature: Zeroizing<[u8; 64]>,
}

fn parts_of<'a>(key: &VerifyingKey, kind: Kind, form: u32, jws: &'a str) -> Result<Parts<'a>> {
    let (signed, signature) = jws.rsplit_once('.').ok_or(Error::RecordRejected)?;
    let (head, payload) = signed.split_once('.').ok_or(Error::RecordRejected)?;
    if head != header(kind, form, key.kid()) {
        return Err(kind.refusal(head));
    }
    Ok(Parts {
        signed,
        payload,
        signature: from_base64url_exact(signature)?,
    })
}

/// Whether S is below the order of the group: else it is a second spelling.
fn is_below_order(signature: &[u8; 64]) -> bool {
    signature[32..].iter().rev().lt(ORDER.iter().rev())
}

/// The order of the group (RFC 8032, section 5.1), little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Whether `R` is one of the eight points of small order, in any encoding: its y, without the sign of x. Of a signature by
/// whoever keeps to RFC 8032 it never is.
fn has_small_order(signature: &[u8; 64]) -> bool {
    let mut y = [0; 32];
    y.copy_from_slice(&signature[..32]);
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

/// A number below 2^255 whose bytes between the first and the last are all alike.
const fn number(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    (bytes[0], bytes[31]) = (first, last);
    bytes
}

/// The y of the four points of order 8: two of this one, and two of its negative.
const EIGHTH: [u8; 32] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
    0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
];
const MINUS_EIGHTH: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
    0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
];

/// The y of the points of small order: of order 1, 2 and 4, those whose encodings are not below p = 2^255 - 19, and of order 8.
const SMALL_ORDER: [[u8; 32]; 7] = [
    number(1, 0, 0),
    number(0xec, 0xff, 0x7f),
    number(0, 0, 0),
    number(0xed, 0xff, 0x7f),
    number(0xee, 0xff, 0x7f),
    EIGHTH,
    MINUS_EIGHTH,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_large_as_the_order_is_refused() {
        let mut signature = [0; 64];
        assert!(is_below_order(&signature));
        signature[32..].copy_from_slice(&ORDER);
        assert!(!is_below_order(&signature));
        for (place, byte) in [(32, 0xec), (62, 0), (63, 0x0f)] {
            let before = std::mem::replace(&mut signature[place], byte);
            assert_eq!(is_below_order(&signature), byte < before, "{place}");
            signature[place] = before;
        }
        signature[62] = 1;
        assert!(!is_below_order(&signature));
    }

    /// Dalek reads points as this module may not: whether one is of small order.
    #[test]
    fn the_points_of_small_order_are_these() {
        for y in SMALL_ORDER {
            let point = ed25519_dalek::VerifyingKey::from_bytes(&y).unwrap();
            assert!(point.is_weak(), "{y:02x?}");
            for sign in [0, 0x80] {
                let mut signature = [7; 64];
                signature[..32].copy_from_slice(&y);
                signature[31] |= sign;
                assert!(has_small_order(&signature), "{y:02x?}");
            }
        }
        let mut all = SMALL_ORDER.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), SMALL_ORDER.len());
        for other in 2..=255 {
            let y = number(other, 0, 0);
            let is_weak =
                ed25519_dalek::VerifyingKey::from_bytes(&y).is_ok_and(|point| point.is_weak());
            assert!(!is_weak && !SMALL_ORDER.contains(&y), "{other}");
        }
    }
}
