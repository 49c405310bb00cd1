//! Connections: accepted, limited in how slowly they may ask, and ended gracefully.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower_service::Service;

/// Serves until the server stops and every request is answered. The headers of a request may take `limit`, and so may
/// the wait for the next request.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    limit: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limit);
    let connections = GracefulShutdown::new();
    loop {
        let (stream, peer): (TcpStream, SocketAddr) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let asked = Arc::new(AtomicBool::new(false));
        let service = service_fn({
            let (router, asked) = (router.clone(), asked.clone());
            move |mut request: Request<Incoming>| {
                asked.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(ConnectInfo(peer));
                answer(router.clone(), request)
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection.into_owned());
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            // The builder waits without a limit for the first bytes, which tell the version of HTTP, and during all of
            // HTTP/2.
            let early = tokio::time::timeout(limit, &mut connection).await;
            if early.is_err() && asked.load(Ordering::Relaxed) {
                // A connection that breaks is nobody's fault here.
                let _ = connection.await;
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

async fn answer(mut router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    // A router is always ready.
    Service::call(&mut router, request).await
}
