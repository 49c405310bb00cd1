//! The configuration of a server.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::clock::Clock;
use crate::start_error::StartError;

/// The services of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Services {
    /// Vault and Keystore together.
    All,
    /// The Vault alone.
    Vault,
    /// The Keystore alone.
    Keystore,
}

impl Services {
    pub(crate) fn vault(self) -> bool {
        self != Self::Keystore
    }

    pub(crate) fn keystore(self) -> bool {
        self != Self::Vault
    }
}

/// What one account may have, of each at most so many.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Bytes of its cards and of the shares that it sent, as they are stored.
    pub bytes: i64,
    /// Cards.
    pub cards: i64,
    /// Shares in force that it sent.
    pub shares: i64,
    /// Those of one connection.
    pub shares_per_connection: i64,
    /// Pending invitations.
    pub invitations: i64,
    /// Active connections. Invitations that were pending may still be accepted.
    pub connections: i64,
    /// Public keys at the Vault, and connection keys at the Keystore, those of ended connections too.
    pub connection_keys: i64,
    /// Encryption spaces in force that it made.
    pub spaces: i64,
    /// Requests in a minute, to each service. More are `rate_limited`, unless rates are not limited at all.
    pub requests_per_minute: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            cards: 10_000,
            shares: 20_000,
            shares_per_connection: 5_000,
            invitations: 500,
            connections: 2_000,
            connection_keys: 20_000,
            // Who shares makes the space first, and may fail in between.
            spaces: 25_000,
            requests_per_minute: 6_000,
        }
    }
}

/// Everything that a server can be told. [`Config::new`] gives a server for trying out; fields are set as needed.
#[derive(Clone, Debug)]
pub struct Config {
    /// The services to run.
    pub services: Services,
    /// The address to listen on, as `host:port`. Port 0 takes a free one.
    pub listen: String,
    /// The folder of the databases, the Keystore's setup and the captured mails.
    pub data: PathBuf,
    /// The Vault's database, `postgres://…` or `sqlite://…`; by default `vault.db` in the data folder.
    pub vault_db: Option<String>,
    /// The Keystore's database; by default `keystore.db` in the data folder.
    pub keystore_db: Option<String>,
    /// The Vault's base URLs, the main one first. The Keystore makes tokens for these audiences alone, and the Vault
    /// accepts each of them. By default `/vault` at the address that the server listens on.
    pub vault_urls: Vec<String>,
    /// The Keystore's base URLs, the main one first, which is also its tokens' issuer. People sign up and in by these
    /// addresses alone. By default `/keystore` at the address that the server listens on; a Vault alone must be told.
    pub keystore_urls: Vec<String>,
    /// The Keystore's public token key (`x` of its JWK, or the JWK itself), for a Vault that shall not fetch it.
    pub keystore_key: Option<String>,
    /// The OpenID Connect provider whose identity tokens the Keystore takes, as their `iss` names it.
    pub oidc_issuer: Option<String>,
    /// The audiences that identity tokens may be for: the app's client id.
    pub oidc_audiences: Vec<String>,
    /// The address of the provider's keys; by default the one in its discovery document.
    pub oidc_jwks_url: Option<String>,
    /// New accounts may be opened by an email address.
    pub email_sign_up: bool,
    /// The web origins that may call, or `*`.
    pub cors_origins: Vec<String>,
    /// A folder with a page to serve at `/`.
    pub page: Option<PathBuf>,
    /// The beginning of invitation links in mails; by default `/` at the Vault's origin.
    pub invitation_url: Option<String>,
    /// The mail server, `smtp://…` or `smtps://…`. Without it mails are captured as files.
    pub smtp_url: Option<String>,
    /// A PEM file with the authorities whose word on the mail server is taken, instead of the public ones.
    pub smtp_ca: Option<PathBuf>,
    /// The time for the mail server to take one mail: less than the two minutes after which another process tries.
    pub smtp_timeout: Duration,
    /// The sender's address of mails, and the name that they give to what people use.
    pub mail_from: String,
    /// `GET /dev/mails` shows the captured mails to everybody.
    pub dev_mailbox: bool,
    /// A missing Keystore setup is made anew, or another one taken, although there are accounts, which then cannot sign in by
    /// passphrase.
    pub new_opaque_setup: bool,
    /// The last entry of `X-Forwarded-For` is the caller's address.
    pub behind_proxy: bool,
    /// Attempts are limited.
    pub rate_limits: bool,
    /// What one account may have.
    pub quotas: Quotas,
    /// The time for the first request of a connection.
    pub first_timeout: Duration,
    /// The time for the headers of a request, and for a connection to wait for its next request.
    pub header_timeout: Duration,
    /// The time for which a client may take nothing of an answer.
    pub answer_timeout: Duration,
    /// The most connections at once; the next one waits.
    pub max_connections: u32,
    /// The most connections at once of one network address (of IPv6 a /64 network), unless the server is behind a proxy.
    pub max_connections_per_address: usize,
    /// The time between two comment lines of an event stream.
    pub heartbeat: Duration,
    /// The time between two looks for mails that are due for another attempt.
    pub outbox: Duration,
    /// The time between two sweeps of each service.
    pub sweep: Duration,
    /// The clock.
    pub clock: Clock,
}

