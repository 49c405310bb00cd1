//! Links that show one card to somebody without an account: made, listed, brought up to date, revoked, opened.

mod follow;
mod list;
mod make;
mod open;
mod revoke;
mod row;

pub(in crate::flows) use follow::Shown;
pub use list::LinkShare;
pub use make::LinkRequest;
pub use open::LinkView;
