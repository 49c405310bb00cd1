//! Files as cards name them: with what decrypts one, and what proves each byte of it.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::plain_text::is_plain_text;
use crate::crypto::base64url::from_base64url_exact;
use crate::error::{Error, Result};
use crate::ids::Id;

/// The most bytes of a file: 5 GiB.
const MAX_BYTES: u64 = 5 * (1 << 30);
/// The most bytes of a file's name.
const MAX_NAME_BYTES: usize = 1000;
/// The most bytes of a media type.
const MAX_TYPE_BYTES: usize = 255;

/// A file that a card names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct FileRef {
    /// The file.
    #[zeroize(skip)]
    pub id: Id,
    /// The words that people read, 1 to 1000 bytes.
    pub name: String,
    /// The media type, 1 to 255 characters of ASCII.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The bytes of the file itself, at most 5 GiB.
    pub size: u64,
    /// The key, 32 bytes in base64url.
    pub key: String,
    /// SHA-256 over those of the encrypted segments, in base64url.
    pub digest: String,
}

impl std::fmt::Debug for FileRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileRef")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl FileRef {
    /// Whether a card may name it; else the member at fault.
    pub(super) fn check(&self) -> std::result::Result<(), (&'static str, Error)> {
        check_name(&self.name).map_err(|error| ("name", error))?;
        check_media_type(&self.media_type).map_err(|error| ("type", error))?;
        if self.size > MAX_BYTES {
            let text = format!("A file has at most {MAX_BYTES} bytes.");
            return Err(("size", Error::bad_input(text)));
        }
        for (member, text) in [("key", &self.key), ("digest", &self.digest)] {
            if from_base64url_exact::<32>(text).is_err() {
                let text = "This is not what `addFile()` gave: 32 bytes in base64url.";
                return Err((member, Error::bad_input(text)));
            }
        }
        Ok(())
    }
}

/// Whether a card may name a file of this name and media type.
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub(crate) fn check_file(name: &str, media_type: &str) -> Result<()> {
    check_name(name).map_err(|error| error.in_argument("name"))?;
    check_media_type(media_type).map_err(|error| error.in_argument("type"))
}

/// Whether a file may have this name.
fn check_name(name: &str) -> Result<()> {
    let fits = !name.trim().is_empty() && name.len() <= MAX_NAME_BYTES;
    if fits && is_plain_text(name) {
        return Ok(());
    }
    Err(Error::bad_input(format!(
        "A file's name has 1 to {MAX_NAME_BYTES} bytes, not white space alone, on one line of plain text, without characters that are invisible or change its direction."
    )))
}

/// Whether a file may have this media type.
fn check_media_type(media_type: &str) -> Result<()> {
    let fits = (1..=MAX_TYPE_BYTES).contains(&media_type.len());
    if fits && media_type.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    Err(Error::bad_input(format!(
        "A media type has 1 to {MAX_TYPE_BYTES} characters of ASCII, such as image/png."
    )))
}
