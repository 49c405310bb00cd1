//! The command `vouchsafe-server`.

mod cli;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use cli::Task;
use vouchsafe_server::{Server, backup, process, seed};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let log = process::log_to_stderr(cli.log_json());
    cli::warn_of_unknown_variables();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("Free some resources of this machine ({error}).")),
    };
    let done: Result<(), Box<dyn Error>> = runtime.block_on(async {
        tokio::spawn(process::debug_at_signal(log)?);
        match cli.into_task() {
            Task::Serve(mut config) => {
                config.max_connections = process::connections(config.max_connections);
                let server = Server::start(*config).await?;
                process::wait_to_stop(&server).await;
                server.stop().await;
                Ok(())
            }
            Task::Backup {
                config,
                to,
                with_files,
            } => {
                backup(&config, &to, with_files).await?;
                tracing::info!(to = %to.display(), "backed up");
                Ok(())
            }
            Task::Seed { config, seed: much } => {
                for session in seed(&config, much).await? {
                    println!("{}", serde_json::to_string(&session)?);
                }
                Ok(())
            }
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(sentence: &str) -> ExitCode {
    eprintln!("error: {sentence}");
    ExitCode::FAILURE
}
