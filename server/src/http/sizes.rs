//! The largest sizes on the way through a client, a proxy and the server, in bytes of the text that travels.
//!
//! Each step has to let through what the step before it makes:
//!
//! | step | a card | a share |
//! | --- | --- | --- |
//! | the client's padded JSON has at most | 1 MiB | 2 MiB |
//! | signed, a JWS: 4/3 of it, and a header and a signature | | 2.67 MiB |
//! | sealed, a compact JWE: 4/3 of that, and less than 1 KiB | 1.34 MiB | 3.56 MiB |
//! | the server stores at most | [`MAX_CARD_BYTES`] | [`MAX_SHARE_BYTES`] |
//! | a body has at most | [`MAX_BODY_BYTES`] | [`MAX_WRITES_BODY_BYTES`] |
//! | a proxy in front lets through at least | the same, `docs/deploy.md` | the same |
//!
//! An answer has at most [`MAX_ANSWER_BYTES`] and what stands around them: a page of cards or spaces and the answer to a query
//! for shares or spaces end before they would have more, and of everything else so many as may be asked for fit.
//!
//! Files go in parts of [`PART_BYTES`] each, as octets, of which a client, a proxy and the server have one at a time.
//!
//! The client ends a request of several shares with the one that takes it past 8 MiB, so that it has at most 12 MiB; the
//! rest is for clients that send more at once.

/// The largest body of a route that does not say otherwise.
pub(crate) const MAX_BODY_BYTES: usize = 2 << 20;
/// The largest body of a route that anybody may call: a sign-up with an identity token has 33 KiB.
pub(crate) const MAX_OPEN_BODY_BYTES: usize = 64 << 10;
/// The largest body of a route that takes several shares, or several spaces with what their sender keeps of them.
pub(crate) const MAX_WRITES_BODY_BYTES: usize = 32 << 20;

/// The largest card.
pub(crate) const MAX_CARD_BYTES: usize = 3 << 19;
/// The largest share.
pub(crate) const MAX_SHARE_BYTES: usize = 4 << 20;
/// The largest wrapped key of an account, of which a sign-up brings four. They have less than 1 KiB.
pub(crate) const MAX_ACCOUNT_KEY_BYTES: usize = 4 << 10;
/// The largest pair of wrapped private keys of a connection: RSA keys of 3072 bits have 3 to 4 KiB, X-Wing keys 43 bytes.
pub(crate) const MAX_CONNECTION_KEY_BYTES: usize = 8 << 10;
/// The largest private note. The client pads it to 16 KiB at most, and sealed it has 22.
pub(crate) const MAX_NOTE_BYTES: usize = 32 << 10;
/// The largest copy of an encryption space's key, of which a new space brings two. The copy for a peer's connection key
/// has 2.7 KiB, the others less than 1 KiB.
pub(crate) const MAX_SPACE_KEY_BYTES: usize = 4 << 10;
/// The largest record that a sender keeps of a share. The client pads it to 64 KiB at most, and sealed it has 86. A request
/// of [`MAX_WRITES`] spaces fits into [`MAX_WRITES_BODY_BYTES`].
pub(crate) const MAX_SENT_BYTES: usize = 96 << 10;
/// The largest DER form of an RSA key, before it is written as text. Those of 3072 bits have 422.
pub(crate) const MAX_SPKI_BYTES: usize = 1 << 10;
/// The largest statement of a signing key about a public key.
pub(crate) const MAX_STATEMENT_BYTES: usize = 2 << 10;

/// The most shares, or spaces, of one request.
pub(crate) const MAX_WRITES: usize = 200;
/// The most ids of one query.
pub(crate) const MAX_IDS: usize = 200;
/// The most cards whose shares are listed together.
pub(crate) const MAX_TAGS: usize = 50;

/// The parts of a file, each one segment of its ciphertext in Tink's streaming format: all have this size, but for the last one,
/// which may be shorter.
pub(crate) const PART_BYTES: u64 = 1 << 20;
/// The largest body of the route that takes a part of a file.
pub(crate) const MAX_PART_BODY_BYTES: usize = PART_BYTES as usize;
/// The largest file: 5 GiB, which Padmé fills up by nothing (its step there is 64 MiB), as segments. Each ends with a tag, and
/// the first begins with a header.
pub(crate) const MAX_FILE_BYTES: u64 = MAX_CONTENT_BYTES + HEADER_BYTES + MAX_PARTS * TAG_BYTES;
/// The most parts of a file.
pub(crate) const MAX_PARTS: u64 =
    (MAX_CONTENT_BYTES + HEADER_BYTES).div_ceil(PART_BYTES - TAG_BYTES);
/// The most of a file that a reader's answer holds in memory at once.
pub(crate) const READ_BYTES: usize = 256 << 10;
/// The largest list of the digests of a file's parts.
pub(crate) const MAX_DIGESTS_BYTES: usize = 32 * MAX_PARTS as usize;
/// The most files that a card, a share or a link lists.
pub(crate) const MAX_FILES: usize = 100;

/// The largest content of a file.
const MAX_CONTENT_BYTES: u64 = 5 << 30;
/// The header of a file: its length, a salt and the beginning of the nonces.
const HEADER_BYTES: u64 = 1 + 32 + 7;
/// The tag of a segment.
const TAG_BYTES: u64 = 16;

