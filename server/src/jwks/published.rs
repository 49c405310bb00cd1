//! Keys that somebody else publishes: fetched when they are needed, and kept for a time.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::key::{Algorithm, Key};
use super::source::Source;
use crate::clock::{Clock, DAY, MINUTE, SECOND};

/// The least time from one question to the source to the next, whatever came of the first.
const ASK_INTERVAL_MS: i64 = 10 * SECOND;
/// The age from which on an answer is not enough: the source is asked anew, and a key that it withdrew is trusted no more.
const FRESH_MS: i64 = 15 * MINUTE;
/// The age up to which an answer is enough while the source gives no other.
const MAX_AGE_MS: i64 = DAY;

/// The keys that a source publishes.
pub(crate) struct PublishedKeys(Arc<Inner>);

/// No answer of the source is young enough to say anything.
#[derive(Debug)]
pub(crate) struct Unreachable;

struct Inner {
    source: Source,
    clock: Clock,
    /// The source's last good answer.
    answer: RwLock<Option<Answer>>,
    /// The time of the last question to the source. It is locked for as long as the source is being asked.
    asked_at: Arc<Mutex<Option<i64>>>,
}

struct Answer {
    keys: Vec<Arc<Key>>,
    /// The time of the question that it answers.
    asked_at: i64,
}

impl Answer {
    /// The key that a header means. One without a `kid` has to mean the only key that fits.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(kid, algorithm));
        let first = fitting.next()?;
        (kid.is_some() || fitting.next().is_none()).then(|| Arc::clone(first))
    }
}

impl PublishedKeys {
    /// Nothing is fetched before a key is needed.
    pub(crate) fn new(source: Source, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            source,
            clock,
            answer: RwLock::default(),
            asked_at: Arc::default(),
        }))
    }

    /// The key that a token with this header is signed by, if the source has one. A key from a fresh answer is there at once; for
    /// any other, the call waits until the source was asked, which takes no longer than a fetch may.
    pub(crate) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Option<Arc<Key>>, Unreachable> {
        let fresh = || self.0.find(kid, algorithm, FRESH_MS).flatten();
        if let Some(key) = fresh() {
            return Ok(Some(key));
        }
        let asked_at = Arc::clone(&self.0.asked_at).lock_owned().await;
        // Somebody else may have asked while this call waited.
        if fresh().is_none() && !self.0.is_within(ASK_INTERVAL_MS, *asked_at) {
            Arc::clone(&self.0).ask(asked_at).await;
        }
        self.0.find(kid, algorithm, MAX_AGE_MS).ok_or(Unreachable)
    }

    /// Whether the source answered the last question. It is asked anew, unless it was a moment ago.
    pub(crate) async fn are_reachable(&self) -> bool {
        let asked_at = Arc::clone(&self.0.asked_at).lock_owned().await;
        match self.0.is_within(ASK_INTERVAL_MS, *asked_at) {
            true => drop(asked_at),
            false => Arc::clone(&self.0).ask(asked_at).await,
        }
        let asked_at = *self.0.asked_at.lock().await;
        let answer = self.0.answer.read().unwrap_or_else(PoisonError::into_inner);
        answer.as_ref().map(|answer| answer.asked_at) == asked_at
    }
}

impl Inner {
    /// The key according to the source's answer; the outer `None` if no answer is younger than `age`.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm, age: i64) -> Option<Option<Arc<Key>>> {
        let answer = self.answer.read().unwrap_or_else(PoisonError::into_inner);
        let answer = answer.as_ref()?;
        self.is_within(age, Some(answer.asked_at))
            .then(|| answer.find(kid, algorithm))
    }

    /// Whether less than `age` has passed since then: not so when the clock was set back in between.
    fn is_within(&self, age: i64, then: Option<i64>) -> bool {
        then.is_some_and(|then| (0..age).contains(&self.clock.now().saturating_sub(then)))
    }

    /// Asks the source, in a task of its own: it comes to its end even when the call that waits for it goes away.
    async fn ask(self: Arc<Self>, mut asked_at: OwnedMutexGuard<Option<i64>>) {
        let now = self.clock.now();
        *asked_at = Some(now);
        let asking = tokio::spawn(async move {
            match self.source.fetch().await {
                Ok(keys) => {
                    let answer = Answer {
                        keys,
                        asked_at: now,
                    };
                    *self.answer.write().unwrap_or_else(PoisonError::into_inner) = Some(answer);
                }
                Err(error) => tracing::warn!(error, "public keys could not be fetched"),
            }
            drop(asked_at);
        });
        if let Err(error) = asking.await {
            tracing::error!(%error, "fetching public keys broke off");
        }
    }
}
