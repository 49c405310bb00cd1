//! Ending a connection, and with it every share that was sent through it.

use crate::api::keystore::spaces::Space;
use crate::api::{PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::records::NoteState;
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

/// The shares of a page, as many as the Vault gives at once.
const PAGE_SHARES: u32 = 200;
/// The most pages of one call, so that no Vault makes a client go on for ever.
const MAX_PAGES: usize = 1000;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Ends the connection and revokes one's own shares. What was read cannot be unread. This works whatever keys the
    /// Vault serves for the other person.
    pub async fn disconnect(&self, id: Id) -> Result<()> {
        self.keys()?;
        let entry = self.services().entry(id).await?;
        let note = self.open_entry_note(&entry)?;
        if note.state == NoteState::Invited {
            // A pending invitation is cancelled, not disconnected.
            self.services().stored_connection(id).await?;
        }
        self.revoke_all(id).await?;
        self.services().end_connection(id).await?;
        if note.state != NoteState::Ended {
            self.write_note(id, note, |note| note.state = NoteState::Ended)
                .await?;
        }
        Ok(())
    }

    /// Revokes every share of one's own that the Vault lists for this connection.
    async fn revoke_all(&self, connection: Id) -> Result<()> {
        let first_page = PageRequest {
            cursor: None,
            limit: Some(PAGE_SHARES),
        };
        let mut revoked = Vec::new();
        for _ in 0..MAX_PAGES {
            // What was deleted is gone from the list, so the first page is always the next one.
            let page = self
                .services()
                .list_outgoing(&first_page, Some(connection))
                .await?;
            if page.items.is_empty() {
                return Ok(());
            }
            let ids: Vec<Id> = page.items.iter().map(|share| share.space_id).collect();
            let spaces = self.services().spaces(&ids).await?;
            // Keys first: after a cut the shares are still listed, and the next call finds the rest.
            for space in spaces {
                // The Keystore knows whose space it is; the Vault's word could cost a share with somebody else.
                if let Space::Sender {
                    id, connection_id, ..
                } = space
                    && connection_id == connection
                {
                    self.delete_space_if_there(id).await?;
                }
            }
            for share in page.items {
                if revoked.contains(&share.id) {
                    return Err(crate::api::unreadable());
                }
                revoked.push(share.id);
                self.services().delete_share(share.id).await?;
            }
        }
        Err(crate::api::unreadable())
    }

    /// Deletes a space; that it is gone already is as good.
    pub(in crate::flows) async fn delete_space_if_there(&self, space: Id) -> Result<()> {
        match self.services().delete_space(space).await {
            Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }
}
