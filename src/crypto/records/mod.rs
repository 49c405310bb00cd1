//! Every record that is stored, by name: what it is sealed with, where it belongs, and what is inside.

mod card;
mod dek;
mod file;
mod kek;
mod key;
mod link;
mod note;
mod plain_text;
mod publication;
mod sent;
mod share;

pub use card::{CardContent, Field, Part, open_card, seal_card};
pub use dek::{
    open_claim, open_own_dek, open_own_link_key, open_peer_dek, seal_claim, seal_own_dek,
    seal_own_link_key, seal_peer_dek,
};
pub use file::FileRef;
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub(crate) use file::check_file;
pub use kek::{Wrap, open_kek, passphrase_wrapping_key, seal_kek};
pub use key::{
    open_connection_key, open_signing_key, open_vault_key, seal_connection_key, seal_signing_key,
    seal_vault_key,
};
pub use link::{LinkContent, open_link, seal_link};
pub use note::{Delivery, Note, NoteState, Pin, VerifiedBy, open_note, seal_note};
pub use plain_text::is_plain_text;
pub use publication::{Publication, Role, check_publication, make_publication};
pub use sent::{
    Audience, Sent, SentLink, card_reference, card_tag, open_sent, seal_sent, shown_digest,
};
pub use share::{Edition, Party, ShareContent, ShareIds, open_share, seal_share};
