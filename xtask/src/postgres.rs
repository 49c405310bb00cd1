//! PostgreSQL for the tests of services with several processes.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::output::say;
use crate::process::{self, Background};
use crate::tools;
use crate::workspace::Workspace;

const MISSING: &str = "Install PostgreSQL (on Debian and Ubuntu: `apt-get install postgresql`), or name the folder of its \
    programs in POSTGRES_BIN.";
/// Where Debian has them, below the folder of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The longest start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with databases of its own, until this is dropped.
pub(crate) struct Postgres {
    _server: Background,
    port: u16,
    _folder: TempDir,
    /// The folder of its programs.
    pub(crate) programs: PathBuf,
}

impl Postgres {
    /// Finds the programs, installs them where that is possible, and starts a server that keeps nothing.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        let programs = ensure(workspace)?;
        let folder = tempfile::tempdir()?;
        own(folder.path())?;
        let data = folder.path().join("data");
        let mut make = command(&programs.join("initdb"), folder.path())?;
        make.arg("-D").arg(&data);
        make.args(["--username=postgres", "--auth=trust", "--no-locale"]);
        make.args(["--encoding=UTF8", "--no-sync"]);
        make.stdout(Stdio::null());
        process::run(&mut make, "initdb")?;

        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut server = command(&programs.join("postgres"), folder.path())?;
        server.arg("-D").arg(&data).arg("-k").arg(folder.path());
        server.args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "max_connections=500",
            "fsync=off",
        ] {
            server.args(["-c", setting]);
        }
        let log = fs::File::create(folder.path().join("log"))?;
        server.stdout(log.try_clone()?).stderr(log);
        let server = Background::start(&mut server)?;
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if server.ended()?.is_some() || began.elapsed() > PATIENCE {
                let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                bail!("PostgreSQL did not start:\n{log}");
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self {
            _server: server,
            port,
            _folder: folder,
            programs,
        })
    }

    /// Its address, without a database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }
}

/// The folder of the programs.
fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    if !tools::can_apt_install() {
        bail!(MISSING);
    }
    say!("==> Installing PostgreSQL");
    tools::apt_install(workspace, &["postgresql"]).context(MISSING)?;
    find().context(MISSING)
}

fn find() -> Option<PathBuf> {
    let named = env::var_os("POSTGRES_BIN").map(PathBuf::from);
    // What is on the path may be a link to one program, beside which the others are not.
    let on_path = || {
        let found = fs::canonicalize(tools::which("initdb")?).ok()?;
        Some(found.parent()?.to_owned())
    };
    let of_debian = || {
        let versions = fs::read_dir(DEBIAN).ok()?.filter_map(Result::ok);
        let mut folders: Vec<PathBuf> = versions.map(|found| found.path().join("bin")).collect();
        folders.sort();
        folders.pop()
    };
    let has_it = |folder: &PathBuf| folder.join("initdb").is_file();
    named.or_else(on_path).or_else(of_debian).filter(has_it)
}

/// A program of PostgreSQL's, which refuses to run as root.
#[cfg(unix)]
fn command(program: &Path, folder: &Path) -> Result<Command> {
    use std::os::unix::process::CommandExt as _;

    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some(user) = user()? {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(command)
}

#[cfg(not(unix))]
fn command(program: &Path, folder: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(folder);
    Ok(command)
}

/// Gives the folder to whom the programs run as.
#[cfg(unix)]
fn own(folder: &Path) -> Result<()> {
    if let Some(user) = user()? {
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        std::os::unix::fs::chown(folder, Some(uid), Some(gid))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn own(_: &Path) -> Result<()> {
    Ok(())
}

/// The user to become: nobody else unless this one is root.
#[cfg(unix)]
fn user() -> Result<Option<nix::unistd::User>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = nix::unistd::User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    bail!(
        "Run this as another user than root: PostgreSQL refuses to run as that, and there is no user postgres or nobody."
    )
}
