//! The pictures of the page in the README.

use anyhow::Result;

use crate::demo;
use crate::process;
use crate::workspace::Workspace;

/// Takes them from the page as it runs, and puts them into `docs/`.
pub(crate) fn run(workspace: Workspace) -> Result<()> {
    demo::with_browser(workspace, |workspace, demo, chromium| {
        let mut node = workspace.command("node");
        node.args(["--test", "--test-reporter=spec", "tests/e2e/pictures.mjs"])
            .env("VOUCHSAFE_DEMO_URL", demo.page())
            .env("VOUCHSAFE_PICTURES", workspace.root.join("docs"))
            .env("CHROMIUM", &chromium.browser);
        process::run(&mut node, "tests/e2e/pictures.mjs")
    })
}
