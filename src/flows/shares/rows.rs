//! What was shared with whom: the Keystore's rows of one's own shares, and how a row changes.

use crate::api::keystore::spaces::{Space, SpaceUpdate};
use crate::api::vault::shares::ShareFound;
use crate::api::{PageRequest, Transport};
use crate::crypto::engine::Engine;
use crate::crypto::marks::Kind;
use crate::crypto::records::{
    CardContent, Sent, ShareIds, card_tag, open_sent, seal_sent, shown_digest,
};
use crate::error::{Error, Result};
use crate::flows::session::Session;
use crate::ids::Id;

/// The row of a share of one's own, opened.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) at: ShareIds,
    pub(super) space: Space,
    pub(super) sent: Sent,
    pub(super) claimed: bool,
    pub(super) live: bool,
    /// By the Keystore's clock, in milliseconds since 1970.
    pub(super) created_at: i64,
}

/// A row, or why it does not open.
pub(super) struct RowFound {
    pub(super) share: Id,
    pub(super) connection: Id,
    pub(super) live: bool,
    pub(super) row: Result<Row>,
}

/// A card as shares of it are to show it.
pub(in crate::flows) struct Source {
    pub(in crate::flows) id: Id,
    pub(in crate::flows) version: u64,
    pub(in crate::flows) content: CardContent,
    digest: String,
}

impl Source {
    pub(in crate::flows) fn new(id: Id, version: u64, content: CardContent) -> Result<Self> {
        let digest = shown_digest(&content)?;
        Ok(Self {
            id,
            version,
            content,
            digest,
        })
    }

    /// The digest of what a share of these fields shows.
    pub(super) fn shown(&self, fields: Option<&[String]>) -> Result<String> {
        match fields {
            None => Ok(self.digest.clone()),
            Some(names) => shown_digest(&self.content.narrow(names)),
        }
    }
}

/// The choice of a share.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) fields: Option<Vec<String>>,
    pub(super) expires_at: Option<i64>,
    pub(super) accept_unverified: bool,
}

impl Choice {
    /// The choice of before.
    pub(super) fn of(sent: &Sent) -> Self {
        Self {
            fields: sent.fields.clone(),
            expires_at: sent.expires_at,
            accept_unverified: sent.accept_unverified,
        }
    }
}

/// The rows of a card.
#[derive(Default)]
pub(in crate::flows) struct CardRows {
    pub(super) shares: Vec<RowFound>,
    /// Those of links, not opened.
    pub(super) links: Vec<Space>,
}

/// What is to be done with the Vault's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It shows what it has to.
    Keep,
    /// It is to be made.
    Create,
    /// It shows this edition, and is to be replaced.
    Replace(u64),
}

/// How a live share changes.
pub(super) struct Plan {
    pub(super) row: Row,
    /// What is written into the row.
    pub(super) sent: Sent,
    pub(super) next: Next,
}

impl Plan {
    /// Whether the row itself changes.
    pub(super) fn rewrites(&self) -> bool {
        self.sent.version != self.row.sent.version
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Opens the row of a share of one's own.
    pub(super) fn open_row(&self, space: Space) -> Result<Row> {
        let Space::Sender {
            id,
            connection_id: Some(connection_id),
            recipient: Some(recipient),
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
        let at = ShareIds {
            from: self.account(),
            to: *recipient,
            connection: *connection_id,
            space: *id,
            share: *share,
        };
        let sent = open_sent(&self.keys()?.vault, &at, ciphertext)?;
        // A row that is over may have made way for another, and is not live any more.
        if (sent.version, sent.expires_at) != (*version, *expires_at) || (*live && !sent.live) {
            return Err(Error::RecordRejected);
        }
        self.see(Kind::Sent, at.share, sent.version, ciphertext)?;
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
            connection_id: Some(connection_id),
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
    pub(super) async fn rows_of(&self, card: Id) -> Result<Vec<RowFound>> {
        self.card_rows(card).await.map(|rows| rows.shares)
    }

    /// The same, with those of the card's links.
    pub(in crate::flows) async fn card_rows(&self, card: Id) -> Result<CardRows> {
        let rows = self.fetch_rows(card).await?;
        let refused = |found: &RowFound| matches!(found.row, Err(Error::RecordRejected));
        if rows.shares.iter().any(refused) {
            return self.fetch_rows(card).await;
        }
        Ok(rows)
    }

    async fn fetch_rows(&self, card: Id) -> Result<CardRows> {
        let tag = card_tag(&self.keys()?.vault, card)?;
        let mut page = PageRequest {
            cursor: None,
            limit: Some(200),
        };
        let mut rows = CardRows::default();
        loop {
            let found = self.services().spaces_of_card(&tag, &page).await?;
            for space in found.items {
                match space.is_of_link() {
                    true => rows.links.push(space),
                    false => rows.shares.extend(self.open_row_of(card, space)),
                }
            }
            page.cursor = found.next;
            if page.cursor.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Whether a share is over by this device's clock.
    pub(super) fn has_ended(&self, expires_at: Option<i64>) -> bool {
        expires_at.is_some_and(|end| end <= self.now())
    }

    /// How a live share comes to show `card` by `choice`. Without an answer of the Vault it is taken to have what the row says.
    pub(super) fn plan(
        &self,
        row: Row,
        card: &Source,
        choice: &Choice,
        found: Option<&ShareFound>,
    ) -> Result<Plan> {
        let before = &row.sent;
        if before.card_version > card.version {
            // Another device shows a newer version already; nobody goes back.
            return Err(Error::Conflict("The card was changed meanwhile.".into()));
        }
        let stored = match found.map(|found| (&found.error, &found.item)) {
            None => Some(before.edition),
            Some((None, Some(stored))) => Some(stored.record.edition),
            Some((Some(error), _)) => match Error::from(error.clone()) {
                Error::NotFound => None,
                other => return Err(other),
            },
            Some((None, None)) => return Err(crate::api::unreadable()),
        };
        let mut sent = Sent {
            card_version: card.version,
            shown: card.shown(choice.fields.as_deref())?,
            fields: choice.fields.clone(),
            expires_at: choice.expires_at,
            accept_unverified: choice.accept_unverified,
            ..before.clone()
        };
        let shows = (&sent.shown, sent.expires_at) == (&before.shown, before.expires_at);
        let next = match stored {
            Some(edition) if shows && edition == before.edition => Next::Keep,
            Some(edition) => Next::Replace(edition),
            None => Next::Create,
        };
        if next != Next::Keep {
            let seen = self.mark_of(Kind::Share, row.at.share);
            let newest = seen.max(before.edition).max(stored.unwrap_or(0));
            sent.edition = newest.checked_add(1).ok_or(Error::RecordRejected)?;
        }
        if sent != *before {
            sent.version = before.version + 1;
        }
        Ok(Plan { row, sent, next })
    }

    /// The write of a row.
    pub(super) fn row_update(&self, plan: &Plan) -> Result<SpaceUpdate> {
        let (vault_key, at) = (&self.keys()?.vault, &plan.row.at);
        Ok(SpaceUpdate {
            id: at.space,
            version: plan.row.sent.version,
            sent: seal_sent(self.engine(), vault_key, at, &plan.sent)?,
            expires_at: plan.sent.expires_at,
        })
    }
}
