//! Whether SQLite's write-ahead log is as long as it was when it was last written.
//!
//! SQLite takes a log that is gone, or cut short, for one with less in it: the newest writes would be gone without a word. The
//! index beside it (`-shm`; <https://www.sqlite.org/walformat.html#the_wal_index_file_format>) outlives a process that was
//! killed, and says how long the log was. Where both are gone there is nothing to tell it from a database that was closed.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::files;

/// The header, a copy of it, and how much of the log has reached the database.
const INDEX_BYTES: usize = 100;
/// The version of the format.
const INDEX_VERSION: u32 = 3_007_000;
/// The header of the log, and of each frame in it.
const LOG_HEADER_BYTES: u64 = 32;
const FRAME_HEADER_BYTES: u64 = 24;

/// The damage to a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Gone,
    CutShort,
}

/// The part of the index that tells of the log.
struct Index {
    page_bytes: u64,
    frames: u64,
    /// The frames that are in the database already.
    stored: u64,
    salts: [u8; 8],
}

impl Index {
    /// Reads an index. One that was being written when the machine stopped says nothing.
    fn read(bytes: &[u8; INDEX_BYTES]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if bytes[..48] != bytes[48..96] || word(0)? != INDEX_VERSION || bytes[12] == 0 {
            return None;
        }
        let page_bytes = match u16::from_ne_bytes([bytes[14], bytes[15]]) {
            1 => 1 << 16,
            bytes => u64::from(bytes),
        };
        Some(Self {
            page_bytes,
            frames: word(16)?.into(),
            stored: word(96)?.into(),
            salts: bytes[32..40].try_into().ok()?,
        })
    }

    /// The bytes that the log had.
    fn log_bytes(&self) -> u64 {
        LOG_HEADER_BYTES + self.frames * (FRAME_HEADER_BYTES + self.page_bytes)
    }
}

/// Whether the files beside a database are those of one that was closed: none.
pub(super) fn is_closed(database: &Path) -> bool {
    let is_there = |ending| files::beside(database, ending).exists();
    !is_there("-wal") && !is_there("-shm")
}

/// Looks at the files beside a database that nobody has open. In the same boot in which it was open last, the index is right.
/// After a power failure it may be one of before the log was last emptied.
pub(super) fn damage(database: &Path, is_same_boot: bool) -> io::Result<Option<Damage>> {
    let mut index = [0; INDEX_BYTES];
    let found = read(&files::beside(database, "-shm"), &mut index)?;
    let index = found.and_then(|_| Index::read(&index));
    let Some(index) = index.filter(|index| index.frames > index.stored) else {
        return Ok(None);
    };
    let mut header = [0; LOG_HEADER_BYTES as usize];
    let log = files::beside(database, "-wal");
    Ok(match read(&log, &mut header)? {
        None if !log.exists() => Some(Damage::Gone),
        None if is_same_boot => Some(Damage::CutShort),
        Some(bytes) if header[16..24] == index.salts && bytes < index.log_bytes() => {
            Some(Damage::CutShort)
        }
        _ => None,
    })
}

/// Fills the buffer from the file's beginning, and gives the file's length; none where it is not there or shorter.
fn read(file: &Path, buffer: &mut [u8]) -> io::Result<Option<u64>> {
    let mut file = match File::open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.read_exact(buffer) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        read => read.and_then(|()| Ok(Some(file.metadata()?.len()))),
    }
}
