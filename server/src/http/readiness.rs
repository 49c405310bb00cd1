//! `GET /live` and `GET /ready`: the process lives, and can do its work. A process that is not ready needs no restart; a proxy
//! sends requests to others meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::error::{ApiError, Result};
use super::layers::wrong_method;

/// A service that may be asked whether it can do its work.
pub(crate) trait Readiness: Send + Sync {
    /// Nothing, or a sentence that says what is wrong.
    fn is_ready(
        &self,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<(), String>> + Send + '_>>;

    /// Whether its database does not answer.
    fn away(&self) -> watch::Receiver<bool>;
}

pub(crate) type Services = Arc<Vec<Arc<dyn Readiness>>>;

/// Whether the process is about to stop, and goes on only until nobody sends it requests any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draining(Arc<AtomicBool>);

impl Draining {
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The routes of these services. `/health` is what `/live` was called first.
pub(crate) fn routes(services: Services) -> Router {
    Router::new()
        .route("/health", get(live))
        .method_not_allowed_fallback(wrong_method)
        .merge(probes(services))
}

/// The routes without the old name.
pub(super) fn probes(services: Services) -> Router {
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .method_not_allowed_fallback(wrong_method)
        .with_state(services)
}

/// Asks nothing of anybody: who has lost the database needs no restart.
async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn ready(
    State(services): State<Services>,
    Extension(draining): Extension<Draining>,
) -> Result<Json<Value>> {
    let away = |what: String| ApiError::unavailable().saying(format!("Try again later: {what}."));
    if draining.has_begun() {
        return Err(away("this process is about to stop".to_owned()));
    }
    for service in services.iter() {
        service.is_ready().await.map_err(away)?;
    }
    Ok(Json(json!({ "status": "ready" })))
}
