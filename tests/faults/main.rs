//! Every flow, broken off at each of its requests and taken up again. What people then see is what they would
//! have seen without the break.
//!
//! `VOUCHSAFE_FLOWS=Share,ReadShare` takes these flows alone.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod cuts;
mod engine;
mod flow;
mod line;
mod look;
mod scene;
mod stage;
