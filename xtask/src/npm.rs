//! Node.js and the npm packages that builds and tests use.

use std::process::{Command, Stdio};
use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::files;
use crate::process;
use crate::workspace::Workspace;

const OLDEST_NODE: (u32, u32) = (20, 16);

/// The names of the programs, which end differently on Windows.
pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Makes sure of Node.js and of the npm packages in `tests/`. Returns their folder.
pub(crate) fn ensure_packages(workspace: &Workspace) -> Result<PathBuf> {
    ensure_node()?;
    let tests = workspace.root.join("tests");
    let modules = tests.join("node_modules");
    let lock = files::read(&tests.join("package-lock.json"))?;
    // `npm ci` empties the folder first, so it runs only when the lock file is another one.
    let stamp = modules.join(".installed-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(modules);
    }
    eprintln!("==> Installing npm packages in tests/");
    let mut npm = workspace.command(NPM);
    npm.args([
        "ci",
        "--include=dev",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ])
    .current_dir(&tests)
    .stdout(Stdio::null());
    process::run(&mut npm, "`npm ci` in tests/")?;
    files::write(&stamp, lock)?;
    Ok(modules)
}

fn ensure_node() -> Result<()> {
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
