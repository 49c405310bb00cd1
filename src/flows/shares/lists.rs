//! Lists of shares: what came in, what went out.

use futures_util::future::join;
use serde::Serialize;

use super::Share;
use super::rows::Row;
use crate::api::keystore::spaces::Space;
use crate::api::vault::shares::{Receipt, ShareRecord};
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::marks::Kind;
use crate::crypto::records::{ShareIds, card_tag};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::opened::Opened;
use crate::flows::session::Session;
use crate::ids::Id;

/// A share that one sent.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutgoingShare {
    /// The share.
    #[serde(flatten)]
    pub share: Share,
    /// Whether the recipient has claimed the key; the Keystore says so.
    pub claimed: bool,
    /// The card; none where the Keystore does not tell.
    pub card: Option<Id>,
    /// The names of the chosen fields; all fields if `None`.
    pub fields: Option<Vec<String>>,
    /// The chosen files; if `None`, all of a share of all fields, and none of one of chosen fields.
    pub files: Option<Vec<Id>>,
    /// Whether it follows the card.
    pub live: bool,
    /// Whether it shows the newest version of the card that this device knows of; nothing if it knows of none.
    pub up_to_date: Option<bool>,
    /// What the recipient has read; the recipient's client and the Vault say so.
    pub read: Option<Receipt>,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// A page of shares from others, newest first (steps 33-34).
    pub async fn incoming_shares(&self, page: &PageRequest) -> Result<Page<Share>> {
        self.keys()?;
        let list = self.services().list_incoming(page);
        let page = self.step(33, "List the incoming shares", list).await?;
        self.remember_homes(&page.items);
        Ok(page.map(|record| Share::from(&record)))
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
        let spaces = self.newest_spaces(&ids).await?.into_iter();
        let mut spaces: ById<Space> = spaces.map(|space| (space.id(), space)).collect();
        Ok(page.map(|record| {
            let space = spaces.remove(&record.space_id);
            let row = space.and_then(|space| self.open_row(space).ok());
            self.outgoing(&record, row.filter(|row| row.at.share() == record.id))
        }))
    }

    /// A page of the shares of a card that are in force, newest first.
    pub async fn shares_of(
        &self,
        card: Id,
        page: &PageRequest,
    ) -> Result<Page<Opened<OutgoingShare>>> {
        let tag = card_tag(&self.keys()?.vault, card)?;
        let rows = self.services().spaces_of_card(&tag, page);
        // The card itself tells which version is the newest, if it is still there.
        let (rows, current) = join(rows, self.read_card(card)).await;
        let Page { items, next } = self.newest_rows(rows?, &tag, page).await?;
        let rows = items.into_iter();
        let rows: Vec<_> = rows
            .filter_map(|space| self.open_row_of(card, space))
            .filter(|found| found.connection.is_some())
            .collect();
        let shares: Vec<Id> = rows.iter().map(|found| found.share).collect();
        let records = self.services().stored_shares(&shares).await?.into_iter();
        let records = records.filter_map(|found| found.item);
        let mut records: ById<ShareRecord> =
            records.map(|one| (one.record.id, one.record)).collect();
        let mut items = Vec::with_capacity(rows.len());
        let mut lags = false;
        for found in rows {
            let Some(record) = records.remove(&found.share) else {
                continue;
            };
            let result = found.row.and_then(|row| {
                let told = (record.connection_id, record.space_id, record.to);
                let as_sent = |ids: &ShareIds| told == (ids.connection, ids.space, ids.to);
                let is_right = row.at.person().is_some_and(as_sent);
                is_right.then_some(row).ok_or(Error::RecordRejected)
            });
            let result = result.map(|row| self.outgoing(&record, Some(row)));
            lags |= result
                .as_ref()
                .is_ok_and(|one| one.live && one.up_to_date == Some(false));
            items.push(Opened {
                id: found.share,
                result,
            });
        }
        // Others may lag than those of this page.
        lags |= self.inner.memory.borrow().unsettled.contains(&card);
        if lags && current.is_ok() {
            self.catch_up_later(card);
        }
        Ok(Page { items, next })
    }

    /// A share with what its row says.
    fn outgoing(&self, record: &ShareRecord, row: Option<Row>) -> OutgoingShare {
        let share = Share::from(record);
        let Some(Row {
            at,
            sent,
            claimed,
            live,
            ..
        }) = row
        else {
            return OutgoingShare {
                share,
                claimed: false,
                card: None,
                fields: None,
                files: None,
                live: false,
                up_to_date: None,
                read: record.read,
            };
        };
        let mut memory = self.inner.memory.borrow_mut();
        memory.own_spaces.insert(at.share(), at.space());
        let newest = self.mark_of(Kind::Card, sent.card);
        let shows_newest = sent.card_version >= newest && record.edition >= sent.edition;
        OutgoingShare {
            share,
            claimed,
            card: Some(sent.card),
            fields: sent.fields,
            files: sent.files,
            live,
            up_to_date: (newest > 0).then_some(shows_newest),
            read: record.read,
        }
    }

    fn remember_homes(&self, records: &[ShareRecord]) {
        let homes = records.iter().map(|record| (record.id, record.into()));
        self.inner.memory.borrow_mut().homes.extend(homes);
    }
}
