//! The client's native tests, in one program: what it promises, against the real server over HTTP wherever that matters.
//!
//! `--test native flows` runs one module, `--test native flows::sharing` one file.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod support;

mod envelopes;
mod faults;
mod flows;
mod foreign;
mod hostile;
mod layers;
mod nonces;
mod races;
mod record_account;
mod secrecy;
mod secrets;
mod wire_client;
