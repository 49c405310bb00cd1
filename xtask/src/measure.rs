//! Figures of how long the package and the demo page hold up a browser. Nothing is judged: speed is measured, not tested.

use anyhow::Result;

use crate::demo;
use crate::output::say;
use crate::process;
use crate::workspace::Workspace;

/// Builds everything, and prints what it measures in headless Chromium. Each call is made in so many rounds.
pub(crate) fn run(workspace: Workspace, rounds: u32) -> Result<()> {
    demo::with_browser(workspace, |workspace, demo, chromium| {
        say!("==> Measuring in Chromium");
        let mut node = workspace.command("node");
        node.args(["benches/main.mjs", &rounds.to_string()])
            .env("VOUCHSAFE_DEMO_URL", demo.page())
            .env("CHROMIUM", &chromium.browser);
        process::run(&mut node, "benches/main.mjs")
    })
}
