//! The work of each step.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use super::extent::Extent;
use super::step::Step;
use crate::demo;
use crate::deny;
use crate::descriptions;
use crate::docs;
use crate::firefox::Firefox;
use crate::load;
use crate::npm;
use crate::package::{self, Package};
use crate::postgres::Postgres;
use crate::process;
use crate::proxies::Proxies;
use crate::services::{self, Host, Programs, Services, Settings};
use crate::spent;
use crate::tools::{self, Chromium};
use crate::webkit::WebKit;
use crate::workspace::Workspace;

/// Where the client's tests run besides those of `tests/browser` in Chromium, which always do: the test vectors in Chromium,
/// or all of it in Firefox.
const FURTHER: [&str; 2] = [CHROMIUM, FIREFOX];
const CHROMIUM: &str = "Chromium";
const FIREFOX: &str = "Firefox";

/// The modules of the services' tests that are about several servers at one database.
const ON_POSTGRES: [&str; 6] = [
    "events",
    "kills",
    "migrations",
    "postgres",
    "several",
    "starts",
];
/// The parts into which the others are divided.
const PARTS: usize = 5;

/// The things that earlier steps made for later ones.
pub(super) struct Made<'a> {
    workspace: &'a Workspace,
    extent: Extent,
    /// Whether the native tests are built with the servers.
    with_tests: bool,
    programs: OnceLock<Programs>,
    package: OnceLock<Package>,
    unchecked: Mutex<Vec<String>>,
}

