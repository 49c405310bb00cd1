//! Live shares that follow their card: when it is updated, and again after a cut.

use futures_util::future::try_join;
use serde::{Serialize, Serializer};

use super::rows::{CardRows, Choice, Next, Plan, Row, RowFound, Source};
use crate::api::Transport;
use crate::api::keystore::spaces::Space;
use crate::api::vault::shares::ShareFound;
use crate::crypto::engine::Engine;
use crate::crypto::marks::Kind;
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::links::Shown;
use crate::flows::opened::Reason;
use crate::flows::session::Session;
use crate::ids::Id;

/// The most times that one call looks again, because another device changed the same shares meanwhile.
const MAX_ROUNDS: usize = 4;

/// A live share or link that could not be brought up to date; without ids, where it could not be found out which ones there are.
#[derive(Debug, Serialize)]
pub struct Lagging {
    /// The share.
    pub share: Option<Id>,
    /// The connection; none for a link.
    pub connection: Option<Id>,
    /// The reason.
    #[serde(serialize_with = "reason")]
    pub error: Error,
}

impl Lagging {
    /// All of them, as far as is known.
    pub(in crate::flows) fn unknown(error: Error) -> Self {
        Self {
            share: None,
            connection: None,
            error,
        }
    }
}

fn reason<S: Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
    Reason::from(error).serialize(serializer)
}

/// What became of a card's live shares.
#[derive(Debug, Default)]
pub(in crate::flows) struct Followed {
    pub(in crate::flows) lagging: Vec<Lagging>,
    /// Whether to look again: something changed meanwhile, or the Vault has something else than expected.
    again: bool,
}

impl Followed {
    fn miss(&mut self, share: Id, connection: Id, error: Error) {
        self.lagging.push(Lagging {
            share: Some(share),
            connection: Some(connection),
            error,
        });
    }

