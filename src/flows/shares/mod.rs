//! Shares: sharing a card, letting shares follow it, listing, reading, revoking.

mod ahead;
mod dek;
mod follow;
mod lists;
mod newest;
mod plan;
mod read_share;
mod revoke;
mod rows;
mod share;
mod sharing;
mod store;

pub use follow::Lagging;
pub use lists::OutgoingShare;
pub(in crate::flows) use plan::Source;
pub use read_share::{Person, Received};
pub use share::{Share, ShareOutcome, ShareRequest};
pub(in crate::flows) use store::Draft;
