//! Events of an account, as a stream that can be taken up again after the last event seen.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::watch;

use super::auth::VaultCaller;
use super::state::{Vault, VaultState};
use super::streams::Seat;
use crate::http::error::{ApiError, ErrorBody, Result};
use crate::store::columns::from_columns;
use crate::store::db::Tx;
use crate::store::new_row::NewRow;

/// A stream reads no more events at once.
const MAX_EVENTS_PER_READ: i64 = 200;
/// How often a stream reads again that could not, and the time before each.
const MAX_FAILURES: u32 = 3;
const FAILURE_PAUSE: Duration = Duration::from_millis(200);

/// The kinds of events.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Card,
    Invitation,
    Connection,
    Share,
    Updated,
    Read,
    Revoked,
    Link,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Invitation => "invitation",
            Self::Connection => "connection",
            Self::Share => "share",
            Self::Updated => "updated",
            Self::Read => "read",
            Self::Revoked => "revoked",
            Self::Link => "link",
        }
    }

    /// Whether a record has such events again and again. The newest is kept alone: nobody could tell more from the others.
    fn recurs(self) -> bool {
        matches!(self, Self::Card | Self::Updated | Self::Read | Self::Link)
    }
}

/// One thing that happened to one account.
pub(super) struct Change {
    account: String,
    kind: Kind,
    record: String,
}

impl Change {
    pub(super) fn new(account: &str, kind: Kind, record: &str) -> Self {
        Self {
            account: account.to_owned(),
            kind,
            record: record.to_owned(),
        }
    }
}

impl Vault {
    /// Writes events beside the change that they tell of, commits both, and wakes the streams.
    pub(super) async fn record(&self, mut tx: Tx, mut changes: Vec<Change>) -> Result<()> {
        // All writers take the accounts in one order: none waits for another that waits for it.
        changes.sort_by(|one, other| one.account.cmp(&other.account));
        for of_one in changes.chunk_by(|one, other| one.account == other.account) {
            self.record_of_one(&mut tx, of_one).await?;
        }
        tx.commit().await?;
        for of_one in changes.chunk_by(|one, other| one.account == other.account) {
            self.streams.ring(&of_one[0].account);
        }
        self.db.peers.wake();
        Ok(())
    }

    /// Writes events of one account.
    async fn record_of_one(&self, tx: &mut Tx, changes: &[Change]) -> Result<()> {
        let account = &changes[0].account;
        let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
        // The row stays locked until the commit, so that an account's events become visible in the order of their numbers.
        let newest: i64 = sqlx::query_scalar(
            "INSERT INTO event_counts (account, newest) VALUES ($1, $2 + (SELECT first_event FROM owner)) \
             ON CONFLICT (account) DO UPDATE SET newest = event_counts.newest + $2 RETURNING newest",
        )
        .bind(account)
        .bind(count)
        .fetch_one(&mut **tx)
        .await?;
        let now = self.clock.now();
        for (seq, change) in (newest - count + 1..).zip(changes) {
            if change.kind.recurs() {
                let sql = "DELETE FROM events WHERE account = $1 AND record = $2 AND kind = $3";
                sqlx::query(sql)
                    .bind(account)
                    .bind(&change.record)
                    .bind(change.kind.as_str())
                    .execute(&mut **tx)
                    .await?;
            }
            NewRow::of("events")
                .key("account", &**account)
                .key("seq", seq)
                .made("kind", change.kind.as_str())
                .made("record", &*change.record)
                .made("created_at", now)
                .add(tx)
                .await?;
        }
        Ok(())
    }

    /// The number of the account's newest event, or one below all that it will have.
    async fn newest(&self, account: &str) -> Result<i64> {
        let sql = "SELECT COALESCE((SELECT newest FROM event_counts WHERE account = $1), first_event) FROM owner";
        let newest = sqlx::query_scalar(sql).bind(account);
        Ok(newest.fetch_one(&self.db.read).await?)
    }

    /// The account's newest event that is older than so many milliseconds; 0 if there is none.
    async fn newest_before(&self, account: &str, past: i64) -> Result<i64> {
        let newest: Option<i64> = sqlx::query_scalar(
            "SELECT MAX(seq) FROM events WHERE account = $1 AND created_at < $2",
        )
        .bind(account)
        .bind(self.clock.now().saturating_sub(past))
        .fetch_one(&self.db.read)
        .await?;
        Ok(newest.unwrap_or_default())
    }
}

from_columns! {
    /// An event as streams read it.
    struct StoredEvent {
        seq: i64,
        kind: String,
        record: String,
    }
}

/// One open stream.
struct Listener {
    vault: Arc<Vault>,
    seat: Seat,
    last: i64,
    /// How often something had been missed when the numbers were compared last.
    missed: u64,
    /// How often reading has failed, one time after the other.
    failures: u32,
    /// The stream ends with the events that are there.
    is_past: bool,
    ends_at: i64,
    waiting: VecDeque<Event>,
    stopping: watch::Receiver<bool>,
}

