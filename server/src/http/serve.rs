//! Connections: accepted up to a number, limited in how slowly they may ask and read, and ended gracefully.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Response;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower_service::Service;

use super::activity::{Activity, Answering, Patience, Verdict, WatchedBody, WatchedStream};
use super::forwarded::Proxies;
use super::limits::networks as networks_of;
use super::room::OwnRooms;
use crate::config::Config;
use crate::metrics;

/// The most of an answer that waits behind its body, to be written: of a connection, or of each request over HTTP/2. The same
/// holds the head of a request, in which an address of 64 KiB has to fit to be called too long.
const MAX_BUFFER_BYTES: usize = 80 << 10;
/// The longest head of a request over HTTP/2 that is read: less of it is taken.
const MAX_HEADER_LIST_BYTES: u32 = 80 << 10;
/// The most requests at once of one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// The time between two questions to an HTTP/2 client whether it is still there, and the time for its answer.
const PING: Duration = Duration::from_secs(30);

/// The most connections of those who watch the process.
const MAX_WATCHERS: u32 = 64;

/// The bounds on connections.
pub(super) struct Bounds {
    /// The listener's name, under which they are counted.
    listener: &'static str,
    patience: Patience,
    connections: u32,
    /// Of one network, but for the proxies, whose connections are other people's.
    of_network: u32,
    proxies: Arc<Proxies>,
}

impl Bounds {
    pub(super) fn new(config: &Config, proxies: Arc<Proxies>) -> Self {
        Self {
            listener: "clients",
            patience: Patience {
                first: config.first_timeout.min(config.header_timeout),
                idle: config.header_timeout,
                stalled: config.answer_timeout,
            },
            connections: config.max_connections,
            of_network: config.max_connections_per_address,
            proxies,
        }
    }

    /// Those of who watches the process, wherever they come from.
    pub(super) fn of_watchers(config: &Config, proxies: Arc<Proxies>) -> Self {
        Self {
            listener: "watchers",
            connections: MAX_WATCHERS,
            of_network: MAX_WATCHERS,
            ..Self::new(config, proxies)
        }
    }
}

/// The open connections of each network.
#[derive(Clone, Default)]
struct Networks(Arc<Mutex<HashMap<String, u32>>>);

/// A connection's place in the counts of the networks around its address, given back when it is dropped.
struct Place {
    networks: Networks,
    around: Vec<String>,
}

impl Networks {
    /// A place, if the narrowest network has fewer than `most`, and each wider one fewer than twice as many as the one in it.
    fn take(&self, around: Vec<String>, most: u32) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |(width, network): (usize, &String)| {
            let most = most.saturating_mul(1 << width);
            open.get(network).is_some_and(|count| *count >= most)
        };
        if most == 0 || around.iter().enumerate().any(is_full) {
            return None;
        }
        for network in &around {
            *open.entry(network.clone()).or_default() += 1;
        }
        Some(Place {
            networks: self.clone(),
            around,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .networks
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for network in &self.around {
            if let Some(count) = open.get_mut(network) {
                *count -= 1;
                if *count == 0 {
                    open.remove(network);
                }
            }
        }
    }
}

/// Serves until the server stops and every request is answered. Where all connections are in use, the next one waits; one
/// that its network has too many of is closed.
pub(super) async fn serve(
    mut listener: TcpListener,
    router: Router,
    bounds: Bounds,
    mut stopping: watch::Receiver<bool>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(MAX_BUFFER_BYTES)
        .header_read_timeout(bounds.patience.idle);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST_BYTES)
        .max_send_buf_size(MAX_BUFFER_BYTES)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    let all = usize::try_from(bounds.connections).unwrap_or(Semaphore::MAX_PERMITS);
    let (all, networks) = (Arc::new(Semaphore::new(all)), Networks::default());
    loop {
        let accepted = async {
            let place = Arc::clone(&all).acquire_owned().await.ok();
            let (stream, peer): (TcpStream, SocketAddr) = Listener::accept(&mut listener).await;
            (place, stream, peer)
        };
        let (place, stream, peer) = tokio::select! {
            accepted = accepted => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let most = match bounds.proxies.trusts(peer.ip()) {
            true => u32::MAX,
            false => bounds.of_network,
        };
        let Some(of_network) = networks.take(networks_of(peer.ip()), most) else {
            metrics::connection_refused();
            continue;
        };
        let open = metrics::connection(bounds.listener);
        let connection = connection(
            builder.clone(),
            stream,
            peer,
            router.clone(),
            bounds.patience,
            stopping.clone(),
        );
        let places: (Option<OwnedSemaphorePermit>, Place) = (place, of_network);
        tokio::spawn(async move {
            connection.await;
            drop((places, open));
        });
    }
    drop(listener);
    // Who has every place knows that no connection is left.
    let _ = all.acquire_many(bounds.connections).await;
}

/// Runs one connection until either side ends it, it stands still, or the server stops.
async fn connection(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    patience: Patience,
    mut stopping: watch::Receiver<bool>,
) {
    let activity = Activity::new(patience);
    let service = service_fn({
        let (activity, rooms) = (Arc::clone(&activity), Arc::<OwnRooms>::default());
        move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Arc::clone(&rooms));
            answer(router.clone(), request, activity.begin())
        }
    });
    let stream = WatchedStream::new(stream, Arc::clone(&activity));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut is_ending = false;
    loop {
        match activity.verdict() {
            Verdict::Stalled => return,
            Verdict::Idle if is_ending => return,
            Verdict::Idle => {
                // The client is told, and has the same time once more for what it is sending at this moment.
                is_ending = true;
                connection.as_mut().graceful_shutdown();
                activity.begin_again();
            }
            Verdict::Wait(end) => tokio::select! {
                // A connection that breaks is nobody's fault here.
                _ = connection.as_mut() => return,
                () = tokio::time::sleep_until(end) => {}
                _ = stopping.wait_for(|stop| *stop), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            },
        }
    }
}

async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    answering: Answering,
) -> Result<Response<WatchedBody>, Infallible> {
    // A router is always ready.
    let response = Service::call(&mut router, request).await?;
    Ok(response.map(|body| WatchedBody::new(body, answering)))
}
