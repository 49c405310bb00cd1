//! Marks: what a device has seen of each record, so that no service can show it something older.
//!
//! A mark holds the newest version of a record and the digest of its ciphertext. An older version is refused, and so is another
//! ciphertext of the same version. All marks of an account are sealed together, under a key from the vault key, and are kept
//! beside the sessions of the browser. [`docs/protocol.md`](../../docs/protocol.md#marks) has the bytes.

use std::cmp::Ordering;
use std::ops::Range;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::base64url::to_base64url;
use super::engine::{Engine, Gcm, IV_BYTES, Way, make_random};
use super::keys::{SymmetricKey, derive};
use crate::error::{Error, Result};
use crate::ids::Id;

const ID_INFO: &str = "vouchsafe/1 marks id";
const KEY_INFO: &str = "vouchsafe/1 marks key";
const CONTEXT: &[u8] = b"vouchsafe/1 marks";

/// The smallest size of the plaintext, in bytes.
const MIN_CLASS_BYTES: usize = 4096;

/// The record's id and kind.
const RECORD: Range<usize> = 0..17;
/// How often a person took older versions than were seen: in that, `u32`, big-endian.
const RESETS: Range<usize> = 17..21;
/// Resets and number, in the order in which they are compared.
const RANK: Range<usize> = 17..29;
const ROW_BYTES: usize = 61;

/// A mark as it is stored: record, resets, number (`u64`, big-endian), digest.
type Row = [u8; ROW_BYTES];

/// The kinds of what is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A card of one's own; the number is its version.
    Card = 1,
    /// A private note; the number is its version.
    Note = 2,
    /// A share; the number is its edition.
    Share = 3,
    /// The other person's keys of a connection that was verified; the number is 1, the digest that of the pin.
    Verified = 4,
    /// What was shared with whom, by the space's id; the number is its version.
    Sent = 5,
    /// A link of one's own; the number is its edition. Its id stands in the link, so that somebody may give it to a share.
    Link = 6,
}

/// The digest of a ciphertext, as a mark holds it.
pub type ContentDigest = [u8; 32];

/// The SHA-256 of a ciphertext as it stands in the answer of a service.
#[must_use]
pub fn digest_of(content: &[u8]) -> ContentDigest {
    Sha256::digest(content).into()
}

fn row_of(kind: Kind, id: Id, number: u64, digest: &ContentDigest) -> Row {
    let mut row = [0; ROW_BYTES];
    row[..16].copy_from_slice(id.as_bytes());
    row[16] = kind as u8;
    row[RESETS.end..RANK.end].copy_from_slice(&number.to_be_bytes());
    row[RANK.end..].copy_from_slice(digest);
    row
}

/// The marks of an account, in the order of [`RECORD`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Marks(Vec<Row>);

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Marks").field(&self.0.len()).finish()
    }
}

impl Marks {
    fn position(&self, row: &Row) -> std::result::Result<usize, usize> {
        self.0
            .binary_search_by(|seen| seen[RECORD].cmp(&row[RECORD]))
    }

    /// Takes a record that a service has served or has stored, and tells whether it is news. One that is older than the mark is
    /// `record_rejected`, and so is another one of the same number.
    pub fn see(&mut self, kind: Kind, id: Id, number: u64, digest: &ContentDigest) -> Result<bool> {
        let mut row = row_of(kind, id, number, digest);
        let position = match self.position(&row) {
            Ok(position) => position,
            Err(position) => {
                self.0.insert(position, row);
                return Ok(true);
            }
        };
        let seen = self.0.get_mut(position).ok_or(Error::RecordRejected)?;
        row[RESETS].copy_from_slice(&seen[RESETS]);
        match row[RANK].cmp(&seen[RANK]) {
            Ordering::Greater => {
                *seen = row;
                Ok(true)
            }
            Ordering::Equal if *seen == row => Ok(false),
            _ => Err(Error::RecordRejected),
        }
    }

    /// Whether the mark has this digest; nothing if there is no mark.
    #[must_use]
    pub fn is_of(&self, kind: Kind, id: Id, digest: &ContentDigest) -> Option<bool> {
        let row = row_of(kind, id, 0, digest);
        let seen = self.0.get(self.position(&row).ok()?)?;
        Some(seen[RANK.end..] == row[RANK.end..])
    }

    /// The number of the mark; 0 if there is none.
    #[must_use]
    pub fn number_of(&self, kind: Kind, id: Id) -> u64 {
        let row = row_of(kind, id, 0, &ContentDigest::default());
        let seen = self.position(&row).ok().and_then(|at| self.0.get(at));
        let number = seen.and_then(|seen| seen[RESETS.end..RANK.end].try_into().ok());
        number.map_or(0, u64::from_be_bytes)
    }

