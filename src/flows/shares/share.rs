//! Sharing a card with one person or several (steps 19-32). Who has a live share of it gets that one changed.

use futures_util::future::{try_join, try_join3};
use serde::Serialize;

use super::plan::{Choice, Next, Plan, Source, Stored};
use super::rows::Row;
use super::store::{Draft, Outcome};
use crate::api::Transport;
use crate::api::keystore::spaces::NewSpace;
use crate::api::vault::shares::{ShareFound, ShareRecord};
use crate::crypto::engine::Engine;
use crate::crypto::keys::SymmetricKey;
use crate::crypto::records::{
    Audience, Sent, ShareIds, card_reference, card_tag, seal_own_dek, seal_peer_dek, seal_sent,
};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::checks::check_expiry;
use crate::flows::connections::{Checked, Trust};
use crate::flows::session::{Session, Work};
use crate::ids::Id;

/// The most people of one call.
const MAX_RECIPIENTS: usize = 200;
/// The most times that a call looks again, because another device changed the same share meanwhile, or a call was cut before.
const MAX_ROUNDS: usize = 5;

/// A share that is to be made, with one person or several.
#[derive(Debug, Clone)]
pub struct ShareRequest {
    /// The card.
    pub card: Id,
    /// The connections.
    pub connections: Vec<Id>,
    /// The names of the fields, one or more; all by default.
    pub fields: Option<Vec<String>>,
    /// The end of reading, in milliseconds since 1970; never by default.
    pub expires_at: Option<i64>,
    /// Whether to share although nobody verified the keys.
    pub accept_unverified: bool,
    /// Whether the share follows the card. Else it stays as the card is now, and is always a new one.
    pub live: bool,
}

/// A share, without its content.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The share.
    pub id: Id,
    /// The connection.
    pub connection: Id,
    /// The encryption space.
    pub space: Id,
    /// The sender.
    pub from: Id,
    /// The recipient.
    pub to: Id,
    /// In milliseconds since 1970, by the Vault's clock.
    pub created_at: i64,
    /// In milliseconds since 1970; never if `None`.
    pub expires_at: Option<i64>,
    /// Grows with each change, from 1.
    pub edition: u64,
    /// The time of this edition, in milliseconds since 1970, by the Vault's clock.
    pub updated_at: i64,
}

impl Share {
    /// A share as its row says, and the times of its making and of its edition.
    pub(super) fn new(ids: &ShareIds, sent: &Sent, (created_at, updated_at): (i64, i64)) -> Self {
        Self {
            id: ids.share,
            connection: ids.connection,
            space: ids.space,
            from: ids.from,
            to: ids.to,
            created_at,
            expires_at: sent.expires_at,
            edition: sent.edition,
            updated_at,
        }
    }
}

impl From<&ShareRecord> for Share {
    fn from(record: &ShareRecord) -> Self {
        Self {
            id: record.id,
            connection: record.connection_id,
            space: record.space_id,
            from: record.from,
            to: record.to,
            created_at: record.created_at,
            expires_at: record.expires_at,
            edition: record.edition,
            updated_at: record.updated_at,
        }
    }
}

/// The outcome for one person.
#[derive(Debug)]
pub struct ShareOutcome {
    /// The connection.
    pub connection: Id,
    /// The share.
    pub result: Result<Share>,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Shares a card with one person.
    pub async fn share(&self, request: ShareRequest) -> Result<Share> {
        if request.connections.len() != 1 {
            return Err(
                Error::bad_input("`connection` names one connection.").in_argument("connection")
            );
        }
        let outcome = self.share_with_many(request).await?.pop();
        outcome.ok_or_else(crate::api::unreadable)?.result
    }

