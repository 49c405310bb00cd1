//! The command line.

pub(crate) mod admin;
mod bucket;
mod quotas;
mod seed;
mod settings;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use vouchsafe_server::{AccessLog, Config, Seed, Services, process};

use self::admin::{AdminCommand, AdminOptions};
use self::bucket::BucketOptions;
use self::quotas::QuotaOptions;
use self::seed::SeedOptions;
pub(crate) use self::settings::Refusal;

/// The reference Vault and Keystore of Vouchsafe, in one process or two.
///
/// Every option can also be set by the environment variable that stands beside it, several values with commas between
/// them, or in a file of settings (--config), whose keys are the options' names. An option counts more than its variable,
/// and that more than the file. VOUCHSAFE_LOG sets how much is logged to standard error ("warn", "debug", …; "info" by
/// default).
///
/// An option that may hold a secret can be in a file of its own, which VOUCHSAFE_SMTP_URL_FILE names, and likewise for
/// VOUCHSAFE_VAULT_DB, VOUCHSAFE_KEYSTORE_DB and VOUCHSAFE_S3_SECRET_KEY; in the file of settings smtp-url-file and so on.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// The services that this process runs.
    #[arg(value_enum, default_value = "all", env = "VOUCHSAFE_SERVICES")]
    services: Which,

    /// The address to listen on. Port 0 takes a free one; the first line on standard output tells which.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8787",
        env = "VOUCHSAFE_LISTEN"
    )]
    listen: String,

    /// A second address, where /metrics, /live and /ready are answered, and nothing else: for who watches the process, and for
    /// nobody else to reach. Port 0 takes a free one, which the second line on standard output tells.
    #[arg(long, value_name = "HOST:PORT", env = "VOUCHSAFE_METRICS_LISTEN")]
    metrics_listen: Option<String>,

    /// A collector of traces, which speaks OpenTelemetry's protocol over HTTP, such as http://127.0.0.1:4318: each request gets
    /// a span, which tells of no person. OTEL_TRACES_SAMPLER says how many do, OTEL_EXPORTER_OTLP_HEADERS what goes along.
    #[arg(long, value_name = "URL", env = "VOUCHSAFE_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,

    #[command(flatten)]
    storage: Storage,

    /// The Vault's base URL as clients see it, path included. Repeat it for every address that the Vault is reached
    /// by, the main one first: the Keystore makes tokens for these audiences alone. By default /vault at the address
    /// that is listened on.
    #[arg(
        long,
        value_name = "URL",
        env = "VOUCHSAFE_VAULT_URL",
        value_delimiter = ','
    )]
    vault_url: Vec<String>,

    /// The Keystore's base URL as clients see it, path included. Repeat it for every address that the Keystore is
    /// reached by, the main one first, which is also the issuer of its tokens: people sign up and in by these addresses
    /// alone. By default /keystore at the address that is listened on. A Vault alone must be told, and fetches the token
    /// keys at the first, over https or on this machine.
    #[arg(
        long,
        value_name = "URL",
        env = "VOUCHSAFE_KEYSTORE_URL",
        value_delimiter = ','
    )]
    keystore_url: Vec<String>,

    /// The Keystore's public token key, a JWK or its x, for a Vault that shall not fetch it.
    #[arg(long, value_name = "KEY", env = "VOUCHSAFE_KEYSTORE_KEY")]
    keystore_key: Option<String>,

    /// The OpenID Connect provider by which people sign in to the app, as the iss of its tokens names it: the Keystore
    /// then also takes its identity tokens in place of email addresses.
    #[arg(long, value_name = "URL", env = "VOUCHSAFE_OIDC_ISSUER")]
    oidc_issuer: Option<String>,

    /// Whom identity tokens must be for, one of their aud (and, where there are several, their azp): the app's client id.
    /// Repeat it for more.
    #[arg(
        long,
        value_name = "AUDIENCE",
        env = "VOUCHSAFE_OIDC_AUDIENCE",
        value_delimiter = ','
    )]
    oidc_audience: Vec<String>,

    /// The address of the provider's keys; by default the one in its /.well-known/openid-configuration.
    #[arg(long, value_name = "URL", env = "VOUCHSAFE_OIDC_JWKS_URL")]
    oidc_jwks_url: Option<String>,

    /// Open new accounts by identity token alone. Accounts of email addresses go on.
    #[arg(long, env = "VOUCHSAFE_NO_EMAIL_SIGN_UP")]
    no_email_sign_up: bool,

    /// A web origin that may call from browsers, such as https://app.example: scheme, host and port, without a path.
    /// Repeat it for more; * allows every one, for tests.
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "VOUCHSAFE_CORS_ORIGIN",
        value_delimiter = ','
    )]
    cors_origin: Vec<String>,

    /// A folder with a page to serve at /.
    #[arg(long, value_name = "DIR", env = "VOUCHSAFE_PAGE")]
    page: Option<PathBuf>,

    /// A page that invitation links in mails may open, an http or https address without #; by default / at the Vault's
    /// origin. Repeatable: an app names its page, and the first one is for apps that name none.
    #[arg(
        long,
        value_name = "URL",
        env = "VOUCHSAFE_INVITATION_URL",
        value_delimiter = ','
    )]
    invitation_url: Vec<String>,

    /// The mail server: smtps://USER:PASSWORD@HOST:PORT (TLS, port 465) or smtp://USER:PASSWORD@HOST:PORT (STARTTLS,
    /// port 587, without which nothing is sent; ?tls=opportunistic sends all the same, ?tls=none never encrypts, which
    /// is also what smtp://localhost means, port 25). Without this option mails are not sent, but captured as files in
    /// the data folder's outbox.
    #[arg(
        long,
        value_name = "URL",
        env = "VOUCHSAFE_SMTP_URL",
        hide_env_values = true
    )]
    smtp_url: Option<String>,

    /// A PEM file of the authorities that may vouch for the mail server, instead of the public ones.
    #[arg(long, value_name = "FILE", env = "VOUCHSAFE_SMTP_CA")]
    smtp_ca: Option<PathBuf>,

    /// The name by which this server greets the mail server, such as mail.example.org, or its address. By default the
    /// machine's name; where that has no domain, the Vault's host.
    #[arg(long, value_name = "NAME", env = "VOUCHSAFE_SMTP_HELLO")]
    smtp_hello: Option<String>,

    /// The sender of mails, such as "Example App <mail@app.example>"; --smtp-url needs it. The name stands in their text,
    /// too; without one it is the host of the first --invitation-url.
    #[arg(long, value_name = "ADDRESS", env = "VOUCHSAFE_MAIL_FROM")]
    mail_from: Option<String>,

    /// Show captured mails at /dev/mails, to everybody who can reach the server. Whoever reads an invitation mail can
    /// accept it. Mails that go by --smtp-url are not captured.
    #[arg(long, env = "VOUCHSAFE_DEV_MAILBOX")]
    dev_mailbox: bool,

    /// Make a new keystore.setup, or take another one, although there are accounts. They can then sign in by their recovery
    /// keys alone.
    #[arg(long, env = "VOUCHSAFE_NEW_OPAQUE_SETUP")]
    new_opaque_setup: bool,

    /// Take callers' addresses from the last entry of X-Forwarded-For, or of Forwarded, whoever sends it. Only where
    /// nobody reaches the process but by a proxy that writes it.
    #[arg(long, env = "VOUCHSAFE_BEHIND_PROXY")]
    behind_proxy: bool,

    /// Take callers' addresses from these headers if a proxy at this address, or in this network, sends them, such as
    /// 127.0.0.1 or 10.0.0.0/8. Repeat it for more. Where proxies stand behind each other, the caller is the last one in
    /// the header that is none of them.
    #[arg(
        long,
        value_name = "NETWORK",
        env = "VOUCHSAFE_TRUSTED_PROXY",
        value_delimiter = ','
    )]
    trusted_proxy: Vec<String>,

    /// The most connections at once, event streams included. The next one waits until another ends. The process needs as
    /// many open files, and a hundred more; where it may not have them it has fewer connections.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "VOUCHSAFE_MAX_CONNECTIONS"
    )]
    max_connections: u32,

    /// The most connections at once of one network address (of IPv6 a /64 network); more are closed. It does not hold
    /// for proxies (--behind-proxy, --trusted-proxy): they have to count.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "VOUCHSAFE_MAX_CONNECTIONS_PER_ADDRESS"
    )]
    max_connections_per_address: u32,

    /// Do not limit attempts, for load tests.
    #[arg(long, env = "VOUCHSAFE_NO_RATE_LIMITS")]
    no_rate_limits: bool,

    #[command(flatten)]
    quotas: QuotaOptions,

    #[command(flatten)]
    bucket: BucketOptions,

    /// At SIGTERM go on serving for so long, while /ready says that the process is not ready: a proxy that asks now and then
    /// has sent the last request by the end of it. A second signal ends the wait.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(..=3600),
        env = "VOUCHSAFE_DRAIN_SECONDS"
    )]
    drain_seconds: u32,

    /// The level at which each request gets a line in the log: its route, its status, its milliseconds and the bytes of its
    /// answer, and nothing that tells of a person.
    #[arg(
        long,
        value_enum,
        value_name = "LEVEL",
        default_value = "info",
        env = "VOUCHSAFE_ACCESS_LOG"
    )]
    access_log: AccessLevel,

    /// Log as JSON, one object a line.
    #[arg(long, env = "VOUCHSAFE_LOG_JSON")]
    log_json: bool,
}

