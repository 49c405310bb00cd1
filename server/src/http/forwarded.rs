//! Callers' addresses, as proxies in front of the process pass them on: in `X-Forwarded-For`, or, where that header is not sent,
//! in `Forwarded` (RFC 7239). Whatever a client wrote there itself stands on the left, so both are read from the right, up to the
//! first address that is no proxy's. Splitting at commas is enough for that: what a proxy writes about an address holds none in
//! quotes, and what a client writes cannot swallow it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::config::Config;
use crate::start_error::StartError;

/// The proxies whose word is taken.
pub(crate) struct Proxies {
    /// Whoever connects is one.
    everyone: bool,
    networks: Vec<IpNet>,
    misread: Once,
    ignored: Once,
}

impl Proxies {
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let networks = config.trusted_proxies.iter().map(|text| network(text));
        Ok(Self {
            everyone: config.behind_proxy,
            networks: networks.collect::<Result<_, _>>()?,
            misread: Once::new(),
            ignored: Once::new(),
        })
    }

    /// Tells whether this peer's connections are other people's.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.everyone || self.knows(peer.to_canonical())
    }

    fn knows(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The address that a request came from, whose last proxy is this peer.
    pub(crate) fn caller(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut entries = entries(headers).peekable();
        if !self.trusts(peer) {
            if entries.peek().is_some() {
                self.complain_of_ignored(peer.to_canonical());
            }
            return peer;
        }
        let mut farthest = peer;
        for entry in entries {
            let Some(address) = entry.and_then(address) else {
                self.complain_of_misread(entry);
                break;
            };
            farthest = address;
            if !self.knows(address) {
                break;
            }
        }
        farthest
    }

    /// Tells once of an entry that is no address, without the address that may stand in it.
    fn complain_of_misread(&self, entry: Option<&str>) {
        self.misread.call_once(|| {
            let entry = entry.unwrap_or("an element without for=");
            let entry: String = entry.chars().take(60).collect();
            let entry = entry.replace(|c: char| c.is_ascii_digit(), "0");
            tracing::warn!(
                entry,
                "a proxy passes on an address that does not parse: all who come by it share its limits"
            );
        });
    }

    /// Tells once of a proxy that looks like one's own, and that no option names.
    fn complain_of_ignored(&self, peer: IpAddr) {
        let is_near = match peer {
            IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
            IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
        };
        if is_near {
            self.ignored.call_once(|| {
                tracing::warn!(
                    %peer,
                    "a proxy that is not trusted passes addresses on: all who come by it share its limits; \
                     name it with --trusted-proxy"
                );
            });
        }
    }
}

/// A network of `--trusted-proxy`, or one address.
fn network(text: &str) -> Result<IpNet, StartError> {
    let text = text.trim();
    let network = text.parse::<IpNet>().ok();
    let network = network.or_else(|| Some(text.parse::<IpAddr>().ok()?.to_canonical().into()));
    match network {
        Some(network) if network.prefix_len() == 0 => Err(StartError(format!(
            "Give --behind-proxy, or --trusted-proxy a smaller network than {text:?}: every caller could name another."
        ))),
        Some(network) => Ok(network),
        None => Err(StartError(format!(
            "Write --trusted-proxy {text:?} as an address or a network, like 127.0.0.1, 10.0.0.0/8 or fd00::/8."
        ))),
    }
}

/// What the proxies wrote, the last first; of `Forwarded` nothing for an element that names nobody.
fn entries(headers: &HeaderMap) -> Box<dyn Iterator<Item = Option<&str>> + '_> {
    let list = |name: &'static str| {
        let lines = headers.get_all(name).iter().rev();
        // What is no text is no address, either.
        let lines = lines.map(|line| line.to_str().unwrap_or("?"));
        let entries = lines.flat_map(|line| line.rsplit(',').map(str::trim));
        entries.filter(|entry| !entry.is_empty())
    };
    if headers.contains_key("x-forwarded-for") {
        Box::new(list("x-forwarded-for").map(Some))
    } else {
        Box::new(list("forwarded").map(named))
    }
}

/// The node that an element of `Forwarded` is for.
fn named(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(node.trim().trim_matches('"'))
}

