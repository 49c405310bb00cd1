//! The Vault: the account, cards, public keys, invitations, connections, shares, events.

pub mod account;
pub mod cards;
pub mod connections;
pub mod events;
pub mod invitations;
pub mod public_keys;
pub mod shares;