impl<'a> Made<'a> {
    /// Nothing yet.
    pub(super) fn new(workspace: &'a Workspace, extent: Extent, with_tests: bool) -> Self {
        Self {
            workspace,
            extent,
            with_tests,
            programs: OnceLock::new(),
            package: OnceLock::new(),
            unchecked: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn workspace(&self) -> &Workspace {
        self.workspace
    }

    /// The things that could not be checked.
    pub(super) fn unchecked(&self) -> Vec<String> {
        let unchecked = self.unchecked.lock();
        unchecked.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does a step whose needs are done.
    pub(super) fn run(&self, step: Step) -> Result<()> {
        match step {
            Step::Format => self.format(),
            Step::Tree => self.tree(),
            Step::Npm => npm::ensure_packages(self.workspace).map(drop),
            Step::Clippy => {
                let mut selection = services::NATIVE.to_vec();
                selection.push("--all-targets");
                self.clippy(&selection)
            }
            Step::ClippyWasm => {
                tools::ensure_wasm_target(self.workspace)?;
                self.clippy(&["--package", "vouchsafe", "--target", tools::WASM_TARGET])
            }
            Step::Package => self.package(),
            Step::Build => self.build(),
            Step::Native => self.native(),
            Step::Postgres => self.postgres(),
            Step::E2e => self.e2e(),
            Step::Browser => self.browser(),
            Step::Firefox => self.firefox(),
            Step::Webkit => self.webkit(),
            Step::Consumers => self.consumers(),
            Step::Guide => self.guide(),
            Step::OwnAccounts => self.own_accounts(),
            Step::Descriptions => descriptions::check(
                self.workspace,
                &self.programs()?.server,
                self.built_package()?,
                self.extent,
            ),
            Step::Facade => self.node_tests(Path::new("pkg-template/tests"), &[]),
            Step::Docs => docs::build(self.workspace, self.built_package()?).map(drop),
            Step::Deny => self.deny(),
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
        )?;
        // No member of the workspace.
        let load = ["--manifest-path", load::MANIFEST];
        process::run(
            self.cargo(&["fmt", "--check"]).args(load),
            "rustfmt (`cargo fmt --manifest-path benches/load/Cargo.toml` mends it)",
        )
    }

    fn clippy(&self, selection: &[&str]) -> Result<()> {
        tools::ensure_component(self.workspace, "clippy", "clippy")?;
        let mut command = self.cargo(&["clippy"]);
        command.args(selection).args(["--", "-D", "warnings"]);
        spent::compiling(|| process::run(&mut command, "Clippy"))
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
            .stdout(Stdio::piped())
            .output()
            .context("cargo could not be started")?;
        ensure!(output.status.success(), "`cargo tree` failed; see above.");
        let crates = String::from_utf8(output.stdout)?;
        ensure!(
            crates.starts_with("vouchsafe "),
            "`cargo tree` does not show the crate."
        );
        let strangers = ["wasm-bindgen", "js-sys", "web-sys"];
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

    fn deny(&self) -> Result<()> {
        if let Some(what) = deny::check(self.workspace)? {
            let unchecked = self.unchecked.lock();
            unchecked.unwrap_or_else(PoisonError::into_inner).push(what);
        }
        Ok(())
    }

    /// Builds the servers, and first the tests, if they are to run: Cargo builds both at once, and nothing twice.
    fn build(&self) -> Result<()> {
        let programs = if self.with_tests {
            let mut tests = self.native_tests();
            tests.arg("--no-run");
            spent::compiling(|| process::run(&mut tests, "The build of the native tests"))?;
            Programs::built(self.workspace)
        } else {
            Programs::build(self.workspace)?
        };
        for program in [&programs.server, &programs.demo] {
            ensure!(program.is_file(), "{} was not built.", program.display());
        }
        // A step runs once.
        let _ = self.programs.set(programs);
        Ok(())
    }

    fn native(&self) -> Result<()> {
        let proxies = Proxies::ensure(self.workspace)?;
        let mut tests = self.native_tests();
        tests
            .env("NGINX", proxies.nginx)
            .env("CADDY", proxies.caddy);
        // One program that fails keeps no other from running. The proofs say how much they tried.
        tests.args(["--no-fail-fast", "--", "--show-output"]);
        process::run(&mut tests, "The native tests")
    }

    /// Those about PostgreSQL always, and a part of the others, each of which has its turn.
    fn postgres(&self) -> Result<()> {
        let postgres = Postgres::start(self.workspace)?;
        let mut tests = self.native_tests();
        tests
            .args(["--test", "api", "--", "--show-output"])
            .args(self.modules_on_postgres()?)
            .env("VOUCHSAFE_TEST_POSTGRES", postgres.url())
            .env("VOUCHSAFE_TEST_POSTGRES_BIN", &postgres.programs)
            .env("VOUCHSAFE_TEST_PROCESSES", "2");
        process::run(&mut tests, "The tests on PostgreSQL")
    }

    fn modules_on_postgres(&self) -> Result<Vec<String>> {
        let list = self.workspace.root.join("server/tests/api/main.rs");
        let list = fs::read_to_string(&list)
            .with_context(|| format!("{} could not be read", list.display()))?;
        let modules = list
            .lines()
            .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let (always, others): (Vec<&str>, Vec<&str>) =
            modules.partition(|module| ON_POSTGRES.contains(module));
        let parts: Vec<Vec<&str>> = (0..PARTS)
            .map(|nth| others.iter().copied().skip(nth).step_by(PARTS).collect())
            .collect();
        let turns = self.extent.turn(&parts).iter().flatten();
        let modules = turns.chain(&always).map(|module| format!("{module}::"));
        Ok(modules.collect())
    }

    fn native_tests(&self) -> Command {
        let mut cargo = self.cargo(&["test"]);
        cargo.args(services::NATIVE);
        cargo
    }

    fn package(&self) -> Result<()> {
        let package = package::build(self.workspace)?;
        let tools = npm::ensure_consumers(self.workspace)?;
        let settings = [
            ("VOUCHSAFE_PACKAGE", package.folder.as_os_str()),
            ("VOUCHSAFE_TYPED", package.typed.as_os_str()),
            ("VOUCHSAFE_TARBALL", package.tarball.as_os_str()),
            ("VOUCHSAFE_CONSUMERS", tools.as_os_str()),
        ];
        self.node_tests(Path::new("tests/package"), &settings)?;
        // A step runs once.
        let _ = self.package.set(package);
        Ok(())
    }

    fn own_accounts(&self) -> Result<()> {
        let settings = [
            ("VOUCHSAFE_SERVER", self.programs()?.server.as_os_str()),
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
        let services = Services::start(self.workspace, &self.programs()?.server, &settings)?;
        let (vault, keystore) = (services.vault(), services.keystore());
        let settings = [
            ("VOUCHSAFE_VAULT", OsStr::new(&vault)),
            ("VOUCHSAFE_KEYSTORE", OsStr::new(&keystore)),
            (
                "VOUCHSAFE_TARBALL",
                self.built_package()?.tarball.as_os_str(),
            ),
            ("VOUCHSAFE_CONSUMERS", tools.as_os_str()),
            ("VOUCHSAFE_DATA", data.as_os_str()),
            ("CHROMIUM", chromium.browser.as_os_str()),
        ];
        self.node_tests(Path::new("tests/package/consumers"), &settings)
    }

    fn browser(&self) -> Result<()> {
        let chromium = Chromium::ensure(self.workspace)?;
        chromium.write_driver_settings(self.workspace)?;
        let files = if self.extent.turn(&FURTHER).contains(&CHROMIUM) {
            &["--lib", "--test", "browser"][..]
        } else {
            &["--test", "browser"]
        };
        self.wasm_pack(&["--chrome", "--chromedriver"], &chromium.driver, files)
    }

    fn firefox(&self) -> Result<()> {
        let firefox = Firefox::ensure(self.workspace)?;
        // The client's tests were in Chromium already: the page shows each time that both browsers do the same.
        if self.extent.turn(&FURTHER).contains(&FIREFOX) {
            firefox.write_driver_settings(self.workspace)?;
            let files = ["--lib", "--test", "browser"];
            self.wasm_pack(&["--firefox", "--geckodriver"], &firefox.driver, &files)?;
        }

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

    fn webkit(&self) -> Result<()> {
        let webkit = WebKit::ensure(self.workspace)?;
        let scratch = tempfile::tempdir()?;
        let demo = self.demo(scratch.path())?;
        let page = demo.page();
        let settings = [
            ("VOUCHSAFE_DEMO_URL", OsStr::new(&page)),
            ("WEBKIT_DRIVER", webkit.driver.as_os_str()),
            ("XVFB", webkit.screen.as_os_str()),
        ];
        self.node_tests(Path::new("tests/webkit"), &settings)
    }

    /// Files of the client's tests in the browser that the options name.
    fn wasm_pack(&self, options: &[&str], driver: &Path, files: &[&str]) -> Result<()> {
        tools::ensure_wasm_target(self.workspace)?;
        let path = tools::ensure_wasm_pack(self.workspace)?;
        let mut selection = vec!["--features", "rust-rsa"];
        selection.extend(files);
        // What wasm-pack would build first, so that the time of both is told apart.
        let mut build = self.cargo(&["test", "--no-run", "--target", tools::WASM_TARGET]);
        build.args(&selection);
        spent::compiling(|| process::run(&mut build, "The build of the browser tests"))?;
        let scratch = tempfile::tempdir()?;
        let services = self.services(scratch.path())?;
        let mut wasm_pack = self.workspace.command("wasm-pack");
        wasm_pack
            .args(["test", "--mode", "no-install", "--headless"])
            .args(options)
            .arg(driver)
            .arg("--")
            .args(&selection)
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
        // People have windows; the sample that runs every day looks at the pages alone. Without windows there is no camera,
        // so a test that starts a browser of its own gets the whole one.
        let for_all = match self.extent {
            Extent::Whole => chromium.browser.clone(),
            Extent::Sample(_) => chromium.without_windows(self.workspace),
        };
        let package = self.built_package()?;
        let scratch = tempfile::tempdir()?;
        let demo = self.demo(scratch.path())?;
        let page = demo.page();
        let pictures = self.workspace.target.join("e2e");
        let folder = scratch.path().join("page");
        let settings = [
            ("VOUCHSAFE_DEMO_URL", OsStr::new(&page)),
            // For a test that ends a server and starts it again.
            ("VOUCHSAFE_DEMO_SERVER", self.programs()?.demo.as_os_str()),
            ("VOUCHSAFE_DEMO_PAGE", folder.as_os_str()),
            ("VOUCHSAFE_TARBALL", package.tarball.as_os_str()),
            ("VOUCHSAFE_E2E_PICTURES", pictures.as_os_str()),
            ("CHROMIUM", chromium.browser.as_os_str()),
            ("CHROMIUM_FOR_ALL", for_all.as_os_str()),
        ];
        // One browser for all files.
        let under = ["tests/with-browser.mjs", "node"];
        self.node_tests_under(&under, Path::new("tests/e2e"), &settings)
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
        Services::start(self.workspace, &self.programs()?.server, &settings)
    }

    /// The demo, in a folder of its own.
    fn demo(&self, folder: &Path) -> Result<Services> {
        demo::start(
            self.workspace,
            &self.programs()?.demo,
            &self.built_package()?.folder,
            folder,
            services::ANY_PORT,
            &folder.join("data"),
            // More people sign up than one address may.
            false,
        )
    }

    fn built_package(&self) -> Result<&Package> {
        self.package.get().context("The package was not built.")
    }

    fn programs(&self) -> Result<&Programs> {
        self.programs.get().context("The servers were not built.")
    }

    /// Runs the test files of a folder. They are named one by one, because the versions of Node.js differ on folders.
    fn node_tests(&self, folder: &Path, settings: &[(&str, &OsStr)]) -> Result<()> {
        self.node_tests_under(&[], folder, settings)
    }

    /// Does the same, in Node.js as the script `under` starts it.
    fn node_tests_under(
        &self,
        under: &[&str],
        folder: &Path,
        settings: &[(&str, &OsStr)],
    ) -> Result<()> {
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
        node.args(under);
        // A file waits often for what it started; on two cores Node.js would run one at a time.
        let at_once = thread::available_parallelism().map_or(2, |cores| (cores.get() - 1).max(2));
        node.args(["--test", &format!("--test-concurrency={at_once}")])
            .args(["--test-reporter=spec", "--test-reporter-destination=stdout"])
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
