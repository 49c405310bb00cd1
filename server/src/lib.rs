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
//! A request passes [`Server`]'s layers (`http`), is read strictly (`extract`, `encoding`) by one handler of `keystore`
//! or `vault`, which have a file for each resource, and ends in the database (`db`) or in an [`ApiError`].

mod base64url;
mod clock;
mod config;
mod http;
mod jwks;
mod keystore;
pub mod process;
mod start_error;
mod store;
mod token;
mod vault;
#[cfg(test)]
mod wire;

pub use clock::Clock;
pub use config::{Config, Services};
pub use http::error::{ApiError, Code, ErrorBody, ErrorDetail};
pub use http::server::Server;
pub use start_error::StartError;
pub use store::backup::{BackupError, backup};