/// The places of the data.
#[derive(Args)]
struct Storage {
    /// The folder of the databases, the services' secrets (keystore.setup: keep a backup of it apart from the
    /// database; vault.setup) and captured mails.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "vouchsafe-data",
        env = "VOUCHSAFE_DATA"
    )]
    data: PathBuf,

    /// The Vault's database: sqlite://FILE or postgres://…; by default vault.db in the data folder.
    #[arg(
        long,
        value_name = "URL",
        env = "VOUCHSAFE_VAULT_DB",
        hide_env_values = true
    )]
    vault_db: Option<String>,

    /// The Keystore's database; by default keystore.db in the data folder. It must be another than the Vault's.
    #[arg(
        long,
        value_name = "URL",
        env = "VOUCHSAFE_KEYSTORE_DB",
        hide_env_values = true
    )]
    keystore_db: Option<String>,

    /// The address of the Vault's PostgreSQL database itself, where --vault-db leads to a pooler that keeps no sessions, such as
    /// PgBouncer with transactions: Vaults at one database hear of each other's events by a session of their own.
    #[arg(
        long,
        value_name = "URL",
        env = "VOUCHSAFE_VAULT_DB_DIRECT",
        hide_env_values = true
    )]
    vault_db_direct: Option<String>,

    /// The same for the Keystore's database.
    #[arg(
        long,
        value_name = "URL",
        env = "VOUCHSAFE_KEYSTORE_DB_DIRECT",
        hide_env_values = true
    )]
    keystore_db_direct: Option<String>,

    /// The place of the Vault's files: a folder, or s3://BUCKET/PREFIX; by default vault.files in the data folder. Vaults that
    /// share a database share it, too.
    #[arg(long, value_name = "PLACE", env = "VOUCHSAFE_VAULT_FILES")]
    vault_files: Option<String>,
}

