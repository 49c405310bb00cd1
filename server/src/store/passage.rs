//! How much of the time that the clock shows a service saw pass.
//!
//! What has run out is erased for good, so a clock that jumps ahead must not decide it: time that nobody saw pass, while the
//! server stood still or because somebody set the clock, counts after as much of it has really passed, and after a day at most.
//! What has run out is not served meanwhile, but it is there again if the clock goes back.

use std::sync::{Arc, Mutex, PoisonError};

use super::db::Db;
use crate::clock::{Clock, DAY, MINUTE};

/// A jump of less is none: clocks are corrected, processes start anew.
const TOLERANCE_MS: i64 = 5 * MINUTE;
/// The longest that time has to prove itself.
const MAX_DOUBT_MS: i64 = DAY;

/// The time as one service knows it.
#[derive(Debug)]
pub(crate) struct Passage {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The time up to which everything has passed, and what was then on the clock that nobody sets.
    certain: i64,
    steady: i64,
    /// What was on that clock when a jump was noticed.
    doubted: Option<i64>,
}

impl State {
    /// Whether the time is certain; if so, everything has passed up to it.
    fn judge(&mut self, now: i64, steady: i64) -> bool {
        let jump = now
            .saturating_sub(self.certain)
            .saturating_sub(steady.saturating_sub(self.steady));
        if jump > TOLERANCE_MS {
            let first = self.doubted.is_none();
            let since = *self.doubted.get_or_insert(steady);
            if steady.saturating_sub(since) < jump.min(MAX_DOUBT_MS) {
                if first {
                    tracing::warn!(
                        seconds = jump / 1000,
                        "the clock is ahead of the time that passed: nothing is erased until it has proved itself"
                    );
                }
                return false;
            }
        }
        (self.certain, self.steady, self.doubted) = (now, steady, None);
        true
    }
}

impl Passage {
    /// Goes on from the time that the database remembers.
    pub(crate) async fn open(db: &Db, clock: &Clock) -> Result<Arc<Self>, sqlx::Error> {
        let seen: Option<i64> = sqlx::query_scalar("SELECT seen_at FROM owner")
            .fetch_one(&db.read)
            .await?;
        let state = State {
            certain: seen.unwrap_or_else(|| clock.now()),
            steady: clock.steady(),
            doubted: None,
        };
        Ok(Arc::new(Self {
            clock: clock.clone(),
            state: Mutex::new(state),
        }))
    }

    /// The time, unless it is in doubt.
    pub(crate) fn now(&self) -> Option<i64> {
        let (now, steady) = (self.clock.now(), self.clock.steady());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.judge(now, steady).then_some(now)
    }

    /// Has the database remember this time.
    pub(super) async fn remember(&self, db: &Db, now: i64) -> Result<(), sqlx::Error> {
        let remember = sqlx::query("UPDATE owner SET seen_at = $1").bind(now);
        remember.execute(&db.write).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: i64 = 365 * DAY;

    fn state() -> State {
        State {
            certain: 0,
            steady: 0,
            doubted: None,
        }
    }

    #[test]
    fn a_jump_proves_itself() {
        for (jump, doubt) in [
            (6 * MINUTE, 6 * MINUTE),
            (DAY / 2, DAY / 2),
            (YEAR, DAY),
            (i64::MAX, DAY),
        ] {
            let mut state = state();
            assert!(state.judge(MINUTE, MINUTE));
            let ahead = |steady: i64| jump.saturating_add(steady);
            let noticed = 2 * MINUTE;
            assert!(!state.judge(ahead(noticed), noticed), "{jump}");
            let last = noticed + doubt - 1;
            assert!(!state.judge(ahead(last), last), "{jump}");
            assert!(state.judge(ahead(last + 1), last + 1), "{jump}");
            assert!(state.judge(ahead(last + 2), last + 2), "{jump}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_is_believed_at_once() {
        let mut state = state();
        assert!(!state.judge(YEAR, MINUTE));
        assert!(state.judge(2 * MINUTE, 2 * MINUTE));
        // The time for which it was ahead counts for nothing later.
        assert!(!state.judge(YEAR, 2 * DAY));
        // Small corrections, and the time between two looks, are none of this.
        assert!(state.judge(DAY, DAY - TOLERANCE_MS));
        assert!(state.judge(DAY - MINUTE, DAY));
        assert!(state.judge(3 * DAY, 3 * DAY));
    }
}
