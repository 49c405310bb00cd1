//! What was shown to whom: the Keystore's rows of one's own shares and links, and how they are written.

use futures_util::future::try_join;

use crate::api::keystore::spaces::{NewSpace, Space, SpaceUpdate};
use crate::api::{PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::marks::{ContentDigest, Kind, digest_of};
use crate::crypto::records::{Audience, Sent, ShareIds, card_tag, open_sent};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::session::Session;
use crate::ids::Id;

/// The most records of one request.
const MAX_RECORDS: usize = 200;

/// The most rows of one card: more than an account may have shares.
const MAX_ROWS: usize = 25_000;

/// The row of a share or link of one's own, opened.
#[derive(Clone)]
pub(in crate::flows) struct Row {
    pub(in crate::flows) at: Audience,
    pub(super) space: Space,
    pub(in crate::flows) sent: Sent,
    pub(super) claimed: bool,
    pub(super) live: bool,
    /// By the Keystore's clock, in milliseconds since 1970.
    pub(super) created_at: i64,
}

/// A row, or why it does not open.
pub(in crate::flows) struct RowFound {
    pub(super) share: Id,
    /// The connection; none for a link.
    pub(super) connection: Option<Id>,
    pub(super) live: bool,
    pub(super) row: Result<Row>,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Opens the row of a share or link of one's own.
    pub(in crate::flows) fn open_row(&self, space: Space) -> Result<Row> {
        let Space::Sender {
            id,
            connection_id,
            recipient,
            share: Some(share),
            sent: Some(ciphertext),
            sent_version: Some(version),
            live,
            expires_at,
            claimed_at,
            created_at,
            ..
        } = &space
        else {
            return Err(Error::RecordRejected);
        };
        let at = match (connection_id, recipient) {
            (Some(connection), Some(recipient)) => Audience::Person(ShareIds {
                from: self.account(),
                to: *recipient,
                connection: *connection,
                space: *id,
                share: *share,
            }),
            (None, None) if id == share => Audience::Link {
                from: self.account(),
                id: *id,
            },
            _ => return Err(Error::RecordRejected),
        };
        let sent = open_sent(&self.keys()?.vault, &at, ciphertext)?;
        // A share's row that is over may have made way for another, and is not live any more.
        let is_live = *live == sent.live || (!*live && at.person().is_some());
        if (sent.version, sent.expires_at) != (*version, *expires_at) || !is_live {
            return Err(Error::RecordRejected);
        }
        self.see(Kind::Sent, at.share(), sent.version, ciphertext)?;
        Ok(Row {
            at,
            sent,
            claimed: claimed_at.is_some(),
            live: *live,
            created_at: *created_at,
            space,
        })
    }

    /// The same for a row that the Keystore calls one of this card.
    pub(super) fn open_row_of(&self, card: Id, space: Space) -> Option<RowFound> {
        let Space::Sender {
            connection_id,
            share: Some(share),
            live,
            ..
        } = &space
        else {
            return None;
        };
        let (share, connection, live) = (*share, *connection_id, *live);
        let row = self.open_row(space).and_then(|row| {
            let is_of_it = row.sent.card == card;
            is_of_it.then_some(row).ok_or(Error::RecordRejected)
        });
        Some(RowFound {
            share,
            connection,
            live,
            row,
        })
    }

    /// All rows of a card, those of shares that are over, too. What was changed by another call while it was read looks older
    /// than it is, so it is read again.
    pub(in crate::flows) async fn rows_of(&self, card: Id) -> Result<Vec<RowFound>> {
        let rows = self.fetch_rows(card).await?;
        let refused = |found: &RowFound| matches!(found.row, Err(Error::RecordRejected));
        if rows.iter().any(refused) {
            return self.fetch_rows(card).await;
        }
        Ok(rows)
    }

    async fn fetch_rows(&self, card: Id) -> Result<Vec<RowFound>> {
        let tag = card_tag(&self.keys()?.vault, card)?;
        let mut page = PageRequest {
            cursor: None,
            limit: Some(200),
        };
        let mut rows = Vec::new();
        loop {
            let found = self.services().spaces_of_card(&tag, &page).await?;
            let given_up = |id| self.inner.memory.borrow().given_up.contains(&id);
            let spaces = found
                .items
                .into_iter()
                .filter(|space| !given_up(space.id()));
            rows.extend(spaces.filter_map(|space| self.open_row_of(card, space)));
            page.cursor = found.next;
            if page.cursor.is_none() {
                return Ok(rows);
            }
            if rows.len() > MAX_ROWS {
                return Err(crate::api::unreadable());
            }
        }
    }

    /// Whether a share is over by this device's clock.
    pub(super) fn has_ended(&self, expires_at: Option<i64>) -> bool {
        expires_at.is_some_and(|end| end <= self.now())
    }

    /// The number of shares and links in force among the rows of a card.
    pub(in crate::flows) fn count_in_force(&self, rows: &[RowFound]) -> u64 {
        let is_in_force = |found: &&RowFound| match &found.row {
            Ok(row) => !self.has_ended(row.sent.expires_at),
            Err(_) => true,
        };
        rows.iter().filter(is_in_force).count() as u64
    }

    /// The number of a card's shares and links in force, without those of connections that the other person has ended.
    pub(in crate::flows) async fn count_served(&self, card: Id) -> Result<u64> {
        let mut rows = self.rows_of(card).await?;
        let mut connections: Vec<Id> = rows.iter().filter_map(|found| found.connection).collect();
        connections.sort_unstable();
        connections.dedup();
        let checked = self.checked_connections(&connections).await?;
        rows.retain(|found| {
            let checked = found.connection.and_then(|id| checked.get(&id));
            !matches!(checked, Some(Ok(checked)) if checked.has_ended())
        });
        Ok(self.count_in_force(&rows))
    }

    /// Steps 26-27: the Keystore's rows are durable before any share. Of those that change, the share stands beside each. Gives
    /// the errors by space, none where it was stored.
    pub(in crate::flows) async fn write_rows(
        &self,
        new: Vec<NewSpace>,
        changed: Vec<(Id, SpaceUpdate)>,
    ) -> Result<ById<Option<Error>>> {
        let mut written = Vec::with_capacity(new.len() + changed.len());
        let made = new.iter().map(|made| (made.id, made.share, 1, &made.sent));
        let updated = changed
            .iter()
            .map(|(share, update)| (update.id, *share, update.version + 1, &update.sent));
        for (space, share, version, sent) in made.chain(updated) {
            written.push((space, share, version, digest_of(sent.as_bytes())));
        }
        let create = async {
            match new.is_empty() {
                true => Ok(Vec::new()),
                false => self.services().create_spaces(new).await,
            }
        };
        let change = async {
            let mut changed = changed.into_iter().map(|(_, update)| update);
            let mut results = Vec::new();
            loop {
                let batch: Vec<SpaceUpdate> = changed.by_ref().take(MAX_RECORDS).collect();
                if batch.is_empty() {
                    return Ok(results);
                }
                results.extend(self.services().update_spaces(batch).await?);
            }
        };
        let (made, updated) = try_join(create, change).await?;
        let results = made.into_iter().chain(updated);
        let mut told: ById<_> = results.map(|one| (one.id, one.error)).collect();
        let outcome = |(space, share, version, digest): (Id, Id, u64, ContentDigest)| {
            let error = match told.remove(&space) {
                Some(Some(error)) => Some(Error::from(error)),
                Some(None) => self.see_written(Kind::Sent, share, version, &digest).err(),
                None => Some(crate::api::unreadable()),
            };
            (space, error)
        };
        Ok(written.into_iter().map(outcome).collect())
    }
}
