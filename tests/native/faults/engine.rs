//! An engine for thousands of runs: passphrases are not stretched, and RSA keys are made once.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Mutex;

use vouchsafe::Result;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Finished, Operation};
use zeroize::Zeroizing;

use crate::support::{Hooked, Hooks, opaque};

/// Every stage hands out the same keys, in the same order.
static KEYS: Mutex<Vec<Zeroizing<Vec<u8>>>> = Mutex::new(Vec::new());

pub type Quick = Hooked<Shortcuts>;

#[derive(Clone, Debug)]
pub struct Shortcuts {
    keys: Rc<Cell<usize>>,
}

impl Quick {
    /// `keys` counts the RSA keys that were handed out on a stage: no two publications there have the same.
    pub fn new(keys: Rc<Cell<usize>>) -> Self {
        Hooked(Shortcuts { keys })
    }
}

impl Hooks for Shortcuts {
    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        let number = self.keys.replace(self.keys.get() + 1);
        loop {
            if let Some(key) = KEYS.lock().unwrap().get(number) {
                return Ok(key.clone());
            }
            let made = RustEngine.make_rsa_key().await?;
            KEYS.lock().unwrap().push(made);
        }
    }

    async fn finish_opaque(
        &self,
        operation: Operation,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        opaque::finish(operation, state, passphrase, response)
    }
}
