//! Links that follow their card.

use super::row::LinkRow;
use crate::api::Transport;
use crate::api::keystore::spaces::{Space, SpaceUpdate};
use crate::api::vault::links::LinkFound;
use crate::api::vault::shares::NewEdition;
use crate::crypto::engine::Engine;
use crate::crypto::marks::{ContentDigest, Kind, digest_of};
use crate::crypto::records::{CardContent, open_own_link_key, seal_link_sent, shown_digest};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::session::Session;
use crate::ids::Id;

/// The size from which on a request takes no further link, in bytes.
const FULL_REQUEST_BYTES: usize = 8 << 20;
/// The time after which no link is still being made, in milliseconds: an hour.
const MAKING_MS: i64 = 3600 * 1000;
/// The most records of one request.
const MAX_RECORDS: usize = 200;

/// A card as links of it are to show it.
#[derive(Clone, Copy)]
pub(in crate::flows) struct Shown<'a> {
    pub(in crate::flows) card: Id,
    pub(in crate::flows) version: u64,
    pub(in crate::flows) content: &'a CardContent,
}

impl Shown<'_> {
    fn narrowed(&self, fields: Option<&[String]>) -> CardContent {
        fields.map_or_else(|| self.content.clone(), |names| self.content.narrow(names))
    }
}

/// The links that could not be brought up to date, and why.
pub(in crate::flows) type LaggingLinks = Vec<(Id, Error)>;

/// A link whose row is written, and the edition that it replaces.
struct Change {
    row: LinkRow,
    replaces: u64,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Brings the live links of a card up to date, whose rows these are. Unless it is to `ask`, the Vault is taken to have what
    /// the rows say.
    pub(in crate::flows) async fn follow_links(
        &self,
        shown: Shown<'_>,
        rows: &[Space],
        ask: bool,
    ) -> Result<LaggingLinks> {
        let (mut opened, mut lagging) = (Vec::with_capacity(rows.len()), Vec::new());
        for space in rows {
            match self.open_link_row(space) {
                Ok(row) if row.sent.card == shown.card => opened.push(row),
                Ok(row) => lagging.push((row.id, Error::RecordRejected)),
                Err(error) => lagging.push((space.id(), error)),
            }
        }
        lagging.extend(self.bring_links_up(shown, opened, ask).await?);
        Ok(lagging)
    }

