//! What `cargo xtask demo` runs: the reference server as it is, and around it what a demonstration needs and a server
//! must not have. [`rows`](self) show what both services store, and attacks make them lie to one account at a time.
//!
//! It is for one person's own machine. It listens nowhere else, and its own routes answer only to that machine's name.

mod answer;
mod guard;
mod look;
mod rows;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use vouchsafe_server::{Config, Server, StartError, process};

use look::Look;

/// How a demo is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder of the databases, the Keystore's setup and the captured mails.
    pub data: PathBuf,
    /// The folder of the page.
    pub page: Option<PathBuf>,
    /// Whether attempts are limited.
    pub rate_limits: bool,
}

/// A running demo.
#[derive(Debug)]
pub struct Demo {
    server: Server,
    look: Look,
}

impl Demo {
    /// Starts the reference server and what is put around it.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let look = Look::at(&settings.data);
        let config = Config {
            listen: settings.listen.to_string(),
            page: settings.page,
            dev_mailbox: true,
            rate_limits: settings.rate_limits,
            ..Config::new(settings.data)
        };
        let router = routes(look.clone());
        let server = Server::start_wrapped(config, |services| services.merge(router)).await?;
        Ok(Self { server, look })
    }

    /// The address that is bound.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Serves until Ctrl-C or SIGTERM.
    pub async fn serve(self) {
        process::wait_to_stop(&self.server).await;
        self.stop().await;
    }

    /// Lets open requests end and closes the databases.
    pub async fn stop(self) {
        self.look.close().await;
        self.server.stop().await;
    }
}

fn routes(look: Look) -> Router {
    Router::new()
        .route("/demo/rows", axum::routing::get(rows::show))
        .with_state(Arc::new(look))
        .route_layer(from_fn(guard::only_this_machine))
}
