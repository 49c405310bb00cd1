//! The process behind `cargo xtask demo`: the reference server as it is, with routes around it that a demonstration needs
//! and a server must not have. `GET /demo/rows` shows the rows of both services, and `PUT /demo/attacks` makes them lie to
//! one account at a time.
//!
//! It is for one person's own machine: its command listens nowhere else, and its own routes answer to no other name.

mod answer;
mod attacks;
mod guard;
mod look;
mod rows;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use vouchsafe_server::{Config, Server, StartError, process};

use attacks::Attacks;
use look::Look;

/// The setup of a demo.
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
    /// Starts the reference server and the routes around it.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let look = Look::at(&settings.data);
        let config = Config {
            listen: settings.listen.to_string(),
            page: settings.page,
            dev_mailbox: true,
            mail_from: Some("the Vouchsafe demo <vouchsafe@localhost>".into()),
            rate_limits: settings.rate_limits,
            ..Config::new(settings.data)
        };
        let own = look.clone();
        let server = Server::start_wrapped(config, |services| wrap(services, own)).await?;
        Ok(Self { server, look })
    }

    /// The bound address.
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

/// The demo's own routes, and a layer around those of the services.
fn wrap(services: Router, look: Look) -> Router {
    let attacks = Arc::new(Attacks::new(look.clone()));
    let rows = Router::new()
        .route("/demo/rows", get(rows::show))
        .with_state(look);
    let switch = Router::new()
        .route("/demo/attacks", get(attacks::show).put(attacks::switch))
        .with_state(attacks.clone());
    let own = rows
        .merge(switch)
        .route_layer(from_fn(guard::only_this_machine));
    // A layer sees a request before its route is found only where another router stands around the routes: so it can ask for
    // something else.
    Router::new()
        .fallback_service(services)
        .layer(from_fn_with_state(attacks, attacks::lie))
        .merge(own)
}
