//! Starting and stopping.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{MethodRouter, get};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::follow::Following;
use super::readiness::{self, Draining, Readiness};
use super::watch::{CountMails, Watched, routes as watchers_routes};
use super::{layers, page, target};
use crate::config::Config;
use crate::http::error::ApiError;
use crate::http::forwarded::Proxies;
use crate::http::serve::{Bounds, serve};
use crate::keystore::Keystore;
use crate::start_error::StartError;
use crate::store::db::Db;
use crate::store::files;
use crate::store::objects::VAULT_FILES;
use crate::traces::Traces;
use crate::urls::Urls;
use crate::vault::{TrustedKeys, Vault};
use crate::{keystore, metrics, options, vault};

/// The time for open requests to end after the server was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// A running server. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    traces: Option<Traces>,
    draining: Draining,
    drain: Duration,
    vault_url: String,
    keystore_url: String,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    watching: Option<JoinHandle<()>>,
    working: Vec<JoinHandle<()>>,
    databases: Vec<Db>,
}

impl Server {
    /// Binds the address, opens the databases and begins to serve.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_wrapped(config, |router| router).await
    }

    /// [`Server::start`], with something put around the routes, for demonstrations and tests. The databases are there
    /// when `wrap` is called. What it adds gets the same time-outs, headers and log lines as everything else.
    pub async fn start_wrapped(
        config: Config,
        wrap: impl FnOnce(Router) -> Router,
    ) -> Result<Self, StartError> {
        // One TLS provider for the process; that another one is there already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        options::check(&config)?;
        let cors = layers::cors(&config.cors_origins)?;
        let proxies = Arc::new(Proxies::new(&config)?);
        files::make_folder(&config.data).map_err(|error| {
            StartError(format!(
                "Make {} a folder to write in ({error}).",
                config.data.display()
            ))
        })?;
        metrics::begin();
        let traces = config.otlp_endpoint.as_deref().map(Traces::to);
        let traces = traces.transpose()?;
        let (listener, address) = bind(&config.listen).await?;
        let watchers = match &config.metrics_listen {
            Some(listen) => Some(bind(listen).await?),
            None => None,
        };
        let urls = Urls::new(&config, address)?;
        let (stop, stopping) = watch::channel(false);
        let mut running = Running::new(stopping.clone());
        let draining = Draining::default();
        let router = match running.open(&config, &urls, wrap).await {
            Ok(router) => target::resolve(layers::surround(
                router,
                cors,
                Arc::clone(&proxies),
                Following::new(&config, &urls, Arc::clone(&proxies), traces.clone()),
                draining.clone(),
            )),
            Err(error) => {
                stop.send_replace(true);
                for db in &running.databases {
                    db.close().await;
                }
                return Err(error);
            }
        };
        files::complain(&config.data, &config.file(VAULT_FILES));
        let metrics_address = watchers.as_ref().map(|(_, address)| *address);
        let watching = watchers.map(|(listener, _)| {
            let watched = Watched {
                databases: running.databases.clone(),
                mails: running.vault.map(count_mails),
                max_connections: config.max_connections,
            };
            let routes = watchers_routes(watched, running.services, draining.clone());
            let bounds = Bounds::of_watchers(&config, Arc::clone(&proxies));
            tokio::spawn(serve(listener, routes, bounds, stopping.clone()))
        });
        let bounds = Bounds::new(&config, proxies);
        let serving = tokio::spawn(serve(listener, router, bounds, stopping));
        Ok(Self {
            address,
            metrics_address,
            traces,
            draining,
            drain: config.drain,
            vault_url: urls.vault.text,
            keystore_url: urls.keystore.text,
            stop,
            serving,
            watching,
            working: running.working,
            databases: running.databases,
        })
    }

    /// The address that is bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the listener for metrics, if there is one.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Says from now on that it is not ready, so that proxies send requests to others, and goes on serving. Gives the time
    /// for which it should.
    pub fn drain(&self) -> Duration {
        self.draining.begin();
        self.drain
    }

    /// The Vault's main base URL.
    pub fn vault_url(&self) -> &str {
        &self.vault_url
    }

    /// The Keystore's base URL.
    pub fn keystore_url(&self) -> &str {
        &self.keystore_url
    }

    /// Lets open requests end, closes event streams and databases.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_GRACE, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
        for working in self.watching.iter_mut().chain(&mut self.working) {
            if tokio::time::timeout(STOP_GRACE, &mut *working)
                .await
                .is_err()
            {
                working.abort();
            }
        }
        for db in &self.databases {
            db.close().await;
        }
        if let Some(traces) = self.traces.take() {
            traces.stop().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// The services of a server while it starts.
struct Running {
    stopping: watch::Receiver<bool>,
    router: Router,
    databases: Vec<Db>,
    services: readiness::Services,
    vault: Option<Arc<Vault>>,
    working: Vec<JoinHandle<()>>,
}

impl Running {
    fn new(stopping: watch::Receiver<bool>) -> Self {
        Self {
            stopping,
            router: Router::new(),
            databases: Vec::new(),
            services: readiness::Services::default(),
            vault: None,
            working: Vec::new(),
        }
    }

    /// Opens the services and gives the routes of the process, without the layers around all of them.
    async fn open(
        &mut self,
        config: &Config,
        urls: &Urls,
        wrap: impl FnOnce(Router) -> Router,
    ) -> Result<Router, StartError> {
        let (mut token_keys, mut services) = (None, Vec::<Arc<dyn Readiness>>::new());
        if config.services.keystore() {
            let (keystore, keys) = self.keystore(config, urls).await?;
            token_keys = Some(keys);
            services.push(keystore);
        }
        if config.services.vault() {
            let vault = self.vault(config, urls, token_keys).await?;
            services.push(vault.clone());
            self.vault = Some(vault);
        }
        self.services = Arc::new(services);
        let probes = readiness::routes(Arc::clone(&self.services));
        let router = std::mem::take(&mut self.router).merge(probes);
        Ok(wrap(fall_back(router, config.page.as_deref())?))
    }

    /// Adds the Keystore. A Vault beside it trusts the keys that it gives back.
    async fn keystore(
        &mut self,
        config: &Config,
        urls: &Urls,
    ) -> Result<(Arc<Keystore>, TrustedKeys), StartError> {
        let keystore = Keystore::open(config, urls).await?;
        let keys = TrustedKeys::fixed(&keystore.token_key().public());
        self.databases.push(keystore.db.clone());
        let work = keystore.clone().work(config.sweep, self.stopping.clone());
        let work = work.instrument(tracing::info_span!("work", service = "Keystore"));
        self.working.push(tokio::spawn(work));
        let path = &urls.keystore.path;
        self.mount(path, keystore::router(keystore.clone(), path));
        Ok((keystore, keys))
    }

    /// Adds the Vault. It trusts the key that is configured, else that of a Keystore beside it, else what the Keystore
    /// publishes.
    async fn vault(
        &mut self,
        config: &Config,
        urls: &Urls,
        beside: Option<TrustedKeys>,
    ) -> Result<Arc<Vault>, StartError> {
        let keys = match (&config.keystore_key, beside) {
            (Some(key), _) => TrustedKeys::configured(key)?,
            (None, Some(keys)) => keys,
            (None, None) => TrustedKeys::published(&urls.keystore.text, config.clock.clone())?,
        };
        let vault = Vault::open(config, urls, keys, self.stopping.clone()).await?;
        self.databases.push(vault.db.clone());
        let work = vault.clone().work(config.sweep);
        let work = work.instrument(tracing::info_span!("work", service = "Vault"));
        self.working.push(tokio::spawn(work));
        let path = &urls.vault.path;
        self.mount(path, vault::router(vault.clone(), path));
        if config.dev_mailbox {
            self.route("/dev/mails", mailbox(config));
        }
        Ok(vault)
    }

    fn mount(&mut self, base: &str, service: Router) {
        let router = std::mem::take(&mut self.router);
        self.router = if base.is_empty() {
            router.merge(service)
        } else {
            router.nest(base, service)
        };
    }

    fn route(&mut self, path: &str, handler: MethodRouter) {
        let router = std::mem::take(&mut self.router);
        self.router = router.route(path, handler);
    }
}

fn count_mails(vault: Arc<Vault>) -> CountMails {
    Box::new(move || {
        let vault = Arc::clone(&vault);
        Box::pin(async move { vault.mails_waiting().await })
    })
}

async fn bind(listen: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| StartError(format!("Choose another address than {listen} ({error}).")))?;
    let address = listener
        .local_addr()
        .map_err(|error| StartError(format!("Try again ({error}).")))?;
    Ok((listener, address))
}

/// Answers what no route answers: by the page's files, if there is a page.
fn fall_back(router: Router, page: Option<&Path>) -> Result<Router, StartError> {
    match page {
        Some(folder) if folder.is_dir() => Ok(router.fallback_service(page::page(folder))),
        Some(folder) => Err(StartError(format!(
            "Give --page a folder: {} is none.",
            folder.display()
        ))),
        None => Ok(router.fallback(layers::not_found)),
    }
}

/// `GET /dev/mails`: the captured mails.
fn mailbox(config: &Config) -> MethodRouter {
    let folder = config.file("outbox");
    get(move || async move {
        let mails = vault::captured::captured(&folder)
            .map_err(|error| ApiError::internal("the outbox folder", error))?;
        Ok::<_, ApiError>(axum::Json(serde_json::json!({ "items": mails })))
    })
}
