//! `GET /health` and `GET /ready`: the process lives, and can do its work. A process that is not ready needs no restart; a proxy
//! sends requests to others meanwhile.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::error::{ApiError, Code, Result};
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

type Services = Arc<Vec<Arc<dyn Readiness>>>;

/// Both routes, for these services.
pub(crate) fn routes(services: Vec<Arc<dyn Readiness>>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(services))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn ready(State(services): State<Services>) -> Result<Json<Value>> {
    for service in services.iter() {
        service.is_ready().await.map_err(|what| {
            ApiError::new(Code::ServerError, format!("Try again later: {what}."))
                .with_status(StatusCode::SERVICE_UNAVAILABLE)
        })?;
    }
    Ok(Json(json!({ "status": "ready" })))
}
