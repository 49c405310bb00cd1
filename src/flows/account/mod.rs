//! Accounts: signing up and in, recovering, replacing passphrase and recovery key, confirming the address,
//! deleting.
//!
//! `passphrase` and `credentials` lie below the actions: what is asked of a passphrase, and what the Keystore keeps of it
//! and of a recovery key.

mod change_passphrase;
mod confirm;
mod confirm_email;
mod credentials;
mod delete_account;
mod make_recovery_key;
mod passphrase;
mod recover;
mod sign_in;
mod sign_up;
mod unlock;

pub use sign_up::SignedUp;
