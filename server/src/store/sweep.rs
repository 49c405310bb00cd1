//! Sweeping: what has run out is erased, in each service, now and then.

use std::time::Duration;

use tokio::sync::watch;

use crate::http::error::Result;

/// Sweeps at once and then again after each interval, until the server stops.
pub(crate) async fn work<F: Future<Output = Result<()>>>(
    service: &str,
    interval: Duration,
    mut stopping: watch::Receiver<bool>,
    sweep: impl Fn() -> F,
) {
    while !*stopping.borrow() {
        if let Err(error) = sweep().await {
            tracing::error!(service, code = ?error.code(), "what has run out could not be swept");
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = stopping.changed() => {}
        }
    }
}
