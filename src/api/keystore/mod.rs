//! The Keystore: accounts and their credentials, connection keys with their notes, encryption spaces.

pub mod accounts;
pub mod connections;
pub mod credentials;
pub mod spaces;
