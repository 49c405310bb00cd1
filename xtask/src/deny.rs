//! Whether what the project depends on may be used: licences, sources, and known faults (`deny.toml`).

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::files;
use crate::process;
use crate::tools;
use crate::workspace::Workspace;

/// Members of a package.json that bring other packages to whoever installs it.
const DEPENDENCIES: [&str; 5] = [
    "dependencies",
    "optionalDependencies",
    "peerDependencies",
    "bundleDependencies",
    "bundledDependencies",
];

/// Checks the crates and the npm package. Returns what could not be checked.
pub(crate) fn check(workspace: &Workspace) -> Result<Option<String>> {
    npm_package_stands_alone(workspace)?;
    let path = tools::ensure_cargo_deny(workspace)?;
    let deny = |arguments: &[&str]| {
        let mut command = workspace.cargo();
        command.args(["deny", "--workspace"]).args(arguments);
        command.env("PATH", &path);
        command
    };
    process::run(
        &mut deny(&[
            "check",
            "--hide-inclusion-graph",
            "licenses",
            "bans",
            "sources",
        ]),
        "`cargo deny check licenses bans sources`",
    )?;
    if process::run(&mut deny(&["fetch", "db"]), "`cargo deny fetch db`").is_err() {
        return Ok(Some(
            "advisories: the database (https://github.com/RustSec/advisory-db) could not be fetched. \
             Run `cargo xtask test --only deny` where it can be."
                .into(),
        ));
    }
    process::run(
        &mut deny(&["check", "--hide-inclusion-graph", "advisories"]),
        "`cargo deny check advisories`",
    )?;
    Ok(None)
}

/// The npm package has no dependencies, so that there are no other licences and nobody else's code in a page.
fn npm_package_stands_alone(workspace: &Workspace) -> Result<()> {
    let path = workspace.root.join("pkg-template/package.json");
    let package: Value = serde_json::from_str(&files::read(&path)?)?;
    let found = DEPENDENCIES.iter().find(|name| package.get(name).is_some());
    ensure!(
        found.is_none(),
        "pkg-template/package.json names {}: the package comes without any.",
        found.unwrap_or(&"")
    );
    Ok(())
}
