//! Starting and stopping.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{layers, page};
use crate::config::{Config, Urls};
use crate::http::error::ApiError;
use crate::http::serve::serve;
use crate::keystore::Keystore;
use crate::start_error::StartError;
use crate::store::db::Db;
use crate::vault::{TrustedKeys, Vault};
use crate::{keystore, vault};

/// How long requests may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A running server. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    vault_url: String,
    keystore_url: String,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
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
        std::fs::create_dir_all(&config.data).map_err(|error| {
            StartError(format!(
                "Make {} a folder to write in ({error}).",
                config.data.display()
            ))
        })?;
        let listener = TcpListener::bind(&config.listen).await.map_err(|error| {
            StartError(format!(
                "Choose another address than {} ({error}).",
                config.listen
            ))
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| StartError(format!("Try again ({error}).")))?;
        let urls = Urls::new(&config, address)?;
        let (stop, stopping) = watch::channel(false);

        let (mut router, mut databases, mut working, mut trusted) =
            (Router::new(), Vec::new(), Vec::new(), None);
        if config.services.keystore() {
            let base = urls
                .keystore
                .as_ref()
                .map(|url| url.path.clone())
                .unwrap_or_default();
            let keystore = Keystore::open(&config, &urls).await?;
            databases.push(keystore.db.clone());
            working.push(tokio::spawn(
                keystore.clone().work(config.sweep, stopping.clone()),
            ));
            trusted = Some(TrustedKeys::fixed(&keystore.token_key().public()));
            router = mount(router, &base, keystore::router(keystore, &base));
        }
        if config.services.vault() {
            let keys = match (&config.keystore_key, trusted, &urls.keystore) {
                (Some(key), ..) => TrustedKeys::configured(key)?,
                (None, Some(keys), _) => keys,
                (None, None, Some(url)) => TrustedKeys::published(&url.text, config.clock.clone())?,
                (None, None, None) => {
                    return Err(StartError("Give --keystore-url or --keystore-key.".into()));
                }
            };
            let vault = Vault::open(&config, &urls, keys, stopping.clone()).await?;
            databases.push(vault.db.clone());
            working.push(tokio::spawn(vault.clone().work(config.sweep)));
            router = mount(
                router,
                &urls.vault[0].path,
                vault::router(vault, &urls.vault[0].path),
            );
            if config.dev_mailbox {
                router = router.route("/dev/mails", mailbox(&config));
            }
        }
        router = router.merge(layers::health(databases.clone()));
        router = match &config.page {
            Some(folder) if folder.is_dir() => router.fallback_service(page::page(folder)),
            Some(folder) => {
                return Err(StartError(format!(
                    "Give --page a folder: {} is none.",
                    folder.display()
                )));
            }
            None => router.fallback(layers::not_found),
        };
        let router = layers::surround(wrap(router), &config.cors_origins, config.behind_proxy)?;
        let limit = config.header_timeout;
        let serving = tokio::spawn(serve(listener, router, limit, stopping));
        let vault_url = urls
            .vault
            .first()
            .map(|url| url.text.clone())
            .unwrap_or_default();
        let keystore_url = urls.keystore.map(|url| url.text).unwrap_or_default();
        Ok(Self {
            address,
            vault_url,
            keystore_url,
            stop,
            serving,
            working,
            databases,
        })
    }

    /// The address that is bound.
    pub fn address(&self) -> SocketAddr {
        self.address
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
        if tokio::time::timeout(GRACE, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
        for working in &mut self.working {
            if tokio::time::timeout(GRACE, &mut *working).await.is_err() {
                working.abort();
            }
        }
        for db in &self.databases {
            db.close().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn mount(router: Router, base: &str, service: Router) -> Router {
    if base.is_empty() {
        router.merge(service)
    } else {
        router.nest(base, service)
    }
}

/// `GET /dev/mails`: the captured mails.
fn mailbox(config: &Config) -> axum::routing::MethodRouter {
    let folder = config.file("outbox");
    get(move || async move {
        let mails = vault::mail::captured(&folder)
            .map_err(|error| ApiError::internal("the outbox folder", error))?;
        Ok::<_, ApiError>(axum::Json(serde_json::json!({ "items": mails })))
    })
}
