//! The client in a real browser: fetch against running services, RSA by WebCrypto.
//!
//! The services' addresses come at compile time; `cargo xtask test` starts them and sets the variables.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod engines;
mod flows;
mod support;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
