//! Cards of one's own: sealed under the vault key, with a version that only grows.

use futures_util::future::join;
use serde::{Deserialize, Serialize};

use super::opened::Opened;
use super::session::Session;
use crate::api::vault::cards::{CardWrite, StoredCard};
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::marks::{Kind, digest_of};
use crate::crypto::records::{CardContent, card_tag, open_card, seal_card};
use crate::error::{Error, Result};
use crate::flows::shares::{Lagging, Source};
use crate::ids::Id;

/// A card of one's own.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// The card.
    pub id: Id,
    /// Label and fields.
    #[serde(flatten)]
    pub content: CardContent,
    /// Grows by one with every update.
    pub version: u64,
    /// In milliseconds since 1970, by the Vault's clock.
    pub created_at: i64,
    /// In milliseconds since 1970, by the Vault's clock.
    pub updated_at: i64,
    /// The number of its shares in force, by the Keystore's word; nothing where the Keystore did not answer.
    pub shares: Option<u64>,
}

/// A card that was updated.
#[derive(Debug, Serialize)]
pub struct Updated {
    /// The card.
    pub card: Card,
    /// The live shares that could not be brought up to date.
    pub lagging: Vec<Lagging>,
}

/// What becomes of a card's shares when it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Remaining {
    /// They go first.
    Revoke,
    /// They stay as they are.
    Keep,
}

/// New content for a card.
#[derive(Debug, Clone)]
pub struct CardUpdate {
    /// The card.
    pub id: Id,
    /// The version that this replaces.
    pub version: u64,
    /// Label and fields, all of them.
    pub content: CardContent,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Stores a new card.
    pub async fn create_card(&self, content: CardContent) -> Result<Card> {
        let id = self.make_id()?;
        let update = CardUpdate {
            id,
            version: 0,
            content,
        };
        self.write_card(update, false).await
    }

    /// Stores a card that was exported, under the id that it had. It is a `conflict` if there is one, or was.
    pub async fn import_card(&self, id: Id, content: CardContent) -> Result<Card> {
        let update = CardUpdate {
            id,
            version: 0,
            content,
        };
        self.write_card(update, false).await
    }

    /// Replaces a card's content, if nobody else did since it was read, and brings its live shares up to date.
    pub async fn update_card(&self, update: CardUpdate) -> Result<Updated> {
        if update.version == 0 {
            return Err(Error::bad_input(
                "`version` is that of the card that was read, 1 or more.",
            )
            .in_argument("version"));
        }
        // The card goes first, so whichever session comes next knows of a cut.
        let (id, write) = (update.id, self.write_card(update, true));
        let (card, rows) = join(write, self.rows_of(id)).await;
        let mut card = card?;
        self.inner.memory.borrow_mut().unsettled.insert(id, ());
        card.shares = rows.as_ref().ok().map(|rows| self.count_in_force(rows));
        let source = Source::new(id, card.version, card.content.clone())?;
        let followed = async { self.follow_written(source, rows?).await };
        // The card is stored, whatever becomes of its shares.
        let lagging = followed
            .await
            .unwrap_or_else(|error| vec![Lagging::unknown(error)]);
        Ok(Updated { card, lagging })
    }

    async fn write_card(&self, update: CardUpdate, unsettled: bool) -> Result<Card> {
        let CardUpdate {
            id,
            version: replaced,
            content,
        } = update;
        let version = replaced
            .checked_add(1)
            .ok_or_else(|| Error::bad_input("`version` is too large.").in_argument("version"))?;
        let keys = self.keys()?;
        let card = seal_card(
            self.engine(),
            self.account(),
            id,
            &keys.vault,
            &content,
            version,
        )
        .await?;
        let write = CardWrite {
            card,
            version: replaced,
            unsettled,
            files: content.file_ids(),
        };
        let written = self.services().write_card(id, &write).await?;
        let digest = digest_of(write.card.as_bytes());
        self.see_written(Kind::Card, id, version, &digest)?;
        self.remember(|memory| memory.cards.remember(id, version, &content));
        Ok(Card {
            id,
            content,
            version,
            created_at: written.created_at,
            updated_at: written.updated_at,
            shares: Some(0),
        })
    }

