//! What happens when two do the same thing at the same moment.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]
