//! Shares: sharing a card, letting shares follow it, listing, reading, revoking.

mod dek;
mod follow;
mod lists;
mod newest;
mod read_share;
mod revoke;
mod rows;
mod share;
mod store;

pub use follow::Lagging;
pub use lists::OutgoingShare;
pub use read_share::{Person, Received};
pub(in crate::flows) use rows::Source;
pub use share::{Share, ShareOutcome, ShareRequest};
