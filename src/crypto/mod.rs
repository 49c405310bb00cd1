//! Keys and envelopes. No network, no clock, and outside of [`engine`] no platform.
//!
//! The flows see [`records`], each with what it is for, and the key types; the ciphers below stay inside.

pub(crate) mod base64url;
pub(crate) mod canonical_json;
pub mod card_link;
pub mod connection_key;
pub mod engine;
pub(crate) mod envelope;
pub(crate) mod forms;
pub mod invitation_link;
pub mod keys;
pub mod marks;
pub mod opaque;
pub(crate) mod padding;
pub mod records;
pub mod recovery_key;
pub mod rsa_key;
pub mod safety_number;
pub(crate) mod signature;
pub mod stretching;
pub mod suite;
pub mod xwing;

#[cfg(all(test, feature = "rust-rsa"))]
#[path = "../../tests/vectors/mod.rs"]
mod vectors;
