//! The counters of limits, each by a digest of what it counts, which other processes are told.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::limits::Rate;

/// The most counters that are kept.
pub(super) const MAX_COUNTERS: usize = 100_000;

pub(super) struct Counter {
    since: i64,
    window_ms: i64,
    count: u32,
}

impl Counter {
    fn is_over(&self, now: i64) -> bool {
        // A clock that was set back ends a window too.
        !(self.since..self.since + self.window_ms).contains(&now)
    }
}

/// A counter's name: a digest, since others are told of it.
pub(super) type Name = [u8; 16];

pub(super) fn name_of(rate: &Rate, key: &str) -> Name {
    let digest = Sha256::new().chain_update(rate.name).chain_update([0]);
    let digest = digest.chain_update(key).finalize();
    std::array::from_fn(|n| digest[n])
}

/// All of a service.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) all: HashMap<Name, Counter>,
    /// What other processes were not told of yet: how many, and the window.
    pub(super) untold: HashMap<Name, (u32, i64)>,
}

impl Counters {
    /// Makes room. Where more networks ask at once than there is room for, the counters with the fewest attempts go: nobody is
    /// refused because others are many.
    pub(super) fn sweep(&mut self, now: i64) {
        if self.all.len() <= MAX_COUNTERS {
            return;
        }
        self.all.retain(|_, counter| !counter.is_over(now));
        let mut fewest = 1;
        while self.all.len() > MAX_COUNTERS / 2 {
            self.all.retain(|_, counter| counter.count > fewest);
            fewest *= 2;
        }
    }

    /// The milliseconds until the next attempt is allowed, if none is now.
    pub(super) fn wait(&self, rate: &Rate, name: &Name, now: i64) -> Option<i64> {
        let counter = self.all.get(name)?;
        let full = counter.count >= rate.count && !counter.is_over(now);
        full.then(|| counter.since + counter.window_ms - now)
    }

    pub(super) fn add(&mut self, name: Name, count: u32, window_ms: i64, now: i64) {
        let fresh = || Counter {
            since: now,
            window_ms,
            count: 0,
        };
        let counter = self.all.entry(name).or_insert_with(fresh);
        if counter.is_over(now) {
            *counter = fresh();
        }
        counter.count = counter.count.saturating_add(count);
    }
}
