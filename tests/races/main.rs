//! What happens when two people, or two devices, do the same thing at the same moment: a thousand times each, exactly
//! one effect.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod accept;
mod claim;
mod forging;
mod invite;
mod lab;
mod passphrase;
mod revoke;
#[path = "../support/mod.rs"]
mod support;
