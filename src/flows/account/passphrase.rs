//! The checks of a passphrase, and its bytes as OPAQUE takes them.

use zeroize::Zeroizing;

use crate::crypto::engine::Engine;
use crate::crypto::opaque;
use crate::error::{Error, Result};

/// The fewest characters of a passphrase that is to be set. One that was set before may be shorter.
const MIN_NEW_PASSPHRASE_CHARS: usize = 8;
/// The most bytes of any passphrase, as typed, in UTF-8.
const MAX_PASSPHRASE_BYTES: usize = 1000;

/// The bytes of a passphrase, the argument of this name, if it is not absurdly long.
pub(super) fn check_passphrase(
    engine: &impl Engine,
    passphrase: &str,
    argument: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    if passphrase.is_empty() || passphrase.len() > MAX_PASSPHRASE_BYTES {
        return Err(Error::bad_input(format!(
            "A passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes."
        ))
        .in_argument(argument));
    }
    Ok(opaque::passphrase_bytes(engine, passphrase))
}

/// The bytes of a passphrase that is to be set, as the argument of this name.
pub(super) fn check_new_passphrase(
    engine: &impl Engine,
    passphrase: &str,
    argument: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    if passphrase.chars().count() < MIN_NEW_PASSPHRASE_CHARS {
        return Err(Error::bad_input(format!(
            "A passphrase has {MIN_NEW_PASSPHRASE_CHARS} characters or more."
        ))
        .in_argument(argument));
    }
    check_passphrase(engine, passphrase, argument)
}
