//! The project's commands. Each installs what it needs, says what it does, and fails with the cure.

mod bench;
mod budget;
mod changelog;
mod demo;
mod deny;
mod descriptions;
mod docs;
mod files;
mod firefox;
mod glue;
mod load;
mod measure;
mod module;
mod npm;
mod order;
mod output;
mod package;
mod paths;
mod pictures;
mod postgres;
mod process;
mod proxies;
mod release;
mod serve;
mod services;
mod size;
mod spent;
mod test;
mod tools;
mod webkit;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The project's commands.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds everything and serves the demo page with its services.
    Demo {
        /// The port on this machine.
        #[arg(long, default_value_t = 8787)]
        port: u16,
        /// The folder of accounts and records [default: demo/data in the target folder].
        #[arg(long, value_parser = absolute)]
        data: Option<PathBuf>,
    },
    /// Checks and tests everything.
    Test(test::Options),
    /// Builds the npm package.
    Package,
    /// Says what each crate costs in the module of the npm package.
    Size {
        /// Lists every function instead.
        #[arg(long)]
        functions: bool,
    },
    /// Says how long the package and the demo page hold up a browser, call by call.
    Measure {
        /// The number of repetitions; of each figure the smallest counts.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Says how fast the package is in Chromium, beside what bounds it and beside others that do the same.
    Bench {
        /// The number of repetitions, which are interleaved.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// Keep the figures for docs/speed.md, rather than in the target folder.
        #[arg(long, conflicts_with = "check")]
        record: bool,
        /// Fail where something is slower than those figures, beyond their spread. For releases; tests never do it.
        #[arg(long)]
        check: bool,
    },
    /// Says what the services bear, beside a bare handler on the same database: on SQLite, and on the PostgreSQL server that
    /// VOUCHSAFE_TEST_POSTGRES names.
    Load {
        /// The seconds of each measurement.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
        /// The number of repetitions; the one with the highest rate counts.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// The people whom the databases are filled with before, by `vouchsafe-server seed`. Without it some sign up.
        #[arg(long, default_value_t = 0)]
        people: u32,
        /// The shares of all of these people.
        #[arg(long, default_value_t = 0, requires = "people")]
        shares: u32,
        /// The file for the figures as JSON, such as docs/scale/load.json.
        #[arg(long, value_parser = absolute)]
        to: Option<PathBuf>,
    },
    /// Makes the reference of the package's calls from its types.
    Docs,
    /// Takes the README's pictures from the running page.
    Pictures,
    /// Builds the package from two clean clones, compares them, and writes checksums. Publishes nothing.
    Release {
        /// Does it although something holds a release back (changes that are not committed, a version without a date), and
        /// tells what.
        #[arg(long)]
        dry_run: bool,
    },
    /// Runs Vault and Keystore, to develop an app against.
    Serve {
        /// The port on this machine.
        #[arg(long, default_value_t = 8787)]
        port: u16,
        /// The folder of accounts and records [default: serve/data in the target folder].
        #[arg(long, value_parser = absolute)]
        data: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            process::wait_if_stopping();
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    process::end_children_with_us()?;
    let workspace = Workspace::find()?;
    match cli.command {
        Command::Demo { port, data } => demo::run(workspace, port, data),
        Command::Test(options) => return test::run(workspace, &options),
        Command::Package => package::build(&workspace).map(drop),
        Command::Size { functions } => size::run(&workspace, functions),
        Command::Measure { rounds } => measure::run(workspace, rounds),
        Command::Bench {
            rounds,
            record,
            check,
        } => bench::run(
            &workspace,
            &bench::Options {
                rounds,
                record,
                check,
            },
        ),
        Command::Load {
            seconds,
            rounds,
            people,
            shares,
            to,
        } => load::run(
            &workspace,
            &load::Options {
                seconds,
                rounds,
                people,
                shares,
                to,
            },
        ),
        Command::Docs => package::build(&workspace)
            .and_then(|package| docs::build(&workspace, &package))
            .map(|page| println!("{}", page.display())),
        Command::Pictures => pictures::run(workspace),
        Command::Release { dry_run } => release::run(&workspace, dry_run),
        Command::Serve { port, data } => serve::run(&workspace, port, data),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The children run in the checkout, wherever this was called.
fn absolute(path: &str) -> std::io::Result<PathBuf> {
    std::path::absolute(path)
}
