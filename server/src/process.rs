//! A server as the whole work of a process.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::http::server::Server;
use crate::start_error::StartError;

/// The variable that sets how much is logged.
pub const LOG_VARIABLE: &str = "VOUCHSAFE_LOG";

/// Says where the server listens and waits for Ctrl-C or SIGTERM. After SIGTERM it waits as long as the server drains, or for
/// another signal. Stopping it is the caller's.
pub async fn wait_to_stop(server: &Server) {
    let mut signals = Signals::new();
    match server.metrics_address() {
        // Both at once: who reads no further than the first line may close the pipe.
        Some(metrics) => println!(
            "listening on http://{}\nmetrics on http://{metrics}",
            server.address()
        ),
        None => println!("listening on http://{}", server.address()),
    }
    tracing::info!(
        vault = server.vault_url(),
        keystore = server.keystore_url(),
        "listening"
    );
    let drain = match signals.next().await {
        Told::Terminate => server.drain(),
        Told::Interrupt => Duration::ZERO,
    };
    if !drain.is_zero() {
        tracing::info!(seconds = drain.as_secs(), "not ready any more");
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            _ = signals.next() => {}
        }
    }
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

/// What is logged beside what was asked for, while this is switched on: what this server does, and nothing of the crates
/// under it, whose debugging shows headers and what else is secret.
const DEBUG: &str = "vouchsafe_server=debug";

/// What is logged by default. Strangers can have h2 warn as often as they like, and a pool says of each connection that it was not
/// to keep one.
const USUAL: &str = "info,h2=error,sqlx_core::pool::connection=off";

/// How much is logged, which can be changed.
pub struct Log {
    filter: String,
    handle: Handle<EnvFilter, Registry>,
}

impl Log {
    /// Logs what was asked for, and debugging too.
    fn set_debug(&self, is_on: bool) {
        let filter = match is_on {
            true => format!("{},{DEBUG}", self.filter),
            false => self.filter.clone(),
        };
        // Without a logger there is nothing to change.
        let _ = self.handle.reload(EnvFilter::new(filter));
    }
}

/// Logs to standard error, as `VOUCHSAFE_LOG` says. Standard output is for the address alone, so that programs can
/// read it.
pub fn log_to_stderr(json: bool) -> Log {
    let wish = std::env::var(LOG_VARIABLE).ok();
    let misread = wish
        .as_deref()
        .is_some_and(|wish| EnvFilter::try_new(wish).is_err());
    let filter = wish
        .filter(|_| !misread)
        .unwrap_or_else(|| USUAL.to_owned());
    let (level, handle) = reload::Layer::new(EnvFilter::new(&filter));
    let lines = fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let lines = match json {
        true => lines.json().boxed(),
        false => lines.boxed(),
    };
    tracing_subscriber::registry()
        .with(level)
        .with(lines)
        .init();
    if misread {
        tracing::warn!("{LOG_VARIABLE} is no filter, so this logs what \"info\" does");
    }
    Log { filter, handle }
}

/// Switches debugging on at SIGUSR1, and off at the next one. The signal does so from the moment on when this returns; before,
/// it ends the process, as it does by default.
#[cfg(unix)]
pub fn debug_at_signal(log: Log) -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut signals = signal(SignalKind::user_defined1())?;
    Ok(async move {
        let mut is_on = false;
        while signals.recv().await.is_some() {
            is_on = !is_on;
            log.set_debug(is_on);
            let debugging = match is_on {
                true => "on",
                false => "off",
            };
            tracing::warn!(debugging, "the level of the log was changed");
        }
    })
}

/// Other systems have no such signal.
#[cfg(not(unix))]
pub fn debug_at_signal(log: Log) -> io::Result<impl Future<Output = ()> + Send> {
    drop(log);
    Ok(std::future::pending())
}

/// The way in which the process was told to stop.
enum Told {
    /// By Ctrl-C.
    Interrupt,
    /// By SIGTERM.
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is no such signal"))]
    Terminate,
}

/// The signals that tell the process to stop. They do so from the moment on when this is made; before, they end it.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the next one.
    async fn next(&mut self) -> Told {
        tokio::select! {
            () = come(&mut self.interrupt) => Told::Interrupt,
            () = come(&mut self.terminate) => Told::Terminate,
        }
    }
}

/// Waits for a signal that can be waited for.
#[cfg(unix)]
async fn come(signals: &mut Option<tokio::signal::unix::Signal>) {
    match signals {
        Some(signals) => drop(signals.recv().await),
        None => std::future::pending().await,
    }
}

/// Ctrl-C alone.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) -> Told {
        let _ = tokio::signal::ctrl_c().await;
        Told::Interrupt
    }
}
