//! The reference server of Vouchsafe: the **Vault**, which keeps cards, connections and shares as ciphertext, and the
//! **Keystore**, which keeps wrapped keys. Neither can read what it keeps, and neither reads the other's tables.
//!
//! ```
//! use vouchsafe_server::{Config, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let data = folder.path();
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let server = Server::start(Config::new(data)).await?;
//! assert!(server.vault_url().ends_with("/vault"));
//! assert!(server.keystore_url().ends_with("/keystore"));
//! server.stop().await;
//! # Ok(()) })
//! # }
//! ```
//!
//! # The house
//!
//! | folder or file | holds |
//! | --- | --- |
//! | `http/` | the [`Server`], the layers around every route, what requests are read into (`extract`, `values`), the [`ApiError`] that ends them, rate limits, the largest `sizes` |
//! | `vault/`, `keystore/` | the two services: `routes` lists what they answer, `state` is what handlers share, then a file for each resource; SQL steps in `migrations/`, in the order of their numbers |
//! | `store/` | the database under both: opening it (`open`), reading rows by name (`columns`), writing what clients may repeat (`new_row`), sweeping, backup, what processes at one database tell each other (`peers`); the files of secrets beside it (`setup_file`), and the store of large objects (`objects`) |
//! | `jwks`, `token`, `base64url`, `email_address` | what both services know of tokens and addresses; neither service imports from the other |
//! | `admin`, `migrations` | what an operator does at the databases themselves, beside running servers |
//! | `metrics/`, `traces` | what the process counts, for the listener of `http/watch`, and the spans of requests |
//! | `quotas` | what one account may have, by the server's options or by its own |
//! | `seed` | made-up people with what they share, for measurements; each service fills its own tables |
//! | `config`, `options`, `urls`, `clock`, `process`, `start_error` | how a server is set up, tells the time, runs as a process and fails to start |
//!
//! A request passes the layers, is read strictly by one handler of `vault` or `keystore`, and ends in the database or in
//! an [`ApiError`].

pub mod admin;
mod base64url;
mod clock;
mod config;
mod email_address;
mod http;
mod jwks;
mod keystore;
mod metrics;
pub mod migrations;
mod options;
pub mod process;
mod quotas;
mod seed;
mod start_error;
mod store;
mod token;
mod traces;
mod urls;
mod vault;

pub use clock::Clock;
pub use config::{AccessLog, Config, S3, Services};
pub use http::error::{ApiError, Code, ErrorBody, ErrorDetail, Quota};
pub use http::server::Server;
pub use quotas::{OwnQuotas, Quotas};
pub use seed::{Seed, SeededSession, seed};
pub use start_error::StartError;
pub use store::backup::{BackupError, backup};
