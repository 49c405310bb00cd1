//! Whether the services do what their own descriptions say: Schemathesis makes requests of all kinds from them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::output::say;
use crate::package::Package;
use crate::process;
use crate::services::{self, Host, Services, Settings};
use crate::test::Extent;
use crate::tools;
use crate::workspace::Workspace;

/// Routes that end the session of whoever calls them: somebody else's turn, after all the others.
const ENDING: &str = "^/v1/(sign-out|account|credentials)$";

/// The same at the Vault, and a stream, which has no end that could be waited for; the server's own tests read it.
const ENDING_OR_ENDLESS: &str = "^/v1/(account|events)$";

struct Run {
    service: &'static str,
    person: &'static str,
    /// Options that choose the routes.
    routes: &'static [&'static str],
}

const RUNS: [Run; 4] = [
    Run {
        service: "keystore",
        person: "main",
        routes: &["--exclude-path-regex", ENDING],
    },
    Run {
        service: "vault",
        person: "main",
        routes: &["--exclude-path-regex", ENDING_OR_ENDLESS],
    },
    Run {
        service: "vault",
        person: "leaving",
        routes: &["--include-path-regex", ENDING],
    },
    Run {
        service: "keystore",
        person: "leaving",
        routes: &["--include-path-regex", ENDING],
    },
];

/// Runs against new services, with people who have records.
pub(crate) fn check(
    workspace: &Workspace,
    server: &Path,
    package: &Package,
    extent: Extent,
) -> Result<()> {
    // Requests of each kind to each route, and what they are made from. In a sample, one service has its turn.
    let (examples, seed) = match extent {
        Extent::Whole => (30, 1),
        Extent::Sample(number) => (8, number),
    };
    let schemathesis = tools::ensure_schemathesis(workspace)?;
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path();
    let (data, log) = (folder.join("data"), folder.join("server.log"));
    let settings = Settings {
        port: services::ANY_PORT,
        data: &data,
        host: Host::Server {
            mailbox: false,
            any_origin: false,
        },
        // The runs would find little else than the limits.
        rate_limits: false,
        log: Some(&log),
    };
    let services = Services::start(workspace, server, &settings)?;
    let root = services.page().trim_end_matches('/').to_owned();
    let people = make_people(workspace, package, folder, &root)?;
    let tried = extent.turn(&["keystore", "vault"]);
    for run in RUNS.iter().filter(|run| tried.contains(&run.service)) {
        say!("\n==> {} as {}", run.service, run.person);
        let mut command = workspace.command(&schemathesis);
        command
            .args(["run", &format!("{root}/{}/v1/openapi.json", run.service)])
            .args(run.routes)
            .args(["--checks", "all", "--continue-on-failure"])
            // A description cannot say which OPAQUE messages, keys and tokens are good ones.
            // Nor is an id that was asked for always the one that was just made: the hooks choose among many.
            .args([
                "--exclude-checks",
                "positive_data_acceptance,ensure_resource_availability",
            ])
            .args(["--max-examples", &examples.to_string()])
            .args(["--seed", &seed.to_string(), "--no-color"])
            // What it found before would make the run depend on the folder that it runs in.
            .args(["--generation-database", "none"])
            .env(
                "SCHEMATHESIS_HOOKS",
                workspace.root.join("tests/schema/hooks.py"),
            )
            .env("VOUCHSAFE_ROOT", &root)
            .env("VOUCHSAFE_PEOPLE", &people)
            .env("VOUCHSAFE_PERSON", run.person)
            .env("VOUCHSAFE_SERVICE", run.service)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // It writes what it found into the folder that it runs in.
            .current_dir(folder);
        process::run(
            &mut command,
            &format!("The run against the {}", run.service),
        )
        .with_context(|| log_of(&log))?;
    }
    Ok(())
}

/// Signs people up with the package, as an app would.
fn make_people(
    workspace: &Workspace,
    package: &Package,
    folder: &Path,
    root: &str,
) -> Result<PathBuf> {
    fs::write(folder.join("package.json"), "{ \"private\": true }")?;
    let script = folder.join("people.mjs");
    fs::copy(workspace.root.join("tests/schema/people.mjs"), &script)?;
    let mut install = workspace.command("npm");
    install
        .args(["install", "--no-audit", "--no-fund", "--offline"])
        .arg(&package.tarball)
        .current_dir(folder);
    process::run(&mut install, "`npm install` of the package")?;
    let people = folder.join("people.json");
    let mut node = workspace.command("node");
    node.arg(&script).arg(root).arg(&people).current_dir(folder);
    process::run(&mut node, "tests/schema/people.mjs")?;
    Ok(people)
}

/// The end of the server's log, for when it failed.
fn log_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
