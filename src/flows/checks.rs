//! Checks of arguments that several flows take. A flow checks what its arguments say, before it sends anything; their kinds
//! are checked before they come here, and a record's content where the record is sealed.

use crate::crypto::records::is_plain_text;
use crate::error::{Error, Result};

/// The most bytes of an email address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL_BYTES: usize = 254;
/// The most bytes of a name that one person gives to another.
const MAX_NAME_BYTES: usize = 200;

/// The last time that JavaScript's `Date` knows, in milliseconds since 1970.
const MAX_TIME_MS: i64 = 8_640_000_000_000_000;

/// The longest life of an invitation or a link, in milliseconds: 90 days.
const MAX_OPEN_MS: i64 = 90 * 24 * 3600 * 1000;

/// Checks a time given as the end of something, in milliseconds since 1970.
pub(super) fn check_expiry(expires_at: Option<i64>, now: i64) -> Result<()> {
    check_end(expires_at, now, MAX_TIME_MS)
}

/// The same of an invitation or a link.
pub(super) fn check_open_end(expires_at: Option<i64>, now: i64) -> Result<()> {
    check_end(expires_at, now, now.saturating_add(MAX_OPEN_MS))
}

fn check_end(expires_at: Option<i64>, now: i64, latest: i64) -> Result<()> {
    match expires_at {
        Some(end) if end <= now => Err(Error::bad_input(
            "`expiresAt` is in the past by this device's clock: check both.",
        )),
        Some(end) if end > latest => Err(Error::bad_input(
            "`expiresAt` is too far away: invitations and links last 90 days at most.",
        )),
        _ => Ok(()),
    }
    .map_err(|error| error.in_argument("expiresAt"))
}

/// Checks a name that one person gives to another.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::bad_input(format!(
            "A name has 1 to {MAX_NAME_BYTES} bytes, and not white space alone."
        ))
        .in_argument("name"));
    }
    if !is_plain_text(name) {
        return Err(Error::bad_input(
            "A name is one line of plain text, without characters that are invisible or change its direction.",
        )
        .in_argument("name"));
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
        Err(Error::bad_input("This is not an email address.").in_argument("email"))
    }
}
