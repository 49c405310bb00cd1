//! The Vault: cards, connections and shares as ciphertext, and the invitations that lead to connections.

mod account;
mod auth;
mod cards;
mod connections;
mod erasure;
mod events;
mod invitations;
mod invitee;
pub(crate) mod mail;
mod outbox;
mod public_keys;
mod quotas;
mod routes;
mod share_reads;
mod shares;
mod smtp;
mod state;
mod sweep;

pub(crate) use auth::TrustedKeys;
pub(crate) use routes::router;
pub(crate) use state::Vault;