impl Storage {
    fn into_config(self) -> Config {
        Config {
            vault_db: self.vault_db,
            vault_files: self.vault_files,
            keystore_db: self.keystore_db,
            vault_db_direct: self.vault_db_direct,
            keystore_db_direct: self.keystore_db_direct,
            ..Config::new(self.data)
        }
    }
}

#[derive(Subcommand)]
enum Command {
    /// Copy the data to a new folder while the server runs. To restore, start a server with a copy of it as --data.
    ///
    /// The folder gets consistent snapshots of the SQLite databases (vault.db, keystore.db), keystore.setup, vault.setup, and
    /// the files that lie in a folder (vault.files), whole or not at all. Files in a bucket are not copied. Whoever holds the
    /// copy can guess at passphrases, so keep it as safe as the server. A process that runs one service has that one's data
    /// alone; then back up the Vault first and the Keystore after it.
    Backup {
        #[command(flatten)]
        storage: Storage,

        /// The folder to make. It must not be there, or be empty.
        #[arg(long, value_name = "DIR", env = "VOUCHSAFE_BACKUP_TO")]
        to: PathBuf,

        /// Leave the files out, for who copies their folder in another way, after this command.
        #[arg(long, env = "VOUCHSAFE_BACKUP_WITHOUT_FILES")]
        without_files: bool,
    },

    /// Bring the schemas of the databases up to date without starting a server, which does the same at its start.
    ///
    /// Several may run at once: one does the work, the others wait. Databases that are not there are made. There is no way back
    /// but a backup.
    Migrate {
        #[command(flatten)]
        storage: Storage,

        /// The services whose databases are meant.
        #[arg(value_enum, default_value = "all", env = "VOUCHSAFE_SERVICES")]
        services: Which,

        /// Change nothing, and tell by the exit status: 0 if the schemas are those of this release, 1 if they are older, 2 if one
        /// is newer, 3 if they could not be looked at.
        #[arg(long, conflicts_with = "to")]
        check: bool,

        /// Run the migrations up to this number alone, of one service. Servers of this release run the others when they start.
        #[arg(long, value_name = "NUMBER")]
        to: Option<usize>,
    },

    /// Look after accounts, sessions and mails, at the databases themselves, beside running servers or without one.
    Admin(AdminOptions),

    /// Ask a server on this machine whether it answers, for containers without a shell.
    #[command(hide = true)]
    Health {
        /// The address that the server listens on.
        #[arg(
            long,
            value_name = "HOST:PORT",
            default_value = "127.0.0.1:8787",
            env = "VOUCHSAFE_LISTEN"
        )]
        listen: String,
    },

    /// Fill new databases with made-up people, their connections, cards and shares, for measurements only.
    ///
    /// Nobody can sign in by a passphrase, or decrypt anything. Databases with accounts are refused.
    #[command(hide = true)]
    Seed {
        #[command(flatten)]
        storage: Storage,

        #[command(flatten)]
        seed: SeedOptions,
    },
}

