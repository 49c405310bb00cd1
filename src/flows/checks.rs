//! Checks of arguments that several flows take.

use crate::error::{Error, Result};

/// The most bytes of an email address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL_BYTES: usize = 254;
/// The most bytes of a name that one person gives to another.
const MAX_NAME_BYTES: usize = 200;

/// Checks a time given as the end of something.
pub(super) fn check_expiry(expires_at: Option<i64>, now: i64) -> Result<()> {
    if expires_at.is_some_and(|end| end <= now) {
        return Err(Error::bad_input("`expiresAt` is in the past."));
    }
    Ok(())
}

/// Checks a name that one person gives to another.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::bad_input(format!(
            "A name has 1 to {MAX_NAME_BYTES} bytes."
        )));
    }
    Ok(())
}

/// The address, if it can be one.
pub(super) fn check_email(email: &str) -> Result<String> {
    let email = email.trim();
    let plausible = email.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.bytes().any(|byte| byte == b'@')
    });
    let plain = !email
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control());
    if plausible && plain && email.len() <= MAX_EMAIL_BYTES {
        Ok(email.to_owned())
    } else {
        Err(Error::bad_input("This is not an email address."))
    }
}