    /// Reads a card.
    pub async fn card(&self, id: Id) -> Result<Card> {
        let ids = [id];
        let (card, counts) = join(self.read_card(id), self.count_shares(&ids)).await;
        let shares = match counts {
            Err(Error::SessionExpired) => return Err(Error::SessionExpired),
            counts => counts.ok().and_then(|mut counts| counts.pop()),
        };
        card.map(|card| Card { shares, ..card })
    }

    /// Reads a card without counting its shares.
    pub(super) async fn read_card(&self, id: Id) -> Result<Card> {
        self.keys()?;
        let stored = self.services().stored_card(id).await?;
        if stored.id != id {
            return Err(Error::RecordRejected);
        }
        self.open_newest_card(stored).await
    }

    /// Reads a page of cards, newest first.
    pub async fn cards(&self, page: &PageRequest) -> Result<Page<Opened<Card>>> {
        self.keys()?;
        let Page { items: found, next } = self.services().stored_cards(page).await?;
        let ids: Vec<Id> = found.iter().map(|stored| stored.id).collect();
        // That the Keystore is away is no reason to show nothing.
        let counts = match self.count_shares(&ids).await {
            Err(Error::SessionExpired) => return Err(Error::SessionExpired),
            counts => counts.unwrap_or_default(),
        };
        let mut counts = counts.into_iter();
        let mut work = self.work(found.len());
        let mut items = Vec::with_capacity(found.len());
        for stored in found {
            let (id, shares) = (stored.id, counts.next());
            let opened = self.open_newest_card(stored).await;
            items.push(Opened {
                id,
                result: opened.map(|card| Card { shares, ..card }),
            });
            work.advance().await;
        }
        Ok(Page { items, next })
    }

    /// The number of shares in force of each card.
    async fn count_shares(&self, ids: &[Id]) -> Result<Vec<u64>> {
        let keys = self.keys()?;
        let tags = ids.iter().map(|id| card_tag(&keys.vault, *id));
        let tags = tags.collect::<Result<Vec<_>>>()?;
        self.services().count_spaces(tags).await
    }

    /// Deletes a card. While there are shares in force it is to be said what becomes of them. A call that was cut can be
    /// repeated: the card goes last.
    pub async fn delete_card(&self, id: Id, shares: Option<Remaining>) -> Result<()> {
        match shares {
            Some(Remaining::Keep) => self.inner.memory.borrow_mut().kept.insert(id, ()),
            Some(Remaining::Revoke) => self.revoke_shares_of(id).await?,
            None => match self.count_shares(&[id]).await?.pop() {
                None | Some(0) => {}
                Some(_) => match self.count_served(id).await? {
                    0 => {}
                    count => {
                        let count = u32::try_from(count).unwrap_or(u32::MAX);
                        return Err(Error::CardShared(count));
                    }
                },
            },
        }
        self.inner.memory.borrow_mut().cards.forget(id);
        self.services().delete_card(id).await
    }

    /// Opens a card. What another call has seen a newer version of meanwhile looks older than it is, so it is fetched again, once.
    async fn open_newest_card(&self, stored: StoredCard) -> Result<Card> {
        let (id, version) = (stored.id, stored.version);
        match self.open_stored_card(stored).await {
            Err(Error::RecordRejected) if version < self.mark_of(Kind::Card, id) => {
                let stored = self.services().stored_card(id).await?;
                if stored.id != id {
                    return Err(Error::RecordRejected);
                }
                self.open_stored_card(stored).await
            }
            other => other,
        }
    }

    async fn open_stored_card(&self, stored: StoredCard) -> Result<Card> {
        let keys = self.keys()?;
        let (content, version) = open_card(
            self.engine(),
            self.account(),
            stored.id,
            &keys.vault,
            &stored.card,
        )
        .await?;
        if version != stored.version {
            return Err(Error::RecordRejected);
        }
        self.see(Kind::Card, stored.id, version, &stored.card)?;
        self.remember(|memory| memory.cards.remember(stored.id, version, &content));
        let StoredCard {
            id,
            created_at,
            updated_at,
            ..
        } = stored;
        Ok(Card {
            id,
            content,
            version,
            created_at,
            updated_at,
            shares: None,
        })
    }
}
