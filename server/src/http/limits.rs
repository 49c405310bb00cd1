//! Counts attempts in memory, so that guessing is slow. Each process counts for itself.
//!
//! The counters are our own: a limiter of the crate `governor` (0.10) takes from its quota as it asks and gives nothing back, so
//! it has neither the attempt that counts for an account, an address and all together or for none of them, nor the check that
//! does not count. Memory is bounded by the limits themselves: what is refused leaves no counter.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::clock::{Clock, MINUTE, SECOND};
use crate::http::error::{ApiError, Result};

/// So many attempts in so many milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    pub(crate) count: u32,
    pub(crate) window_ms: i64,
}

/// The limits of one kind of attempt: for one account, from one address, and of all attempts together.
pub(crate) struct Rates {
    account: Rate,
    address: Rate,
    overall: Rate,
}

impl Rates {
    const fn of_five_minutes(names: [&'static str; 3], counts: [u32; 3]) -> Self {
        const fn rate(name: &'static str, count: u32) -> Rate {
            let window_ms = 5 * MINUTE;
            Rate {
                name,
                count,
                window_ms,
            }
        }
        Self {
            account: rate(names[0], counts[0]),
            address: rate(names[1], counts[1]),
            overall: rate(names[2], counts[2]),
        }
    }
}

/// Sign-ins; the account is an email or an identity.
pub(crate) const SIGN_IN: Rates = Rates::of_five_minutes(
    ["sign-in account", "sign-in address", "sign-in"],
    [30, 300, 6000],
);
/// Both requests of sign-ups, where `email_taken` can be asked for; the account is an email or an identity.
pub(crate) const SIGN_UP: Rates = Rates::of_five_minutes(
    ["sign-up account", "sign-up address", "sign-up"],
    [30, 300, 6000],
);
/// Recoveries. The account is an email or an identity together with an address: strangers shall not use up what its owner needs.
pub(crate) const RECOVERY: Rates = Rates::of_five_minutes(
    ["recovery account", "recovery address", "recovery"],
    [30, 300, 6000],
);
/// Tokens; the account is an account id.
pub(crate) const TOKENS: Rates = Rates::of_five_minutes(
    ["token account", "token address", "token"],
    [300, 3000, 60_000],
);
/// Wrong invitation tokens by one account.
pub(crate) const WRONG_TOKEN: Rate = Rate {
    name: "invitation token",
    count: 30,
    window_ms: 10 * MINUTE,
};
/// Beyond this many counters the old ones are swept out.
const SWEEP_ABOVE_COUNTERS: usize = 10_000;

struct Counter {
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

#[derive(Default)]
struct Counters {
    map: HashMap<(&'static str, String), Counter>,
    /// So many were left by the last sweep: the next one waits until there are twice as many.
    left: usize,
}

impl Counters {
    fn sweep(&mut self, now: i64) {
        if self.map.len() > SWEEP_ABOVE_COUNTERS.max(2 * self.left) {
            self.map.retain(|_, counter| !counter.is_over(now));
            self.left = self.map.len();
        }
    }

    /// The milliseconds until the next attempt is allowed, if none is now.
    fn wait(&self, rate: &Rate, key: &str, now: i64) -> Option<i64> {
        let counter = self.map.get(&(rate.name, key.to_owned()))?;
        let full = counter.count >= rate.count && !counter.is_over(now);
        full.then(|| counter.since + counter.window_ms - now)
    }

    fn add(&mut self, rate: &Rate, key: &str, now: i64) {
        let fresh = || Counter {
            since: now,
            window_ms: rate.window_ms,
            count: 0,
        };
        let counter = self.map.entry((rate.name, key.to_owned()));
        let counter = counter.or_insert_with(fresh);
        if counter.is_over(now) {
            *counter = fresh();
        }
        counter.count += 1;
    }
}

/// The counters of one service.
pub(crate) struct Limits {
    enabled: bool,
    clock: Clock,
    counters: Mutex<Counters>,
}

impl Limits {
    pub(crate) fn new(enabled: bool, clock: Clock) -> Self {
        Self {
            enabled,
            clock,
            counters: Mutex::default(),
        }
    }

    /// Counts one attempt at something that is limited in three ways. One that is refused counts in none of them, so
    /// that one address cannot use up what is there for all.
    pub(crate) fn attempt(
        &self,
        rates: &Rates,
        account: &str,
        address: &CallerAddress,
    ) -> Result<()> {
        let keys = [
            (&rates.account, account),
            (&rates.address, address.0.as_str()),
            (&rates.overall, ""),
        ];
        self.step(&keys, true)
    }

    /// Counts one attempt, and refuses it when there were too many.
    pub(crate) fn count(&self, rate: &Rate, key: &str) -> Result<()> {
        self.step(&[(rate, key)], true)
    }

    /// Counts one attempt at something that is limited in several ways, in all of them or in none.
    pub(crate) fn count_all(&self, keys: &[(&Rate, &str)]) -> Result<()> {
        self.step(keys, true)
    }

