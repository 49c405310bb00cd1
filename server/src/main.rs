//! The command `vouchsafe-server`.

mod cli;

use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use cli::Task;
use tracing_subscriber::EnvFilter;
use vouchsafe_server::{Config, Server, StartError, backup};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    log_to_stderr(cli.log_json());
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("Free some resources of this machine ({error}).")),
    };
    let done: Result<(), Box<dyn Error>> = runtime.block_on(async {
        match cli.into_task() {
            Task::Serve(config) => Ok(serve(*config).await?),
            Task::Backup { config, to } => {
                backup(&config, &to).await?;
                tracing::info!(to = %to.display(), "backed up");
                Ok(())
            }
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

async fn serve(config: Config) -> Result<(), StartError> {
    let server = Server::start(config).await?;
    println!("listening on http://{}", server.address());
    tracing::info!(
        vault = server.vault_url(),
        keystore = server.keystore_url(),
        "listening"
    );
    told_to_stop().await;
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

fn fail(sentence: &str) -> ExitCode {
    eprintln!("error: {sentence}");
    ExitCode::FAILURE
}

/// Standard output is for the address alone, so that programs can read it.
fn log_to_stderr(json: bool) {
    let filter =
        EnvFilter::try_from_env("VOUCHSAFE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.init();
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
