//! Links for people without an account: made, listed, revoked, opened. A link is a share without a recipient, and follows its
//! card as shares do.

mod list;
mod make;
mod open;
mod revoke;

pub use list::LinkShare;
pub use make::LinkRequest;
pub use open::LinkView;