/// The most of an answer's ciphertexts. A page of cards or spaces and an answer to a query for shares or spaces have at
/// least one.
pub(crate) const MAX_ANSWER_BYTES: usize = 8 << 20;
/// The largest answer with one record that is no card, and with the keys that a sign-in gives out.
pub(crate) const MAX_RECORD_BYTES: usize = 48 << 10;
/// The largest list without ciphertexts and keys, and the largest answer with the outcome of each of several writes.
pub(crate) const MAX_LIST_BYTES: usize = MAX_IDS << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// An X-Wing key, before it is written as text.
    const XWING_KEY: usize = 1216;
    /// Room for the members around what is counted: names, ids, numbers, quotes.
    const MEMBERS: usize = 512;
    /// The address of an invitation.
    const ADDRESS: usize = 254;
    /// The files that a record lists, each an id between quotes, and a comma.
    const FILES: usize = MAX_FILES * 39;
    /// The part of a JWE or a JWS beside its content: header, nonce or wrapped key, tag or signature.
    const ENVELOPE: usize = 1 << 10;

    fn base64url(bytes: usize) -> usize {
        (bytes * 4).div_ceil(3)
    }

    #[test]
    fn each_step_lets_through_what_the_step_before_makes() {
        let (client_card, client_share, client_batch) = (1 << 20, 2 << 20, 8 << 20);
        let client_sent = 64 << 10;
        let sealed = |bytes| base64url(bytes) + ENVELOPE;
        assert!(sealed(client_card) <= MAX_CARD_BYTES);
        assert!(sealed(client_sent) <= MAX_SENT_BYTES);
        let signed = base64url(client_share) + ENVELOPE;
        assert!(sealed(signed) <= MAX_SHARE_BYTES);
        // The client sends a batch when it is full, and the share that fills it goes in.
        let fullest = client_batch + MAX_SHARE_BYTES + MAX_WRITES * (MEMBERS + FILES);
        assert!(fullest <= MAX_WRITES_BODY_BYTES);
    }

    #[test]
    fn answers_have_a_bound() {
        let text = |bytes: usize| bytes + MEMBERS;
        let publication =
            text(base64url(MAX_SPKI_BYTES) + base64url(XWING_KEY) + MAX_STATEMENT_BYTES);
        for largest in [
            // What ends early is larger than one of its items.
            MAX_CARD_BYTES,
            MAX_SHARE_BYTES,
            MAX_SPACE_KEY_BYTES + MAX_SENT_BYTES,
            MAX_IDS * text(MAX_CONNECTION_KEY_BYTES + MAX_NOTE_BYTES),
            MAX_IDS * text(2 * publication),
        ] {
            assert!(largest <= MAX_ANSWER_BYTES, "{largest}");
        }
        assert!(MAX_WRITES.max(MAX_IDS) * text(ADDRESS) <= MAX_LIST_BYTES);
        for largest in [
            text(MAX_CONNECTION_KEY_BYTES + MAX_NOTE_BYTES),
            text(2 * publication),
            text(3 * MAX_ACCOUNT_KEY_BYTES),
        ] {
            assert!(largest <= MAX_RECORD_BYTES, "{largest}");
        }
    }

    #[test]
    fn files_have_whole_segments() {
        assert_eq!((MAX_PARTS, MAX_FILE_BYTES), (5_121, 5_368_791_096));
        assert_eq!(MAX_FILE_BYTES.div_ceil(PART_BYTES), MAX_PARTS);
        // Padmé's step there: the largest content is whole steps, and so is not filled up.
        let exponent = MAX_CONTENT_BYTES.ilog2();
        let step = 1 << (exponent - (exponent.ilog2() + 1));
        assert_eq!(MAX_CONTENT_BYTES % step, 0);
        // The ranges of parts, where each second one is missing.
        let range = r#"{"first":5368791095,"last":5368791095},"#.len();
        let ranges = usize::try_from(MAX_PARTS.div_ceil(2)).unwrap() * range;
        assert!(ranges + MEMBERS <= MAX_LIST_BYTES);
    }

    #[test]
    fn bodies_hold_the_largest_of_each_kind() {
        let text = |bytes: usize| bytes + MEMBERS;
        for largest in [
            text(MAX_CARD_BYTES + FILES),
            text(base64url(MAX_DIGESTS_BYTES)),
            // New credentials.
            text(4 * MAX_ACCOUNT_KEY_BYTES),
            text(MAX_CONNECTION_KEY_BYTES + MAX_NOTE_BYTES),
            text(base64url(MAX_SPKI_BYTES) + base64url(XWING_KEY) + MAX_STATEMENT_BYTES),
            // Claims.
            MAX_WRITES * text(MAX_SPACE_KEY_BYTES),
            MAX_IDS * MEMBERS,
        ] {
            assert!(largest <= MAX_BODY_BYTES, "{largest}");
        }
        let space = text(2 * MAX_SPACE_KEY_BYTES + MAX_SENT_BYTES);
        let share = text(MAX_SHARE_BYTES + FILES);
        assert!(share.max(MAX_WRITES * space) <= MAX_WRITES_BODY_BYTES);
        let identity_token = 16 << 10;
        assert!(text(4 * MAX_ACCOUNT_KEY_BYTES + identity_token) <= MAX_OPEN_BODY_BYTES);
    }
}
