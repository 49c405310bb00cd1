//! Node.js and the npm packages that builds and tests use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};

use crate::files;
use crate::output::say;
use crate::process;
use crate::spent;
use crate::workspace::Workspace;

const OLDEST_NODE: (u32, u32) = (20, 16);

/// The names of the programs, which end differently on Windows.
pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Makes sure of Node.js and of the npm packages in `tests/`. Returns their folder.
pub(crate) fn ensure_packages(workspace: &Workspace) -> Result<PathBuf> {
    let tests = workspace.root.join("tests");
    install(workspace, &tests, &[])?;
    Ok(tests.join("node_modules"))
}

/// Makes sure of the npm packages that the demo page borrows from. Returns their folder.
pub(crate) fn ensure_page(workspace: &Workspace) -> Result<PathBuf> {
    let page = workspace.root.join("www");
    // What the page gets must be what the packages ship.
    install(workspace, &page, &["--ignore-scripts"])?;
    Ok(page.join("node_modules"))
}

/// Makes sure of the bundlers and other tools that `tests/package` tries the package with. They are many, so they stay in the
/// target folder. Returns the folder that holds their `node_modules`.
pub(crate) fn ensure_consumers(workspace: &Workspace) -> Result<PathBuf> {
    install_apart(workspace, "tests/package", "consumers")
}

/// Makes sure of the packages that `cargo xtask bench` measures ours beside. Returns the folder that they are in.
pub(crate) fn ensure_peers(workspace: &Workspace) -> Result<PathBuf> {
    let folder = install_apart(workspace, "benches/speed", "bench/peers")?;
    Ok(folder.join("node_modules"))
}

/// Installs what the lock file of `from` names in a folder of the target folder.
fn install_apart(workspace: &Workspace, from: &str, to: &str) -> Result<PathBuf> {
    let folder = workspace.target.join(to);
    fs::create_dir_all(&folder)
        .with_context(|| format!("{} could not be made", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let text = files::read(&workspace.root.join(from).join(name))?;
        files::write(&folder.join(name), text)?;
    }
    // What runs must be what the packages ship.
    install(workspace, &folder, &["--ignore-scripts"])?;
    Ok(folder)
}

/// Held while npm installs: two of them in one folder would destroy each other's work.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs what the lock file of `folder` names.
fn install(workspace: &Workspace, folder: &Path, options: &[&str]) -> Result<()> {
    ensure_node()?;
    let _held = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let lock = files::read(&folder.join("package-lock.json"))?;
    // `npm ci` empties the folder first, so it runs only when the lock file is another one.
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    say!("==> Installing npm packages in {}", folder.display());
    let mut npm = workspace.command(NPM);
    npm.args([
        "ci",
        "--include=dev",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ])
    .args(options)
    .current_dir(folder)
    .stdout(Stdio::null());
    spent::installing(|| process::run(&mut npm, &format!("`npm ci` in {}", folder.display())))?;
    files::write(&stamp, lock)
}

/// Makes sure of Node.js.
pub(crate) fn ensure_node() -> Result<()> {
    let (major, minor) = OLDEST_NODE;
    let cure = format!("Install Node.js {major}.{minor} or later, with npm: https://nodejs.org");
    let output = Command::new("node")
        .arg("--version")
        .output()
        .with_context(|| cure.clone())?;
    let version = String::from_utf8_lossy(&output.stdout);
    let mut parts = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < OLDEST_NODE {
        bail!("{cure} (found {}).", version.trim());
    }
    Ok(())
}
