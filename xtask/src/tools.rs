//! Tools that Cargo and npm do not bring.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::files;
use crate::output::say;
use crate::process;
use crate::spent;
use crate::workspace::Workspace;

/// The target that browsers run.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

const WASM_PACK: &str = "0.15.1";
const CARGO_DENY: &str = "0.20.2";
const SCHEMATHESIS: &str = "4.32.5";

/// Makes sure that the compiler can build for browsers.
pub(crate) fn ensure_wasm_target(workspace: &Workspace) -> Result<()> {
    let libraries =
        output(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]));
    if libraries.is_some_and(|folder| {
        fs::read_dir(folder.trim()).is_ok_and(|mut files| files.next().is_some())
    }) {
        return Ok(());
    }
    say!("==> Installing the Rust target {WASM_TARGET}");
    let mut rustup = workspace.command("rustup");
    rustup.args(["target", "add", WASM_TARGET]);
    spent::installing(|| process::run(&mut rustup, "`rustup target add`")).with_context(|| {
        format!("Install the Rust target {WASM_TARGET}, with rustup: https://rustup.rs")
    })
}

/// Makes sure of a component of the Rust installation, such as clippy, by asking its cargo command.
pub(crate) fn ensure_component(
    workspace: &Workspace,
    command: &str,
    component: &str,
) -> Result<()> {
    if output(workspace.cargo().args([command, "--version"])).is_some() {
        return Ok(());
    }
    say!("==> Installing {component}");
    let mut rustup = workspace.command("rustup");
    rustup.args(["component", "add", component]);
    spent::installing(|| process::run(&mut rustup, "`rustup component add`"))
        .with_context(|| format!("Install {component}, with rustup: https://rustup.rs"))
}

/// The `PATH`, with the folder in which Cargo installs programs.
fn search_path() -> Result<std::ffi::OsString> {
    let mut folders: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    folders.push(cargo_home()?.join("bin"));
    Ok(env::join_paths(folders)?)
}

/// The folder in which Cargo keeps programs and the sources of crates.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
        .context("Name Cargo's folder in CARGO_HOME.")
}

/// The folder of the compiler and the standard library.
pub(crate) fn sysroot() -> Result<PathBuf> {
    output(Command::new("rustc").args(["--print", "sysroot"]))
        .map(|folder| folder.trim().into())
        .context("`rustc --print sysroot` failed.")
}

/// The commit that the compiler was built from.
pub(crate) fn compiler_commit() -> Result<String> {
    output(Command::new("rustc").arg("-vV"))
        .and_then(|text| {
            let commit = text
                .lines()
                .find_map(|line| line.strip_prefix("commit-hash: "));
            commit.map(str::to_owned)
        })
        .context("`rustc -vV` names no commit.")
}

/// Makes sure of `cargo deny`. Returns the `PATH` on which it is.
pub(crate) fn ensure_cargo_deny(workspace: &Workspace) -> Result<std::ffi::OsString> {
    let path = search_path()?;
    ensure_program(workspace, &path, "cargo-deny", "cargo-deny", CARGO_DENY)?;
    Ok(path)
}

/// Makes sure of `wasm-pack` and the test runner that it starts. Returns the `PATH` on which they are.
pub(crate) fn ensure_wasm_pack(workspace: &Workspace) -> Result<std::ffi::OsString> {
    let path = search_path()?;
    ensure_program(workspace, &path, "wasm-pack", "wasm-pack", WASM_PACK)?;
    let bindgen = workspace.locked_version("wasm-bindgen")?;
    ensure_program(
        workspace,
        &path,
        "wasm-bindgen-test-runner",
        "wasm-bindgen-cli",
        bindgen,
    )?;
    Ok(path)
}

fn ensure_program(
    workspace: &Workspace,
    path: &std::ffi::OsStr,
    program: &str,
    package: &str,
    version: &str,
) -> Result<()> {
    let found = output(Command::new(program).arg("--version").env("PATH", path));
    if found.is_some_and(|text| text.split_whitespace().any(|word| word == version)) {
        return Ok(());
    }
    cargo_install(workspace, package, version)
}

/// Builds a program of crates.io and installs it among Cargo's. It is to be there soon and runs for seconds, so it is built
/// as quickly as possible; and apart from our own builds, so that neither waits for the other.
pub(crate) fn cargo_install(workspace: &Workspace, package: &str, version: &str) -> Result<()> {
    say!("==> Installing {package} {version} (this takes a minute or two)");
    let folder = tempfile::tempdir()?;
    let mut install = workspace.cargo();
    install
        .args([
            "install",
            package,
            "--version",
            version,
            "--force",
            "--debug",
        ])
        .arg("--target-dir")
        .arg(folder.path())
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    let what = format!("`cargo install {package} --version {version}`");
    spent::installing(|| process::run(&mut install, &what))
}

