//! Event streams that are open while others work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Client;
use tokio::task::JoinSet;

use crate::Services;
use crate::people::Person;

/// Streams that are being opened at once.
const AT_ONCE: usize = 32;

/// Open streams; they end when this is dropped.
pub(crate) struct Listening {
    heard: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Listening {
    /// How many events came.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

/// Opens so many streams, as evenly among the people as it goes, and waits until each is ready.
pub(crate) async fn open(
    services: &Services,
    people: &[Person],
    count: usize,
) -> Result<Listening> {
    let http = Client::new();
    let url = format!("{}/v1/events", services.vault);
    let opened = stream::iter(people.iter().cycle().take(count)).map(async |person| {
        let request = http.get(&url).bearer_auth(&person.token);
        let response = request.send().await.context("a stream did not open")?;
        if !response.status().is_success() {
            bail!(
                "a stream got {}: {}",
                response.status(),
                response.text().await?
            );
        }
        let mut stream = response.bytes_stream();
        stream.next().await.context("a stream ended at once")??;
        Ok(stream)
    });
    let opened: Vec<_> = opened.buffer_unordered(AT_ONCE).try_collect().await?;
    let heard = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for mut stream in opened {
        let heard = Arc::clone(&heard);
        tasks.spawn(async move {
            while let Some(Ok(bytes)) = stream.next().await {
                // A comment begins with a colon, an event with its name or its number.
                if !bytes.starts_with(b":") {
                    heard.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    Ok(Listening {
        heard,
        _tasks: tasks,
    })
}