    /// Shares a card with several people, with one request to each service; each person has a result.
    pub async fn share_with_many(&self, request: ShareRequest) -> Result<Vec<ShareOutcome>> {
        let keys = self.keys()?;
        // For each person: the key is wrapped, the share is sealed.
        let mut work = self.work(2 * request.connections.len());
        check_request(&request, self.now())?;
        let mut sharing = Sharing {
            session: self,
            request: &request,
            tag: card_tag(&keys.vault, request.card)?,
            outcomes: ById::default(),
            pending: request.connections.clone(),
            over: ById::default(),
            unfinished: Vec::new(),
            lags: false,
        };
        let version = sharing.round(false, &mut work).await?;
        let mut rounds = 1;
        while !sharing.pending.is_empty() && rounds < MAX_ROUNDS {
            if let Err(error) = sharing.round(true, &mut self.quiet_work()).await {
                sharing.fail_rest(&error);
            }
            rounds += 1;
        }
        sharing.fail_rest(&Error::Conflict("The share was changed meanwhile.".into()));
        work.finish();
        if sharing.lags || self.inner.memory.borrow().unsettled.contains(&request.card) {
            self.catch_up_later(request.card);
        } else if request.live {
            // What was updated meanwhile did not see the new rows.
            self.follow_if_changed(request.card, version);
        }
        Ok(sharing.finish())
    }

    /// Steps 23-25 for one person: a DEK, wrapped for oneself and for them.
    async fn draft_new(
        &self,
        checked: &Checked,
        request: &ShareRequest,
        tag: &str,
        card: &Source,
    ) -> Result<(Draft, NewSpace)> {
        let keys = self.keys()?;
        let pin = checked.peer()?;
        if checked.trust == Trust::Unverified && !request.accept_unverified {
            return Err(Error::ConnectionUnverified);
        }
        let ids = ShareIds {
            from: self.account(),
            to: pin.account,
            connection: checked.stored.id,
            space: self.make_id()?,
            share: self.make_id()?,
        };
        let dek = self
            .step(23, "Make a DEK", async {
                SymmetricKey::make(self.engine())
            })
            .await?;
        let own = async { seal_own_dek(self.engine(), &keys.kek, &ids, &dek) };
        let own = self.step(24, "Wrap the DEK with the KEK", own).await?;
        // The pinned key, never the one that the Vault serves now.
        let peer_key = pin.connection_key()?;
        let peer = seal_peer_dek(self.engine(), &peer_key, &ids, &dek);
        let peer = self
            .step(25, "Wrap the DEK with the other person's public keys", peer)
            .await?;
        let sent = Sent {
            version: 1,
            edition: 1,
            card: card.id,
            card_version: card.version,
            shown: card.shown(request.fields.as_deref())?,
            fields: request.fields.clone(),
            live: request.live,
            expires_at: request.expires_at,
            accept_unverified: request.accept_unverified,
            reference: Some(card_reference(&keys.vault, card.id, ids.connection)?),
            link: None,
        };
        let at = Audience::Person(ids);
        let space = NewSpace {
            id: ids.space,
            connection_id: Some(ids.connection),
            recipient: Some(ids.to),
            expires_at: request.expires_at,
            own,
            peer: Some(peer),
            share: ids.share,
            sent: seal_sent(self.engine(), &keys.vault, &at, &sent)?,
            tag: Some(tag.to_owned()),
            live: request.live,
        };
        let draft = Draft {
            at,
            dek,
            recipient: Some(pin.signing_key()?),
            sent,
            replaces: None,
            created_at: self.now(),
        };
        Ok((draft, space))
    }

    /// Removes the rest of shares that failed. A share may have come about without an answer, so it goes first: a share
    /// that is listed can be read. A space alone is seen by nobody, for nothing names it.
    fn abandon(&self, shares: Vec<ShareIds>) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            for ids in shares {
                match session.services().delete_share(ids.share).await {
                    Ok(()) | Err(Error::NotFound) => {
                        let _ = session.delete_space_if_there(ids.space).await;
                    }
                    Err(_) => {}
                }
            }
        });
    }
}

