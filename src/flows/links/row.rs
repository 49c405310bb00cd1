//! What is kept of a link of one's own: the Keystore's row.

use crate::api::Transport;
use crate::api::keystore::spaces::Space;
use crate::crypto::engine::Engine;
use crate::crypto::marks::Kind;
use crate::crypto::records::{LinkSent, open_link_sent};
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

/// The row of a link, opened.
#[derive(Clone)]
pub(super) struct LinkRow {
    pub(super) id: Id,
    /// The key of the link, under the KEK.
    pub(super) own: String,
    /// By the Keystore's clock, in milliseconds since 1970.
    pub(super) created_at: i64,
    pub(super) sent: LinkSent,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Opens the row of a link of one's own.
    pub(super) fn open_link_row(&self, space: &Space) -> Result<LinkRow> {
        let Space::Sender {
            id,
            connection_id: None,
            recipient: None,
            share,
            own,
            sent: Some(ciphertext),
            sent_version,
            live,
            created_at,
            expires_at,
            ..
        } = space
        else {
            return Err(Error::RecordRejected);
        };
        let sent = open_link_sent(self.account(), *id, &self.keys()?.vault, ciphertext)?;
        let told = (*share, *sent_version, *live, *expires_at);
        let (version, end) = (Some(sent.version), Some(sent.expires_at));
        if told != (Some(*id), version, sent.live, end) {
            return Err(Error::RecordRejected);
        }
        self.see(Kind::Sent, *id, sent.version, ciphertext)?;
        Ok(LinkRow {
            id: *id,
            own: own.clone(),
            created_at: *created_at,
            sent,
        })
    }
}
