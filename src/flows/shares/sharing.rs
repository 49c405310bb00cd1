//! One call that shares a card: what is new, what changes, and what is tried again.

use futures_util::future::{join, try_join, try_join3};

use super::ahead::Ahead;
use super::plan::{Choice, Next, Plan, Source, Stored};
use super::rows::Row;
use super::share::{Share, ShareOutcome, ShareRequest};
use super::store::{Draft, Outcome};
use crate::api::Transport;
use crate::api::keystore::spaces::{NewSpace, SpaceUpdate};
use crate::api::vault::shares::ShareFound;
use crate::crypto::engine::Engine;
use crate::crypto::records::{Audience, Sent, ShareIds};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::connections::{Checked, Trust};
use crate::flows::session::{Session, Work};
use crate::ids::Id;

/// One call of [`Session::share_with_many`]. When it is dropped in the middle, nobody learns what became of the snapshots that
/// are on their way, so they are taken back. A live share is found again by the next call, but for one that nothing was decided of.
pub(super) struct Sharing<'a, T: Transport, E: Engine> {
    pub(super) session: &'a Session<T, E>,
    pub(super) request: &'a ShareRequest,
    pub(super) tag: String,
    /// The outcomes so far, by connection.
    pub(super) outcomes: ById<Result<Share>>,
    /// The connections that have no outcome yet.
    pub(super) pending: Vec<Id>,
    /// Spaces that the Keystore calls over or gone.
    pub(super) over: ById<()>,
    /// Shares that the Vault refused once because their ids are used.
    pub(super) used: ById<()>,
    /// The snapshots whose spaces are stored.
    pub(super) unfinished: Vec<ShareIds>,
    /// Those whose spaces were stored ahead, until it is clear that they can be made.
    pub(super) undecided: Vec<ShareIds>,
    /// What rows said before this call, by share.
    pub(super) before: ById<Sent>,
    /// Whether a share of the card shows an older version of it.
    pub(super) lags: bool,
}

/// What a round has to do.
struct Round {
    card: Source,
    /// Those whose spaces are stored.
    ahead: Vec<Draft>,
    new: Vec<(Draft, NewSpace)>,
    plans: Vec<(Plan, Checked)>,
}

