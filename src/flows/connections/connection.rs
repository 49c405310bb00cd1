//! Connections as a person sees them: one, or a page of them.

use serde::Serialize;

use super::check::{Checked, Trust};
use crate::api::keystore::connections::Entry;
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::records::{Role, VerifiedBy};
use crate::crypto::safety_number::derive_safety_number;
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::opened::Opened;
use crate::flows::session::Session;
use crate::ids::Id;

pub use crate::api::vault::connections::ConnectionState;

/// A connection with another person.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// The connection; the invitation had the same id.
    pub id: Id,
    /// Whether it is in force.
    pub state: ConnectionState,
    /// This side's name for the other person.
    pub name: String,
    /// The other person's account.
    pub account: Id,
    /// The certainty about their keys.
    pub trust: Trust,
    /// The reason, if they are verified.
    pub verified_by: Option<VerifiedBy>,
    /// Sixty digits in groups of five; `None` until keys are pinned.
    pub safety_number: Option<String>,
    /// This side's role.
    pub role: Role,
    /// In milliseconds since 1970, by the Vault's clock.
    pub created_at: i64,
}

impl Checked {
    pub(super) fn into_connection<T: Transport, E: Engine>(
        self,
        session: &Session<T, E>,
    ) -> Result<Connection> {
        let keys = session.keys()?;
        let safety_number = self.note.pin.as_ref().map(|pin| {
            let ours = (session.account(), keys.signing.public());
            Ok::<_, Error>(derive_safety_number(
                ours,
                (pin.account, &pin.signing_key()?),
            ))
        });
        let account = self
            .note
            .pin
            .as_ref()
            .map_or(self.stored.side(self.note.role.other()).account, |pin| {
                pin.account
            });
        Ok(Connection {
            id: self.stored.id,
            state: self.state,
            name: self.note.name.clone(),
            account,
            trust: self.trust,
            verified_by: self
                .note
                .verified_by
                .filter(|_| self.trust == Trust::Verified),
            safety_number: safety_number.transpose()?,
            role: self.note.role,
            created_at: self.stored.created_at,
        })
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// A page of connections, newest first. New ones are checked and pinned on the way.
    pub async fn connections(&self, page: &PageRequest) -> Result<Page<Opened<Connection>>> {
        self.keys()?;
        let page = self.services().list_connections(page).await?;
        let ids: Vec<Id> = page.items.iter().map(|stored| stored.id).collect();
        let mut entries: ById<Entry> = self
            .services()
            .entries(&ids)
            .await?
            .into_iter()
            .map(|entry| (entry.id, entry))
            .collect();
        let mut work = self.work(page.items.len());
        let mut items = Vec::with_capacity(page.items.len());
        for stored in page.items {
            let id = stored.id;
            let result = match entries.remove(&id) {
                Some(entry) => self
                    .check(stored, entry)
                    .await
                    .and_then(|checked| checked.into_connection(self)),
                // Without a note it was not made here.
                None => Err(Error::RecordRejected),
            };
            items.push(Opened { id, result });
            work.advance().await;
        }
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// One connection, checked and pinned.
    pub async fn connection(&self, id: Id) -> Result<Connection> {
        self.checked_connection(id).await?.into_connection(self)
    }
}
