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
        let fullest = client_batch + MAX_SHARE_BYTES + MAX_WRITES * MEMBERS;
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
    fn bodies_hold_the_largest_of_each_kind() {
        let text = |bytes: usize| bytes + MEMBERS;
        for largest in [
            text(MAX_CARD_BYTES),
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
        assert!(text(MAX_SHARE_BYTES).max(MAX_WRITES * space) <= MAX_WRITES_BODY_BYTES);
        let identity_token = 16 << 10;
        assert!(text(4 * MAX_ACCOUNT_KEY_BYTES + identity_token) <= MAX_OPEN_BODY_BYTES);
    }
}
