//! Base64url in its one form: without padding, and with no bits left over.

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Base64url without padding (RFC 4648, section 5).
pub(crate) fn to_base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// The bytes of canonical base64url; other spellings of the same bytes are rejected.
pub(crate) fn from_base64url(text: &str) -> Result<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| Error::RecordRejected)
}

/// As [`from_base64url`], for a fixed length.
pub(crate) fn from_base64url_exact<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>> {
    let bytes = Zeroizing::new(from_base64url(text)?);
    let mut array = Zeroizing::new([0; N]);
    if bytes.len() != N {
        return Err(Error::RecordRejected);
    }
    array.copy_from_slice(&bytes);
    Ok(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_one_form() {
        assert_eq!(from_base64url("_-8").unwrap(), [0xff, 0xef]);
        for other in ["_-9", "_-8=", "/+8", "_-8\n", "_"] {
            assert_eq!(
                from_base64url(other),
                Err(Error::RecordRejected),
                "{other:?}"
            );
        }
    }
}
