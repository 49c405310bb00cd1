//! No key and IV twice; and nothing sealed when the source of randomness is broken.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod broken;
mod flows;
mod records;
mod seen;
