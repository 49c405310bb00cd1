//! Vouchsafe's client: end-to-end encrypted sharing between people, for browsers.
//!
//! The modules in the order data travels: a JS call arrives in `bindings`, runs a flow of [`flows`], which seals and
//! opens records with [`crypto`] and talks to Vault and Keystore through [`api`]. No arrow points back.
//!
//! Below them all lie [`error`] and [`ids`], [`json`] (which reads and writes everything that is stored or sent) and `js`
//! (the means of JavaScript that the platform's parts of [`crypto`] and [`api`] share).

pub mod api;
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
mod bindings;
pub mod crypto;
pub mod error;
pub mod flows;
pub mod ids;
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
mod js;
pub mod json;

pub use error::{Error, Quota, Result};
