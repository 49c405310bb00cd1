//! The proxies that the server is tested behind.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::output::say;
use crate::tools;
use crate::workspace::Workspace;

const MISSING: &str = "Install nginx and Caddy (on Debian and Ubuntu: `apt-get install nginx caddy`), or name them in \
    NGINX and CADDY.";

/// nginx and Caddy.
pub(crate) struct Proxies {
    pub(crate) nginx: PathBuf,
    pub(crate) caddy: PathBuf,
}

impl Proxies {
    /// Finds them, and installs what is missing where that is possible.
    pub(crate) fn ensure(workspace: &Workspace) -> Result<Self> {
        Ok(Self {
            nginx: ensure_nginx(workspace)?,
            caddy: ensure(workspace, "CADDY", "caddy")?,
        })
    }
}

/// Finds nginx alone, and installs it where that is possible.
pub(crate) fn ensure_nginx(workspace: &Workspace) -> Result<PathBuf> {
    ensure(workspace, "NGINX", "nginx")
}

/// Debian's packages have the programs' names.
fn ensure(workspace: &Workspace, variable: &str, program: &str) -> Result<PathBuf> {
    let find = || {
        let named = env::var_os(variable).map(PathBuf::from);
        named
            .filter(|path| path.is_file())
            .or_else(|| tools::which(program))
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    if !tools::can_apt_install() {
        bail!(MISSING);
    }
    say!("==> Installing {program}");
    tools::apt_install(workspace, &[program]).context(MISSING)?;
    find().context(MISSING)
}
