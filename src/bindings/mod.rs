//! JS calls arrive: the only folder that exports to JavaScript. No logic lives here: convert in, call one flow,
//! convert out.
//!
//! Each exported method clones its handle before the promise begins, so that calls may overlap and JavaScript may free
//! the object while one runs.
//!
//! An argument is checked once. The package's JavaScript checks its kind, refuses members that nobody asked for, and says
//! which members go together, because it alone knows what was written. The flow, or the record that it ends in, checks
//! what it says: bounds, times, forms of addresses and links. Here is neither: a value of another kind than JavaScript let
//! through is a defect of the package, which [`convert::from_js`] reports.

#![allow(
    unreachable_pub,
    reason = "wasm-bindgen exports what is pub, wherever it is"
)]

mod client;
mod convert;
mod inputs;
mod session;
mod worker;

/// The engine of the default entry.
#[cfg(not(feature = "rust-rsa"))]
type PageEngine = crate::crypto::engine::web::WebEngine;
/// The engine of the `full` entry.
#[cfg(feature = "rust-rsa")]
type PageEngine = crate::crypto::engine::full::FullEngine;
