//! Lists of shares: what came in, what went out.

use serde::Serialize;

use super::Share;
use crate::api::keystore::spaces::Space;
use crate::api::vault::shares::ShareRecord;
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::error::Result;
use crate::flows::by_id::ById;
use crate::flows::session::Session;
use crate::ids::Id;

/// A share that one sent.
#[derive(Debug, Clone, Serialize)]
pub struct OutgoingShare {
    /// The share.
    #[serde(flatten)]
    pub share: Share,
    /// Whether the recipient has claimed the key; the Keystore says so.
    pub claimed: bool,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// A page of shares from others, newest first (steps 33-34).
    pub async fn incoming_shares(&self, page: &PageRequest) -> Result<Page<Share>> {
        self.keys()?;
        let list = self.services().list_incoming(page);
        let page = self.step(33, "List the incoming shares", list).await?;
        self.remember_homes(&page.items);
        Ok(page.map(Share::from))
    }

    /// A page of shares that one sent, newest first, all or those of one connection.
    pub async fn outgoing_shares(
        &self,
        page: &PageRequest,
        connection: Option<Id>,
    ) -> Result<Page<OutgoingShare>> {
        self.keys()?;
        let page = self.services().list_outgoing(page, connection).await?;
        self.remember_homes(&page.items);
        let ids: Vec<Id> = page.items.iter().map(|record| record.space_id).collect();
        let spaces: ById<Space> = self
            .services()
            .spaces(&ids)
            .await?
            .into_iter()
            .map(|space| (space.id(), space))
            .collect();
        Ok(page.map(|record| {
            let claimed = matches!(
                spaces.get(&record.space_id),
                Some(Space::Sender {
                    claimed_at: Some(_),
                    ..
                })
            );
            OutgoingShare {
                share: record.into(),
                claimed,
            }
        }))
    }

    fn remember_homes(&self, records: &[ShareRecord]) {
        let homes = records.iter().map(|record| (record.id, record.into()));
        self.inner.memory.borrow_mut().homes.extend(homes);
    }
}
