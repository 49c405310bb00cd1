//! Every record against every change that somebody without the key, or with it, could make.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod case;
mod jose;

mod changed;
mod insides;
mod key_formats;
mod publication;
mod secrecy;
mod sizes;
