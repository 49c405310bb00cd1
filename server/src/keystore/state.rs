//! The state that the Keystore's handlers share, and the work that goes on beside them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::departures::Departures;
use super::identity::Identities;
use super::setup::Setup;
use super::tokens::TokenKey;
use crate::clock::{Clock, MINUTE};
use crate::config::{Config, Quotas, Urls};
use crate::http::error::ApiError;
use crate::http::limits::{Limits, Rate};
use crate::start_error::StartError;
use crate::store::db::{Db, sqlite_url};
use crate::store::migrate::Migrations;

const MIGRATIONS: Migrations = &[
    include_str!("migrations/0001_schema.sql"),
    include_str!("migrations/0002_credentials.sql"),
    include_str!("migrations/0003_sweeping.sql"),
    include_str!("migrations/0004_identities.sql"),
    include_str!("migrations/0005_registrations.sql"),
    include_str!("migrations/0006_proofs.sql"),
    include_str!("migrations/0007_bounds.sql"),
    include_str!("migrations/0008_spaces.sql"),
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
}

/// The state of every Keystore route.
pub(super) type KeystoreState = axum::extract::State<Arc<Keystore>>;

impl Keystore {
    /// Opens the database and the setup.
    pub(crate) async fn open(config: &Config, urls: &Urls) -> Result<Arc<Self>, StartError> {
        let url = config
            .keystore_db
            .clone()
            .unwrap_or_else(|| sqlite_url(&config.file("keystore.db")));
        let identities = Identities::new(config)?;
        let db = Db::open(&url, "Keystore", MIGRATIONS).await?;
        let setup = open_setup(config, &db).await?;
        Ok(Arc::new(Self {
            db,
            setup,
            limits: Limits::new(config.rate_limits, config.clock.clone()),
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
    pub(crate) async fn work(self: Arc<Self>, sweep: Duration, stopping: watch::Receiver<bool>) {
        crate::store::sweep::work("Keystore", sweep, stopping, || self.sweep()).await;
    }

    /// The public half of the token key, for a Vault in the same process.
    pub(crate) fn token_key(&self) -> &TokenKey {
        &self.setup.token_key
    }
}

/// Opens the setup. One that was made just now is not that of accounts which are there already.
async fn open_setup(config: &Config, db: &Db) -> Result<Setup, StartError> {
    let accounts = sqlx::query("SELECT id FROM accounts WHERE deleted_at IS NULL LIMIT 1")
        .fetch_optional(&db.read)
        .await
        .map_err(|error| StartError(format!("Check the Keystore's database ({error}).")))?;
    Setup::open(
        &config.file("keystore.setup"),
        accounts.is_some(),
        config.new_opaque_setup,
    )
}