/// The task that the command line asks for.
pub(crate) enum Task {
    Serve(Box<Config>),
    Backup {
        config: Box<Config>,
        to: PathBuf,
        with_files: bool,
    },
    Check(Box<Config>),
    Migrate(Box<Config>, Option<usize>),
    Admin {
        config: Box<Config>,
        command: AdminCommand,
        json: bool,
    },
    Health(String),
    Seed {
        config: Box<Config>,
        seed: Seed,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    /// Vault and Keystore together.
    All,
    /// The Vault alone.
    Vault,
    /// The Keystore alone.
    Keystore,
}

impl From<Which> for Services {
    fn from(which: Which) -> Self {
        match which {
            Which::All => Self::All,
            Which::Vault => Self::Vault,
            Which::Keystore => Self::Keystore,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum AccessLevel {
    /// No line.
    Off,
    /// A line where debugging is logged.
    Debug,
    /// A line where information is logged.
    Info,
}

impl From<AccessLevel> for AccessLog {
    fn from(level: AccessLevel) -> Self {
        match level {
            AccessLevel::Off => Self::Off,
            AccessLevel::Debug => Self::Debug,
            AccessLevel::Info => Self::Info,
        }
    }
}

/// The command, with the options that stand behind each part of it.
fn command() -> clap::Command {
    let admin = |admin: clap::Command| admin.mut_args(|option| option.global(true));
    Cli::command()
        .arg(settings::option())
        .mut_subcommand("admin", admin)
}

/// Warns of variables that look like settings and are none: with a letter too many, the option is not set.
pub(crate) fn warn_of_unknown_variables() {
    let known = settings::known_variables(&command());
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str().filter(|name| name.starts_with("VOUCHSAFE_")) else {
            continue;
        };
        if !known.contains(&name) && text != process::LOG_VARIABLE {
            tracing::warn!(variable = text, "no option has this variable: see --help");
        }
    }
}

impl Cli {
    pub(crate) fn log_json(&self) -> bool {
        self.log_json
    }

    /// Reads the command line, the variables and the file of settings.
    pub(crate) fn read() -> Result<Self, Refusal> {
        let given: Vec<OsString> = std::env::args_os().collect();
        let matches = settings::matches(&mut command(), given)?;
        Self::from_arg_matches(&matches).map_err(Refusal::CommandLine)
    }

    pub(crate) fn into_task(self) -> Task {
        match self.command {
            Some(Command::Backup {
                storage,
                to,
                without_files,
            }) => {
                return Task::Backup {
                    config: Box::new(storage.into_config()),
                    to,
                    with_files: !without_files,
                };
            }
            Some(Command::Migrate {
                storage,
                services,
                check,
                to,
            }) => {
                let config = Box::new(Config {
                    services: services.into(),
                    ..storage.into_config()
                });
                return match check {
                    true => Task::Check(config),
                    false => Task::Migrate(config, to),
                };
            }
            Some(Command::Admin(options)) => {
                return Task::Admin {
                    config: Box::new(options.storage.into_config()),
                    command: options.command,
                    json: options.json,
                };
            }
            Some(Command::Health { listen }) => return Task::Health(listen),
            Some(Command::Seed { storage, seed }) => {
                return Task::Seed {
                    config: Box::new(storage.into_config()),
                    seed: seed.into_seed(),
                };
            }
            None => {}
        }
        Task::Serve(Box::new(Config {
            services: self.services.into(),
            listen: self.listen,
            metrics_listen: self.metrics_listen,
            otlp_endpoint: self.otlp_endpoint,
            access_log: self.access_log.into(),
            drain: Duration::from_secs(self.drain_seconds.into()),
            vault_urls: self.vault_url,
            keystore_urls: self.keystore_url,
            keystore_key: self.keystore_key,
            oidc_issuer: self.oidc_issuer,
            oidc_audiences: self.oidc_audience,
            oidc_jwks_url: self.oidc_jwks_url,
            email_sign_up: !self.no_email_sign_up,
            cors_origins: self.cors_origin,
            page: self.page,
            invitation_urls: self.invitation_url,
            smtp_url: self.smtp_url,
            smtp_ca: self.smtp_ca,
            smtp_hello: self.smtp_hello,
            mail_from: self.mail_from,
            dev_mailbox: self.dev_mailbox,
            new_opaque_setup: self.new_opaque_setup,
            behind_proxy: self.behind_proxy,
            trusted_proxies: self.trusted_proxy,
            rate_limits: !self.no_rate_limits,
            quotas: self.quotas.into_quotas(),
            s3: self.bucket.into_s3(),
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            ..self.storage.into_config()
        }))
    }
}