impl<T: Transport, E: Engine> Sharing<'_, T, E> {
    /// Looks at card, connections and rows, and does what is to be done for each pending connection; gives the card's version.
    /// From the second round on it also asks what the Vault has.
    pub(super) async fn round(&mut self, again: bool, work: &mut Work<'_, T>) -> Result<u64> {
        let (session, request) = (self.session, self.request);
        let rows = async {
            match request.live {
                true => session.rows_of(request.card).await,
                false => Ok(Vec::new()),
            }
        };
        let connections = session.checked_connections(&self.pending);
        let drafted = match again {
            true => Vec::new(),
            false => session.draft_ahead(request, &self.tag, work).await,
        };
        let (mut ahead, spaces): (Vec<Ahead>, Vec<NewSpace>) = drafted.into_iter().unzip();
        self.undecided = ahead.iter().filter_map(Ahead::ids).collect();
        let fetch = async {
            let read = session.read_card(request.card);
            let (card, connections, rows) = try_join3(read, connections, rows).await?;
            card.content.check_part(&request.part)?;
            let card = Source::new(card.id, card.version, card.content)?;
            Ok((card, connections, rows))
        };
        let title = "Fetch the card and the connection";
        let fetch = session.step(19, title, fetch);
        let (fetched, made) = join(fetch, self.write_rows(spaces, Vec::new())).await;
        let ((card, connections, rows), mut made) = match (fetched, made) {
            (Ok(fetched), Ok(made)) => (fetched, made),
            (Err(error), _) | (_, Err(error)) => {
                self.give_up_rest();
                return Err(error);
            }
        };
        let version = card.version;
        let mut mine: ById<Result<Row>> = ById::default();
        let lags =
            |row: &Row| !session.has_ended(row.sent.expires_at) && row.sent.card_version < version;
        let mut live = rows.iter().filter(|found| found.live);
        self.lags |= live.any(|found| found.row.as_ref().is_ok_and(lags));
        for found in rows.into_iter().filter(|found| found.live) {
            let is_over = |row: &Row| {
                session.has_ended(row.sent.expires_at) || self.over.contains(&row.at.space())
            };
            let connection = found
                .connection
                .filter(|_| !found.row.as_ref().is_ok_and(is_over));
            if let Some(connection) = connection {
                mine.insert(connection, found.row);
            }
        }
        let stored = match again {
            true => self.ask(&mine).await?,
            false => ById::default(),
        };
        let mut round = Round {
            card,
            ahead: Vec::new(),
            new: Vec::new(),
            plans: Vec::new(),
        };
        for (id, checked) in self.take_pending(connections) {
            let row = mine.remove(&id).transpose();
            if matches!(row, Ok(Some(_))) {
                session.remember(|memory| memory.remember_live(request.card, id));
            }
            let is_of_it = |one: &Ahead| one.ids().is_some_and(|ids| ids.connection == id);
            let drafted = ahead.iter().position(is_of_it);
            let drafted = drafted.map(|position| ahead.swap_remove(position));
            let is_drafted = drafted.is_some();
            let refused = drafted
                .as_ref()
                .and_then(|one| made.remove(&one.space()).flatten());
            if let (Some(drafted), true) = (&drafted, refused.is_some()) {
                self.undecided.retain(|ids| ids.space != drafted.space());
            }
            let accept_unverified = request.accept_unverified;
            let sorted = match (drafted, refused) {
                (Some(drafted), None) => {
                    let allowed =
                        checked.and_then(|checked| drafted.check(&checked, accept_unverified));
                    self.take_ahead(&mut round, drafted, row, allowed)
                }
                (Some(drafted), Some(error)) if !matches!(error, Error::Conflict(_)) => {
                    let allowed =
                        checked.and_then(|checked| drafted.check(&checked, accept_unverified));
                    allowed.and(Err(error))
                }
                // There is a row already, or nothing was drafted.
                _ => self.sort(&mut round, checked, row, &stored).await,
            };
            self.settle(id, sorted.err());
            if !is_drafted {
                work.advance().await;
            }
        }
        self.store(round, work).await?;
        Ok(version)
    }

    /// What the Vault has under the rows of those who are pending.
    async fn ask(&self, rows: &ById<Result<Row>>) -> Result<Stored> {
        let pending = self.pending.iter().filter_map(|id| rows.get(id));
        let pending = pending.filter_map(|row| row.as_ref().ok());
        self.session.stored_editions(pending).await
    }

    fn take_pending(
        &mut self,
        mut connections: ById<Result<Checked>>,
    ) -> Vec<(Id, Result<Checked>)> {
        let pending = std::mem::take(&mut self.pending).into_iter();
        pending
            .map(|id| (id, connections.remove(&id).unwrap_or(Err(Error::NotFound))))
            .collect()
    }

    /// Takes a share whose space is stored already, if what was fetched is what it was drafted from, and there is no other one.
    fn take_ahead(
        &mut self,
        round: &mut Round,
        ahead: Ahead,
        row: Result<Option<Row>>,
        allowed: Result<()>,
    ) -> Result<()> {
        let is_other = |row: Option<Row>| row.is_some_and(|row| row.at.space() != ahead.space());
        let taken = match (allowed, row.map(is_other)) {
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(()), Ok(false)) if ahead.shows(&round.card) => {
                round.ahead.push(ahead.draft);
                return Ok(());
            }
            // The next round looks again.
            _ => Err(Error::Conflict("The card was changed meanwhile.".into())),
        };
        let (given_up, rest) = std::mem::take(&mut self.undecided)
            .into_iter()
            .partition(|ids| ids.space == ahead.space());
        self.undecided = rest;
        self.session.give_up(given_up);
        taken
    }

    /// Takes back what was stored ahead.
    fn give_up_rest(&mut self) {
        self.session.give_up(std::mem::take(&mut self.undecided));
    }

    /// Steps 26-27, if there is anything to write.
    async fn write_rows(
        &self,
        new: Vec<NewSpace>,
        changed: Vec<(Id, SpaceUpdate)>,
    ) -> Result<ById<Option<Error>>> {
        if new.is_empty() && changed.is_empty() {
            return Ok(ById::default());
        }
        let write = self.session.write_rows(new, changed);
        let title = "Create the encryption space in the Keystore";
        self.session.step(26, title, write).await
    }

    /// Decides for one connection whether its share is new, or how the one that is there changes.
    async fn sort(
        &mut self,
        round: &mut Round,
        checked: Result<Checked>,
        row: Result<Option<Row>>,
        stored: &Stored,
    ) -> Result<()> {
        let (session, request) = (self.session, self.request);
        let (checked, row) = (checked?, row?);
        let pin = checked.peer()?;
        if checked.trust == Trust::Unverified && !request.accept_unverified {
            return Err(Error::ConnectionUnverified);
        }
        let Some(row) = row else {
            let (id, card) = (checked.stored.id, &round.card);
            let draft = session.draft_new(id, pin, request, &self.tag, card);
            round.new.push(draft.await?);
            return Ok(());
        };
        let choice = Choice {
            part: request.part.clone(),
            expires_at: request.expires_at,
            accept_unverified: request.accept_unverified,
        };
        let (space, connection) = (row.at.space(), checked.stored.id);
        let stored = stored.get(&row.at.share());
        match session.plan(row, &round.card, &choice, stored) {
            Ok(plan) => round.plans.push((plan, checked)),
            // The Vault's copy ran out, or was used up: another takes its place.
            Err(Error::ShareExpired) => self.replace_space(space, connection).await?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives up a space that can hold no share any more; the next round makes another.
    async fn replace_space(&mut self, space: Id, connection: Id) -> Result<()> {
        self.session.delete_space_if_there(space).await?;
        self.over.insert(space, ());
        self.pending.push(connection);
        Ok(())
    }

    /// Takes an error for the outcome; one of a race leads to another round.
    fn settle(&mut self, connection: Id, error: Option<Error>) {
        match error {
            None => {}
            Some(Error::Conflict(_)) if self.request.live => self.pending.push(connection),
            Some(error) => self.outcomes.insert(connection, Err(error)),
        }
    }

    /// Writes the rows, and then the editions.
    async fn store(&mut self, round: Round, work: &mut Work<'_, T>) -> Result<()> {
        let session = self.session;
        let (drafts, new): (Vec<Draft>, Vec<NewSpace>) = round.new.into_iter().unzip();
        let mut rewritten = Vec::new();
        for (plan, _) in round.plans.iter().filter(|(plan, _)| plan.rewrites()) {
            rewritten.push((plan.row.at.share(), session.row_update(plan)?));
            self.before
                .insert(plan.row.at.share(), plan.row.sent.clone());
        }
        let kept = round.plans.iter().map(|(plan, _)| plan);
        let kept = kept.filter(|plan| plan.next == Next::Keep);
        let kept: Vec<Id> = kept.map(|plan| plan.row.at.share()).collect();
        let write = self.write_rows(new, rewritten);
        let (mut errors, kept) = try_join(write, session.services().stored_shares(&kept)).await?;

        let mut ready = round.ahead;
        let mut fresh: ById<()> = ready.iter().map(|draft| (draft.at.space(), ())).collect();
        for draft in drafts {
            let space = draft.at.space();
            match errors.remove(&space).flatten() {
                Some(error) => {
                    let connection = draft.at.person().map(|ids| ids.connection);
                    if let Some(connection) = connection {
                        self.settle(connection, Some(error));
                    }
                }
                None => {
                    fresh.insert(space, ());
                    ready.push(draft);
                }
            }
        }
        if !self.request.live {
            let ids = ready.iter().filter_map(|draft| draft.at.person());
            self.unfinished = ids.copied().collect();
        }
        for (plan, checked) in round.plans {
            let (space, connection) = (plan.row.at.space(), checked.stored.id);
            match errors.remove(&space).flatten() {
                Some(Error::NotFound | Error::ShareExpired) => {
                    self.over.insert(space, ());
                    self.pending.push(connection);
                }
                Some(error) => self.settle(connection, Some(error)),
                None if plan.next == Next::Keep => self.keep(&plan, connection, &kept),
                None => match session.draft_change(plan, Some(&checked)).await {
                    Ok(draft) => ready.push(draft),
                    Err(error) => self.settle(connection, Some(error)),
                },
            }
        }
        // From here on the Vault may have them.
        self.undecided.clear();
        for outcome in session.store_editions(&round.card, ready, work).await? {
            self.take(outcome, &fresh).await;
        }
        Ok(())
    }

    /// A share that need not change, if the Vault has it.
    fn keep(&mut self, plan: &Plan, connection: Id, found: &[ShareFound]) {
        let record = found
            .iter()
            .filter_map(|found| found.item.as_ref())
            .map(|stored| &stored.record)
            .find(|record| (record.id, record.edition) == (plan.row.at.share(), plan.sent.edition));
        match (record, plan.row.at.person()) {
            (Some(record), Some(ids)) => {
                let times = (record.created_at, record.updated_at);
                let share = Share::new(ids, &plan.sent, times);
                self.outcomes.insert(connection, Ok(share));
            }
            _ => self.pending.push(connection),
        }
    }

    /// Takes what became of an edition. `fresh` are the spaces that were made for it.
    async fn take(&mut self, outcome: Outcome, fresh: &ById<()>) {
        let Outcome {
            at,
            sent,
            replaced,
            result,
        } = outcome;
        let Some(ids) = at.person() else {
            return;
        };
        let error = match result {
            Ok(times) => {
                if sent.live {
                    let (card, connection) = (sent.card, ids.connection);
                    self.session
                        .remember(|memory| memory.remember_live(card, connection));
                }
                let share = Share::new(ids, &sent, times);
                return self.outcomes.insert(ids.connection, Ok(share));
            }
            Err(error) => error,
        };
        let again = match &error {
            _ if !self.request.live => None,
            Error::Conflict(_) | Error::NotFound if replaced => {
                self.pending.push(ids.connection);
                return;
            }
            // Another call may have made it meanwhile: the next round sees that.
            Error::Conflict(_) if !self.used.contains(&ids.share) => {
                self.used.insert(ids.share, ());
                self.pending.push(ids.connection);
                return;
            }
            // The id was used and is gone, or the Vault's copy ran out: another share takes its place.
            Error::Conflict(_) | Error::ShareExpired => {
                Some(self.replace_space(ids.space, ids.connection).await)
            }
            _ => None,
        };
        let error = match again {
            Some(Ok(())) => return,
            Some(Err(error)) => error,
            None => error,
        };
        let untold = matches!(
            error,
            Error::Offline(_)
                | Error::ServerError(_)
                | Error::RateLimited(_)
                | Error::SessionExpired
        );
        if replaced && (!untold || matches!(error, Error::RateLimited(_))) {
            self.take_back(ids, sent).await;
        }
        if fresh.contains(&ids.space) && !(self.request.live && untold) {
            self.session.abandon(vec![*ids]);
        }
        self.outcomes.insert(ids.connection, Err(error));
    }

    /// Writes the choice of before into a row again, after the Vault refused the edition: what was refused must not come about by a
    /// later update. The number stays, so that none is used twice.
    async fn take_back(&mut self, ids: &ShareIds, refused: Sent) {
        let chosen = |sent: &Sent| (sent.part(), sent.expires_at, sent.accept_unverified);
        let before = self.before.remove(&ids.share);
        let Some(before) = before.filter(|before| chosen(before) != chosen(&refused)) else {
            return;
        };
        let sent = Sent {
            version: refused.version + 1,
            edition: refused.edition,
            ..before
        };
        let session = self.session;
        if let Ok(update) = session.sent_update(&Audience::Person(*ids), refused.version, &sent) {
            // Where this fails, too, the row is as it was.
            let _ = session
                .write_rows(Vec::new(), vec![(ids.share, update)])
                .await;
        }
    }

    /// Gives everybody who has no outcome yet this one.
    pub(super) fn fail_rest(&mut self, error: &Error) {
        self.pending.clear();
        for connection in &self.request.connections {
            if !self.outcomes.contains(connection) {
                self.outcomes.insert(*connection, Err(error.clone()));
            }
        }
    }

    /// The shares that were made or changed.
    pub(super) fn made(&self) -> Vec<Audience> {
        let made = self.outcomes.values().filter_map(|made| made.as_ref().ok());
        made.map(|share| {
            Audience::Person(ShareIds {
                from: share.from,
                to: share.to,
                connection: share.connection,
                space: share.space,
                share: share.id,
            })
        })
        .collect()
    }

    /// The outcomes in the order of the request.
    pub(super) fn finish(mut self) -> Vec<ShareOutcome> {
        self.unfinished.clear();
        let mut outcomes = Vec::with_capacity(self.request.connections.len());
        for connection in &self.request.connections {
            let result = self.outcomes.remove(connection);
            outcomes.push(ShareOutcome {
                connection: *connection,
                result: result.unwrap_or(Err(Error::NotFound)),
            });
        }
        outcomes
    }
}

impl<T: Transport, E: Engine> Drop for Sharing<'_, T, E> {
    fn drop(&mut self) {
        if !self.unfinished.is_empty() {
            self.session.abandon(std::mem::take(&mut self.unfinished));
        }
        self.give_up_rest();
    }
}