    /// Refuses when there were too many, without counting: where only failures count.
    pub(crate) fn check(&self, rate: &Rate, key: &str) -> Result<()> {
        self.step(&[(rate, key)], false)
    }

    fn step(&self, keys: &[(&Rate, &str)], is_counted: bool) -> Result<()> {
        if !self.enabled {
            return Ok(());
        }
        let now = self.clock.now();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.sweep(now);
        let waits = keys
            .iter()
            .filter_map(|(rate, key)| counters.wait(rate, key, now));
        if let Some(wait) = waits.max() {
            return Err(ApiError::rate_limited((wait + SECOND - 1) / SECOND));
        }
        for (rate, key) in keys.iter().filter(|_| is_counted) {
            counters.add(rate, key, now);
        }
        Ok(())
    }
}

/// Whether `X-Forwarded-For` is believed, as set by a proxy in front.
#[derive(Clone, Copy)]
pub(crate) struct BehindProxy(pub(crate) bool);

/// The address that a request came from.
pub(crate) struct CallerAddress(pub(crate) String);

/// The text that stands for an address: of IPv6 its network, since whoever has one has every address in it.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64));
            format!("{network}/64")
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CallerAddress {
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
        Ok(Self(address.map(network).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn limits() -> (Limits, Arc<AtomicI64>) {
        let time = Arc::new(AtomicI64::new(5));
        let clock = Clock::new({
            let time = time.clone();
            move || time.load(Ordering::SeqCst)
        });
        (Limits::new(true, clock), time)
    }

    #[test]
    fn counts_per_key_and_forgets() {
        let (limits, time) = limits();
        let rate = Rate {
            name: "test",
            count: 2,
            window_ms: 1500,
        };
        assert!(limits.count(&rate, "a").is_ok() && limits.count(&rate, "a").is_ok());
        assert!(limits.count(&rate, "a").is_err());
        assert!(limits.check(&rate, "a").is_err());
        assert!(limits.count(&rate, "b").is_ok());
        time.store(1505, Ordering::SeqCst);
        assert!(limits.count(&rate, "a").is_ok() && limits.count(&rate, "a").is_ok());
        assert!(limits.count(&rate, "a").is_err());
        time.store(4, Ordering::SeqCst);
        assert!(limits.count(&rate, "a").is_ok(), "the clock was set back");
    }

    #[test]
    fn an_attempt_counts_in_three_ways_or_in_none() {
        let (limits, _) = limits();
        let rates = Rates::of_five_minutes(["account", "address", "all"], [2, 3, 5]);
        let attempt = |account: &str, address: &str| {
            limits
                .attempt(&rates, account, &CallerAddress(address.to_owned()))
                .is_ok()
        };
        assert!(attempt("a", "1") && attempt("a", "2"));
        for _ in 0..9 {
            assert!(!attempt("a", "1"), "the account has had its two");
        }
        assert!(
            attempt("b", "1") && attempt("c", "1"),
            "the refused ones are not counted"
        );
        assert!(!attempt("d", "1"), "the address has had its three");
        assert!(attempt("d", "3"));
        assert!(!attempt("e", "4"), "all have had their five");
        let counters = limits.counters.lock().unwrap();
        assert_eq!(
            counters.map.len(),
            8,
            "those of a to d, of 1 to 3 and of all"
        );
    }

    #[test]
    fn each_way_of_each_limit_holds() {
        for (rates, account, address, overall) in [
            (&SIGN_IN, 30, 300, 6000),
            (&SIGN_UP, 30, 300, 6000),
            (&RECOVERY, 30, 300, 6000),
            (&TOKENS, 300, 3000, 60_000),
        ] {
            // How many attempts pass when each one's account and address are these.
            let pass = |account: fn(u32) -> u32, address: fn(u32) -> u32| {
                let (limits, _) = limits();
                let passes = |n: &u32| {
                    let address = CallerAddress(address(*n).to_string());
                    limits
                        .attempt(rates, &account(*n).to_string(), &address)
                        .is_ok()
                };
                (0..).take_while(passes).count()
            };
            assert_eq!(pass(|_| 0, |n| n), account);
            assert_eq!(pass(|n| n, |_| 0), address);
            assert_eq!(pass(|n| n, |n| n), overall);
        }
    }

    #[test]
    fn old_counters_are_swept_out() {
        let (limits, time) = limits();
        let rate = Rate {
            name: "test",
            count: 1,
            window_ms: 1000,
        };
        for n in 0..=SWEEP_ABOVE_COUNTERS {
            assert!(limits.count(&rate, &n.to_string()).is_ok());
        }
        time.store(1005, Ordering::SeqCst);
        assert!(limits.count(&rate, "new").is_ok());
        assert_eq!(limits.counters.lock().unwrap().map.len(), 1);
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let of = |address: &str| network(address.parse().unwrap());
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2::9"), "2001:db8:1:2::/64");
        assert_ne!(of("2001:db8:1:3::9"), "2001:db8:1:2::/64");
    }
}
