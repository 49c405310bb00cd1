//! Connections: inviting, accepting, checking the other person's keys, ending.

mod accept;
mod check;
mod connection;
mod disconnect;
mod invitations;
mod invite;
mod mark_verified;
mod notes;
mod preview;
mod rename;

pub(super) use check::Checked;
pub use check::Trust;
pub use connection::{Connection, ConnectionState};
pub use invitations::Invitation;
pub use invite::Invite;
pub use preview::Preview;