/// The address of an entry: with or without a port, of IPv6 with or without brackets.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = || {
        let inner = entry.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::from)
    };
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = entry.parse().ok().or_else(with_port).or_else(bare)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(behind_proxy: bool, networks: &[&str]) -> Proxies {
        let config = Config {
            behind_proxy,
            trusted_proxies: networks.iter().map(|text| (*text).to_owned()).collect(),
            ..Config::new("x")
        };
        Proxies::new(&config).unwrap()
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let lines = lines.iter();
        let lines = lines.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        lines.collect()
    }

    fn caller(proxies: &Proxies, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let caller = proxies.caller(&headers(lines), peer.parse().unwrap());
        caller.to_string()
    }

    const X: &str = "x-forwarded-for";
    const F: &str = "forwarded";

    #[test]
    fn addresses_are_read_in_every_spelling() {
        let proxies = proxies(true, &[]);
        for (name, value, expected) in [
            (X, "203.0.113.7", "203.0.113.7"),
            (X, "203.0.113.7:51234", "203.0.113.7"),
            (X, "198.51.100.1, 203.0.113.7:51234", "203.0.113.7"),
            (X, "2001:db8::7", "2001:db8::7"),
            (X, "[2001:db8::7]", "2001:db8::7"),
            (X, "[2001:db8::7]:51234", "2001:db8::7"),
            (X, "::ffff:203.0.113.7", "203.0.113.7"),
            (X, "[::ffff:203.0.113.7]:51234", "203.0.113.7"),
            (X, "[fe80::1%3]:80", "fe80::1"),
            (X, " 203.0.113.7 , ", "203.0.113.7"),
            (F, "for=203.0.113.7", "203.0.113.7"),
            (F, "For=\"203.0.113.7:51234\"", "203.0.113.7"),
            (F, "for=\"[2001:db8::7]:51234\"", "2001:db8::7"),
            (F, "for=\"[2001:db8::7]\";proto=https", "2001:db8::7"),
            (
                F,
                "by=10.0.0.1;proto=https; FOR = 203.0.113.7;host=a",
                "203.0.113.7",
            ),
            (F, "for=198.51.100.1, for=203.0.113.7", "203.0.113.7"),
            // What a client opens on the left swallows nothing.
            (F, "for=\"198.51.100.1, for=203.0.113.7", "203.0.113.7"),
            (F, "for=\"a\\\", for=203.0.113.7", "203.0.113.7"),
        ] {
            let found = caller(&proxies, "10.0.0.1", &[(name, value)]);
            assert_eq!(found, expected, "{name}: {value}");
        }
        // Several lines are one list, and of the two headers the first is believed.
        let lines = [
            (X, "198.51.100.1"),
            (X, "203.0.113.7"),
            (F, "for=192.0.2.1"),
        ];
        assert_eq!(caller(&proxies, "10.0.0.1", &lines), "203.0.113.7");
    }

    #[test]
    fn what_does_not_parse_names_nobody_else() {
        let proxies = proxies(true, &[]);
        for (name, value) in [
            (X, "203.0.113.7, unknown"),
            (X, "203.0.113.7, 203.0.113"),
            (X, "203.0.113.7, 203.0.113.8:http"),
            (X, "203.0.113.7, [2001:db8::7"),
            (X, ""),
            (X, " , "),
            (F, "for=203.0.113.7, for=_hidden"),
            (F, "for=203.0.113.7, for=unknown;proto=https"),
            (F, "for=203.0.113.7, by=10.0.0.1"),
            (F, "for=203.0.113.7, for="),
        ] {
            let found = caller(&proxies, "10.0.0.1", &[(name, value)]);
            assert_eq!(found, "10.0.0.1", "{name}: {value}");
        }
        assert!(proxies.misread.is_completed());
    }

    #[test]
    fn proxies_are_trusted_by_their_networks() {
        let proxies = proxies(false, &["10.0.0.0/8", "fd00::/8", "192.0.2.4"]);
        for (peer, value, expected) in [
            ("10.1.2.3", "203.0.113.7", "203.0.113.7"),
            ("::ffff:10.1.2.3", "203.0.113.7", "203.0.113.7"),
            ("fd00::1", "2001:db8::7", "2001:db8::7"),
            ("192.0.2.4", "203.0.113.7", "203.0.113.7"),
            // A chain of them: whatever stands before the first stranger is the stranger's word.
            (
                "10.1.2.3",
                "198.51.100.1, 203.0.113.7, 10.9.9.9, 192.0.2.4",
                "203.0.113.7",
            ),
            ("10.1.2.3", "10.9.9.9, 10.8.8.8", "10.9.9.9"),
            ("10.1.2.3", "203.0.113.7, nobody, 10.8.8.8", "10.8.8.8"),
            // Others may write what they like.
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("192.0.2.5", "198.51.100.1", "192.0.2.5"),
        ] {
            let found = caller(&proxies, peer, &[(X, value)]);
            assert_eq!(found, expected, "{peer}: {value}");
        }
        assert!(!proxies.ignored.is_completed(), "they are no proxies");
        assert_eq!(
            caller(&proxies, "172.17.0.1", &[(X, "198.51.100.1")]),
            "172.17.0.1"
        );
        assert!(proxies.ignored.is_completed());
        assert!(proxies.trusts("10.1.2.3".parse().unwrap()));
        assert!(!proxies.trusts("172.17.0.1".parse().unwrap()));
    }

    #[test]
    fn without_a_proxy_the_headers_are_nobodys_word() {
        let proxies = proxies(false, &[]);
        for lines in [[(X, "198.51.100.1")], [(F, "for=198.51.100.1")]] {
            assert_eq!(caller(&proxies, "203.0.113.9", &lines), "203.0.113.9");
        }
    }

    #[test]
    fn networks_that_are_none_are_refused() {
        for (text, cure) in [
            ("proxy.internal", "10.0.0.0/8"),
            ("10.0.0.0/33", "10.0.0.0/8"),
            ("10.0.0.1:80", "10.0.0.0/8"),
            ("", "10.0.0.0/8"),
            ("0.0.0.0/0", "--behind-proxy"),
            ("::/0", "--behind-proxy"),
        ] {
            let StartError(error) = network(text).unwrap_err();
            assert!(
                error.contains("--trusted-proxy") && error.contains(cure),
                "{error}"
            );
        }
        for right in [
            "10.0.0.0/8",
            "10.1.2.3/8",
            " 127.0.0.1 ",
            "::1",
            "2001:db8::/32",
        ] {
            assert!(network(right).is_ok(), "{right}");
        }
    }
}
