//! The open event streams: how many each account has, in this process and in the others, and how they are woken.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::http::error::{ApiError, Result};

/// The most streams that an account may have open.
const MAX_STREAMS_PER_ACCOUNT: usize = 20;
/// The wait that an account with too many streams is asked for.
const STREAM_RETRY_SECONDS: i64 = 10;

/// The streams of all accounts.
#[derive(Clone)]
pub(super) struct Streams(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// There may be other processes, which are told.
    is_shared: bool,
    open: HashMap<String, Open>,
    /// How many each account has in other processes, by process.
    elsewhere: HashMap<String, HashMap<String, usize>>,
    /// Accounts whose number the other processes do not know yet.
    untold: HashSet<String>,
    /// Accounts whose streams in other processes are to be woken.
    rung: HashSet<String>,
    /// How often all streams were woken, because something may have been missed.
    missed: u64,
}

/// The streams of one account in this process. Their bell carries no events: those are read from the table, so that none is lost.
struct Open {
    count: usize,
    bell: watch::Sender<()>,
}

/// The right to one stream, given back when the stream is dropped.
pub(super) struct Seat {
    streams: Streams,
    pub(super) account: String,
    bell: watch::Receiver<()>,
}

impl Streams {
    pub(super) fn new(is_shared: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            is_shared,
            ..State::default()
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for one more stream of the account.
    pub(super) fn take(&self, account: &str) -> Result<Seat> {
        let mut state = self.state();
        let elsewhere = state.elsewhere.values();
        let elsewhere: usize = elsewhere.filter_map(|counts| counts.get(account)).sum();
        let here = state.open.get(account).map_or(0, |open| open.count);
        if here + elsewhere >= MAX_STREAMS_PER_ACCOUNT {
            return Err(ApiError::rate_limited(STREAM_RETRY_SECONDS));
        }
        let open = state.open.entry(account.to_owned());
        let open = open.or_insert_with(|| Open {
            count: 0,
            bell: watch::Sender::new(()),
        });
        open.count += 1;
        let bell = open.bell.subscribe();
        state.changed(account);
        Ok(Seat {
            streams: self.clone(),
            account: account.to_owned(),
            bell,
        })
    }

    /// Wakes the account's streams: those of this process now, those of others when they are told.
    pub(super) fn ring(&self, account: &str) {
        let mut state = self.state();
        state.ring(account);
        if state.is_shared {
            state.rung.insert(account.to_owned());
        }
    }

    /// Wakes the streams that this process has of the account.
    pub(super) fn ring_here(&self, account: &str) {
        self.state().ring(account);
    }

    /// Wakes every stream of this process: anything may have happened.
    pub(super) fn ring_all(&self) {
        let mut state = self.state();
        state.missed += 1;
        for open in state.open.values() {
            open.bell.send_replace(());
        }
    }

    /// How often all streams were woken.
    pub(super) fn missed(&self) -> u64 {
        self.state().missed
    }

    /// The accounts whose streams were to be woken since this was asked last.
    pub(super) fn rung(&self) -> HashSet<String> {
        std::mem::take(&mut self.state().rung)
    }

    /// The numbers of streams that changed since this was asked last, or all of them.
    pub(super) fn untold(&self, all: bool) -> Vec<(String, usize)> {
        let mut state = self.state();
        let mut accounts = std::mem::take(&mut state.untold);
        if all {
            accounts.extend(state.open.keys().cloned());
        }
        let counted = accounts.into_iter().map(|account| {
            let count = state.open.get(&account).map_or(0, |open| open.count);
            (account, count)
        });
        counted.collect()
    }

    /// Notes how many streams an account has in another process.
    pub(super) fn note(&self, process: &str, account: &str, count: usize) {
        let mut state = self.state();
        let counts = state.elsewhere.entry(process.to_owned()).or_default();
        match count {
            0 => drop(counts.remove(account)),
            _ => drop(counts.insert(account.to_owned(), count)),
        }
    }

    /// Forgets the streams of a process that is gone.
    pub(super) fn forget(&self, process: &str) {
        self.state().elsewhere.remove(process);
    }
}

impl State {
    fn changed(&mut self, account: &str) {
        if self.is_shared {
            self.untold.insert(account.to_owned());
        }
    }

    fn ring(&self, account: &str) {
        if let Some(open) = self.open.get(account) {
            open.bell.send_replace(());
        }
    }
}

impl Seat {
    /// Waits until something may have happened to the account since this was asked last.
    pub(super) async fn rung(&mut self) {
        // The sender is there as long as the seat is.
        let _ = self.bell.changed().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.streams.state();
        if let Some(open) = state.open.get_mut(&self.account) {
            open.count -= 1;
            if open.count == 0 {
                state.open.remove(&self.account);
            }
        }
        state.changed(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_streams_of_an_account_are_woken() {
        let streams = Streams::new(true);
        let [mut ada, mut bob] = ["ada", "bob"].map(|name| streams.take(name).unwrap());
        streams.ring("ada");
        ada.rung().await;
        assert!(!bob.bell.has_changed().unwrap());
        streams.ring_all();
        ada.rung().await;
        bob.rung().await;
    }

    #[test]
    fn the_streams_of_other_processes_count() {
        let streams = Streams::new(true);
        streams.note("other", "ada", 19);
        let seat = streams.take("ada").unwrap();
        assert!(streams.take("ada").is_err());
        assert!(streams.take("bob").is_ok());
        drop(seat);
        streams.note("third", "ada", 1);
        assert!(streams.take("ada").is_err());
        streams.forget("other");
        assert!(streams.take("ada").is_ok());
    }

    #[test]
    fn others_are_told_what_changed() {
        let streams = Streams::new(true);
        let seats = ["ada", "ada", "bob"].map(|name| streams.take(name).unwrap());
        let told = |all| {
            let mut told = streams.untold(all);
            told.sort();
            told
        };
        assert_eq!(told(false), [("ada".into(), 2), ("bob".into(), 1)]);
        assert_eq!(told(false), []);
        assert_eq!(told(true), [("ada".into(), 2), ("bob".into(), 1)]);
        drop(seats);
        assert_eq!(told(false), [("ada".into(), 0), ("bob".into(), 0)]);
        assert!(streams.0.lock().unwrap().open.is_empty());
    }
}
