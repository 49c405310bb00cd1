//! Counts attempts in memory, so that guessing is slow. Processes that share a database tell each other what they counted, twice
//! a second: what one lets through in between, another does not know of.
//!
//! Nobody can use up what somebody else needs, or everybody: attempts at a login count for the network that they come from, at
//! several widths, and a device that signed in to the account before has a count of its own.
//!
//! The counters are our own: a limiter of the crate `governor` (0.10) takes from its quota as it asks and gives nothing back, so
//! it has neither the attempt that counts at all widths or at none of them, nor the check that does not count.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use data_encoding::HEXLOWER;

use super::counters::{Counters, Name, name_of};
use crate::clock::{Clock, DAY, MINUTE, SECOND};
use crate::http::error::{ApiError, Result};
use crate::http::forwarded::Proxies;
use crate::metrics;

/// So many attempts in so many milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    pub(crate) count: u32,
    pub(crate) window_ms: i64,
}

/// The widths of the networks around an address of IPv4 in bits, from one person's to one provider's.
const WIDTHS_V4: [u32; 2] = [32, 24];
/// The same of IPv6: whoever has an address has its whole /64, and may have a /56 or a /48.
const WIDTHS_V6: [u32; 3] = [64, 56, 48];

/// The limits of one kind of attempt in five minutes, one for each width, the narrowest network first.
pub(crate) struct Rates {
    name: &'static str,
    /// For one login, an email or an identity, from one network; the first one also from one known device.
    login: [u32; 3],
    /// For all logins from one network.
    network: [u32; 3],
}

impl Rate {
    /// New records of one kind by one account: in a day twice as many as it may have of it at once. What is deleted leaves a
    /// row, so that its id stays taken.
    pub(crate) fn of_new(name: &'static str, quota: i64) -> Self {
        let count = u32::try_from(quota.saturating_mul(2)).unwrap_or(u32::MAX);
        Self {
            name,
            count,
            window_ms: DAY,
        }
    }
}

impl Rates {
    const fn of(name: &'static str) -> Self {
        Self {
            name,
            login: [30, 60, 120],
            network: [300, 600, 1200],
        }
    }

    fn rate(&self, count: u32) -> Rate {
        Rate {
            name: self.name,
            count,
            window_ms: 5 * MINUTE,
        }
    }

    /// The rates that an attempt counts for, each with its counter's key.
    fn keys(&self, login: &str, place: &Place<'_>) -> Vec<(Rate, String)> {
        let CallerAddress(networks) = match place {
            Place::Device(device) => {
                let key = format!("{login} device {device}");
                return vec![(self.rate(self.login[0]), key)];
            }
            Place::Address(address) => address,
        };
        let counts = self.login.into_iter().zip(self.network);
        let pairs = networks.iter().zip(counts).map(|(network, counts)| {
            let (of_login, of_network) = counts;
            [
                (self.rate(of_login), format!("{login} {network}")),
                (self.rate(of_network), network.clone()),
            ]
        });
        pairs.flatten().collect()
    }
}

