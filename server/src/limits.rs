//! Counts attempts in memory, so that guessing is slow. Each process counts for itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::clock::{Clock, MINUTE, SECOND};
use crate::error::{ApiError, Result};

/// So many attempts in so many milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    pub(crate) count: u32,
    pub(crate) window: i64,
}

/// Sign-ins with one email.
pub(crate) const SIGN_IN_EMAIL: Rate = Rate {
    name: "sign-in email",
    count: 30,
    window: 5 * MINUTE,
};
/// Sign-ins from one address.
pub(crate) const SIGN_IN_ADDRESS: Rate = Rate {
    name: "sign-in address",
    count: 300,
    window: 5 * MINUTE,
};
/// Sign-ins from everywhere.
pub(crate) const SIGN_IN_ALL: Rate = Rate {
    name: "sign-in",
    count: 6000,
    window: 5 * MINUTE,
};
/// Sign-ups from one address, where `email_taken` can be asked for.
pub(crate) const SIGN_UP_ADDRESS: Rate = Rate {
    name: "sign-up address",
    count: 300,
    window: 5 * MINUTE,
};
/// Wrong invitation tokens by one account.
pub(crate) const WRONG_TOKEN: Rate = Rate {
    name: "invitation token",
    count: 30,
    window: 10 * MINUTE,
};
/// Invitation mails by one account.
pub(crate) const INVITATION_MAIL: Rate = Rate {
    name: "invitation mail",
    count: 100,
    window: 60 * MINUTE,
};

/// Beyond this many counters the old ones are swept out.
const SWEEP: usize = 10_000;

struct Counter {
    since: i64,
    window: i64,
    count: u32,
}

/// The counters of one service.
pub(crate) struct Limits {
    enabled: bool,
    clock: Clock,
    counters: Mutex<HashMap<(&'static str, String), Counter>>,
}

impl Limits {
    pub(crate) fn new(enabled: bool, clock: Clock) -> Self {
        Self {
            enabled,
            clock,
            counters: Mutex::new(HashMap::new()),
        }
    }

    /// Counts one attempt, and refuses it when there were too many.
    pub(crate) fn count(&self, rate: Rate, key: &str) -> Result<()> {
        self.step(rate, key, 1)
    }

    /// Refuses when there were too many, without counting: where only failures count.
    pub(crate) fn check(&self, rate: Rate, key: &str) -> Result<()> {
        self.step(rate, key, 0)
    }

    fn step(&self, rate: Rate, key: &str, attempts: u32) -> Result<()> {
        if !self.enabled {
            return Ok(());
        }
        let now = self.clock.now();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() > SWEEP {
            counters.retain(|_, counter| now - counter.since < counter.window);
        }
        let fresh = Counter {
            since: now,
            window: rate.window,
            count: 0,
        };
        let counter = counters.entry((rate.name, key.to_owned())).or_insert(fresh);
        if now - counter.since >= rate.window {
            (counter.since, counter.count) = (now, 0);
        }
        if counter.count >= rate.count {
            let left = counter.since + rate.window - now;
            return Err(ApiError::rate_limited((left + SECOND - 1) / SECOND));
        }
        counter.count += attempts;
        Ok(())
    }
}

/// Whether `X-Forwarded-For` is believed, as set by a proxy in front.
#[derive(Clone, Copy)]
pub(crate) struct BehindProxy(pub(crate) bool);

/// The address that a request came from.
pub(crate) struct From(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let proxied = parts
            .extensions
            .get::<BehindProxy>()
            .is_some_and(|behind| behind.0);
        // The last entry is the one that our own proxy wrote; those before it are the client's word.
        let forwarded = parts
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()
            .and_then(|value| {
                value
                    .to_str()
                    .ok()?
                    .rsplit(',')
                    .next()?
                    .trim()
                    .parse::<IpAddr>()
                    .ok()
            });
        let peer = parts
            .extensions
            .get::<ConnectInfo<std::net::SocketAddr>>()
            .map(|info| info.0.ip());
        let address = if proxied { forwarded.or(peer) } else { peer };
        Ok(Self(
            address
                .map(|address| address.to_string())
                .unwrap_or_default(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn counts_per_key_and_forgets() {
        let time = Arc::new(AtomicI64::new(5));
        let clock = Clock::new({
            let time = time.clone();
            move || time.load(Ordering::SeqCst)
        });
        let limits = Limits::new(true, clock);
        let rate = Rate {
            name: "test",
            count: 2,
            window: 1500,
        };
        assert!(limits.count(rate, "a").is_ok() && limits.count(rate, "a").is_ok());
        assert!(limits.count(rate, "a").is_err());
        assert!(limits.check(rate, "a").is_err());
        assert!(limits.count(rate, "b").is_ok());
        time.store(1505, Ordering::SeqCst);
        assert!(limits.count(rate, "a").is_ok());
    }
}
