//! A watch over the generator of random numbers, after the repetition test of NIST SP 800-90B, section 4.4.1.
//!
//! It finds a generator that stands still: one that gives zeros, a constant, or its last output again. Such a thing is a
//! stand-in that was left in a page, or a platform that has none. It says nothing about how good the others are.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Engine, Finished, Gcm, Operation};
use crate::error::{Error, Result};

/// The size of a draw. Two equal ones come by chance once in 2^256 draws, two equal halves in 2^128.
const BLOCK_BYTES: usize = 32;

/// The last draw, as a digest, because it may have become a key.
#[derive(Default)]
pub(crate) struct Watch {
    last: Cell<Option<[u8; 32]>>,
    broken: Cell<bool>,
}

impl Watch {
    /// Fills `buffer` from `draw`, if that does not repeat itself. Once it did, nothing is drawn any more.
    pub(crate) fn fill(
        &self,
        buffer: &mut [u8],
        draw: impl Fn(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        if self.last.get().is_none() {
            // So that the first draw of all has one to be compared with.
            self.draw(&draw)?;
        }
        for chunk in buffer.chunks_mut(BLOCK_BYTES) {
            let block = self.draw(&draw)?;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }

    fn draw(&self, draw: impl Fn(&mut [u8]) -> Result<()>) -> Result<Zeroizing<[u8; BLOCK_BYTES]>> {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        draw(&mut block[..])?;
        let digest = Sha256::digest(&block[..]).into();
        let (first, second) = block.split_at(BLOCK_BYTES / 2);
        let repeats = first == second || self.last.replace(Some(digest)) == Some(digest);
        if repeats || self.broken.get() {
            self.broken.set(true);
            return Err(Error::NoRandomness);
        }
        Ok(block)
    }
}

/// An engine whose generator is watched; clones are watched together.
#[derive(Clone)]
pub struct Watched<E> {
    engine: E,
    watch: Rc<Watch>,
}

impl<E> Watched<E> {
    /// Watches the generator of `engine` from now on.
    pub fn new(engine: E) -> Self {
        Self {
            engine,
            watch: Rc::default(),
        }
    }
}

impl<E> fmt::Debug for Watched<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl<E: Engine> Engine for Watched<E> {
    type PrivateKey = E::PrivateKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        self.watch
            .fill(buffer, |block| self.engine.fill_random(block))
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        self.engine.to_nfc(text)
    }

    fn to_lowercase(&self, text: &str) -> String {
        self.engine.to_lowercase(text)
    }

    fn makes_keys_aside(&self) -> bool {
        self.engine.makes_keys_aside()
    }

    fn make_rsa_key(&self) -> impl Future<Output = Result<Zeroizing<Vec<u8>>>> {
        self.engine.make_rsa_key()
    }

    fn import_rsa_key(&self, pkcs8: &[u8]) -> impl Future<Output = Result<E::PrivateKey>> {
        self.engine.import_rsa_key(pkcs8)
    }

    fn rsa_encrypt(&self, spki: &[u8], plaintext: &[u8]) -> impl Future<Output = Result<Vec<u8>>> {
        self.engine.rsa_encrypt(spki, plaintext)
    }

    fn rsa_decrypt(
        &self,
        key: &E::PrivateKey,
        ciphertext: &[u8],
    ) -> impl Future<Output = Result<Zeroizing<Vec<u8>>>> {
        self.engine.rsa_decrypt(key, ciphertext)
    }

    fn gcm(&self, job: Gcm<'_>) -> impl Future<Output = Result<Vec<u8>>> {
        self.engine.gcm(job)
    }

    fn is_signed(
        &self,
        key: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> impl Future<Output = Option<bool>> {
        self.engine.is_signed(key, message, signature)
    }

    fn stretch(
        &self,
        passphrase: &[u8],
        salt: &[u8; 16],
    ) -> impl Future<Output = Result<Zeroizing<Vec<u8>>>> {
        self.engine.stretch(passphrase, salt)
    }

    fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> impl Future<Output = Result<Finished>> {
        self.engine
            .finish_opaque(operation, state, passphrase, response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws numbers of the script, one block after the other.
    fn watched(script: &[u8]) -> (Watch, impl Fn(&mut [u8]) -> Result<()>) {
        let script: Vec<u8> = script.to_vec();
        let next = Cell::new(0);
        let draw = move |block: &mut [u8]| {
            let number = script[next.replace(next.get() + 1)];
            for (byte, add) in block.iter_mut().zip(0..) {
                *byte = number.wrapping_add(add);
            }
            Ok(())
        };
        (Watch::default(), draw)
    }

    #[test]
    fn what_is_drawn_comes_through() {
        let (watch, draw) = watched(&[1, 40, 80, 120]);
        let mut buffer = [0; 40];
        watch.fill(&mut buffer, &draw).unwrap();
        let expected: Vec<u8> = (40..72).chain(80..88).collect();
        assert_eq!(buffer[..], expected);
        let mut buffer = [0; 12];
        watch.fill(&mut buffer, &draw).unwrap();
        assert_eq!(buffer[..], (120..132).collect::<Vec<u8>>());
    }

    #[test]
    fn a_repetition_ends_it_for_good() {
        for script in [&[5, 5, 6, 7, 8][..], &[5, 6, 6, 7, 8]] {
            let (watch, draw) = watched(script);
            let mut buffer = [0; 64];
            let error = watch.fill(&mut buffer, &draw).unwrap_err();
            assert_eq!(error.code(), "no_randomness");
            assert!(
                !buffer.ends_with(&[7]),
                "nothing of the repetition is given out"
            );
            assert!(
                watch.fill(&mut buffer, &draw).is_err(),
                "not even of a later draw"
            );
        }
    }

    #[test]
    fn the_first_block_of_equal_halves_is_enough() {
        for byte in [0, 0xaa, 0xff] {
            let (watch, draws) = (Watch::default(), Cell::new(0));
            let constant = |block: &mut [u8]| {
                draws.set(draws.get() + 1);
                block.fill(byte);
                Ok(())
            };
            assert!(watch.fill(&mut [0; 10], constant).is_err());
            assert_eq!(draws.get(), 1);
        }
    }

    #[test]
    fn a_failure_is_told_and_a_later_draw_may_do() {
        let watch = Watch::default();
        assert!(
            watch
                .fill(&mut [0; 16], |_| Err(Error::NoRandomness))
                .is_err()
        );
        let (_, draw) = watched(&[1, 2]);
        watch.fill(&mut [0; 16], draw).unwrap();
    }
}