/// The place that an attempt comes from.
pub(crate) enum Place<'a> {
    /// A device that the account knows, by the hash of what it shows.
    Device(&'a str),
    Address(&'a CallerAddress),
}

/// Sign-ins.
pub(crate) const SIGN_IN: Rates = Rates::of("sign-in");
/// Both requests of sign-ups, where `email_taken` can be asked for.
pub(crate) const SIGN_UP: Rates = Rates::of("sign-up");
/// Recoveries.
pub(crate) const RECOVERY: Rates = Rates::of("recovery");
/// Refusals of mails, and their ends. A login is a mailbox here.
pub(crate) const REFUSALS: Rates = Rates::of("refusal");
/// Looks at links before they are read. A login is a link here.
pub(crate) const LINK_OPENINGS: Rates = Rates::of("link opening");
/// Reads of links. A login is a link here.
pub(crate) const LINK_READINGS: Rates = Rates::of("link reading");
/// Looks at invitations without a session. A login is an invitation here.
pub(crate) const PREVIEWS: Rates = Rates::of("invitation preview");
/// Tokens of one account.
pub(crate) const TOKENS: Rate = Rate {
    name: "token",
    count: 300,
    window_ms: 5 * MINUTE,
};
/// Wrong invitation tokens by one account.
pub(crate) const WRONG_TOKEN: Rate = Rate {
    name: "invitation token",
    count: 30,
    window_ms: 10 * MINUTE,
};
/// The counters of one service.
pub(crate) struct Limits {
    enabled: bool,
    /// There may be other processes, which are told.
    is_shared: bool,
    clock: Clock,
    counters: Mutex<Counters>,
}

impl Limits {
    pub(crate) fn new(enabled: bool, clock: Clock, is_shared: bool) -> Self {
        Self {
            enabled,
            is_shared,
            clock,
            counters: Mutex::default(),
        }
    }

    /// Counts one attempt at a login. One that is refused counts for nothing, so that a narrow network cannot use up what the
    /// wider one around it has for others.
    pub(crate) fn attempt(&self, rates: &Rates, login: &str, place: &Place<'_>) -> Result<()> {
        self.step(&rates.keys(login, place), true)
    }

    /// Counts one attempt, and refuses it when there were too many.
    pub(crate) fn count(&self, rate: &Rate, key: &str) -> Result<()> {
        self.step(&[(*rate, key.to_owned())], true)
    }

    /// Counts one attempt at something that is limited in several ways, in all of them or in none.
    pub(crate) fn count_all(&self, keys: &[(Rate, String)]) -> Result<()> {
        self.step(keys, true)
    }

    /// Refuses when there were too many, without counting: where only failures count.
    pub(crate) fn check(&self, rate: &Rate, key: &str) -> Result<()> {
        self.step(&[(*rate, key.to_owned())], false)
    }

    /// What was counted since this was asked last, as lines for the other processes: `c NAME COUNT WINDOW`.
    pub(crate) fn untold(&self) -> Vec<String> {
        let untold = std::mem::take(&mut self.counters().untold).into_iter();
        let line = |(name, (count, window_ms)): (Name, (u32, i64))| {
            format!("c {} {count} {window_ms}", HEXLOWER.encode(&name))
        };
        untold.map(line).collect()
    }

    /// Counts what another process told of.
    pub(crate) fn hear(&self, line: &str) {
        let ["c", name, count, window_ms] = line.split(' ').collect::<Vec<_>>()[..] else {
            return;
        };
        let name = HEXLOWER.decode(name.as_bytes()).ok();
        let name = name.and_then(|name| name.try_into().ok());
        if let (Some(name), Ok(count), Ok(window_ms)) = (name, count.parse(), window_ms.parse()) {
            let now = self.clock.now();
            let mut counters = self.counters();
            // A process that is asked nothing hears all the same.
            counters.sweep(now);
            counters.add(name, count, window_ms, now);
        }
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, keys: &[(Rate, String)], is_counted: bool) -> Result<()> {
        if !self.enabled {
            return Ok(());
        }
        let named = keys.iter().map(|(rate, key)| (rate, name_of(rate, key)));
        let named: Vec<(&Rate, Name)> = named.collect();
        let now = self.clock.now();
        let mut counters = self.counters();
        counters.sweep(now);
        let waits = named
            .iter()
            .filter_map(|(rate, name)| Some((counters.wait(rate, name, now)?, rate.name)));
        if let Some((wait, limit)) = waits.max() {
            metrics::rate_limited(limit);
            tracing::debug!(limit, "refused by a limit");
            return Err(ApiError::rate_limited((wait + SECOND - 1) / SECOND));
        }
        for (rate, name) in named.into_iter().filter(|_| is_counted) {
            counters.add(name, 1, rate.window_ms, now);
            if self.is_shared {
                let (count, _) = counters.untold.entry(name).or_insert((0, rate.window_ms));
                *count += 1;
            }
        }
        Ok(())
    }
}

/// The networks that a request came from, the narrowest first.
pub(crate) struct CallerAddress(Vec<String>);

impl CallerAddress {
    /// Without an address all are one network.
    pub(crate) fn nowhere() -> Self {
        Self(vec![String::new()])
    }

    /// The networks, as texts.
    pub(crate) fn networks(&self) -> &[String] {
        &self.0
    }

    /// The narrowest network.
    pub(crate) fn narrowest(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

/// The networks around an address, as texts, the narrowest first.
pub(crate) fn networks(address: IpAddr) -> Vec<String> {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let network = |width| {
                let network = address.to_bits() & (u32::MAX << (32 - width));
                format!("{}/{width}", Ipv4Addr::from_bits(network))
            };
            WIDTHS_V4.map(network).into()
        }
        IpAddr::V6(address) => {
            let network = |width| {
                let network = address.to_bits() & (u128::MAX << (128 - width));
                format!("{}/{width}", Ipv6Addr::from_bits(network))
            };
            WIDTHS_V6.map(network).into()
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CallerAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|info| info.0.ip());
        let proxies = parts.extensions.get::<Arc<Proxies>>();
        let address = peer.map(|peer| match proxies {
            Some(proxies) => proxies.caller(&parts.headers, peer),
            None => peer,
        });
        Ok(address.map_or_else(Self::nowhere, |address| Self(networks(address))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::http::counters::MAX_COUNTERS;

    fn limits() -> (Limits, Arc<AtomicI64>) {
        let time = Arc::new(AtomicI64::new(5));
        let clock = Clock::new({
            let time = time.clone();
            move || time.load(Ordering::SeqCst)
        });
        (Limits::new(true, clock, true), time)
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

    const KINDS: [&Rates; 7] = [
        &SIGN_IN,
        &SIGN_UP,
        &RECOVERY,
        &REFUSALS,
        &PREVIEWS,
        &LINK_OPENINGS,
        &LINK_READINGS,
    ];

    fn address(text: &str) -> CallerAddress {
        CallerAddress(networks(text.parse().unwrap()))
    }

    /// How many attempts pass, each with its login and address.
    fn passes(limits: &Limits, rates: &Rates, nth: impl Fn(u32) -> (String, String)) -> usize {
        let passes = |n: &u32| {
            let (login, from) = nth(*n);
            let from = address(&from);
            limits
                .attempt(rates, &login, &Place::Address(&from))
                .is_ok()
        };
        (0..).take_while(passes).count()
    }

    #[test]
    fn each_width_of_each_limit_holds() {
        let ada = |_| "ada".to_owned();
        let all = |n: u32| n.to_string();
        type Address = fn(u32) -> String;
        let widths: [(Address, usize, usize); 5] = [
            (|_| "192.0.2.7".into(), 30, 300),
            (|n| format!("192.0.2.{}", n % 256), 60, 600),
            (|n| format!("2001:db8::{n:x}"), 30, 300),
            (|n| format!("2001:db8:0:{:x}::1", n % 256), 60, 600),
            (|n| format!("2001:db8:0:{:x}00::1", n / 5), 120, 1200),
        ];
        for rates in KINDS {
            for (from, of_login, of_network) in widths {
                let (limits, _) = self::limits();
                assert_eq!(passes(&limits, rates, |n| (ada(n), from(n))), of_login);
                let (limits, _) = self::limits();
                assert_eq!(passes(&limits, rates, |n| (all(n), from(n))), of_network);
            }
        }
    }

    #[test]
    fn what_is_refused_counts_for_nothing() {
        let (limits, _) = limits();
        let near = |_| ("ada".to_owned(), "2001:db8::1".to_owned());
        assert_eq!(passes(&limits, &SIGN_IN, near), 30);
        for _ in 0..2000 {
            assert_eq!(passes(&limits, &SIGN_IN, near), 0);
        }
        let beside = |_| ("ada".to_owned(), "2001:db8:0:1::1".to_owned());
        assert_eq!(passes(&limits, &SIGN_IN, beside), 30);
        let others = |n| (format!("bob{n}"), "2001:db8::2".to_owned());
        assert_eq!(passes(&limits, &SIGN_IN, others), 270);
    }

    #[test]
    fn a_known_device_has_a_count_of_its_own() {
        let (limits, _) = limits();
        let here = |_| ("ada".to_owned(), "192.0.2.7".to_owned());
        assert_eq!(passes(&limits, &SIGN_IN, here), 30);
        let attempt = |login, device| {
            let from = Place::Device(device);
            limits.attempt(&SIGN_IN, login, &from).is_ok()
        };
        assert_eq!((0..).take_while(|_| attempt("ada", "a")).count(), 30);
        assert!(attempt("ada", "b") && attempt("bob", "a"));
    }

    #[test]
    fn one_network_of_many_addresses_does_not_lock_out_everybody() {
        let (limits, _) = limits();
        let mut passed = 0;
        for n in 0..7200 {
            let from = address(&format!("2001:db8:0:{:x}::{n:x}", n % 256));
            let attempt = limits.attempt(&SIGN_IN, &n.to_string(), &Place::Address(&from));
            passed += usize::from(attempt.is_ok());
        }
        assert_eq!(passed, 600);
        for other in ["192.0.2.7", "2001:db8:0:100::1", "2001:db8:1::1"] {
            let from = address(other);
            let attempt = limits.attempt(&SIGN_IN, "ada", &Place::Address(&from));
            assert!(attempt.is_ok(), "{other}");
        }
    }

    #[test]
    fn memory_is_bounded_and_nobody_is_refused_for_it() {
        let (limits, time) = limits();
        let far = |n: usize| address(&format!("2001:{:x}:{:x}::1", n >> 16, n & 0xffff));
        let eager = far(0);
        let attempt = |login: &str, from: &CallerAddress| {
            limits.attempt(&SIGN_IN, login, &Place::Address(from))
        };
        for _ in 0..30 {
            assert!(attempt("ada", &eager).is_ok());
        }
        for n in 1..MAX_COUNTERS / 2 {
            assert!(attempt("ada", &far(n)).is_ok(), "{n}");
            assert!(limits.counters().all.len() <= MAX_COUNTERS + 6);
        }
        assert!(attempt("ada", &eager).is_err(), "it is remembered");
        time.store(5 + 5 * MINUTE, Ordering::SeqCst);
        for n in 0..MAX_COUNTERS / 2 {
            assert!(attempt("ada", &far(n)).is_ok(), "{n}");
        }
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let of = |address: &str| networks(address.parse().unwrap());
        let of_v4 = ["192.0.2.7/32", "192.0.2.0/24"];
        assert_eq!(of("192.0.2.7"), of_v4);
        assert_eq!(of("::ffff:192.0.2.7"), of_v4);
        let of_v6 = [
            "2001:db8:1:203::/64",
            "2001:db8:1:200::/56",
            "2001:db8:1::/48",
        ];
        assert_eq!(of("2001:db8:1:203:3:4:5:6"), of_v6);
        assert_eq!(of("2001:db8:1:203::9"), of_v6);
        assert_ne!(of("2001:db8:1:204::9")[0], of_v6[0]);
        assert_eq!(of("2001:db8:1:204::9")[1..], of_v6[1..]);
    }
}