    /// Lets older versions of the record count from now on, and tells whether there was a mark. Keys that were verified stay
    /// the only ones.
    pub fn accept_older(&mut self, id: Id) -> bool {
        let mut found = false;
        for row in &mut self.0 {
            if row[..16] == id.as_bytes()[..] && row[16] != Kind::Verified as u8 {
                let mut resets = [0; 4];
                resets.copy_from_slice(&row[RESETS]);
                let resets = u32::from_be_bytes(resets).saturating_add(1);
                row[RESETS].copy_from_slice(&resets.to_be_bytes());
                row[RESETS.end..].fill(0);
                found = true;
            }
        }
        found
    }

    /// Takes in marks that were stored. Of two the greater one holds; if they are equal but for the digest, the stored one.
    pub fn merge(&mut self, stored: Self) {
        let ours = std::mem::replace(&mut self.0, Vec::with_capacity(stored.0.len()));
        let (mut ours, mut stored) = (ours.iter().peekable(), stored.0.iter().peekable());
        loop {
            let order = match (ours.peek(), stored.peek()) {
                (Some(our), Some(their)) => our[RECORD].cmp(&their[RECORD]),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let our = if order.is_le() { ours.next() } else { None };
            let their = if order.is_ge() { stored.next() } else { None };
            let row = match (our, their) {
                (Some(our), Some(their)) if our[RANK] > their[RANK] => our,
                (_, Some(their)) => their,
                (Some(our), None) => our,
                (None, None) => return,
            };
            self.0.push(*row);
        }
    }

    /// The number of marks (`u32`, big-endian), the marks, and zero bytes up to a power of two.
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let length = 4 + self.0.len() * ROW_BYTES;
        let class = length.max(MIN_CLASS_BYTES).next_power_of_two();
        let mut bytes = Zeroizing::new(Vec::with_capacity(class));
        bytes.extend_from_slice(&(self.0.len() as u32).to_be_bytes());
        bytes.extend_from_slice(self.0.as_flattened());
        bytes.resize(class, 0);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (count, rows) = bytes.split_first_chunk::<4>()?;
        let count = u32::from_be_bytes(*count) as usize;
        let rows: Vec<Row> = rows.as_chunks().0.get(..count)?.to_vec();
        let marks = Self(rows);
        let ascending = marks
            .0
            .windows(2)
            .all(|pair| matches!(pair, [one, next] if one[RECORD] < next[RECORD]));
        (ascending && *marks.to_bytes() == bytes).then_some(marks)
    }
}

/// The name of the entry that holds the account's marks. Without the vault key it names nobody.
pub fn marks_id(vault_key: &SymmetricKey) -> Result<String> {
    Ok(to_base64url(
        &derive::<32>(vault_key.as_bytes(), ID_INFO)?[..],
    ))
}

fn marks_key(vault_key: &SymmetricKey) -> Result<Zeroizing<[u8; 32]>> {
    derive(vault_key.as_bytes(), KEY_INFO)
}

/// Seals the marks: the nonce, then the output of AES-256-GCM.
pub async fn seal_marks(
    engine: &impl Engine,
    vault_key: &SymmetricKey,
    marks: &Marks,
) -> Result<Vec<u8>> {
    let (key, iv) = (marks_key(vault_key)?, make_random::<IV_BYTES>(engine)?);
    let plaintext = marks.to_bytes();
    let sealed = engine.gcm(Gcm {
        way: Way::Encrypt,
        key: &key,
        iv: &iv,
        aad: CONTEXT,
        data: &plaintext,
    });
    let sealed = sealed.await?;
    Ok([&iv[..], &sealed[..]].concat())
}

