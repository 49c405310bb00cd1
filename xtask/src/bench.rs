//! Figures of how fast the package is in a browser: beside what bounds it, and beside others that do the same.

use std::env;
use std::path::Path;

use anyhow::Result;

use crate::firefox::Firefox;
use crate::load;
use crate::npm;
use crate::output::say;
use crate::package;
use crate::process;
use crate::tools::Chromium;
use crate::workspace::Workspace;

/// The figures that docs/speed.md shows.
const RECORDED: &str = "docs/speed/speed.json";

/// What is done with the figures.
pub(crate) struct Options {
    /// The rounds, which are interleaved.
    pub(crate) rounds: u32,
    /// They become those that docs/speed.md shows.
    pub(crate) record: bool,
    /// They are held to those.
    pub(crate) check: bool,
}

/// Builds the server and the package as they are released, and prints what it measures in headless Chromium and Firefox.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    let firefox = Firefox::ensure(workspace)?;
    load::build(workspace, &["--package", "vouchsafe-server"], "server")?;
    let package = package::build(workspace)?;
    npm::ensure_packages(workspace)?;
    let peers = npm::ensure_peers(workspace)?;
    let server = workspace.target.join("release/vouchsafe-server");
    let latest = workspace.target.join("bench/latest.json");
    let recorded = workspace.root.join(RECORDED);
    say!("==> Measuring in Chromium and Firefox");
    let mut node = workspace.command("node");
    let to: &Path = if options.record { &recorded } else { &latest };
    node.arg("benches/speed/main.mjs")
        .args(["--rounds", &options.rounds.to_string()])
        .arg("--to")
        .arg(to)
        .env("CHROMIUM", &chromium.browser)
        .env("FIREFOX", &firefox.browser)
        .env("GECKODRIVER", &firefox.driver)
        .env(
            "VOUCHSAFE_SPEED_SERVER",
            server.with_extension(env::consts::EXE_EXTENSION),
        )
        .env("VOUCHSAFE_SPEED_PACKAGE", &package.folder)
        .env("VOUCHSAFE_SPEED_PEERS", peers);
    if options.check {
        node.arg("--check").arg(&recorded);
    }
    process::run(&mut node, "benches/speed/main.mjs")?;
    say!("    {}", to.display());
    Ok(())
}
