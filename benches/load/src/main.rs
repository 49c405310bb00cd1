//! The load of `cargo xtask load`: people who use the services, and the bare handler that they are compared with.

mod actions;
mod bare;
mod bodies;
mod burden;
mod call;
mod databases;
mod opaque;
mod people;
mod spent;
mod streams;
mod suite;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use serde_json::json;

use crate::actions::Action;
use crate::burden::Burden;
use crate::people::Amounts;

/// The load of `cargo xtask load`.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The services as clients see them.
#[derive(Args, Clone)]
struct Services {
    /// The Vault's base URL.
    #[arg(long)]
    vault: String,
    /// The Keystore's base URL.
    #[arg(long)]
    keystore: String,
}

#[derive(Subcommand)]
enum Command {
    /// Makes two empty databases on a PostgreSQL server, and prints their URLs and the server's process.
    Databases {
        /// The server, without a database.
        postgres: String,
    },
    /// Prints the rows and the bytes of each table of a PostgreSQL database, indexes included.
    Sizes {
        /// The database.
        database: String,
    },
    /// Answers from the services' databases, with one statement for each request.
    Bare {
        /// The Vault's database.
        #[arg(long)]
        vault_db: String,
        /// The Keystore's database.
        #[arg(long)]
        keystore_db: String,
        /// The address to listen on.
        #[arg(long)]
        listen: String,
    },
    /// Signs people up, and writes who they are.
    People {
        #[command(flatten)]
        services: Services,
        #[command(flatten)]
        amounts: Amounts,
        /// The file to write.
        #[arg(long)]
        to: PathBuf,
    },
    /// Does one thing again and again, and writes what it took.
    Run {
        #[command(flatten)]
        services: Services,
        /// The bare handler's base URL.
        #[arg(long)]
        bare: String,
        /// The thing.
        #[arg(long, value_enum)]
        action: Action,
        /// The file of the people.
        #[arg(long)]
        people: PathBuf,
        /// The event streams that are open meanwhile.
        #[arg(long, default_value_t = 0)]
        streams: usize,
        /// What is erased meanwhile, in the Vault's database.
        #[arg(long, value_enum, requires = "vault_db")]
        burden: Option<Burden>,
        /// That database.
        #[arg(long)]
        vault_db: Option<String>,
        /// A process whose time and memory are told, with its children. Repeat it for more.
        #[arg(long)]
        watch: Vec<u32>,
        /// A database of the PostgreSQL server whose log is watched, too.
        #[arg(long)]
        log_of: Option<String>,
        #[command(flatten)]
        bench: rlt::cli::BenchCli,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    sqlx::any::install_default_drivers();
    match Cli::parse().command {
        Command::Databases { postgres } => databases::make(&postgres).await,
        Command::Sizes { database } => databases::sizes(&database).await,
        Command::Bare {
            vault_db,
            keystore_db,
            listen,
        } => bare::serve(&vault_db, &keystore_db, &listen).await,
        Command::People {
            services,
            amounts,
            to,
        } => {
            let people = people::make(&services, &amounts).await?;
            std::fs::write(&to, people)
                .with_context(|| format!("{} could not be written", to.display()))
        }
        Command::Run {
            services,
            bare,
            action,
            people,
            streams,
            burden,
            vault_db,
            watch,
            log_of,
            bench,
        } => {
            spent::allow_many_files();
            let people = std::fs::read_to_string(&people)
                .with_context(|| format!("{} could not be read", people.display()))?;
            let mut people = people::arrive(&services, &people).await?;
            let erasing = match (burden, vault_db) {
                (Some(burden), Some(database)) => {
                    Some(burden.begin(&services, &database, &mut people).await?)
                }
                _ => None,
            };
            let listening = streams::open(&services, &people, streams).await?;
            let before = (spent::of(&watch), databases::log(log_of.as_deref()).await?);
            let suite = suite::Suite::new(services, bare, action, Arc::new(people));
            rlt::cli::run(bench, suite).await?;
            let after = (spent::of(&watch), databases::log(log_of.as_deref()).await?);
            let mut spent = spent::between(&before.0, &after.0);
            spent["log"] = json!(after.1.zip(before.1).map(|(after, before)| after - before));
            spent["events"] = json!(listening.heard());
            if let Some(erasing) = erasing {
                spent["erased"] = erasing.end().await?;
            }
            println!("{spent}");
            Ok(())
        }
    }
}
