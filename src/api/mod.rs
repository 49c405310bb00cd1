//! Vault and Keystore, resource by resource, over a [`Transport`].
//!
//! The shapes are those of `docs/api.md`. Everything here is what the services said; nothing of it is trusted until a
//! flow has opened and checked it.

mod bodies;
mod check;
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub mod fetch;
pub mod keystore;
mod largest;
mod retry;
mod services;
mod token;
mod transport;
pub mod vault;

pub(crate) use bodies::unreadable;
pub use bodies::{Found, Ids, MAX_IDS, Outcome, Outcomes, Page, PageRequest, WireError};
pub(crate) use retry::jitter;
pub use retry::{DEFAULT_TIMEOUT_MS, TIMEOUT_RANGE_MS};
pub use services::{Access, Services};
pub use transport::{ByteStream, Method, Request, Response, Transport};
