//! Shares: sharing a card, listing, reading, revoking.

mod dek;
mod lists;
mod read_share;
mod revoke;
mod share;

pub use lists::OutgoingShare;
pub use read_share::{Person, Received};
pub use share::{Share, ShareOutcome, ShareRequest};