    /// The same for a link that was made just now, if its card is of another version by now; nobody waits for it.
    pub(super) fn follow_link_if_changed(&self, row: LinkRow) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            if let Ok(card) = session.read_card(row.sent.card).await {
                let shown = Shown {
                    card: card.id,
                    version: card.version,
                    content: &card.content,
                };
                let _ = session.bring_links_up(shown, vec![row], false).await;
            }
        });
    }

    async fn bring_links_up(
        &self,
        shown: Shown<'_>,
        mut rows: Vec<LinkRow>,
        ask: bool,
    ) -> Result<LaggingLinks> {
        let now = self.now();
        // Nothing that is over is brought up to date, and a newer version is another device's to bring.
        rows.retain(|LinkRow { sent, .. }| {
            sent.live && sent.expires_at > now && sent.card_version <= shown.version
        });
        let stored = match ask {
            true => self.ask_for_links(&rows).await?,
            false => ById::default(),
        };
        let (mut changes, mut updates, mut lagging) = (Vec::new(), Vec::new(), Vec::new());
        for mut row in rows {
            let edition = match stored.get(&row.id).map(|found| (&found.error, &found.item)) {
                None => row.sent.edition,
                Some((None, Some(item))) => item.edition,
                Some((Some(error), _)) if error.code == Error::NotFound.code() => {
                    // Nobody has it, unless another device is making it just now.
                    if now - row.created_at > MAKING_MS {
                        self.erase_link(row.id).await?;
                    }
                    continue;
                }
                // Used up or closed.
                _ => continue,
            };
            let before = row.sent.clone();
            row.sent.card_version = shown.version;
            row.sent.shown = shown_digest(&shown.narrowed(before.fields.as_deref()))?;
            let replaces =
                (row.sent.shown != before.shown || edition != before.edition).then_some(edition);
            // The row was written, but perhaps not its edition: this device has not seen that.
            if !ask && replaces.is_none() && self.mark_of(Kind::Share, row.id) < edition {
                let error = Error::Conflict("The link may show something older.".into());
                lagging.push((row.id, error));
            }
            if replaces.is_some() {
                let newest = self
                    .mark_of(Kind::Share, row.id)
                    .max(edition)
                    .max(before.edition);
                row.sent.edition = newest.checked_add(1).ok_or(Error::RecordRejected)?;
            }
            if row.sent != before {
                row.sent.version = before.version + 1;
                updates.push((row.id, self.link_row_update(&row, before.version)?));
            }
            changes.extend(replaces.map(|replaces| Change { row, replaces }));
        }
        let mut errors = self.write_rows(Vec::new(), updates).await?;
        changes.retain(|change| match errors.remove(&change.row.id).flatten() {
            None => true,
            // Revoked, or over, meanwhile.
            Some(Error::NotFound | Error::ShareExpired) => false,
            Some(error) => {
                lagging.push((change.row.id, error));
                false
            }
        });
        self.renew_links(shown, changes, &mut lagging).await?;
        Ok(lagging)
    }

    async fn ask_for_links(&self, rows: &[LinkRow]) -> Result<ById<LinkFound>> {
        let ids: Vec<Id> = rows.iter().map(|row| row.id).collect();
        let found = self.services().stored_links(&ids).await?;
        Ok(found.into_iter().map(|found| (found.id, found)).collect())
    }

    fn link_row_update(&self, row: &LinkRow, version: u64) -> Result<SpaceUpdate> {
        let (account, vault_key) = (self.account(), &self.keys()?.vault);
        Ok(SpaceUpdate {
            id: row.id,
            version,
            sent: seal_link_sent(self.engine(), account, row.id, vault_key, &row.sent)?,
            expires_at: Some(row.sent.expires_at),
        })
    }

    /// Seals the new editions, and stores as many of them in one request as fill it.
    async fn renew_links(
        &self,
        shown: Shown<'_>,
        changes: Vec<Change>,
        lagging: &mut LaggingLinks,
    ) -> Result<()> {
        let keys = self.keys()?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for Change { row, replaces } in changes {
            let key = open_own_link_key(self.account(), row.id, &keys.kek, &row.own)?;
            let card = shown.narrowed(row.sent.fields.as_deref());
            let share = self
                .seal_edition(&row, &key, &row.sent.signing_key()?, &card)
                .await?;
            bytes += share.len();
            batch.push(NewEdition {
                id: row.id,
                replaces,
                edition: row.sent.edition,
                expires_at: Some(row.sent.expires_at),
                share,
            });
            if bytes > FULL_REQUEST_BYTES || batch.len() == MAX_RECORDS {
                let full = std::mem::take(&mut batch);
                self.store_link_editions(full, lagging).await?;
                bytes = 0;
            }
        }
        self.store_link_editions(batch, lagging).await
    }

    async fn store_link_editions(
        &self,
        batch: Vec<NewEdition>,
        lagging: &mut LaggingLinks,
    ) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let digests = batch.iter().map(|new| {
            let digest: ContentDigest = digest_of(new.share.as_bytes());
            (new.id, (new.edition, digest))
        });
        let mut sent: ById<_> = digests.collect();
        for told in self.services().update_links(batch).await? {
            let Some((edition, digest)) = sent.remove(&told.id) else {
                continue;
            };
            let outcome = match told.error.map(Error::from) {
                None => self.see_digest(Kind::Share, told.id, edition, &digest),
                // Used up, closed or over: it shows nothing any more.
                Some(Error::ShareExpired) => Ok(()),
                Some(error) => Err(error),
            };
            lagging.extend(outcome.err().map(|error| (told.id, error)));
        }
        let untold = crate::api::unreadable;
        lagging.extend(sent.into_ids().map(|id| (id, untold())));
        Ok(())
    }
}
