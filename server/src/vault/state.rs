//! The state that the Vault's handlers share, and the work that goes on beside them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::auth::{TrustedKeys, Verified, none_verified};
use super::mail::{Mailer, app_name};
use super::outbox::{self, MailKind};
use super::setup::Setup;
use super::streams::Streams;
use crate::clock::{Clock, MINUTE};
use crate::config::Config;
use crate::http::limits::{Limits, Rate};
use crate::http::readiness::Readiness;
use crate::metrics;
use crate::quotas::Quotas;
use crate::start_error::StartError;
use crate::store::db::{Db, sqlite_url};
use crate::store::migrate::Migrations;
use crate::store::objects::{Objects, Place};
use crate::store::passage::Passage;
use crate::store::peers::Peer;
use crate::store::sweep;
use crate::urls::{Urls, page_url};

/// The files in `migrations/`.
pub(crate) const MIGRATIONS: Migrations = &[
    include_str!("migrations/0001_schema.sql"),
    include_str!("migrations/0002_accounts.sql"),
    include_str!("migrations/0003_sweeping.sql"),
    include_str!("migrations/0004_xwing.sql"),
    include_str!("migrations/0005_bounds.sql"),
    include_str!("migrations/0006_mail.sql"),
    include_str!("migrations/0007_undeliverable.sql"),
    include_str!("migrations/0008_owner.sql"),
    include_str!("migrations/0009_live.sql"),
    include_str!("migrations/0010_links.sql"),
    include_str!("migrations/0011_mails.sql"),
    include_str!("migrations/0012_files.sql"),
    include_str!("migrations/0013_events.sql"),
    include_str!("migrations/0014_lookups.sql"),
    include_str!("migrations/0015_operating.sql"),
    include_str!("migrations/0016_quotas.sql"),
];

/// The state that the Vault's handlers share.
pub(crate) struct Vault {
    pub(crate) db: Db,
    /// The parts of files.
    pub(super) objects: Objects,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) quotas: Quotas,
    /// Requests of one account.
    pub(super) requests: Rate,
    pub(super) keys: TrustedKeys,
    pub(super) verified: Verified,
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) setup: Setup,
    /// The main address of this Vault.
    pub(super) base_url: String,
    /// The pages that links in mails may lead to; the first one is the usual one.
    pub(super) pages: Vec<String>,
    /// The name, in mails, of what people use.
    pub(super) app: String,
    pub(super) mailer: Mailer,
    /// Rings when there is a mail to send.
    pub(super) mail_waits: Notify,
    pub(super) streams: Streams,
    pub(super) heartbeat: Duration,
    /// The time between two looks through the outbox.
    pub(super) outbox: Duration,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) passage: Arc<Passage>,
}

/// The state of every Vault route.
pub(super) type VaultState = axum::extract::State<Arc<Vault>>;

impl Vault {
    /// The URL of its database.
    pub(crate) fn database_url(config: &Config) -> String {
        let url = config.vault_db.clone();
        url.unwrap_or_else(|| sqlite_url(&config.file("vault.db")))
    }

