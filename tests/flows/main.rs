//! Every flow against the real server over HTTP.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod aborting;
mod accounts;
mod cards;
mod connecting;
mod credentials;
mod deletion;
mod identities;
mod live;
mod persist;
mod recipients;
mod recovery;
mod retries;
mod sharing;
mod two_processes;
