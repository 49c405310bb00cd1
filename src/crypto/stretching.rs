//! The stretching of passphrases: Argon2id (RFC 9106), version 0x13, with 64 MiB, 3 passes and one lane.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The memory, in KiB.
const MEMORY_KIB: u32 = 64 * 1024;
/// The passes over it.
const PASSES: u32 = 3;

/// Fills `output`. It takes about a quarter of a second: in a browser this belongs in a worker.
pub(super) fn stretch_into(
    passphrase: &[u8],
    salt: &[u8; 16],
    output: &mut [u8],
) -> Result<(), argon2::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(output.len()))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, output)
}

/// The 32 bytes that a passphrase gives with this salt.
pub fn stretch(passphrase: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(vec![0; 32]);
    stretch_into(passphrase, salt, &mut output)
        .map_err(|_| Error::bad_input("This passphrase cannot be stretched."))?;
    Ok(output)
}
