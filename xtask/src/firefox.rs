//! Firefox and its driver.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::files;
use crate::output::say;
use crate::tools;
use crate::workspace::Workspace;

const GECKODRIVER: &str = "0.37.1";

const MISSING: &str = "Install Firefox (on Debian: `apt-get install firefox-esr`), or name it in FIREFOX, and its driver in \
    GECKODRIVER.";

/// Firefox and its driver.
pub(crate) struct Firefox {
    pub(crate) browser: PathBuf,
    pub(crate) driver: PathBuf,
}

impl Firefox {
    /// Finds them, and installs what is missing where that is possible.
    pub(crate) fn ensure(workspace: &Workspace) -> Result<Self> {
        Ok(Self {
            browser: ensure_browser(workspace)?,
            driver: ensure_driver(workspace)?,
        })
    }

    /// Tells the driver of wasm-pack's tests how to start the browser.
    pub(crate) fn write_driver_settings(&self, workspace: &Workspace) -> Result<()> {
        let settings =
            json!({ "moz:firefoxOptions": { "binary": self.browser, "args": ["-headless"] } });
        files::write(
            &workspace.root.join("webdriver.json"),
            format!("{settings:#}\n"),
        )
    }
}

fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_file())
}

fn ensure_browser(workspace: &Workspace) -> Result<PathBuf> {
    let find = || {
        named("FIREFOX").or_else(|| {
            ["firefox", "firefox-esr"]
                .into_iter()
                .find_map(tools::which)
        })
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    if !tools::can_apt_install() {
        bail!(MISSING);
    }
    say!("==> Installing Firefox");
    tools::apt_install(workspace, &["firefox-esr"]).context(MISSING)?;
    find().context(MISSING)
}

/// Whatever version is there was chosen for the Firefox that is there.
fn ensure_driver(workspace: &Workspace) -> Result<PathBuf> {
    let installed = tools::cargo_home()?
        .join("bin/geckodriver")
        .with_extension(env::consts::EXE_EXTENSION);
    let find = || {
        named("GECKODRIVER")
            .or_else(|| tools::which("geckodriver"))
            .or_else(|| installed.is_file().then(|| installed.clone()))
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    tools::cargo_install(workspace, "geckodriver", GECKODRIVER).context(MISSING)?;
    find().context(MISSING)
}