/// Makes sure of Schemathesis, in a Python environment of its own in the target folder. Returns its program.
pub(crate) fn ensure_schemathesis(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("schemathesis");
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let program = programs
        .join("st")
        .with_extension(env::consts::EXE_EXTENSION);
    let found = output(Command::new(&program).arg("--version"));
    if found.is_some_and(|text| text.split_whitespace().any(|word| word == SCHEMATHESIS)) {
        return Ok(program);
    }
    let missing = "Install Python 3.10 or later with venv and pip (on Debian and Ubuntu: `apt-get install python3-venv`).";
    let make = |workspace: &Workspace| {
        let mut venv = workspace.command("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&folder);
        process::run(&mut venv, "`python3 -m venv`")
    };
    say!("==> Installing schemathesis {SCHEMATHESIS}");
    if make(workspace).is_err() {
        if !can_apt_install() {
            bail!(missing);
        }
        apt_install(workspace, &["python3-venv"]).context(missing)?;
        make(workspace).context(missing)?;
    }
    let mut pip = workspace.command(programs.join("python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .arg(format!("schemathesis=={SCHEMATHESIS}"));
    spent::installing(|| process::run(&mut pip, "`pip install schemathesis`")).context(missing)?;
    Ok(program)
}

/// Whether Debian packages can be installed.
pub(crate) fn can_apt_install() -> bool {
    is_root() && which("apt-get").is_some()
}

/// Held while Debian packages are installed: apt refuses to run twice.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs Debian packages.
pub(crate) fn apt_install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let _held = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut update = workspace.command("apt-get");
    update.arg("update");
    let mut install = workspace.command("apt-get");
    install
        .args(["install", "-y"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    spent::installing(|| {
        process::run(&mut update, "`apt-get update`")?;
        process::run(&mut install, "`apt-get install`")
    })
}

/// Debian's name of the package, and of the program in it.
const HEADLESS_SHELL: &str = "chromium-headless-shell";

/// Chromium and its driver.
pub(crate) struct Chromium {
    pub(crate) browser: PathBuf,
    pub(crate) driver: PathBuf,
}

impl Chromium {
    /// Finds them, and installs them where that is possible.
    pub(crate) fn ensure(workspace: &Workspace) -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        let missing = "Install Chromium and its driver (on Debian and Ubuntu: `apt-get install chromium chromium-driver`), \
            or name them in CHROMIUM and CHROMEDRIVER.";
        if !can_apt_install() {
            bail!(missing);
        }
        say!("==> Installing Chromium and its driver");
        apt_install(workspace, &["chromium", "chromium-driver"]).context(missing)?;
        Self::find().context(missing)
    }

    /// Chromium without windows: a page opens and closes in it in half the time. Where it cannot be had, Chromium itself.
    pub(crate) fn without_windows(&self, workspace: &Workspace) -> PathBuf {
        if env::var_os("CHROMIUM").is_some() {
            return self.browser.clone();
        }
        if which(HEADLESS_SHELL).is_none() && can_apt_install() {
            say!("==> Installing Chromium without windows");
            if let Err(error) = apt_install(workspace, &[HEADLESS_SHELL]) {
                say!("{error:#}");
            }
        }
        which(HEADLESS_SHELL).unwrap_or_else(|| self.browser.clone())
    }

    fn find() -> Option<Self> {
        let named = |variable: &str| {
            env::var_os(variable)
                .map(PathBuf::from)
                .filter(|path| path.is_file())
        };
        let browsers = [
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
        ];
        Some(Self {
            browser: named("CHROMIUM").or_else(|| browsers.into_iter().find_map(which))?,
            driver: named("CHROMEDRIVER").or_else(|| which("chromedriver"))?,
        })
    }

    /// Tells the driver of wasm-pack's tests how to start the browser.
    pub(crate) fn write_driver_settings(&self, workspace: &Workspace) -> Result<()> {
        let mut arguments = vec![
            "--headless=new",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-quic",
        ];
        if is_root() {
            // Chromium refuses to start for root with its sandbox.
            arguments.push("--no-sandbox");
        }
        let settings =
            json!({ "goog:chromeOptions": { "binary": self.browser, "args": arguments } });
        files::write(
            &workspace.root.join("webdriver.json"),
            format!("{settings:#}\n"),
        )
    }
}

/// A program on the `PATH`.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders = env::split_paths(&path).chain(["/usr/bin".into(), "/usr/sbin".into()]);
    folders
        .map(|folder| {
            folder
                .join(program)
                .with_extension(env::consts::EXE_EXTENSION)
        })
        .find(|path| path.is_file())
}

#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// The output of a short command, if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
