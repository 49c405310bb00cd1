//! Vault and Keystore, running.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};

use crate::output::say;
use crate::process::{self, Background};
use crate::spent;
use crate::workspace::Workspace;

/// The longest start: it takes a second on an idle machine. This ends the wait for a server that never answers.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whichever port is free when the services start. They tell it in their log, so they need one.
pub(crate) const ANY_PORT: u16 = 0;

/// The selection of every native build, so that each dependency has the same features in all and is compiled once.
pub(crate) const NATIVE: [&str; 3] = ["--workspace", "--features", "vouchsafe/rust-rsa"];

/// The settings of running services.
pub(crate) struct Settings<'a> {
    /// The port on this machine, or [`ANY_PORT`].
    pub(crate) port: u16,
    /// The folder of their data.
    pub(crate) data: &'a Path,
    /// The program that serves them.
    pub(crate) host: Host<'a>,
    /// Whether attempts are limited, as they are where strangers can call.
    pub(crate) rate_limits: bool,
    /// The file for their output; `None` for this program's own.
    pub(crate) log: Option<&'a Path>,
}

/// The program that serves the services.
#[derive(Clone, Copy)]
pub(crate) enum Host<'a> {
    /// The reference server.
    Server {
        /// Whether everybody may read the mails.
        mailbox: bool,
        /// Whether pages of any origin may call.
        any_origin: bool,
    },
    /// The demo, with the folder of its page.
    Demo(&'a Path),
}

/// The services, until this is dropped.
pub(crate) struct Services {
    child: Background,
    port: u16,
    log: Option<PathBuf>,
}

/// The programs that serve.
pub(crate) struct Programs {
    /// The reference server.
    pub(crate) server: PathBuf,
    /// The demo's server.
    pub(crate) demo: PathBuf,
}

const SERVER: &str = "vouchsafe-server";
const DEMO: &str = "vouchsafe-demo";

impl Programs {
    /// The programs at the places where Cargo puts them when it builds everything.
    pub(crate) fn built(workspace: &Workspace) -> Self {
        let program = |name: &str| {
            let path = workspace.target.join("debug").join(name);
            path.with_extension(std::env::consts::EXE_EXTENSION)
        };
        Self {
            server: program(SERVER),
            demo: program(DEMO),
        }
    }

    /// Builds both.
    pub(crate) fn build(workspace: &Workspace) -> Result<Self> {
        build_programs(workspace, &[SERVER, DEMO], "servers")?;
        Ok(Self::built(workspace))
    }
}

/// Builds the reference server. Returns its program.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    build_programs(workspace, &[SERVER], "server")?;
    Ok(Programs::built(workspace).server)
}

/// Builds the demo's server. Returns its program.
pub(crate) fn build_demo(workspace: &Workspace) -> Result<PathBuf> {
    build_programs(workspace, &[DEMO], "demo's server")?;
    Ok(Programs::built(workspace).demo)
}

fn build_programs(workspace: &Workspace, names: &[&str], what: &str) -> Result<()> {
    say!("==> Building the {what}");
    let mut cargo = workspace.cargo();
    cargo.arg("build").args(NATIVE);
    for name in names {
        cargo.args(["--bin", name]);
    }
    spent::compiling(|| process::run(&mut cargo, &format!("The build of the {what}")))
}

/// Fails when something else listens on the port.
pub(crate) fn ensure_free(port: u16) -> Result<()> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!(
                "Port {port} is taken: choose another with --port, or end the program that uses it."
            )
        }
        Err(error) => Err(error)
            .with_context(|| format!("Port {port} cannot be used: choose another with --port")),
        Ok(_) => Ok(()),
    }
}

