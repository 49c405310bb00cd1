//! The server's idea of now, which tests may move.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds of a second.
pub(crate) const SECOND: i64 = 1000;
/// Milliseconds of a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// An hour in milliseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Milliseconds of a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// A clock: milliseconds since 1970-01-01 UTC.
#[derive(Clone)]
pub struct Clock {
    now: Arc<Tell>,
    steady: Arc<Tell>,
}

type Tell = dyn Fn() -> i64 + Send + Sync;

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        let began = Instant::now();
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            millis(since.unwrap_or_default())
        })
        .beside(move || millis(began.elapsed()))
    }

    /// Any other clock, which is never set.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let now: Arc<Tell> = Arc::new(now);
        Self {
            steady: Arc::clone(&now),
            now,
        }
    }

    /// The same clock, which may be set: by how much it was, another one shows that tells nothing but what has passed.
    pub fn beside(self, steady: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            steady: Arc::new(steady),
            ..self
        }
    }

    /// The time now.
    pub fn now(&self) -> i64 {
        (self.now)()
    }

    /// The milliseconds since some moment, whatever the clock is set to.
    pub(crate) fn steady(&self) -> i64 {
        (self.steady)()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
