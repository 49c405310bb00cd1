//! Checks and tests everything, step by step.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;

use crate::demo;
use crate::deny;
use crate::descriptions;
use crate::docs;
use crate::firefox::Firefox;
use crate::npm;
use crate::package::{self, Package};
use crate::process;
use crate::services::{self, Host, Services, Settings};
use crate::tools::{self, Chromium};
use crate::workspace::Workspace;

/// A step of `cargo xtask test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// rustfmt has nothing to change.
    Format,
    /// Clippy has nothing to say about the native builds.
    Clippy,
    /// Nor about the build for browsers.
    ClippyWasm,
    /// Without the feature `browser` no crate that touches JavaScript is in the tree.
    Tree,
    /// The dependencies may be used: licences, sources, known faults.
    Deny,
    /// The npm packages of the tests are there.
    Npm,
    /// The package's JavaScript, against a stand-in for the module.
    Facade,
    /// The server builds.
    Server,
    /// The demo's server builds.
    Demo,
    /// The native tests, against the real server.
    Native,
    /// The npm package builds, and its own tests pass.
    Package,
    /// The reference can be made: every member of the package's types is described.
    Docs,
    /// The npm package works with each bundler, without one, and in Node.js.
    Consumers,
    /// The services do what their own descriptions say.
    Descriptions,
    /// The package and the services with a real identity provider.
    OwnAccounts,
    /// The client in a browser, against running services.
    Browser,
    /// The demo page in a browser.
    E2e,
    /// Both of that in Firefox.
    Firefox,
    /// The guide, word for word, and the whole apps among the examples.
    Guide,
}

impl Step {
    /// The steps without which this one cannot run. Each stands before it in the list.
    fn needs(self) -> &'static [Self] {
        match self {
            Self::Native => &[Self::Npm, Self::Server],
            Self::Package => &[Self::Npm],
            Self::Docs => &[Self::Npm, Self::Package],
            Self::Consumers => &[Self::Npm, Self::Server, Self::Package],
            Self::Descriptions | Self::OwnAccounts => &[Self::Npm, Self::Server, Self::Package],
            Self::Browser => &[Self::Server],
            Self::E2e => &[Self::Npm, Self::Demo, Self::Package],
            Self::Firefox => &[Self::Npm, Self::Server, Self::Demo, Self::Package],
            Self::Guide => &[Self::Npm, Self::Server, Self::Package],
            _ => &[],
        }
    }

    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

struct Outcome {
    step: Step,
    failure: Option<String>,
    duration: Duration,
}

/// What earlier steps made for later ones.
struct Made<'a> {
    workspace: &'a Workspace,
    server: Option<PathBuf>,
    demo: Option<PathBuf>,
    package: Option<Package>,
    unchecked: Vec<String>,
}

/// Runs all steps, or one and those that it needs, and sums up.
pub(crate) fn run(workspace: &Workspace, only: Option<Step>) -> Result<ExitCode> {
    let wanted = |step: Step| only.is_none_or(|only| step == only || only.needs().contains(&step));
    let mut made = Made {
        workspace,
        server: None,
        demo: None,
        package: None,
        unchecked: Vec::new(),
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for &step in Step::value_variants().iter().filter(|&&step| wanted(step)) {
        eprintln!("\n==> Step {}", step.name());
        let start = Instant::now();
        let missing = outcomes
            .iter()
            .find(|done| done.failure.is_some() && step.needs().contains(&done.step));
        let result = match missing {
            Some(missing) => Err(anyhow::anyhow!(
                "It needs the step {}, which failed.",
                missing.step.name()
            )),
            None => made.run(step),
        };
        process::wait_if_stopping();
        let failure = result.err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            eprintln!("failed: {failure}");
        }
        outcomes.push(Outcome {
            step,
            failure,
            duration: start.elapsed(),
        });
    }
    sum_up(&outcomes, &made.unchecked)
}

