//! The configuration of a server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Clock;
use crate::quotas::Quotas;

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

/// The level at which each request gets a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// It gets none.
    Off,
    /// Where debugging is logged.
    Debug,
    /// By default.
    Info,
}

/// The way to a bucket of S3, or of what speaks like it.
#[derive(Clone, Default)]
pub struct S3 {
    /// The address of the service; by default that of the region at Amazon.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The name of the key; without one that of the machine's role at Amazon.
    pub access_key: Option<String>,
    /// The key.
    pub secret_key: Option<String>,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (&self.endpoint, &self.region, &self.access_key);
        write!(f, "S3{shown:?}")
    }
}

/// Everything that a server can be told. [`Config::new`] gives a server for trying out; fields are set as needed.
#[derive(Clone, Debug)]
pub struct Config {
    /// The services to run.
    pub services: Services,
    /// The address to listen on, as `host:port`. Port 0 takes a free one.
    pub listen: String,
    /// The address of a second listener, for `/metrics`, `/live` and `/ready` alone.
    pub metrics_listen: Option<String>,
    /// The time for which a server that is told to stop by SIGTERM says that it is not ready, and goes on.
    pub drain: Duration,
    /// The address of a collector of traces, which speaks OTLP over HTTP.
    pub otlp_endpoint: Option<String>,
    /// The level at which each request gets a line in the log.
    pub access_log: AccessLog,
    /// The folder of the databases, the Keystore's setup and the captured mails.
    pub data: PathBuf,
    /// The Vault's database, `postgres://…` or `sqlite://…`; by default `vault.db` in the data folder.
    pub vault_db: Option<String>,
    /// The Keystore's database; by default `keystore.db` in the data folder.
    pub keystore_db: Option<String>,
    /// The address of the Vault's PostgreSQL database itself, where `vault_db` leads to a pooler that keeps no sessions.
    pub vault_db_direct: Option<String>,
    /// The same for the Keystore's.
    pub keystore_db_direct: Option<String>,
    /// The place of the Vault's files, a folder or `s3://BUCKET/PREFIX`; by default `vault.files` in the data folder.
    pub vault_files: Option<String>,
    /// The way to that bucket.
    pub s3: S3,
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
    /// The web origins that may call, such as `https://app.example`, or `*`.
    pub cors_origins: Vec<String>,
    /// A folder with a page to serve at `/`.
    pub page: Option<PathBuf>,
    /// The pages that invitation links in mails may lead to; the first one where the inviter's app names none. By default `/`
    /// at the Vault's origin.
    pub invitation_urls: Vec<String>,
    /// The mail server, `smtp://…` or `smtps://…`. Without it mails are captured as files.
    pub smtp_url: Option<String>,
    /// A PEM file with the authorities whose word on the mail server is taken, instead of the public ones.
    pub smtp_ca: Option<PathBuf>,
    /// The name by which this server greets the mail server, a host or an address; by default the machine's or the Vault's.
    pub smtp_hello: Option<String>,
    /// The time for the mail server to take one mail: less than the two minutes after which another process tries.
    pub smtp_timeout: Duration,
    /// The sender's address of mails, and the name that they give to what people use. A mail server needs it.
    pub mail_from: Option<String>,
    /// `GET /dev/mails` shows the captured mails to everybody.
    pub dev_mailbox: bool,
    /// A missing Keystore setup is made anew, or another one taken, although there are accounts, which then cannot sign in by
    /// passphrase.
    pub new_opaque_setup: bool,
    /// Whoever connects is a proxy: the last entry of `X-Forwarded-For` or `Forwarded` is the caller's address.
    pub behind_proxy: bool,
    /// The proxies whose word on callers' addresses is taken, as addresses or networks. They are no callers themselves.
    pub trusted_proxies: Vec<String>,
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
    /// The most connections at once of one network address (of IPv6 a /64 network) that is no proxy's.
    pub max_connections_per_address: u32,
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
            metrics_listen: None,
            drain: Duration::ZERO,
            otlp_endpoint: None,
            access_log: AccessLog::Info,
            data: data.into(),
            vault_db: None,
            keystore_db: None,
            vault_db_direct: None,
            keystore_db_direct: None,
            vault_files: None,
            s3: S3 {
                region: "us-east-1".to_owned(),
                ..S3::default()
            },
            vault_urls: Vec::new(),
            keystore_urls: Vec::new(),
            keystore_key: None,
            oidc_issuer: None,
            oidc_audiences: Vec::new(),
            oidc_jwks_url: None,
            email_sign_up: true,
            cors_origins: Vec::new(),
            page: None,
            invitation_urls: Vec::new(),
            smtp_url: None,
            smtp_ca: None,
            smtp_hello: None,
            smtp_timeout: Duration::from_secs(60),
            mail_from: None,
            dev_mailbox: false,
            new_opaque_setup: false,
            behind_proxy: false,
            trusted_proxies: Vec::new(),
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
