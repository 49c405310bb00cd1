//! Connections: inviting, accepting, checking the other person's keys, ending.

mod accept;
mod check;
mod disconnect;
mod invitations;
mod invite;
mod mark_verified;
mod notes;

pub(super) use check::Checked;
pub use check::{Connection, ConnectionState, Trust};
pub use invitations::Invitation;
pub use invite::Invite;
