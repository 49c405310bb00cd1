//! Published test vectors, and values that were computed elsewhere, through the client's own functions: natively, and in
//! a browser with both engines.
//!
//! These are unit tests of `crypto`, because what is raw in there is not public. Every case of a set is run, or refused,
//! or counted with the reason why it is not ours; all three numbers are asserted, so that a new version of a set is
//! looked at.

#![allow(clippy::unwrap_used, reason = "tests")]

mod account;
mod aes_gcm;
mod ed25519;
mod filed;
mod forms;
mod hkdf;
mod jose;
mod link;
mod live;
mod opaque;
mod ours;
mod plain_text;
mod rsa_oaep;
mod xwing;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::crypto::engine::rust::RustEngine;
use crate::crypto::engine::{Engine, Finished, Operation};
use crate::error::{Error, Result};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// The engine of browsers, as far as these tests use it: they finish OPAQUE themselves.
#[cfg(target_arch = "wasm32")]
fn web_engine() -> crate::crypto::engine::web::WebEngine {
    use crate::crypto::engine::web::{WebEngine, Worker};
    WebEngine::new(Worker::new(js_sys::Function::new_no_args(""))).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// Says how much was run.
fn tell(text: &str) {
    #[cfg(target_arch = "wasm32")]
    wasm_bindgen_test::console_log!("{text}");
    #[cfg(not(target_arch = "wasm32"))]
    println!("{text}");
}

/// An engine whose random bytes are those that the vector names, and that does nothing else.
#[derive(Clone)]
struct Scripted(Rc<RefCell<VecDeque<u8>>>);

impl Scripted {
    fn new(bytes: &[u8]) -> Self {
        Self(Rc::new(RefCell::new(bytes.iter().copied().collect())))
    }

    fn is_used_up(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

impl Engine for Scripted {
    type PrivateKey = <RustEngine as Engine>::PrivateKey;

    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        for byte in buffer {
            *byte = self.0.borrow_mut().pop_front().ok_or(Error::NotFound)?;
        }
        Ok(())
    }

    fn to_nfc(&self, text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        Err(Error::NotFound)
    }

    async fn import_rsa_key(&self, _: &[u8]) -> Result<Self::PrivateKey> {
        Err(Error::NotFound)
    }

    async fn rsa_encrypt(&self, _: &[u8], _: &[u8]) -> Result<Vec<u8>> {
        Err(Error::NotFound)
    }

    async fn rsa_decrypt(&self, _: &Self::PrivateKey, _: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(Error::NotFound)
    }

    async fn finish_opaque(
        &self,
        _: Operation<'_>,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<Finished> {
        Err(Error::NotFound)
    }
}
