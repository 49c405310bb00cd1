//! Canonical base64url without padding: one spelling for every run of bytes.

use data_encoding::BASE64URL_NOPAD;

/// The text of the bytes.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// The bytes of canonical base64url: no padding, no stray bits at the end.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_canonical() {
        assert_eq!(from_base64url("AQ"), Some(vec![1]));
        for wrong in ["AQ==", "AR", "A", "A Q", "+/+/"] {
            assert!(from_base64url(wrong).is_none(), "{wrong}");
        }
    }
}
