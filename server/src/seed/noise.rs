//! Noise of the forms that travel: the same for the same thing, so that both services name it alike.

use uuid::Builder;

use crate::base64url::base64url;

/// The bytes that ciphertexts are cut from.
const POOL_BYTES: u64 = 3 << 18;

/// A source of noise. None of it is a secret.
pub(crate) struct Noise {
    start: u64,
    pool: String,
}

/// The next number, and a number made of it: SplitMix64.
fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut number = *state;
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn fill(mut state: u64, bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        let number = mix(&mut state).to_le_bytes();
        chunk.copy_from_slice(&number[..chunk.len()]);
    }
}

impl Noise {
    pub(super) fn new() -> Self {
        // No two seeds make the same ids.
        let start = u64::from_le_bytes(*crate::http::values::Bytes::<8>::make().as_bytes());
        let mut pool = vec![0; usize::try_from(POOL_BYTES).unwrap_or_default()];
        fill(start, &mut pool);
        Self {
            start,
            pool: base64url(&pool),
        }
    }

    /// A number for one thing of its kind.
    fn of(&self, kind: &str, at: usize) -> u64 {
        let mut state = self.start;
        for byte in kind.bytes() {
            state ^= u64::from(byte);
            mix(&mut state);
        }
        state ^= u64::try_from(at).unwrap_or(u64::MAX);
        mix(&mut state)
    }

    /// The id of an account.
    pub(super) fn account(&self, at: usize) -> String {
        let mut bytes = [0; 16];
        fill(self.of("account", at), &mut bytes);
        Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// The id of a record that was made at this time.
    pub(crate) fn id(&self, kind: &str, at: usize, made_at: i64) -> String {
        let mut bytes = [0; 10];
        fill(self.of(kind, at), &mut bytes);
        let made_at = u64::try_from(made_at).unwrap_or_default();
        let id = Builder::from_unix_timestamp_millis(made_at, &bytes);
        id.into_uuid().to_string()
    }

    /// So many bytes, as text.
    pub(crate) fn bytes(&self, kind: &str, at: usize, count: usize) -> String {
        let mut bytes = vec![0; count];
        fill(self.of(kind, at), &mut bytes);
        base64url(&bytes)
    }

    /// A text of the shape of a compact JWE whose ciphertext has so many letters, a multiple of four.
    pub(crate) fn jwe(&self, kind: &str, at: usize, letters: usize) -> String {
        let nonce = self.bytes(kind, at, 12);
        format!(
            "eyJhbGciOiJkaXIifQ..{nonce}.{}.{nonce}AAAAAA",
            self.letters(kind, at, letters)
        )
    }

    /// A text of the shape of a compact JWS.
    pub(crate) fn jws(&self, kind: &str, at: usize) -> String {
        format!(
            "e30.{}.{}",
            self.letters(kind, at, 200),
            self.bytes(kind, at, 64)
        )
    }

    /// So many letters, a multiple of four, that are base64url.
    pub(crate) fn letters(&self, kind: &str, at: usize, letters: usize) -> &str {
        let places = u64::try_from((self.pool.len() - letters) / 4).unwrap_or(1);
        let place = usize::try_from(self.of(kind, at) % places.max(1)).unwrap_or_default() * 4;
        &self.pool[place..place + letters]
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::http::values::{Bytes, Id, Jwe, Jws};

    #[test]
    fn noise_has_the_forms_that_travel() {
        let noise = Noise::new();
        for at in 0..100 {
            let account = Id::try_from(Cow::from(noise.account(at))).unwrap();
            assert!(account.of_version(4).is_ok());
            let record = noise.id("share", at, 1_800_000_000_000);
            assert_eq!(record, noise.id("share", at, 1_800_000_000_000));
            assert!(
                Id::try_from(Cow::from(record))
                    .unwrap()
                    .of_version(7)
                    .is_ok()
            );
            assert!(Jwe::try_from(Cow::from(noise.jwe("share", at, 400))).is_ok());
            assert!(Jws::try_from(Cow::from(noise.jws("key", at))).is_ok());
            let tag = noise.bytes("tag", at, 16);
            assert!(Bytes::<16>::try_from(Cow::from(tag)).is_ok());
        }
        assert_ne!(noise.account(1), noise.account(2));
        assert_ne!(noise.account(1), Noise::new().account(1));
    }
}