fn sum_up(outcomes: &[Outcome], unchecked: &[String]) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{:<12} {:<7} {:>8}", "step", "result", "seconds")?;
    for outcome in outcomes {
        let result = if outcome.failure.is_some() {
            "failed"
        } else {
            "passed"
        };
        writeln!(
            out,
            "{:<12} {result:<7} {:>8.1}",
            outcome.step.name(),
            outcome.duration.as_secs_f64()
        )?;
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .count();
    writeln!(out, "\n{} passed, {failed} failed", outcomes.len() - failed)?;
    // Said once more: what came after it may have been long.
    for outcome in outcomes {
        if let Some(failure) = &outcome.failure {
            writeln!(out, "\nStep {}: {failure}", outcome.step.name())?;
        }
    }
    for what in unchecked {
        writeln!(out, "NOT CHECKED: {what}")?;
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

impl Made<'_> {
    fn run(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Format => self.format(),
            Step::Clippy => self.clippy(&[
                "--workspace",
                "--all-targets",
                "--features",
                "vouchsafe/rust-rsa",
            ]),
            Step::ClippyWasm => {
                tools::ensure_wasm_target(self.workspace)?;
                self.clippy(&["--package", "vouchsafe", "--target", tools::WASM_TARGET])
            }
            Step::Tree => self.tree(),
            Step::Deny => {
                deny::check(self.workspace).map(|unchecked| self.unchecked.extend(unchecked))
            }
            Step::Npm => npm::ensure_packages(self.workspace).map(drop),
            Step::Facade => self.node_tests(Path::new("pkg-template/tests"), &[]),
            Step::Server => {
                services::build(self.workspace).map(|server| self.server = Some(server))
            }
            Step::Demo => services::build_demo(self.workspace).map(|demo| self.demo = Some(demo)),
            Step::Native => self.native(),
            Step::Package => self.package(),
            Step::Docs => docs::build(self.workspace, self.built_package()?).map(drop),
            Step::Consumers => self.consumers(),
            Step::Descriptions => {
                descriptions::check(self.workspace, self.server()?, self.built_package()?)
            }
            Step::OwnAccounts => self.own_accounts(),
            Step::Browser => self.browser(),
            Step::E2e => self.e2e(),
            Step::Firefox => self.firefox(),
            Step::Guide => self.guide(),
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.cargo();
        command.args(arguments);
        command
    }

    fn format(&self) -> Result<()> {
        tools::ensure_component(self.workspace, "fmt", "rustfmt")?;
        process::run(
            &mut self.cargo(&["fmt", "--all", "--check"]),
            "rustfmt (`cargo fmt` mends it)",
        )
    }

    fn clippy(&self, selection: &[&str]) -> Result<()> {
        tools::ensure_component(self.workspace, "clippy", "clippy")?;
        let mut command = self.cargo(&["clippy"]);
        command.args(selection).args(["--", "-D", "warnings"]);
        process::run(&mut command, "Clippy")
    }

    fn tree(&self) -> Result<()> {
        let mut tree = self.cargo(&[
            "tree",
            "--package",
            "vouchsafe",
            "--no-default-features",
            "--edges",
            "normal",
        ]);
        tree.args(["--prefix", "none", "--format", "{p}"]);
        let output = tree
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("cargo could not be started")?;
        ensure!(output.status.success(), "`cargo tree` failed; see above.");
        let crates = String::from_utf8(output.stdout)?;
        ensure!(
            crates.starts_with("vouchsafe "),
            "`cargo tree` does not show the crate."
        );
        let strangers = ["wasm-bindgen", "js-sys", "web-sys", "gloo-net"];
        let found = crates.lines().find(|line| {
            strangers
                .iter()
                .any(|name| line.split(' ').next() == Some(*name))
        });
        match found {
            Some(found) => bail!(
                "{found} is in the tree without the feature `browser`; `cargo tree -i` says why."
            ),
            None => Ok(()),
        }
    }

    fn native(&self) -> Result<()> {
        let mut tests = self.cargo(&["test", "--workspace", "--features", "vouchsafe/rust-rsa"]);
        // The proofs say how much they tried.
        tests.args(["--", "--show-output"]);
        process::run(&mut tests, "The native tests")
    }

    fn package(&mut self) -> Result<()> {
        let package = package::build(self.workspace)?;
        let tools = npm::ensure_consumers(self.workspace)?;
        let settings = [
            ("VOUCHSAFE_PACKAGE", package.folder.as_os_str()),
            ("VOUCHSAFE_TARBALL", package.tarball.as_os_str()),
            ("VOUCHSAFE_CONSUMERS", tools.as_os_str()),
        ];
        self.node_tests(Path::new("tests/package"), &settings)?;
        self.package = Some(package);
        Ok(())
    }

    fn own_accounts(&self) -> Result<()> {
        let settings = [
            ("VOUCHSAFE_SERVER", self.server()?.as_os_str()),
            (
                "VOUCHSAFE_TARBALL",
                self.built_package()?.tarball.as_os_str(),
            ),
        ];
        self.node_tests(Path::new("tests/own-accounts"), &settings)
    }

    fn consumers(&self) -> Result<()> {
        let chromium = Chromium::ensure(self.workspace)?;
        let tools = npm::ensure_consumers(self.workspace)?;
        let scratch = tempfile::tempdir()?;
        let (data, log) = (
            scratch.path().join("data"),
            scratch.path().join("server.log"),
        );
        let settings = Settings {
            port: services::ANY_PORT,
            data: &data,
            host: Host::Server {
                mailbox: false,
                any_origin: true,
            },
            // More people sign up than one address may.
            rate_limits: false,
            log: Some(&log),
        };
        let services = Services::start(self.workspace, self.server()?, &settings)?;
        let (vault, keystore) = (services.vault(), services.keystore());
        let settings = [
            ("VOUCHSAFE_VAULT", OsStr::new(&vault)),
            ("VOUCHSAFE_KEYSTORE", OsStr::new(&keystore)),
            (
                "VOUCHSAFE_TARBALL",
                self.built_package()?.tarball.as_os_str(),
            ),
            ("VOUCHSAFE_CONSUMERS", tools.as_os_str()),
            ("CHROMIUM", chromium.browser.as_os_str()),
        ];
        self.node_tests(Path::new("tests/package/consumers"), &settings)
    }

    fn browser(&self) -> Result<()> {
        let chromium = Chromium::ensure(self.workspace)?;
        chromium.write_driver_settings(self.workspace)?;
        self.wasm_pack(&["--chrome", "--chromedriver"], &chromium.driver)
    }

    fn firefox(&self) -> Result<()> {
        let firefox = Firefox::ensure(self.workspace)?;
        firefox.write_driver_settings(self.workspace)?;
        self.wasm_pack(&["--firefox", "--geckodriver"], &firefox.driver)?;

        let scratch = tempfile::tempdir()?;
        let demo = self.demo(scratch.path())?;
        let page = demo.page();
        let settings = [
            ("VOUCHSAFE_DEMO_URL", OsStr::new(&page)),
            ("FIREFOX", firefox.browser.as_os_str()),
            ("GECKODRIVER", firefox.driver.as_os_str()),
        ];
        self.node_tests(Path::new("tests/firefox"), &settings)
    }

    /// The client's tests in the browser that the options name.
    fn wasm_pack(&self, options: &[&str], driver: &Path) -> Result<()> {
        tools::ensure_wasm_target(self.workspace)?;
        let path = tools::ensure_wasm_pack(self.workspace)?;
        let scratch = tempfile::tempdir()?;
        let services = self.services(scratch.path())?;
        let mut wasm_pack = self.workspace.command("wasm-pack");
        wasm_pack
            .args(["test", "--mode", "no-install", "--headless"])
            .args(options)
            .arg(driver)
            .args(["--", "--features", "rust-rsa", "--lib", "--test", "browser"])
            .env("PATH", path)
            // For all tests of a file together, two minutes on an idle machine, and for the driver's start, which takes a
            // second and gets another port where its own is taken. They end what hangs, and decide nothing else.
            .env("WASM_BINDGEN_TEST_TIMEOUT", "1800")
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "120")
            .env("VOUCHSAFE_TEST_VAULT", services.vault())
            .env("VOUCHSAFE_TEST_KEYSTORE", services.keystore());
        process::run(&mut wasm_pack, "The browser tests")
    }

    fn e2e(&self) -> Result<()> {
        let chromium = Chromium::ensure(self.workspace)?;
        let package = self.built_package()?;
        let scratch = tempfile::tempdir()?;
        let demo = self.demo(scratch.path())?;
        let page = demo.page();
        let pictures = self.workspace.target.join("e2e");
        let folder = scratch.path().join("page");
        let settings = [
            ("VOUCHSAFE_DEMO_URL", OsStr::new(&page)),
            // For a test that ends a server and starts it again.
            ("VOUCHSAFE_DEMO_SERVER", self.demo_server()?.as_os_str()),
            ("VOUCHSAFE_DEMO_PAGE", folder.as_os_str()),
            ("VOUCHSAFE_TARBALL", package.tarball.as_os_str()),
            ("VOUCHSAFE_E2E_PICTURES", pictures.as_os_str()),
            ("CHROMIUM", chromium.browser.as_os_str()),
        ];
        self.node_tests(Path::new("tests/e2e"), &settings)
    }

    fn guide(&self) -> Result<()> {
        let chromium = Chromium::ensure(self.workspace)?;
        let scratch = tempfile::tempdir()?;
        let services = self.services(scratch.path())?;
        let address = services.page().trim_end_matches('/').to_owned();
        let settings = [
            ("VOUCHSAFE_SERVICES", OsStr::new(&address)),
            (
                "VOUCHSAFE_TARBALL",
                self.built_package()?.tarball.as_os_str(),
            ),
            ("CHROMIUM", chromium.browser.as_os_str()),
        ];
        self.node_tests(Path::new("tests/guide"), &settings)
    }

    /// The services alone, with their data in a folder, for pages of any origin.
    fn services(&self, folder: &Path) -> Result<Services> {
        let settings = Settings {
            port: services::ANY_PORT,
            data: &folder.join("data"),
            host: Host::Server {
                mailbox: true,
                any_origin: true,
            },
            rate_limits: true,
            log: Some(&folder.join("server.log")),
        };
        Services::start(self.workspace, self.server()?, &settings)
    }

    /// The demo, in a folder of its own.
    fn demo(&self, folder: &Path) -> Result<Services> {
        demo::start(
            self.workspace,
            self.demo_server()?,
            self.built_package()?,
            folder,
            services::ANY_PORT,
            &folder.join("data"),
            // More people sign up than one address may.
            false,
        )
    }

    fn demo_server(&self) -> Result<&Path> {
        self.demo
            .as_deref()
            .context("The demo's server was not built.")
    }

    fn built_package(&self) -> Result<&Package> {
        self.package.as_ref().context("The package was not built.")
    }

    fn server(&self) -> Result<&Path> {
        self.server.as_deref().context("The server was not built.")
    }

    /// Runs the test files of a folder. They are named one by one, because the versions of Node.js differ on folders.
    fn node_tests(&self, folder: &Path, settings: &[(&str, &OsStr)]) -> Result<()> {
        let mut files = Vec::new();
        let entries = fs::read_dir(self.workspace.root.join(folder));
        for entry in entries.with_context(|| format!("{} could not be read", folder.display()))? {
            let name = entry?.file_name();
            if name
                .to_str()
                .is_some_and(|name| name.ends_with(".test.js") || name.ends_with(".test.mjs"))
            {
                files.push(folder.join(name));
            }
        }
        ensure!(
            !files.is_empty(),
            "There are no tests (*.test.js) in {}.",
            folder.display()
        );
        files.sort();
        let what = format!("The tests in {}", folder.display());
        let scratch = tempfile::tempdir()?;
        let report = scratch.path().join("report");
        let mut node = self.workspace.command("node");
        node.args(["--test", "--test-reporter=spec"])
            .arg("--test-reporter-destination=stdout")
            .arg("--test-reporter=spec")
            .arg(format!("--test-reporter-destination={}", report.display()))
            .args(files)
            .envs(settings.iter().copied());
        process::run(&mut node, &what).map_err(|error| {
            let report = fs::read_to_string(report).unwrap_or_default();
            match report.rsplit_once("failing tests:") {
                Some((_, failing)) => anyhow::anyhow!("{error:#}\n{}", failing.trim()),
                None => error,
            }
        })
    }
}