impl Services {
    /// Starts them and waits until they answer.
    pub(crate) fn start(
        workspace: &Workspace,
        server: &Path,
        settings: &Settings<'_>,
    ) -> Result<Self> {
        fs::create_dir_all(settings.data)
            .with_context(|| format!("{} could not be made", settings.data.display()))?;
        let mut command = workspace.command(server);
        // The server also reads settings from the environment; here only these shall count.
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("VOUCHSAFE_") && name != "VOUCHSAFE_LOG")
            {
                command.env_remove(name);
            }
        }
        match settings.host {
            Host::Server {
                mailbox,
                any_origin,
            } => {
                command.arg("all");
                if mailbox {
                    command.arg("--dev-mailbox");
                }
                if any_origin {
                    command.args(["--cors-origin", "*"]);
                }
            }
            Host::Demo(page) => {
                command.arg("--page").arg(page);
            }
        }
        command
            .args(["--listen", &format!("127.0.0.1:{}", settings.port)])
            .arg("--data")
            .arg(settings.data);
        if !settings.rate_limits {
            command.arg("--no-rate-limits");
        }
        if let Some(log) = settings.log {
            let file = File::create(log)
                .with_context(|| format!("{} could not be written", log.display()))?;
            command.stdout(file.try_clone()?).stderr(file);
        }
        let child = Background::start(&mut command)?;
        let mut this = Self {
            child,
            port: settings.port,
            log: settings.log.map(Path::to_owned),
        };
        if this.port == ANY_PORT {
            this.port = this.told_port()?;
        }
        this.wait_for("/health")?;
        if matches!(settings.host, Host::Demo(_)) {
            this.wait_for("/")?;
            this.wait_for("/vouchsafe/vouchsafe_bg.wasm")?;
        }
        Ok(this)
    }

    /// The Vault's base URL.
    pub(crate) fn vault(&self) -> String {
        format!("http://127.0.0.1:{}/vault", self.port)
    }

    /// The Keystore's base URL.
    pub(crate) fn keystore(&self) -> String {
        format!("http://127.0.0.1:{}/keystore", self.port)
    }

    /// The page.
    pub(crate) fn page(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Stays until they end by themselves, which is a failure.
    pub(crate) fn stay(&self) -> Result<()> {
        loop {
            self.ensure_running()?;
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// The port that the log tells, once it does.
    fn told_port(&self) -> Result<u16> {
        let log = self
            .log
            .as_ref()
            .context("There is no log to tell the port.")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.ensure_running()?;
            let text = fs::read_to_string(log)?;
            let told = text
                .lines()
                .find_map(|line| line.strip_prefix("listening on http://127.0.0.1:"));
            match told.filter(|_| text.ends_with('\n')) {
                Some(port) => return Ok(port.parse()?),
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
                None => bail!(
                    "The server does not say where it listens.{}",
                    self.log_tail()
                ),
            }
        }
    }

    fn wait_for(&self, path: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.ensure_running()?;
            match status(self.port, path) {
                Ok(200) => return Ok(()),
                _ if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
                Ok(status) => bail!(
                    "The server answers {path} with status {status}.{}",
                    self.log_tail()
                ),
                Err(error) => bail!(
                    "The server does not answer {path} ({error:#}).{}",
                    self.log_tail()
                ),
            }
        }
    }

    fn ensure_running(&self) -> Result<()> {
        match self.child.ended()? {
            None => Ok(()),
            Some(status) => bail!("The server ended ({status}).{}", self.log_tail()),
        }
    }

    fn log_tail(&self) -> String {
        let Some(log) = &self.log else {
            return String::new();
        };
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        format!(" The end of its log:\n{tail}")
    }
}

/// The status of a GET on this machine. Where it takes long, it is asked for again.
fn status(port: u16, path: &str) -> Result<u16> {
    let patience = Some(Duration::from_secs(5));
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(patience)?;
    stream.set_write_timeout(patience)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    let start = std::str::from_utf8(&start)?;
    start
        .strip_prefix("HTTP/1.1 ")
        .and_then(|code| code.parse().ok())
        .context("The answer is not HTTP.")
}
