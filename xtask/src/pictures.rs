//! The pictures of the page in the README.

use anyhow::Result;

use crate::demo;
use crate::npm;
use crate::package;
use crate::process;
use crate::services;
use crate::tools::Chromium;
use crate::workspace::Workspace;

/// Takes them from the page as it runs, and puts them into `docs/`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    npm::ensure_packages(workspace)?;
    let chromium = Chromium::ensure(workspace)?;
    let package = package::build(workspace)?;
    let server = services::build_demo(workspace)?;

    let scratch = tempfile::tempdir()?;
    let folder = scratch.path();
    let (port, data) = (services::free_port()?, folder.join("data"));
    let demo = demo::start(workspace, &server, &package, folder, port, &data, false)?;
    let mut node = workspace.command("node");
    node.args(["--test", "--test-reporter=spec", "tests/e2e/pictures.mjs"])
        .env("VOUCHSAFE_DEMO_URL", demo.page())
        .env("VOUCHSAFE_PICTURES", workspace.root.join("docs"))
        .env("CHROMIUM", &chromium.browser);
    process::run(&mut node, "tests/e2e/pictures.mjs")
}