impl Config {
    /// Both services on a free port of this machine, with their data in `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            services: Services::All,
            listen: "127.0.0.1:0".to_owned(),
            data: data.into(),
            vault_db: None,
            keystore_db: None,
            vault_urls: Vec::new(),
            keystore_urls: Vec::new(),
            keystore_key: None,
            oidc_issuer: None,
            oidc_audiences: Vec::new(),
            oidc_jwks_url: None,
            email_sign_up: true,
            cors_origins: Vec::new(),
            page: None,
            invitation_url: None,
            smtp_url: None,
            smtp_ca: None,
            smtp_timeout: Duration::from_secs(60),
            mail_from: "vouchsafe@localhost".to_owned(),
            dev_mailbox: false,
            new_opaque_setup: false,
            behind_proxy: false,
            rate_limits: true,
            quotas: Quotas::default(),
            first_timeout: Duration::from_secs(10),
            // Longer than proxies keep unused connections, so that they close them first.
            header_timeout: Duration::from_secs(75),
            answer_timeout: Duration::from_secs(30),
            max_connections: 4096,
            max_connections_per_address: 256,
            heartbeat: Duration::from_secs(15),
            outbox: Duration::from_secs(5),
            sweep: Duration::from_secs(60),
            clock: Clock::system(),
        }
    }

    /// The path of a file in the data folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let data: &Path = &self.data;
        data.join(name)
    }
}

/// The base URLs of a running server.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    /// The Vault's main one.
    pub(crate) vault: BaseUrl,
    /// The others that the Vault is reached by.
    pub(crate) other_vaults: Vec<BaseUrl>,
    /// The Keystore's main one.
    pub(crate) keystore: BaseUrl,
    /// The others that the Keystore is reached by.
    pub(crate) other_keystores: Vec<BaseUrl>,
}

impl Urls {
    /// Fills in what is not configured from the address that was bound.
    pub(crate) fn new(config: &Config, address: SocketAddr) -> Result<Self, StartError> {
        let (host, other_host) = local_hosts(address);
        let local = |service: &str| -> Vec<String> {
            let hosts = [Some(host.as_str()), other_host].into_iter().flatten();
            let url = |host| format!("http://{host}:{}/{service}", address.port());
            hosts.map(url).collect()
        };
        let vault = match config.services {
            _ if !config.vault_urls.is_empty() => config.vault_urls.clone(),
            Services::Keystore => {
                return Err(StartError(
                    "Give --vault-url: the Keystore must know whom its tokens are for.".into(),
                ));
            }
            _ => local("vault"),
        };
        let keystore = match config.services {
            _ if !config.keystore_urls.is_empty() => config.keystore_urls.clone(),
            Services::Vault => {
                return Err(StartError(
                    "Give --keystore-url: the Vault must know whose tokens to trust.".into(),
                ));
            }
            _ => local("keystore"),
        };
        let (vault, other_vaults) = parse_all(&vault)?;
        let (keystore, other_keystores) = parse_all(&keystore)?;
        let urls = Self {
            vault,
            other_vaults,
            keystore,
            other_keystores,
        };
        urls.check(config.services)?;
        Ok(urls)
    }

