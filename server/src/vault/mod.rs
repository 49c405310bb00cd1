//! The Vault: cards, connections and shares as ciphertext, and the invitations that lead to connections.

mod account;
mod address;
mod auth;
pub(crate) mod captured;
mod cards;
mod connections;
mod deletion;
mod editions;
mod email;
mod erasure;
mod events;
mod invitations;
mod invitee;
mod link_reads;
mod links;
mod mail;
mod mail_html;
mod mail_limits;
mod outbox;
mod preview;
mod public_keys;
mod quotas;
mod receipts;
mod refusals;
mod routes;
mod setup;
mod share_reads;
mod shares;
mod smtp;
mod smtp_answers;
mod state;
mod sweep;
mod words;

pub(crate) use auth::TrustedKeys;
pub(crate) use routes::router;
pub(crate) use state::Vault;
