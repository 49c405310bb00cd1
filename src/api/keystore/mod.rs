//! The Keystore: accounts, connection keys with their notes, encryption spaces.

pub mod accounts;
pub mod connections;
pub mod spaces;