/// One call of [`Session::share_with_many`]. When it is dropped in the middle, nobody learns what became of the snapshots that
/// are on their way, so they are taken back. A live share is found again by the next call.
struct Sharing<'a, T: Transport, E: Engine> {
    session: &'a Session<T, E>,
    request: &'a ShareRequest,
    tag: String,
    /// The outcomes so far, by connection.
    outcomes: ById<Result<Share>>,
    /// The connections that have no outcome yet.
    pending: Vec<Id>,
    /// Spaces that the Keystore calls over or gone.
    over: ById<()>,
    /// The snapshots whose spaces are stored.
    unfinished: Vec<ShareIds>,
    /// Whether a share of the card shows an older version of it.
    lags: bool,
}

/// What a round has to do.
struct Round {
    card: Source,
    new: Vec<(Draft, NewSpace)>,
    plans: Vec<(Plan, Checked)>,
}

impl<T: Transport, E: Engine> Sharing<'_, T, E> {
    /// Looks at card, connections and rows, and does what is to be done for each pending connection; gives the card's version.
    /// From the second round on it also asks what the Vault has.
    async fn round(&mut self, again: bool, work: &mut Work<'_, T>) -> Result<u64> {
        let (session, request) = (self.session, self.request);
        let rows = async {
            match request.live {
                true => session.rows_of(request.card).await,
                false => Ok(Vec::new()),
            }
        };
        let connections = session.checked_connections(&self.pending);
        let fetch = try_join3(session.read_card(request.card), connections, rows);
        let title = "Fetch the card and the connection";
        let (card, connections, rows) = session.step(19, title, fetch).await?;
        if let Some(names) = &request.fields {
            card.content.select(names)?;
        }
        let card = Source::new(card.id, card.version, card.content)?;
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
            new: Vec::new(),
            plans: Vec::new(),
        };
        for (id, checked) in self.take_pending(connections) {
            let row = mine.remove(&id).transpose();
            let sorted = self.sort(&mut round, checked, row, &stored).await;
            self.settle(id, sorted.err());
            work.advance().await;
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
        let Some(row) = row else {
            let draft = session.draft_new(&checked, request, &self.tag, &round.card);
            round.new.push(draft.await?);
            return Ok(());
        };
        checked.peer()?;
        let choice = Choice {
            fields: request.fields.clone(),
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
        }
        let kept = round.plans.iter().map(|(plan, _)| plan);
        let kept = kept.filter(|plan| plan.next == Next::Keep);
        let kept: Vec<Id> = kept.map(|plan| plan.row.at.share()).collect();
        let title = "Create the encryption space in the Keystore";
        let write = async {
            if new.is_empty() && rewritten.is_empty() {
                return Ok(ById::default());
            }
            let write = session.write_rows(new, rewritten);
            session.step(26, title, write).await
        };
        let (mut errors, kept) = try_join(write, session.services().stored_shares(&kept)).await?;

        let mut ready = Vec::with_capacity(drafts.len() + round.plans.len());
        let mut fresh = ById::default();
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
            // The id was used, or the Vault's copy ran out: another share takes its place.
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
        if fresh.contains(&ids.space) && !(self.request.live && untold) {
            self.session.abandon(vec![*ids]);
        }
        self.outcomes.insert(ids.connection, Err(error));
    }

    /// Gives everybody who has no outcome yet this one.
    fn fail_rest(&mut self, error: &Error) {
        self.pending.clear();
        for connection in &self.request.connections {
            if !self.outcomes.contains(connection) {
                self.outcomes.insert(*connection, Err(error.clone()));
            }
        }
    }

    /// The outcomes in the order of the request.
    fn finish(mut self) -> Vec<ShareOutcome> {
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
    }
}

fn check_request(request: &ShareRequest, now: i64) -> Result<()> {
    check_expiry(request.expires_at, now)?;
    let connections = &request.connections;
    let repeated =
        (1..connections.len()).any(|index| connections[..index].contains(&connections[index]));
    if connections.is_empty() || connections.len() > MAX_RECIPIENTS || repeated {
        return Err(Error::bad_input(format!(
            "A card is shared with 1 to {MAX_RECIPIENTS} different connections."
        ))
        .in_argument("connections"));
    }
    if request.fields.as_ref().is_some_and(Vec::is_empty) {
        return Err(Error::bad_input("`fields` names one field or more.").in_argument("fields"));
    }
    Ok(())
}
