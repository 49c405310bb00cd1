//! The services alone, to develop an app against.

use std::path::PathBuf;

use anyhow::Result;

use crate::process;
use crate::services::{self, Host, Services, Settings};
use crate::workspace::Workspace;

/// Serves until it is ended.
pub(crate) fn run(workspace: &Workspace, port: u16, data: Option<PathBuf>) -> Result<()> {
    services::ensure_free(port)?;
    let server = services::build(workspace)?;
    services::ensure_free(port)?;

    let data = data.unwrap_or_else(|| workspace.target.join("serve/data"));
    let settings = Settings {
        port,
        data: &data,
        host: Host::Server {
            mailbox: false,
            any_origin: true,
        },
        rate_limits: true,
        log: None,
    };
    let services = Services::start(workspace, &server, &settings)?;
    process::serving();
    println!("Vault    {}", services.vault());
    println!("Keystore {}", services.keystore());
    println!("Mails    {}", data.join("outbox").display());
    services.stay()
}
