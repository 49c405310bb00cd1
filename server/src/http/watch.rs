//! The listener for who watches the process: `/metrics`, `/live` and `/ready`, and nothing else. It is another one than that of
//! the clients, and there is none by default: how much the services do, of what and when, is not for strangers, and whoever
//! watches shall be let in when clients have all connections.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};

use super::error::{ApiError, Result};
use super::layers::{not_found, wrong_method};
use super::readiness::{Draining, Services, probes};
use crate::metrics;
use crate::metrics::looks::Look;
use crate::store::db::Db;

/// The longest that a question to a database may take. What it would have told is left out then.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts the mails that wait.
pub(super) type CountMails =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<i64>> + Send>> + Send + Sync>;

/// What is looked at when somebody asks.
pub(super) struct Watched {
    pub(super) databases: Vec<Db>,
    pub(super) mails: Option<CountMails>,
    pub(super) max_connections: u32,
}

/// The routes of the listener.
pub(super) fn routes(watched: Watched, services: Services, draining: Draining) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(watched))
        .merge(probes(services))
        .fallback(not_found)
        .layer(Extension(draining))
}

async fn show(State(watched): State<Arc<Watched>>) -> Result<impl IntoResponse> {
    let look = Look::default();
    look.note_most_connections(watched.max_connections);
    for db in &watched.databases {
        look.note_database(&db.gauges());
    }
    if let Some(count) = &watched.mails {
        match tokio::time::timeout(PATIENCE, count()).await {
            Ok(Ok(waiting)) => look.note_mails(waiting),
            Ok(Err(error)) => tracing::warn!(code = ?error.code(), "waiting mails are not counted"),
            Err(_) => tracing::warn!("the database is slow: waiting mails are not counted"),
        }
    }
    let text = metrics::text().and_then(|counted| Ok(counted + &look.text()?));
    let text = text.map_err(|error| ApiError::internal("metrics cannot be written", error))?;
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text))
}
