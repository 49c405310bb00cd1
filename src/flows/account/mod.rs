//! Accounts: signing up and in, recovering, replacing passphrase and recovery key, deleting.

mod change_passphrase;
mod credentials;
mod delete_account;
mod make_recovery_key;
mod recover;
mod sign_in;
mod sign_up;

pub(in crate::flows) use credentials::open_keys;
pub use sign_up::SignedUp;
