//! Base64url in its one form: without padding, and with no bits left over.

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Base64url without padding (RFC 4648, section 5).
pub(crate) fn to_base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Appends base64url to a text that has room for it: one that grows leaves copies behind.
pub(crate) fn push_base64url(text: &mut Vec<u8>, bytes: &[u8]) {
    let start = text.len();
    text.resize(start + Base64UrlUnpadded::encoded_len(bytes), 0);
    // The length is the one that was asked for.
    let _ = Base64UrlUnpadded::encode(bytes, &mut text[start..]);
}

/// The length of [`to_base64url`] for so many bytes.
pub(crate) const fn base64url_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
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
    fn base64url_is_appended_where_there_is_room() {
        for length in 0..100 {
            let bytes = vec![0xfb; length];
            let encoded = to_base64url(&bytes);
            assert_eq!(encoded.len(), base64url_len(length));
            let mut text = Vec::with_capacity(1 + encoded.len());
            text.push(b'.');
            let room = text.as_ptr();
            push_base64url(&mut text, &bytes);
            assert_eq!(text, format!(".{encoded}").as_bytes());
            assert_eq!(text.as_ptr(), room);
        }
    }

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
