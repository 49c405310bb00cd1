//! Compact JWS (RFC 7515) with EdDSA (RFC 8037), read as strictly as the envelopes: the expected header is built and
//! compared, never interpreted.

use zeroize::Zeroizing;

use super::base64url::{
    base64url_len, from_base64url, from_base64url_exact, push_base64url, to_base64url,
};
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
    let (signed, signature) = jws.rsplit_once('.').ok_or(Error::RecordRejected)?;
    let (head, payload) = signed.split_once('.').ok_or(Error::RecordRejected)?;
    if head != header(kind, form, key.kid()) {
        return Err(kind.refusal(head));
    }
    key.verify(signed.as_bytes(), &*from_base64url_exact(signature)?)?;
    from_base64url(payload).map(Zeroizing::new)
}
