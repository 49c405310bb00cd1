//! A server as the whole work of a process.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tracing_subscriber::EnvFilter;

use crate::http::server::Server;
use crate::start_error::StartError;

/// The variable that sets how much is logged.
pub const LOG_VARIABLE: &str = "VOUCHSAFE_LOG";

/// Says where the server listens and waits for Ctrl-C or SIGTERM. Stopping it is the caller's.
pub async fn wait_to_stop(server: &Server) {
    println!("listening on http://{}", server.address());
    tracing::info!(
        vault = server.vault_url(),
        keystore = server.keystore_url(),
        "listening"
    );
    told_to_stop().await;
    tracing::info!("stopping");
}

/// The time for a server to say that it lives.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the server that listens on this address, of this machine, whether it answers. It needs nothing else of the machine, not
/// even certificates.
pub async fn ask_health(listen: &str) -> Result<(), StartError> {
    // What listens on every address is asked on the machine's own.
    let own = listen.replace("0.0.0.0", "127.0.0.1");
    let own = own.replace("[::]", "[::1]");
    let ask = async {
        let mut stream = TcpStream::connect(&own).await?;
        let request = format!("GET /health HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = tokio::time::timeout(HEALTH_TIMEOUT, ask).await;
    match answer {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200 ") => Ok(()),
        Ok(Err(error)) => Err(StartError(format!(
            "Start the server, or give its --listen: {listen} does not answer ({error})."
        ))),
        _ => Err(StartError(format!(
            "Look into the server's log: {listen} does not answer as it should."
        ))),
    }
}

/// The files that a process needs beside its connections.
const OTHER_FILES: u32 = 100;

/// As many connections as the process may have files open for, and no more than these. Its limit is raised as far as it may be.
pub fn connections(wanted: u32) -> u32 {
    let files = open_files(wanted.saturating_add(OTHER_FILES));
    let connections = files.saturating_sub(OTHER_FILES).clamp(1, wanted.max(1));
    if connections < wanted {
        tracing::warn!(
            files,
            connections,
            "there are fewer connections than --max-connections: raise the limit on open files (ulimit -n)"
        );
    }
    connections
}

/// The open files that the process may have, after asking for so many.
#[cfg(unix)]
fn open_files(wanted: u32) -> u32 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::from(wanted);
    let raised = wanted.min(limit.maximum.unwrap_or(u64::MAX));
    if limit.current.is_some_and(|current| current < raised) {
        // Where it cannot be raised it stays as it is.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(raised),
                ..limit
            },
        );
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(wanted);
    u32::try_from(current.min(wanted)).unwrap_or(u32::MAX)
}

/// Other systems have no such limit.
#[cfg(not(unix))]
fn open_files(wanted: u32) -> u32 {
    wanted
}

/// Logs to standard error, as `VOUCHSAFE_LOG` says. Standard output is for the address alone, so that programs can
/// read it.
pub fn log_to_stderr(json: bool) {
    let wish = std::env::var(LOG_VARIABLE).ok();
    let filter = wish.as_deref().map(EnvFilter::try_new);
    let misread = filter.as_ref().is_some_and(Result::is_err);
    let filter = filter
        .and_then(Result::ok)
        .unwrap_or_else(|| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.init();
    }
    if misread {
        tracing::warn!("{LOG_VARIABLE} is no filter, so this logs what \"info\" does");
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_stop() {
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
