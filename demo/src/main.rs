//! The command `vouchsafe-demo`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vouchsafe_demo::{Demo, Settings};
use vouchsafe_server::process;

/// The reference server for one person's own machine, with a page that may see everything that is stored, and that may
/// make the services lie.
///
/// VOUCHSAFE_LOG sets how much is logged to standard error ("warn", "debug", …; "info" by default).
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The address to listen on, which must be this machine's own. Port 0 takes a free one; the first line on standard
    /// output tells which.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8787",
        value_parser = loopback
    )]
    listen: SocketAddr,

    /// The folder of the databases, the Keystore's secrets and captured mails.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// The folder of the page.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,

    /// Do not limit attempts.
    #[arg(long)]
    no_rate_limits: bool,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    const CURE: &str = "Listen on 127.0.0.1:PORT or [::1]:PORT: the demo shows everything that is stored, and lies to \
        whom it is told to, so nobody else may reach it.";
    text.parse()
        .ok()
        .filter(|address: &SocketAddr| address.ip().is_loopback())
        .ok_or_else(|| CURE.to_owned())
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    process::log_to_stderr(false);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("Free some resources of this machine ({error}).")),
    };
    let served = runtime.block_on(async {
        let demo = Demo::start(Settings {
            listen: cli.listen,
            data: cli.data,
            page: cli.page,
            rate_limits: !cli.no_rate_limits,
        });
        demo.await?.serve().await;
        Ok::<_, vouchsafe_server::StartError>(())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(sentence: &str) -> ExitCode {
    eprintln!("error: {sentence}");
    ExitCode::FAILURE
}
