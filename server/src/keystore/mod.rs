//! The Keystore: accounts, their wrapped keys, and the encryption spaces through which keys change hands.

mod accounts;
pub(crate) mod admin;
mod callers;
mod connections;
mod credentials;
mod deletion;
mod departures;
mod devices;
mod erasure;
mod failed_sign_ins;
mod identity;
mod opaque;
mod quotas;
mod recovery;
mod registration;
mod routes;
mod seal;
mod seed;
mod sessions;
mod setup;
mod space_changes;
mod space_reads;
mod spaces;
mod state;
mod sweep;
mod tokens;
mod who;

pub(crate) use routes::router;
pub(crate) use state::{Keystore, MIGRATIONS};
