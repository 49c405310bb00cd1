//! The things that a person does: a folder for each thing, in it a file for each action.
//!
//! - `session`: somebody who is signed in, and on whose behalf everything else is done. It names none of the others.
//! - `account`: signing up and in, recovering, changing the passphrase and the recovery key, confirming the address,
//!   deleting.
//! - `cards`: cards of one's own.
//! - `connections`: inviting, accepting, checking the other person's keys, ending.
//! - `shares`: sharing a card over a connection, bringing shares up to date with their card, reading, revoking.
//! - `links`: showing a card to somebody without an account, and opening such a link.
//!
//! The flows are generic over a [`Transport`](crate::api::Transport) and an [`Engine`](crate::crypto::engine::Engine), so
//! that the very same code runs in a browser and in native tests against the real services. Step numbers are those of
//! `docs/protocol.md`.

mod account;
mod by_id;
mod cards;
mod checks;
mod connections;
mod links;
mod opened;
mod session;
mod shares;
mod together;

pub use account::SignedUp;
pub use cards::{Card, CardUpdate, Remaining, Updated};
pub use connections::{Connection, ConnectionState, Invitation, Invite, Preview, Trust};
pub use links::{LinkRequest, LinkShare, LinkView};
pub use opened::{Opened, Reason};
pub use session::{
    Change, Client, Kept, Login, Plain, Progress, Session, Step, Steps, Subscription,
};
pub use shares::{Lagging, OutgoingShare, Person, Received, Share, ShareOutcome, ShareRequest};
