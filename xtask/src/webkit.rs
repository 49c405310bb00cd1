//! WebKit and its driver, and the screen that its windows need.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::output::say;
use crate::tools;
use crate::workspace::Workspace;

const MISSING: &str = "Install WebKit's driver and Xvfb (on Debian and Ubuntu: `apt-get install webkit2gtk-driver xvfb`), or \
    name them in WEBKIT_DRIVER and XVFB.";

/// WebKit's driver, which knows where the browser is, and a screen that nobody sees.
pub(crate) struct WebKit {
    pub(crate) driver: PathBuf,
    pub(crate) screen: PathBuf,
}

impl WebKit {
    /// Finds them, and installs them where that is possible.
    pub(crate) fn ensure(workspace: &Workspace) -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if !tools::can_apt_install() {
            bail!(MISSING);
        }
        say!("==> Installing WebKit's driver and Xvfb");
        tools::apt_install(workspace, &["webkit2gtk-driver", "xvfb"]).context(MISSING)?;
        Self::find().context(MISSING)
    }

    fn find() -> Option<Self> {
        let found = |variable: &str, program: &str| {
            let named = env::var_os(variable).map(PathBuf::from);
            named
                .filter(|path| path.is_file())
                .or_else(|| tools::which(program))
        };
        Some(Self {
            driver: found("WEBKIT_DRIVER", "WebKitWebDriver")?,
            screen: found("XVFB", "Xvfb")?,
        })
    }
}
