//! How a live share or link comes to show its card as it is now.

use std::borrow::Cow;

use futures_util::future::try_join;

use super::rows::Row;
use crate::api::keystore::spaces::SpaceUpdate;
use crate::api::{Transport, WireError};
use crate::crypto::engine::Engine;
use crate::crypto::records::{Audience, CardContent, Part, Sent, seal_sent, shown_digest};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::session::Session;
use crate::ids::Id;

/// The most editions by which the Vault may be ahead of what this account knows, as it is after the Keystore was restored.
const MAX_LEAP: u64 = 1 << 20;

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

    /// The digest of what a share of this part shows.
    pub(in crate::flows) fn shown(&self, part: &Part) -> Result<String> {
        match self.content.narrow(part) {
            Cow::Borrowed(_) => Ok(self.digest.clone()),
            Cow::Owned(narrowed) => shown_digest(&narrowed),
        }
    }
}

/// The choice of a share.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) part: Part,
    pub(super) expires_at: Option<i64>,
    pub(super) accept_unverified: bool,
}

impl Choice {
    /// The choice of before.
    pub(super) fn of(sent: &Sent) -> Self {
        Self {
            part: sent.part(),
            expires_at: sent.expires_at,
            accept_unverified: sent.accept_unverified,
        }
    }
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

/// The editions that the Vault has, or why it serves none.
pub(super) type Stored = ById<Result<u64>>;

impl<T: Transport, E: Engine> Session<T, E> {
    /// What the Vault has of these shares and links.
    pub(super) async fn stored_editions(
        &self,
        rows: impl IntoIterator<Item = &Row>,
    ) -> Result<Stored> {
        let (mut shares, mut links) = (Vec::new(), Vec::new());
        for row in rows {
            match row.at {
                Audience::Person(ids) => shares.push(ids.share),
                Audience::Link { id, .. } => links.push(id),
            }
        }
        let services = self.services();
        let asked = try_join(
            services.stored_shares(&shares),
            services.stored_links(&links),
        );
        let (shares, links) = asked.await?;
        let shares = shares.into_iter().map(|found| {
            let edition = found.item.map(|stored| stored.record.edition);
            (found.id, edition_of(edition, found.error))
        });
        let links = links.into_iter().map(|found| {
            let edition = found.item.map(|stored| stored.edition);
            (found.id, edition_of(edition, found.error))
        });
        Ok(shares.chain(links).collect())
    }

    /// How a live share or link comes to show `card` by `choice`. Without an answer of the Vault it is taken to have what the
    /// row says.
    pub(super) fn plan(
        &self,
        row: Row,
        card: &Source,
        choice: &Choice,
        stored: Option<&Result<u64>>,
    ) -> Result<Plan> {
        let before = &row.sent;
        if before.card_version > card.version {
            // Another device shows a newer version already; nobody goes back.
            return Err(Error::Conflict("The card was changed meanwhile.".into()));
        }
        let stored = match stored {
            None => Some(before.edition),
            Some(Ok(edition)) => Some(*edition),
            // A link is made together with its first edition, and never again.
            Some(Err(Error::NotFound)) if row.at.person().is_some() => None,
            Some(Err(error)) => return Err(error.clone()),
        };
        let mut sent = Sent {
            card_version: card.version,
            shown: card.shown(&choice.part)?,
            fields: choice.part.fields.clone(),
            files: choice.part.files.clone(),
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
            let known = self.mark_of(row.at.mark(), row.at.share());
            let (known, stored) = (known.max(before.edition), stored.unwrap_or(0));
            // Numbers only grow: one that the Vault made up would else be the last.
            if stored > known.saturating_add(MAX_LEAP) {
                return Err(Error::RecordRejected);
            }
            sent.edition = known
                .max(stored)
                .checked_add(1)
                .ok_or(Error::RecordRejected)?;
        }
        if sent != *before {
            sent.version = before.version + 1;
        }
        Ok(Plan { row, sent, next })
    }

    /// The write of a row.
    pub(super) fn row_update(&self, plan: &Plan) -> Result<SpaceUpdate> {
        self.sent_update(&plan.row.at, plan.row.sent.version, &plan.sent)
    }

    pub(super) fn sent_update(
        &self,
        at: &Audience,
        version: u64,
        sent: &Sent,
    ) -> Result<SpaceUpdate> {
        Ok(SpaceUpdate {
            id: at.space(),
            version,
            sent: seal_sent(self.engine(), &self.keys()?.vault, at, sent)?,
            expires_at: sent.expires_at,
        })
    }
}

fn edition_of(edition: Option<u64>, error: Option<WireError>) -> Result<u64> {
    match (edition, error) {
        (Some(edition), None) => Ok(edition),
        (_, error) => Err(error.map_or_else(crate::api::unreadable, Error::from)),
    }
}
