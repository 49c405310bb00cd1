//! The command `vouchsafe-server`.

mod cli;

use std::error::Error;
use std::process::ExitCode;

use cli::{Refusal, Task};
use vouchsafe_server::admin::Admin;
use vouchsafe_server::migrations::{self, Schema, State};
use vouchsafe_server::{Config, Server, backup, process, seed};

/// The exit status of `migrate --check` where the schemas could not be looked at.
const UNKNOWN: u8 = 3;

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let cli = match cli::Cli::read() {
        Ok(cli) => cli,
        Err(Refusal::CommandLine(error)) => error.exit(),
        Err(Refusal::Settings(sentence)) => return fail(&sentence),
    };
    let log = process::log_to_stderr(cli.log_json());
    cli::warn_of_unknown_variables();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("Free some resources of this machine ({error}).")),
    };
    let task = cli.into_task();
    let done = runtime.block_on(async {
        tokio::spawn(process::debug_at_signal(log)?);
        run(task).await
    });
    match done {
        Ok(status) => status,
        Err(error) => fail(&error.to_string()),
    }
}

async fn run(task: Task) -> Done<ExitCode> {
    match task {
        Task::Serve(mut config) => {
            config.max_connections = process::connections(config.max_connections);
            let server = Server::start(*config).await?;
            process::wait_to_stop(&server).await;
            server.stop().await;
        }
        Task::Backup {
            config,
            to,
            with_files,
        } => {
            backup(&config, &to, with_files).await?;
            tracing::info!(to = %to.display(), "backed up");
        }
        Task::Seed { config, seed: much } => {
            for session in seed(&config, much).await? {
                println!("{}", serde_json::to_string(&session)?);
            }
        }
        Task::Check(config) => return Ok(check(&config).await),
        Task::Migrate(config, to) => migrations::migrate(&config, to).await?,
        Task::Admin {
            config,
            command,
            json,
        } => {
            let admin = Admin::open(&config).await?;
            let done = cli::admin::run(&admin, command, json).await;
            admin.close().await;
            let text = done?;
            if !text.is_empty() {
                println!("{text}");
            }
        }
        Task::Health(listen) => process::ask_health(&listen).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says how the schemas stand to this release, and gives the status that says the same.
async fn check(config: &Config) -> ExitCode {
    let schemas = match migrations::check(config).await {
        Ok(schemas) => schemas,
        Err(error) => {
            fail(&error.to_string());
            return ExitCode::from(UNKNOWN);
        }
    };
    let statuses = schemas.iter().map(|schema| {
        let Schema {
            service,
            has,
            knows,
            ..
        } = schema;
        let (status, what) = match schema.state {
            State::Current => (0, "up to date"),
            State::Older => (1, "older than this release, which brings it up to date"),
            State::NewerThatWorks => (2, "newer than this release, which goes on with it"),
            State::Newer => (2, "newer than this release, which cannot work with it"),
        };
        println!("{service}: migration {has} of {knows}, {what}");
        status
    });
    ExitCode::from(statuses.max().unwrap_or_default())
}

fn fail(sentence: &str) -> ExitCode {
    eprintln!("error: {sentence}");
    ExitCode::FAILURE
}
