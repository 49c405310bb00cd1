//! Figures of what the services bear, beside a bare handler. Nothing is judged: speed is measured, not tested.

use std::env;
use std::path::PathBuf;

use anyhow::Result;

use crate::npm;
use crate::output::say;
use crate::process;
use crate::proxies;
use crate::spent;
use crate::workspace::Workspace;

/// The variable that names the PostgreSQL server, as for the server's tests.
const POSTGRES: &str = "VOUCHSAFE_TEST_POSTGRES";

/// The crate of the load: one of its own, so that nobody else compiles what it needs.
pub(crate) const MANIFEST: &str = "benches/load/Cargo.toml";

/// How much is done.
pub(crate) struct Options {
    /// The seconds of each measurement.
    pub(crate) seconds: u32,
    /// The repetitions; the one with the highest rate counts.
    pub(crate) rounds: u32,
    /// The people and the shares that the server's `seed` fills the databases with; 0 people for some who sign up.
    pub(crate) people: u32,
    pub(crate) shares: u32,
    /// The file for the figures as JSON.
    pub(crate) to: Option<PathBuf>,
}

/// Builds the server and the load as they are released, and prints what it measures.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    npm::ensure_node()?;
    let mut node = workspace.command("node");
    if env::var_os(POSTGRES).is_some() {
        node.env("NGINX", proxies::ensure_nginx(workspace)?);
    } else {
        say!("==> Without PostgreSQL: {POSTGRES} names no server (postgres://USER@HOST:PORT)");
    }
    build(workspace, &["--package", "vouchsafe-server"], "server")?;
    build(
        workspace,
        &["--manifest-path", MANIFEST, "--locked"],
        "load",
    )?;
    let program = |name: &str| {
        let path = workspace.target.join("release").join(name);
        path.with_extension(env::consts::EXE_EXTENSION)
    };
    say!("==> Measuring");
    node.arg("benches/load/main.mjs")
        .args(["--seconds", &options.seconds.to_string()])
        .args(["--rounds", &options.rounds.to_string()])
        .env("VOUCHSAFE_LOAD_SERVER", program("vouchsafe-server"))
        .env("VOUCHSAFE_LOAD_TOOL", program("vouchsafe-load"));
    if options.people > 0 {
        node.args(["--seed-people", &options.people.to_string()])
            .args(["--seed-shares", &options.shares.to_string()]);
    }
    if let Some(to) = &options.to {
        node.arg("--to").arg(to);
    }
    process::run(&mut node, "benches/load/main.mjs")
}

pub(crate) fn build(workspace: &Workspace, selection: &[&str], what: &str) -> Result<()> {
    say!("==> Building the {what}, as it is released (this takes minutes)");
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release"])
        .args(selection)
        .env("CARGO_TARGET_DIR", &workspace.target);
    spent::compiling(|| process::run(&mut cargo, &format!("The build of the {what}")))
}
