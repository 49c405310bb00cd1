//! Rows that another call of this session changed while they were read: they look older than they are, so they are read again, once.

use crate::api::keystore::spaces::Space;
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::marks::Kind;
use crate::error::Result;
use crate::flows::session::Session;
use crate::ids::Id;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Spaces, as no call of this session has seen them any newer.
    pub(in crate::flows) async fn newest_spaces(&self, ids: &[Id]) -> Result<Vec<Space>> {
        let found = self.services().spaces(ids).await?;
        match self.any_is_old(&found) {
            true => self.services().spaces(ids).await,
            false => Ok(found),
        }
    }

    /// A page of the rows of a card, likewise, of which this was found.
    pub(super) async fn newest_rows(
        &self,
        found: Page<Space>,
        tag: &str,
        page: &PageRequest,
    ) -> Result<Page<Space>> {
        match self.any_is_old(&found.items) {
            true => self.services().spaces_of_card(tag, page).await,
            false => Ok(found),
        }
    }

    /// The space of a share of one's own, likewise.
    pub(super) async fn newest_space_of(&self, share: Id) -> Result<Option<Space>> {
        let found = self.services().space_of_share(share).await?;
        match self.any_is_old(found.as_slice()) {
            true => self.services().space_of_share(share).await,
            false => Ok(found),
        }
    }

    fn any_is_old(&self, spaces: &[Space]) -> bool {
        spaces.iter().any(|space| match space {
            Space::Sender {
                share: Some(share),
                sent_version: Some(version),
                ..
            } => *version < self.mark_of(Kind::Sent, *share),
            _ => false,
        })
    }
}
