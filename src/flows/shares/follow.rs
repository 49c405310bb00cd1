//! Live shares that follow their card: when it is updated, and again after a cut.

use futures_util::future::try_join;
use serde::{Serialize, Serializer};

use super::plan::{Choice, Next, Plan, Source, Stored};
use super::rows::{Row, RowFound};
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::crypto::records::Audience;
use crate::error::{Error, Result};
use crate::flows::opened::Reason;
use crate::flows::session::Session;
use crate::ids::Id;

/// The time after which no link is still being made, in milliseconds: an hour.
const MAKING_MS: i64 = 3600 * 1000;
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
    fn miss(&mut self, share: Id, connection: Option<Id>, error: Error) {
        self.lagging.push(Lagging {
            share: Some(share),
            connection,
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
        rows: Vec<RowFound>,
    ) -> Result<Vec<Lagging>> {
        let (id, version) = (card.id, card.version);
        let first = self.bring_up(&card, rows, None).await?;
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
            let (card, rows) = try_join(self.read_card(id), self.rows_of(id)).await?;
            let card = Source::new(card.id, card.version, card.content)?;
            let stored = self.stored_editions(self.live_rows(&rows)).await?;
            let followed = self.bring_up(&card, rows, Some(&stored)).await?;
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

    /// Does the same for one card, without being waited for; one at a time, since several would be in each other's way.
    pub(super) fn catch_up_later(&self, card: Id) {
        let catching_up = &mut self.inner.memory.borrow_mut().catching_up;
        if catching_up.contains(&card) {
            return;
        }
        catching_up.insert(card, ());
        let session = self.clone();
        self.services().transport.spawn(async move {
            let _ = session.catch_up_with(card).await;
            session.inner.memory.borrow_mut().catching_up.remove(&card);
        });
    }

    /// Does the same if the card is not of this version any more. If another call deleted it meanwhile, what was just made of it
    /// is revoked, since that call did not see it; not if shares were to stay.
    pub(in crate::flows) fn follow_if_changed(
        &self,
        card: Id,
        version: Option<u64>,
        made: Vec<Audience>,
    ) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            match session.read_card(card).await {
                Ok(now) if Some(now.version) != version => session.catch_up_later(card),
                Err(Error::NotFound) if !session.inner.memory.borrow().kept.contains(&card) => {
                    for at in made {
                        let _ = session.revoke_shown(at).await;
                    }
                }
                _ => {}
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
    fn live_rows<'r>(&self, rows: &'r [RowFound]) -> impl Iterator<Item = &'r Row> {
        rows.iter()
            .filter(|found| found.live)
            .filter_map(|found| found.row.as_ref().ok())
            .filter(|row| !self.has_ended(row.sent.expires_at))
    }

    /// Writes each row that is behind, and then its edition. Unless it is known what the Vault has `stored`, it is taken to have
    /// what the rows say.
    async fn bring_up(
        &self,
        card: &Source,
        rows: Vec<RowFound>,
        stored: Option<&Stored>,
    ) -> Result<Followed> {
        let mut followed = Followed::default();
        let plans = self.plans(card, rows, stored, &mut followed);
        if plans.is_empty() {
            return Ok(followed);
        }
        let mut rewritten = Vec::new();
        for plan in plans.iter().filter(|plan| plan.rewrites()) {
            rewritten.push((plan.row.at.share(), self.row_update(plan)?));
        }
        let connections: Vec<Id> = (plans.iter())
            .filter_map(|plan| Some(plan.row.at.person()?.connection))
            .collect();
        let write = self.write_rows(Vec::new(), rewritten);
        let check = self.checked_connections(&connections);
        let (mut errors, connections) = try_join(write, check).await?;
        let mut work = self.quiet_work();

        let mut drafts = Vec::with_capacity(plans.len());
        for plan in plans {
            let at = plan.row.at;
            let connection = at.person().map(|ids| ids.connection);
            let error = match errors.remove(&at.space()).flatten() {
                // Revoked, or over, meanwhile.
                Some(Error::NotFound | Error::ShareExpired) => continue,
                Some(error) => error,
                None if plan.next == Next::Keep => {
                    // The row was written, but perhaps not its edition: this device has not seen that.
                    followed.again |= stored.is_none() && !self.has_seen(&plan.row);
                    continue;
                }
                None => {
                    let checked = connection.and_then(|id| connections.get(&id));
                    let checked = checked.map(Result::as_ref).transpose();
                    // The other person has ended it: the row is on its way out.
                    if matches!(checked, Ok(Some(checked)) if checked.has_ended()) {
                        continue;
                    }
                    let drafted = match checked {
                        Ok(checked) => self.draft_change(plan, checked).await,
                        Err(error) => Err(error.clone()),
                    };
                    match drafted {
                        Ok(draft) => {
                            drafts.push(draft);
                            continue;
                        }
                        Err(error) => error,
                    }
                }
            };
            followed.again |= matches!(error, Error::Conflict(_));
            followed.miss(at.share(), connection, error);
        }
        for outcome in self.store_editions(card, drafts, &mut work).await? {
            if let Err(error) = outcome.result {
                let looks =
                    stored.is_none() && matches!(error, Error::NotFound | Error::ShareExpired);
                followed.again |= looks || matches!(error, Error::Conflict(_));
                let connection = outcome.at.person().map(|ids| ids.connection);
                followed.miss(outcome.at.share(), connection, error);
            }
        }
        Ok(followed)
    }

    /// Whether this device knows that the Vault has taken the edition that the row names.
    fn has_seen(&self, row: &Row) -> bool {
        self.mark_of(row.at.mark(), row.at.share()) >= row.sent.edition
    }

    /// How each live share or link in force comes up to date.
    fn plans(
        &self,
        card: &Source,
        rows: Vec<RowFound>,
        stored: Option<&Stored>,
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
                let stored = match stored {
                    None => None,
                    Some(all) => Some(all.get(&share).ok_or_else(crate::api::unreadable)?),
                };
                // Nobody has it, unless another device is making it just now.
                let is_left = self.now() - row.created_at > MAKING_MS;
                let planned = self.plan(row, card, &choice, stored);
                if connection.is_none() && is_left && matches!(planned, Err(Error::NotFound)) {
                    self.erase_later(share);
                }
                planned
            });
            match planned {
                Ok(plan) => plans.push(plan),
                // Nothing that is over is brought up to date, and a newer version is another device's to bring.
                Err(Error::ShareExpired | Error::Conflict(_)) => {}
                Err(Error::NotFound) if connection.is_none() => {}
                Err(error) => followed.miss(share, connection, error),
            }
        }
        plans
    }
}