    /// Refuses paths that cannot all be served.
    fn check(&self, services: Services) -> Result<(), StartError> {
        let path = &self.vault.path;
        if services.vault() && self.other_vaults.iter().any(|url| url.path != *path) {
            return Err(StartError(
                "Give every --vault-url the same path: the Vault is mounted once.".into(),
            ));
        }
        let keystore = &self.keystore.path;
        if services.keystore() && self.other_keystores.iter().any(|url| url.path != *keystore) {
            return Err(StartError(
                "Give every --keystore-url the same path: the Keystore is mounted once.".into(),
            ));
        }
        if services == Services::All && keystore == path {
            return Err(StartError(
                "Give --vault-url and --keystore-url different paths.".into(),
            ));
        }
        Ok(())
    }

    /// The audiences that tokens for the Vault may name, its main base URL first.
    pub(crate) fn audiences(&self) -> Vec<String> {
        let all = std::iter::once(&self.vault).chain(&self.other_vaults);
        all.map(|url| url.text.clone()).collect()
    }

    /// The addresses by which clients may know the Keystore, its main base URL first.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let all = std::iter::once(&self.keystore).chain(&self.other_keystores);
        all.map(|url| url.text.clone()).collect()
    }
}

/// The first URL of a list, and the others.
fn parse_all(urls: &[String]) -> Result<(BaseUrl, Vec<BaseUrl>), StartError> {
    let (main, others) = urls
        .split_first()
        .ok_or_else(|| StartError("Give each service a base URL.".into()))?;
    let others = others.iter().map(|url| BaseUrl::parse(url));
    Ok((BaseUrl::parse(main)?, others.collect::<Result<_, _>>()?))
}

/// The host by which this machine reaches the address, and another one where there is one.
fn local_hosts(address: SocketAddr) -> (String, Option<&'static str>) {
    let ip = address.ip();
    let host = match ip {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    let is_local = ip.is_loopback() || ip.is_unspecified();
    (host, is_local.then_some("localhost"))
}

/// A base URL as the URL Standard writes it, without a slash at its end. Clients write it in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    pub(crate) text: String,
    pub(crate) origin: String,
    /// Empty, or a path with a leading slash.
    pub(crate) path: String,
}

impl BaseUrl {
    pub(crate) fn parse(url: &str) -> Result<Self, StartError> {
        let bad = || {
            StartError(format!(
                "Write {url:?} as a base URL, like https://vault.example or http://host/vault."
            ))
        };
        let parsed = Url::parse(url).map_err(|_| bad())?;
        let origin = parsed.origin().ascii_serialization();
        let path = parsed.path().trim_end_matches('/');
        let text = format!("{origin}{path}");
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        // Whoever names a user, a query or a fragment means more than these are.
        let is_whole = parsed.as_str().trim_end_matches('/') == text;
        if !matches!(parsed.scheme(), "http" | "https")
            || !is_whole
            || !path.chars().all(plain)
            || path.contains("//")
        {
            return Err(bad());
        }
        Ok(Self {
            path: path.to_owned(),
            text,
            origin,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        let url = BaseUrl::parse("https://example:8443/a/vault/").unwrap();
        assert_eq!(
            (url.text.as_str(), url.path.as_str()),
            ("https://example:8443/a/vault", "/a/vault")
        );
        assert_eq!(BaseUrl::parse("http://vault.example").unwrap().path, "");
        let spelled = BaseUrl::parse("HTTPS://Keystore.Example:443//").unwrap();
        assert_eq!(
            (spelled.text.as_str(), spelled.origin.as_str()),
            ("https://keystore.example", "https://keystore.example")
        );
        for wrong in [
            "vault.example",
            "ftp://x",
            "http://x/?a",
            "http://x/{id}",
            "http://a@x",
            "/vault",
            "http://x/#a",
        ] {
            assert!(BaseUrl::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn defaults_follow_the_bound_port() {
        let address: SocketAddr = "0.0.0.0:77".parse().unwrap();
        let urls = Urls::new(&Config::new("x"), address).unwrap();
        assert_eq!(
            urls.audiences(),
            ["http://127.0.0.1:77/vault", "http://localhost:77/vault"]
        );
        assert_eq!(
            urls.addresses(),
            [
                "http://127.0.0.1:77/keystore",
                "http://localhost:77/keystore"
            ]
        );
    }

    #[test]
    fn a_service_alone_must_know_the_other() {
        let address: SocketAddr = "127.0.0.1:77".parse().unwrap();
        for services in [Services::Vault, Services::Keystore] {
            assert!(
                Urls::new(
                    &Config {
                        services,
                        ..Config::new("x")
                    },
                    address
                )
                .is_err()
            );
        }
    }
}