/// The inverse of [`seal_marks`].
pub async fn open_marks(
    engine: &impl Engine,
    vault_key: &SymmetricKey,
    sealed: &[u8],
) -> Result<Marks> {
    let (iv, data) = sealed
        .split_first_chunk::<IV_BYTES>()
        .ok_or(Error::RecordRejected)?;
    let key = marks_key(vault_key)?;
    let opened = engine.gcm(Gcm {
        way: Way::Decrypt,
        key: &key,
        iv,
        aad: CONTEXT,
        data,
    });
    let opened = Zeroizing::new(opened.await?);
    Marks::from_bytes(&opened).ok_or(Error::RecordRejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(first: u8) -> Id {
        Id::v4([first; 16])
    }

    #[test]
    fn an_older_one_and_another_of_the_same_number_are_refused() {
        let mut marks = Marks::default();
        assert_eq!(
            marks.see(Kind::Card, id(1), 2, &digest_of(b"two")),
            Ok(true)
        );
        assert_eq!(
            marks.see(Kind::Card, id(1), 2, &digest_of(b"two")),
            Ok(false)
        );
        let refused = Err(Error::RecordRejected);
        assert_eq!(marks.see(Kind::Card, id(1), 1, &digest_of(b"one")), refused);
        assert_eq!(
            marks.see(Kind::Card, id(1), 2, &digest_of(b"fork")),
            refused
        );
        assert_eq!(
            marks.see(Kind::Card, id(1), 300, &digest_of(b"later")),
            Ok(true)
        );
        assert_eq!(
            marks.see(Kind::Card, id(1), 299, &digest_of(b"two")),
            refused
        );
        // Whoever chooses the same id for another kind of record does no harm.
        assert_eq!(
            marks.see(Kind::Share, id(1), 1, &digest_of(b"share")),
            Ok(true)
        );
        assert_eq!(
            marks.see(Kind::Card, id(2), 1, &digest_of(b"other")),
            Ok(true)
        );
    }

    #[test]
    fn a_person_can_accept_older_ones() {
        let mut marks = Marks::default();
        marks
            .see(Kind::Note, id(1), 7, &digest_of(b"seven"))
            .unwrap();
        marks
            .see(Kind::Verified, id(1), 1, &digest_of(b"keys"))
            .unwrap();
        let before = marks.clone();
        assert!(!marks.accept_older(id(2)));
        assert!(marks.accept_older(id(1)));
        assert_eq!(
            marks.see(Kind::Note, id(1), 3, &digest_of(b"three")),
            Ok(true)
        );
        let refused = Err(Error::RecordRejected);
        assert_eq!(marks.see(Kind::Note, id(1), 2, &digest_of(b"two")), refused);
        assert_eq!(
            marks.is_of(Kind::Verified, id(1), &digest_of(b"keys")),
            Some(true)
        );
        assert_eq!(
            marks.is_of(Kind::Verified, id(1), &digest_of(b"others")),
            Some(false)
        );
        assert_eq!(
            marks.is_of(Kind::Verified, id(2), &digest_of(b"keys")),
            None
        );
        // What was accepted holds against marks of before.
        let after = marks.clone();
        marks.merge(before);
        assert_eq!(marks, after);
    }

    #[test]
    fn marks_merge_by_their_maximum_and_the_stored_one_stays() {
        let (mut ours, mut stored) = (Marks::default(), Marks::default());
        for (record, number) in [(1, 1), (2, 5), (4, 3)] {
            ours.see(Kind::Card, id(record), number, &digest_of(b"ours"))
                .unwrap();
        }
        for (record, number) in [(0, 1), (2, 4), (3, 1), (4, 3), (5, 1)] {
            stored
                .see(Kind::Card, id(record), number, &digest_of(b"stored"))
                .unwrap();
        }
        ours.merge(stored);
        let of =
            |record: u8, content: &[u8]| ours.is_of(Kind::Card, id(record), &digest_of(content));
        for record in [0, 3, 4, 5] {
            assert_eq!(of(record, b"stored"), Some(true), "{record}");
        }
        for record in [1, 2] {
            assert_eq!(of(record, b"ours"), Some(true), "{record}");
        }
        assert_eq!(ours.0.len(), 6);
        assert!(Marks::from_bytes(&ours.to_bytes()).unwrap() == ours);
    }

    #[test]
    fn bytes_have_one_form_and_tell_their_class_alone() {
        let mut marks = Marks::default();
        let mut classes = Vec::new();
        for number in 0..200 {
            let bytes = marks.to_bytes();
            assert!(Marks::from_bytes(&bytes).unwrap() == marks);
            classes.push(bytes.len());
            marks
                .see(Kind::Card, id(number), 1, &digest_of(b"card"))
                .unwrap();
        }
        classes.dedup();
        assert_eq!(classes, [4096, 8192, 16384]);

        let good = marks.to_bytes();
        let mut wrong = vec![Vec::new(), good[1..].to_vec(), good[..8192].to_vec()];
        wrong.push([&good[..], &good[..]].concat());
        for place in [0, 3, 4, 65, good.len() - 1] {
            let mut bytes = good.to_vec();
            bytes[place] ^= 0xff;
            wrong.push(bytes);
        }
        for bytes in wrong {
            assert!(Marks::from_bytes(&bytes).is_none());
        }
    }
}
