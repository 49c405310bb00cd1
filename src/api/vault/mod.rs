//! The Vault: the account and its address, cards, public keys, invitations, connections, shares, links, events.

pub mod account;
pub mod cards;
pub mod connections;
pub mod email;
pub mod events;
pub mod invitations;
pub mod links;
pub mod public_keys;
pub mod shares;