impl Listener {
    async fn next(mut self) -> Option<(std::result::Result<Event, Infallible>, Self)> {
        loop {
            if *self.stopping.borrow() || self.vault.clock.now() >= self.ends_at {
                return None;
            }
            if let Some(event) = self.waiting.pop_front() {
                return Some((Ok(event), self));
            }
            let vault = Arc::clone(&self.vault);
            let read = tokio::select! {
                read = self.read() => read,
                // Every stream is woken when the database is back.
                () = vault.db.peers.lost() => Ok(true),
            };
            match read {
                Ok(true) => self.failures = 0,
                Ok(false) => return None,
                // A connection may have been ended, and the next one be good.
                Err(_) if self.failures < MAX_FAILURES => {
                    self.failures += 1;
                    tokio::time::sleep(FAILURE_PAUSE).await;
                    continue;
                }
                // The client comes back with the last event that it saw.
                Err(_) => return None,
            }
            if !self.waiting.is_empty() {
                continue;
            }
            if self.is_past {
                return None;
            }
            let left = Duration::from_millis(
                u64::try_from(self.ends_at - self.vault.clock.now()).unwrap_or_default(),
            );
            tokio::select! {
                () = tokio::time::sleep(self.vault.heartbeat.min(left)) => {
                    self.waiting.push_back(Event::default().comment(""));
                }
                () = self.seat.rung() => {}
                _ = self.stopping.changed() => {}
            }
        }
    }

    /// Reads what came. Gives whether the stream goes on.
    async fn read(&mut self) -> Result<bool> {
        let missed = self.vault.streams.missed();
        if missed != self.missed {
            // A standby that had not heard of everything took over: what comes now has numbers that were given before.
            if self.vault.newest(&self.seat.account).await? < self.last {
                return Ok(false);
            }
            self.missed = missed;
        }
        let events: Vec<StoredEvent> = sqlx::query_as(
            "SELECT seq, kind, record FROM events WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(&self.seat.account)
        .bind(self.last)
        .bind(MAX_EVENTS_PER_READ)
        .fetch_all(&self.vault.db.read)
        .await?;
        for stored in events {
            let data = serde_json::json!({ "id": stored.record }).to_string();
            let event = Event::default().event(stored.kind);
            self.waiting
                .push_back(event.id(stored.seq.to_string()).data(data));
            self.last = stored.seq;
        }
        Ok(true)
    }
}

/// The query of a stream.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    past: Option<i64>,
    since: Option<i64>,
}

impl StreamQuery {
    /// How far the stream looks back, in milliseconds, and whether it ends with the events that are there.
    fn start(self) -> Option<(Option<i64>, bool)> {
        match (self.past, self.since) {
            (Some(_), Some(_)) => None,
            (past, since) => Some((past.or(since), past.is_some())),
        }
    }
}

/// Streams what happens to the caller, after `Last-Event-ID`, or else in so many milliseconds before and from now on. With `past`
/// in place of `since` it gives what has happened and ends.
#[utoipa::path(
    get, path = "/events",
    params(
        ("past" = Option<i64>, Query, minimum = 0),
        ("since" = Option<i64>, Query, minimum = 0),
        ("Last-Event-ID" = Option<String>, Header),
    ),
    responses((status = 200, content_type = "text/event-stream"), (status = "default", body = ErrorBody)),
)]
pub(super) async fn stream(
    State(vault): VaultState,
    caller: VaultCaller,
    query: std::result::Result<Query<StreamQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let start = query.ok().and_then(|Query(query)| query.start());
    let (past, is_past) = start
        .filter(|(past, _)| past.is_none_or(|past| past >= 0))
        .ok_or_else(|| {
            ApiError::bad_input("Ask with `past` or `since` in milliseconds, or without.")
        })?;
    let missed = vault.streams.missed();
    let seat = vault.streams.take(&caller.account)?;
    let newest = vault.newest(&caller.account).await?;
    let last = match (headers.get("last-event-id"), past) {
        (None, None) => newest,
        (None, Some(past)) => vault.newest_before(&caller.account, past).await?,
        // A number that is yet to come was given before this data was restored from a backup: nobody knows what came after.
        // The same is said after the account's newest event was swept.
        (Some(value), _) => value
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .filter(|last| (0..=newest).contains(last))
            .ok_or_else(|| {
                ApiError::bad_input("Send the id of an event of this stream as Last-Event-ID.")
            })?,
    };
    let ready = Event::default()
        .event("ready")
        .id(last.to_string())
        .data("{}");
    let listener = Listener {
        seat,
        last,
        missed,
        failures: 0,
        is_past,
        ends_at: caller.expires_at,
        waiting: VecDeque::from([ready]),
        stopping: vault.stopping.clone(),
        vault,
    };
    // Proxies must hand events on as they come: what compresses waits for more.
    let headers = [
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Sse::new(stream::unfold(listener, Listener::next))).into_response())
}