    /// Whether nothing is left to do. A connection that ended has no shares any more.
    fn is_done(&self) -> bool {
        let mut lagging = self.lagging.iter();
        lagging.all(|one| one.error == Error::NotFound)
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Brings the live shares of a card, which was written just now, up to date. `rows` are those of before.
    pub(in crate::flows) async fn follow_written(
        &self,
        card: Source,
        rows: CardRows,
    ) -> Result<Vec<Lagging>> {
        let (id, version) = (card.id, card.version);
        let first = self.bring_all_up(&card, rows, None).await?;
        if first.again {
            return Ok(self.catch_up_with(id).await?.lagging);
        }
        if first.is_done() {
            self.settle_later(id, version);
        }
        Ok(first.lagging)
    }

    /// Brings the live shares of a card up to date, whatever left them behind.
    async fn catch_up_with(&self, id: Id) -> Result<Followed> {
        let mut rounds = 0;
        loop {
            let (card, rows) = try_join(self.read_card(id), self.card_rows(id)).await?;
            let card = Source::new(card.id, card.version, card.content)?;
            let live = self.live_rows(&rows.shares);
            let shares: Vec<Id> = live.iter().map(|row| row.at.share).collect();
            let found = self.services().stored_shares(&shares).await?;
            let found = found.into_iter().map(|found| (found.id, found)).collect();
            let followed = self.bring_all_up(&card, rows, Some(&found)).await?;
            rounds += 1;
            if !followed.again || rounds == MAX_ROUNDS {
                // What lags now is brought up to date by a later session, if it can be at all.
                if followed.is_done() {
                    self.settle_later(id, card.version);
                }
                return Ok(followed);
            }
        }
    }

    /// Brings the shares of cards up to date whose update was cut, here or on another device.
    pub async fn catch_up_shares(&self) -> Result<()> {
        self.keys()?;
        for card in self.services().unsettled_cards().await? {
            match self.catch_up_with(card).await {
                // What one card lacks is no reason to leave the others behind.
                Ok(_) | Err(Error::NotFound | Error::RecordRejected | Error::UpdateNeeded) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does the same for one card, without being waited for.
    pub(super) fn catch_up_later(&self, card: Id) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            let _ = session.catch_up_with(card).await;
        });
    }

    /// Does the same if the card is not of this version any more.
    pub(super) fn follow_if_changed(&self, card: Id, version: u64) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            if matches!(session.read_card(card).await, Ok(now) if now.version != version) {
                let _ = session.catch_up_with(card).await;
            }
        });
    }

    fn settle_later(&self, card: Id, version: u64) {
        self.inner.memory.borrow_mut().unsettled.remove(&card);
        let session = self.clone();
        self.services().transport.spawn(async move {
            let _ = session.services().settle_card(card, version).await;
        });
    }

    /// The rows of live shares in force that open.
    fn live_rows<'r>(&self, rows: &'r [RowFound]) -> Vec<&'r Row> {
        rows.iter()
            .filter(|found| found.live)
            .filter_map(|found| found.row.as_ref().ok())
            .filter(|row| !self.has_ended(row.sent.expires_at))
            .collect()
    }

    /// Brings shares and links up to date at the same time.
    async fn bring_all_up(
        &self,
        card: &Source,
        rows: CardRows,
        found: Option<&ById<ShareFound>>,
    ) -> Result<Followed> {
        let shown = Shown {
            card: card.id,
            version: card.version,
            content: &card.content,
        };
        let links = self.follow_links(shown, &rows.links, found.is_some());
        let shares = self.bring_up(card, rows.shares, found);
        let (mut followed, links) = try_join(shares, links).await?;
        for (link, error) in links {
            // The first time it may be that the Vault has something else than its row says, or that the row was written while
            // it was read.
            let looks = found.is_none() && matches!(error, Error::NotFound | Error::RecordRejected);
            followed.again |= looks || matches!(error, Error::Conflict(_));
            followed.lagging.push(Lagging {
                share: Some(link),
                connection: None,
                error,
            });
        }
        Ok(followed)
    }

    /// Writes each row that is behind, and then its edition. Without `found`, the Vault is taken to have what the rows say.
    async fn bring_up(
        &self,
        card: &Source,
        rows: Vec<RowFound>,
        found: Option<&ById<ShareFound>>,
    ) -> Result<Followed> {
        let mut followed = Followed::default();
        let plans = self.plans(card, rows, found, &mut followed);
        if plans.is_empty() {
            return Ok(followed);
        }
        let mut rewritten = Vec::new();
        for plan in plans.iter().filter(|plan| plan.rewrites()) {
            rewritten.push((plan.row.at.share, self.row_update(plan)?));
        }
        let connections: Vec<Id> = plans.iter().map(|plan| plan.row.at.connection).collect();
        let write = self.write_rows(Vec::new(), rewritten);
        let check = self.checked_connections(&connections);
        let (mut errors, connections) = try_join(write, check).await?;
        let mut work = self.quiet_work();

        let mut drafts = Vec::with_capacity(plans.len());
        for plan in plans {
            let at = plan.row.at;
            let error = match (
                errors.remove(&at.space).flatten(),
                connections.get(&at.connection),
            ) {
                // Revoked, or over, meanwhile.
                (Some(Error::NotFound | Error::ShareExpired), _) => continue,
                (Some(error), _) => error,
                (None, _) if plan.next == Next::Keep => {
                    // The row was written, but perhaps not its edition: this device has not seen that.
                    followed.again |= found.is_none() && !self.has_seen(&plan.row);
                    continue;
                }
                (None, None) => Error::NotFound,
                (None, Some(Err(error))) => error.clone(),
                (None, Some(Ok(checked))) => match self.draft_change(plan, checked).await {
                    Ok(draft) => {
                        drafts.push(draft);
                        continue;
                    }
                    Err(error) => error,
                },
            };
            followed.again |= matches!(error, Error::Conflict(_));
            followed.miss(at.share, at.connection, error);
        }
        for outcome in self.store_editions(card, drafts, &mut work).await? {
            if let Err(error) = outcome.result {
                let looks =
                    found.is_none() && matches!(error, Error::NotFound | Error::ShareExpired);
                followed.again |= looks || matches!(error, Error::Conflict(_));
                followed.miss(outcome.ids.share, outcome.ids.connection, error);
            }
        }
        Ok(followed)
    }

    /// Whether this device knows that the Vault has taken the edition that the row names.
    fn has_seen(&self, row: &Row) -> bool {
        self.mark_of(Kind::Share, row.at.share) >= row.sent.edition
    }

    /// How each live share in force comes up to date.
    fn plans(
        &self,
        card: &Source,
        rows: Vec<RowFound>,
        found: Option<&ById<ShareFound>>,
        followed: &mut Followed,
    ) -> Vec<Plan> {
        let mut plans = Vec::with_capacity(rows.len());
        for RowFound {
            share,
            connection,
            row,
            ..
        } in rows.into_iter().filter(|found| found.live)
        {
            let planned = row.and_then(|row| {
                if self.has_ended(row.sent.expires_at) {
                    return Err(Error::ShareExpired);
                }
                let choice = Choice::of(&row.sent);
                let found = match found {
                    None => None,
                    Some(all) => Some(all.get(&share).ok_or_else(crate::api::unreadable)?),
                };
                self.plan(row, card, &choice, found)
            });
            match planned {
                Ok(plan) => plans.push(plan),
                // Nothing that is over is brought up to date, and a newer version is another device's to bring.
                Err(Error::ShareExpired | Error::Conflict(_)) => {}
                Err(error) => followed.miss(share, connection, error),
            }
        }
        plans
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// The number of shares and links in force among the rows of a card.
    pub(in crate::flows) fn count_in_force(&self, rows: &CardRows) -> u64 {
        let shares = rows.shares.iter().filter(|found| match &found.row {
            Ok(row) => !self.has_ended(row.sent.expires_at),
            Err(_) => true,
        });
        let links = rows.links.iter().filter(|space| match space {
            Space::Sender { expires_at, .. } => !self.has_ended(*expires_at),
            Space::Recipient { .. } => false,
        });
        (shares.count() + links.count()) as u64
    }
}
