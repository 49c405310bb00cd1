//! The Vault: cards, connections and shares as ciphertext, and the invitations that lead to connections.

mod account;
mod auth;
mod cards;
mod connections;
mod events;
mod invitations;
mod invitee;
pub(crate) mod mail;
mod outbox;
mod public_keys;
mod share_reads;
mod shares;
mod smtp;
mod sweep;
#[cfg(test)]
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::sync::{Notify, watch};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use auth::TrustedKeys;

use crate::clock::Clock;
use crate::config::{Config, Urls};
use crate::http::limits::Limits;
use crate::start_error::StartError;
use crate::store::db::{Db, sqlite_url};
use crate::store::migrate::Migrations;
use events::{Bell, Seats};
use mail::Mailer;

const MIGRATIONS: Migrations = &[
    include_str!("migrations/0001_schema.sql"),
    include_str!("migrations/0002_accounts.sql"),
    include_str!("migrations/0003_sweeping.sql"),
];

/// The largest body of `POST /shares`.
const SHARES_BODY: usize = 32 << 20;

/// What the Vault's handlers share.
pub(crate) struct Vault {
    pub(crate) db: Db,
    clock: Clock,
    limits: Limits,
    keys: TrustedKeys,
    issuer: String,
    audiences: Vec<String>,
    invitation_url: String,
    mailer: Mailer,
    /// Rings when there is a mail to send.
    mail_waits: Notify,
    bell: Bell,
    seats: Seats,
    heartbeat: Duration,
    /// How often the outbox is looked through.
    outbox: Duration,
    stopping: watch::Receiver<bool>,
}

/// The state of every Vault route.
type App = axum::extract::State<Arc<Vault>>;

impl Vault {
    /// Opens the database. Tokens are trusted when one of `keys` signed them.
    pub(crate) async fn open(
        config: &Config,
        urls: &Urls,
        keys: TrustedKeys,
        stopping: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, StartError> {
        let url = config
            .vault_db
            .clone()
            .unwrap_or_else(|| sqlite_url(&config.file("vault.db")));
        let invitation_url = config
            .invitation_url
            .clone()
            .unwrap_or_else(|| format!("{}/", urls.vault[0].origin));
        Ok(Arc::new(Self {
            db: Db::open(&url, "Vault", MIGRATIONS).await?,
            clock: config.clock.clone(),
            limits: Limits::new(config.rate_limits, config.clock.clone()),
            keys,
            issuer: urls
                .keystore
                .as_ref()
                .map(|url| url.text.clone())
                .unwrap_or_default(),
            audiences: urls.vault.iter().map(|url| url.text.clone()).collect(),
            invitation_url,
            mailer: Mailer::new(config)?,
            mail_waits: Notify::new(),
            bell: Bell::default(),
            seats: Seats::default(),
            heartbeat: config.heartbeat,
            outbox: config.outbox,
            stopping,
        }))
    }

    /// Sends mails and sweeps, until the server stops.
    pub(crate) async fn work(self: Arc<Self>, sweep: Duration) {
        let sweeping =
            crate::store::sweep::work("Vault", sweep, self.stopping.clone(), || self.sweep());
        tokio::join!(outbox::work(&self), sweeping);
    }
}

/// The Vault's routes and what they take and give.
fn routes() -> OpenApiRouter<Arc<Vault>> {
    let large = OpenApiRouter::new()
        .routes(routes!(shares::create))
        .layer(DefaultBodyLimit::max(SHARES_BODY));
    OpenApiRouter::new()
        .routes(routes!(cards::write, cards::read, cards::delete))
        .routes(routes!(cards::list))
        .routes(routes!(public_keys::publish))
        .routes(routes!(invitations::create, invitations::read))
        .routes(routes!(invitations::list))
        .routes(routes!(invitations::cancel))
        .routes(routes!(invitee::open))
        .routes(routes!(invitee::decline))
        .routes(routes!(connections::read, connections::end))
        .routes(routes!(connections::query))
        .routes(routes!(connections::list, invitee::accept))
        .routes(routes!(share_reads::incoming))
        .routes(routes!(share_reads::outgoing))
        .routes(routes!(share_reads::query))
        .routes(routes!(shares::delete))
        .routes(routes!(events::stream))
        .routes(routes!(account::delete))
        .merge(large)
}

/// The Vault's routes, to be mounted at its base path.
pub(crate) fn router(vault: Arc<Vault>, base: &str) -> Router {
    let db = vault.db.clone();
    crate::http::layers::service("Vouchsafe Vault", base, routes(), vault, db)
}