    /// Opens the database. Tokens are trusted when one of `keys` signed them.
    pub(crate) async fn open(
        config: &Config,
        urls: &Urls,
        keys: TrustedKeys,
        stopping: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, StartError> {
        let url = Self::database_url(config);
        let mailer = Mailer::new(config, &urls.vault.host)?;
        let pages = config.invitation_urls.iter().map(|url| page_url(url));
        let mut pages = pages.collect::<Result<Vec<_>, _>>()?;
        if pages.is_empty() {
            pages.push(format!("{}/", urls.vault.origin));
        }
        let file = config.file("vault.setup");
        let had_setup = file.exists();
        let (witness, direct) = (
            had_setup.then_some(&*file),
            config.vault_db_direct.as_deref(),
        );
        let db = Db::open(&url, "Vault", MIGRATIONS, witness, direct).await?;
        let failed = |error| StartError(format!("Check the Vault's database ({error})."));
        let objects = open_objects(config, &db).await?;
        let setup = Setup::open(&file)?;
        if !know_setup(&db, &setup, had_setup).await.map_err(failed)? {
            return Err(StartError(format!(
                "Put back the vault.setup that the Vault's database was used with: {} is another one. If that one is lost for \
                 good, remove this one: a new one is made, and people have to confirm their addresses anew.",
                file.display()
            )));
        }
        let shared = !db.peers.are_none();
        Ok(Arc::new(Self {
            passage: Passage::open(&db, &config.clock).await.map_err(failed)?,
            db,
            objects,
            setup,
            base_url: urls.vault.text.clone(),
            app: app_name(config.mail_from.as_deref(), &pages[0]),
            clock: config.clock.clone(),
            limits: Limits::new(config.rate_limits, config.clock.clone(), shared),
            quotas: config.quotas,
            requests: Rate {
                name: "requests",
                count: config.quotas.requests_per_minute,
                window_ms: MINUTE,
            },
            keys,
            verified: none_verified(),
            issuer: urls.keystore.text.clone(),
            audiences: urls.audiences(),
            pages,
            mailer,
            mail_waits: Notify::new(),
            streams: Streams::new(shared),
            heartbeat: config.heartbeat,
            outbox: config.outbox,
            stopping,
        }))
    }

    /// Sends mails and sweeps, until the server stops.
    pub(crate) async fn work(self: Arc<Self>, interval: Duration) {
        let (db, passage, stopping) = (&self.db, &self.passage, self.stopping.clone());
        let sweep = |now| metrics::sweep("vault", self.sweep(now));
        let sweeping = sweep::work(db, passage, interval, stopping.clone(), sweep);
        let telling = db.peers.work(&*self, stopping.clone());
        let all = async {
            tokio::join!(outbox::work(&self), sweeping, telling);
        };
        sweep::until_stopped(stopping, all).await;
    }
}

/// What the processes of a Vault tell each other: `e ACCOUNT`, whose streams have something to read, `s ACCOUNT COUNT`, how many
/// streams it has, and the counts of limits.
impl Peer for Vault {
    fn tell(&self, all: bool) -> Vec<String> {
        let rung = self.streams.rung().into_iter();
        let mut lines: Vec<String> = rung.map(|account| format!("e {account}")).collect();
        let open = self.streams.untold(all).into_iter();
        lines.extend(open.map(|(account, count)| format!("s {account} {count}")));
        lines.extend(self.limits.untold());
        lines
    }

    fn hear(&self, process: &str, line: &str) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["e", account] => self.streams.ring_here(account),
            ["s", account, count] => {
                let count = count.parse().unwrap_or_default();
                self.streams.note(process, account, count);
            }
            _ => self.limits.hear(line),
        }
    }

    fn gone(&self, process: &str) {
        self.streams.forget(process);
    }

    fn missed(&self) {
        self.streams.ring_all();
    }
}

impl Readiness for Vault {
    fn is_ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            self.db.is_ready().await?;
            match self.keys.are_reachable().await {
                true => Ok(()),
                false => Err("the Vault cannot reach the Keystore".to_owned()),
            }
        })
    }

    fn away(&self) -> watch::Receiver<bool> {
        self.db.peers.away()
    }
}

/// Opens the store of files. Where its folder is gone, the database must not name any file.
async fn open_objects(config: &Config, db: &Db) -> Result<Objects, StartError> {
    if let Place::Folder(folder) = Place::of(config)
        && !folder.exists()
    {
        let failed = |error| StartError(format!("Check the Vault's database ({error})."));
        let part = sqlx::query("SELECT part FROM parts LIMIT 1").fetch_optional(&db.read);
        if part.await.map_err(failed)?.is_some() {
            return Err(StartError(format!(
                "Put {} back: the Vault's files are in it. To go on without them, make it an empty folder.",
                folder.display()
            )));
        }
    }
    Objects::open(config)
}

/// Notes the setup in the database, and tells whether it may be used: it is the one of before, or was made just now because that
/// one was lost. Then the mails that wait hold nothing that this one accepts.
async fn know_setup(db: &Db, setup: &Setup, had_setup: bool) -> Result<bool, sqlx::Error> {
    let known = sqlx::query("UPDATE owner SET setup = $1 WHERE setup IS NULL OR setup = $1")
        .bind(setup.id())
        .execute(&db.write)
        .await?;
    if known.rows_affected() == 1 || had_setup {
        return Ok(known.rows_affected() == 1);
    }
    tracing::warn!(
        "vault.setup is another one than before: confirmed addresses, refusals of mails, codes and mails that wait are void"
    );
    sqlx::query("DELETE FROM outbox WHERE kind = $1")
        .bind(MailKind::Code.as_str())
        .execute(&db.write)
        .await?;
    // Inviters are told of those that did not go.
    sqlx::query("UPDATE outbox SET attempts = $1, next_at = 0")
        .bind(outbox::MAX_ATTEMPTS)
        .execute(&db.write)
        .await?;
    sqlx::query("UPDATE owner SET setup = $1")
        .bind(setup.id())
        .execute(&db.write)
        .await?;
    Ok(true)
}
