//! Compact JWS (RFC 7515) with EdDSA (RFC 8037), read as strictly as the envelopes: the expected header is built and
//! compared, never interpreted.

use super::base64url::{from_base64url, from_base64url_exact, to_base64url};
use super::keys::{SigningKey, VerifyingKey};
use crate::error::{Error, Result};

fn header(typ: &str, kid: &str) -> String {
    to_base64url(format!(r#"{{"alg":"EdDSA","typ":"{typ}","kid":"{kid}"}}"#).as_bytes())
}

/// Signs `payload` as a record of the kind `typ`.
pub(crate) fn sign(key: &SigningKey, typ: &str, payload: &[u8]) -> String {
    let signed = format!(
        "{}.{}",
        header(typ, key.public().kid()),
        to_base64url(payload)
    );
    let signature = to_base64url(&key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The payload, if it is of the kind `typ` and signed by `key`.
pub(crate) fn verify(key: &VerifyingKey, typ: &str, jws: &str) -> Result<Vec<u8>> {
    let (signed, signature) = jws.rsplit_once('.').ok_or(Error::RecordRejected)?;
    let (head, payload) = signed.split_once('.').ok_or(Error::RecordRejected)?;
    if head != header(typ, key.kid()) {
        return Err(Error::RecordRejected);
    }
    key.verify(signed.as_bytes(), &*from_base64url_exact(signature)?)?;
    from_base64url(payload)
}
