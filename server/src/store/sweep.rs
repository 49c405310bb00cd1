//! Sweeping: what has run out is erased, in each service, now and then.

use std::time::Duration;

use tokio::sync::watch;

use super::db::Db;
use super::passage::Passage;
use crate::http::error::Result;

/// The time for what is being done when the server stops.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Sweeps at once and then again after each interval, until the server stops. Nothing is swept while the clock is in doubt.
pub(crate) async fn work<F: Future<Output = Result<()>>>(
    db: &Db,
    passage: &Passage,
    interval: Duration,
    mut stopping: watch::Receiver<bool>,
    sweep: impl Fn(i64) -> F,
) {
    while !*stopping.borrow() {
        let sweep = async {
            match passage.now() {
                Some(now) => match passage.remember(db, now).await {
                    Ok(()) if db.peers.sweeps() => sweep(now).await,
                    done => Ok(done?),
                },
                None => Ok(()),
            }
        };
        let swept = tokio::select! {
            swept = sweep => swept,
            // What waits for an answer that never comes begins anew.
            () = db.peers.lost() => Ok(()),
        };
        if let Err(error) = swept {
            let (service, code) = (db.service, error.code());
            tracing::error!(service, ?code, "what has run out could not be swept");
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Does a service's work until it ends, or until a moment after the server was told to stop: it may wait for somebody who does
/// not answer.
pub(crate) async fn until_stopped(
    mut stopping: watch::Receiver<bool>,
    work: impl Future<Output = ()>,
) {
    let stopped = async {
        // Without a sender nobody waits for the work any more.
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(LAST_MOMENT).await;
    };
    tokio::select! {
        () = work => {}
        () = stopped => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_hangs_ends_with_the_server() {
        let (stop, stopping) = watch::channel(false);
        let working = tokio::spawn(until_stopped(stopping, std::future::pending()));
        stop.send_replace(true);
        working.await.unwrap();
    }
}
