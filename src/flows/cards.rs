//! Cards of one's own: sealed under the vault key, with a version that only grows.

use serde::Serialize;

use super::opened::Opened;
use super::session::Session;
use crate::api::vault::cards::{CardWrite, StoredCard};
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::marks::Kind;
use crate::crypto::records::{CardContent, open_card, seal_card};
use crate::error::{Error, Result};
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
        self.write_card(CardUpdate {
            id,
            version: 0,
            content,
        })
        .await
    }

    /// Stores a card that was exported, under the id that it had. It is a `conflict` if there is one, or was.
    pub async fn import_card(&self, id: Id, content: CardContent) -> Result<Card> {
        self.write_card(CardUpdate {
            id,
            version: 0,
            content,
        })
        .await
    }

    /// Replaces a card's content, if nobody else did since it was read.
    pub async fn update_card(&self, update: CardUpdate) -> Result<Card> {
        if update.version == 0 {
            return Err(Error::bad_input(
                "`version` is that of the card that was read, 1 or more.",
            )
            .in_argument("version"));
        }
        self.write_card(update).await
    }

    async fn write_card(&self, update: CardUpdate) -> Result<Card> {
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
        };
        let written = self.services().write_card(id, &write).await?;
        self.see(Kind::Card, id, version, &write.card)?;
        Ok(Card {
            id,
            content,
            version,
            created_at: written.created_at,
            updated_at: written.updated_at,
        })
    }

    /// Reads a card.
    pub async fn card(&self, id: Id) -> Result<Card> {
        self.keys()?;
        let stored = self.services().stored_card(id).await?;
        if stored.id != id {
            return Err(Error::RecordRejected);
        }
        self.open_stored_card(stored).await
    }

    /// Reads a page of cards, newest first.
    pub async fn cards(&self, page: &PageRequest) -> Result<Page<Opened<Card>>> {
        self.keys()?;
        let Page { items: found, next } = self.services().stored_cards(page).await?;
        let mut work = self.work(found.len());
        let mut items = Vec::with_capacity(found.len());
        for stored in found {
            items.push(Opened {
                id: stored.id,
                result: self.open_stored_card(stored).await,
            });
            work.advance().await;
        }
        Ok(Page { items, next })
    }

    /// Deletes a card. Shares of it are not affected.
    pub async fn delete_card(&self, id: Id) -> Result<()> {
        self.keys()?;
        self.services().delete_card(id).await
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
        })
    }
}
