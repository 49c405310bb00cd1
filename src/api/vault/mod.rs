//! The Vault: cards, public keys, invitations, connections, shares, events.

pub mod cards;
pub mod connections;
pub mod events;
pub mod invitations;
pub mod public_keys;
pub mod shares;
