//! The state that the Keystore's handlers share, and the work that goes on beside them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::departures::Departures;
use super::identity::Identities;
use super::setup::Setup;
use super::tokens::TokenKey;
use crate::clock::{Clock, MINUTE};
use crate::config::Config;
use crate::http::error::ApiError;
use crate::http::limits::{Limits, Rate};
use crate::http::readiness::Readiness;
use crate::metrics;
use crate::quotas::Quotas;
use crate::start_error::StartError;
use crate::store::db::{Db, sqlite_url};
use crate::store::migrate::Migrations;
use crate::store::passage::Passage;
use crate::store::peers::Peer;
use crate::store::sweep;
use crate::urls::Urls;

/// The files in `migrations/`.
pub(crate) const MIGRATIONS: Migrations = &[
    include_str!("migrations/0001_schema.sql"),
    include_str!("migrations/0002_credentials.sql"),
    include_str!("migrations/0003_sweeping.sql"),
    include_str!("migrations/0004_identities.sql"),
    include_str!("migrations/0005_registrations.sql"),
    include_str!("migrations/0006_proofs.sql"),
    include_str!("migrations/0007_bounds.sql"),
    include_str!("migrations/0008_spaces.sql"),
    include_str!("migrations/0009_owner.sql"),
    include_str!("migrations/0010_live.sql"),
    include_str!("migrations/0011_counts.sql"),
    include_str!("migrations/0012_lookups.sql"),
    include_str!("migrations/0013_operating.sql"),
    include_str!("migrations/0014_quotas.sql"),
];

/// The state that the Keystore's handlers share.
pub(crate) struct Keystore {
    pub(crate) db: Db,
    pub(super) clock: Clock,
    pub(super) setup: Setup,
    pub(super) limits: Limits,
    pub(super) quotas: Quotas,
    /// Requests of one account.
    pub(super) requests: Rate,
    /// The provider whose identity tokens are taken, if any are.
    pub(super) identities: Option<Identities>,
    /// New accounts may be opened by an email address.
    pub(super) email_sign_up: bool,
    pub(super) issuer: String,
    /// The base URLs by which clients may know it, the issuer first.
    addresses: Vec<String>,
    pub(super) audiences: Vec<String>,
    pub(super) departures: Departures,
    passage: Arc<Passage>,
}

/// The state of every Keystore route.
pub(super) type KeystoreState = axum::extract::State<Arc<Keystore>>;

impl Keystore {
    /// The URL of its database.
    pub(crate) fn database_url(config: &Config) -> String {
        let url = config.keystore_db.clone();
        url.unwrap_or_else(|| sqlite_url(&config.file("keystore.db")))
    }

    /// Opens the database and the setup.
    pub(crate) async fn open(config: &Config, urls: &Urls) -> Result<Arc<Self>, StartError> {
        let url = Self::database_url(config);
        let identities = Identities::new(config)?;
        let file = config.file("keystore.setup");
        let is_told = config.new_opaque_setup;
        let witness = (file.exists() && !is_told).then_some(&*file);
        let direct = config.keystore_db_direct.as_deref();
        let db = Db::open(&url, "Keystore", MIGRATIONS, witness, direct).await?;
        let failed = |error| StartError(format!("Check the Keystore's database ({error})."));
        let has_accounts = has_accounts(&db).await.map_err(failed)?;
        let setup = Setup::open(&file, has_accounts, is_told)?;
        if !know_setup(&db, &setup, is_told).await.map_err(failed)? {
            return Err(StartError(format!(
                "Put back the keystore.setup that the Keystore's database was used with: {} is another one, and nobody could \
                 sign in with it. If that one is lost for good, start once with --new-opaque-setup; accounts then need their \
                 recovery keys.",
                file.display()
            )));
        }
        let shared = !db.peers.are_none();
        Ok(Arc::new(Self {
            passage: Passage::open(&db, &config.clock).await.map_err(failed)?,
            db,
            setup,
            limits: Limits::new(config.rate_limits, config.clock.clone(), shared),
            quotas: config.quotas,
            requests: Rate {
                name: "requests",
                count: config.quotas.requests_per_minute,
                window_ms: MINUTE,
            },
            identities,
            email_sign_up: config.email_sign_up,
            clock: config.clock.clone(),
            issuer: urls.keystore.text.clone(),
            addresses: urls.addresses(),
            audiences: urls.audiences(),
            departures: Departures::new(&urls.vault.text),
        }))
    }

    /// Refuses a client that knows this Keystore by an address which is not its own: somebody may stand between them.
    pub(super) fn check_address(&self, named: &str) -> Result<(), ApiError> {
        if self.addresses.iter().any(|own| own == named) {
            Ok(())
        } else {
            Err(ApiError::bad_input(
                "Call the Keystore by its own address: it was not told of the one that `keystore` names.",
            ))
        }
    }

    /// Sweeps, until the server stops.
    pub(crate) async fn work(self: Arc<Self>, interval: Duration, stopping: watch::Receiver<bool>) {
        let sweep = |now| metrics::sweep("keystore", self.sweep(now));
        let sweeping = sweep::work(&self.db, &self.passage, interval, stopping.clone(), sweep);
        let telling = self.db.peers.work(&*self, stopping.clone());
        let both = async {
            tokio::join!(sweeping, telling);
        };
        sweep::until_stopped(stopping, both).await;
    }

    /// The public half of the token key, for a Vault in the same process.
    pub(crate) fn token_key(&self) -> &TokenKey {
        &self.setup.token_key
    }
}

/// What the processes of a Keystore tell each other: the counts of limits.
impl Peer for Keystore {
    fn tell(&self, _: bool) -> Vec<String> {
        self.limits.untold()
    }

    fn hear(&self, _: &str, line: &str) {
        self.limits.hear(line);
    }

    fn gone(&self, _: &str) {}

    fn missed(&self) {}
}

impl Readiness for Keystore {
    fn is_ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(self.db.is_ready())
    }

    fn away(&self) -> watch::Receiver<bool> {
        self.db.peers.away()
    }
}

async fn has_accounts(db: &Db) -> Result<bool, sqlx::Error> {
    let account = sqlx::query("SELECT id FROM accounts WHERE deleted_at IS NULL LIMIT 1")
        .fetch_optional(&db.read)
        .await?;
    Ok(account.is_some())
}

/// Notes the setup in the database, and tells whether it is that of the accounts, or taken in its place because the operator
/// said so.
async fn know_setup(db: &Db, setup: &Setup, is_told: bool) -> Result<bool, sqlx::Error> {
    let sql = match is_told {
        true => "UPDATE owner SET setup = $1",
        false => "UPDATE owner SET setup = $1 WHERE setup IS NULL OR setup = $1",
    };
    let known = sqlx::query(sql).bind(&setup.id).execute(&db.write).await?;
    Ok(known.rows_affected() == 1)
}
