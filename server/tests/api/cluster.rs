//! A PostgreSQL server of a test's own: to kill, and to bring back to a moment.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::*;
use crate::port::Port;
use sqlx::{AnyConnection, Connection};
use tempfile::TempDir;

/// A server that writes to the disk what it acknowledges.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    port: Port,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Cluster {
    /// None without the folder of its programs.
    pub(crate) async fn start_new() -> Option<Self> {
        let mut this = Self::new()?;
        this.start_again().await;
        Some(this)
    }

    /// One that archives its log, likewise.
    pub(crate) async fn start_archiving() -> Option<Self> {
        let mut this = Self::new()?;
        let archive = this.folder.path().join("archive");
        fs::create_dir(&archive).unwrap();
        own(&archive);
        this.set("archive_mode", "on");
        let archive = archive.display();
        this.set("archive_command", &format!("cp %p {archive}/%f"));
        this.set("restore_command", &format!("cp {archive}/%f %p"));
        this.start_again().await;
        Some(this)
    }

    fn new() -> Option<Self> {
        let programs = PathBuf::from(std::env::var_os("VOUCHSAFE_TEST_POSTGRES_BIN")?);
        let this = Self {
            programs,
            folder: tempfile::tempdir().unwrap(),
            port: Port::hold(),
            settings: Vec::new(),
            child: None,
        };
        own(this.folder.path());
        let mut make = this.program("initdb");
        make.arg("-D").arg(this.data());
        make.args(["--username=postgres", "--auth=trust", "--no-locale"]);
        assert!(make.status().unwrap().success());
        Some(this)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.settings.push(format!("{name}={value}"));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program, which refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.current_dir(self.folder.path());
        if let Some(user) = user() {
            command.uid(user);
        }
        command
    }

    fn start(&mut self) {
        let mut command = self.program("postgres");
        let port = self.port.address().port();
        command.arg("-D").arg(self.data());
        command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.arg("-k").arg(self.folder.path());
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// Ends it at once, with all that it does. What it left running may keep a new one from starting for a moment.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it again, until it takes connections.
    pub(crate) async fn start_again(&mut self) {
        self.start();
        until(async || {
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.start();
            }
            self.ask("SELECT 'it answers'").await
        })
        .await;
    }

    /// The text that a statement gives. None while the server is away.
    async fn ask(&self, sql: &'static str) -> Option<String> {
        sqlx::any::install_default_drivers();
        let url = format!("{}/postgres", self.url());
        let mut connection = AnyConnection::connect(&url).await.ok()?;
        let answer = sqlx::query_scalar(sql).fetch_one(&mut connection).await;
        answer.ok()
    }

    /// Its address, without a database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@{}", self.port.address())
    }

    /// Takes a base backup.
    pub(crate) async fn back_up(&self) {
        let mut copy = self.program("pg_basebackup");
        copy.arg("-D").arg(self.folder.path().join("base"));
        let port = self.port.address().port().to_string();
        copy.args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres"]);
        copy.arg("--checkpoint=fast");
        let copied = tokio::task::spawn_blocking(move || copy.status());
        assert!(copied.await.unwrap().unwrap().success());
    }

    /// The time, as its clock has it.
    pub(crate) async fn now(&self) -> String {
        let now = "SELECT CAST(clock_timestamp() AS TEXT)";
        until(async || self.ask(now).await).await
    }

    /// Waits until the archive has everything that was written so far.
    pub(crate) async fn archived(&self) {
        let switch = "SELECT CAST(pg_walfile_name(pg_switch_wal()) AS TEXT)";
        let wanted = until(async || self.ask(switch).await).await;
        let newest = "SELECT COALESCE(last_archived_wal, '') FROM pg_stat_archiver";
        until(async || {
            let found = self.ask(newest).await?;
            (found >= wanted).then_some(())
        })
        .await;
    }

    /// Throws its databases away, and makes them anew from the base backup and the archive, as they were at a time.
    pub(crate) async fn go_back(&mut self, to: &str) {
        self.kill();
        fs::remove_dir_all(self.data()).unwrap();
        fs::rename(self.folder.path().join("base"), self.data()).unwrap();
        let signal = self.data().join("recovery.signal");
        fs::write(&signal, "").unwrap();
        own(&signal);
        self.set("recovery_target_time", to);
        self.set("recovery_target_action", "promote");
        self.start_again().await;
        let recovering = "SELECT CAST(pg_is_in_recovery() AS TEXT)";
        until(async || (self.ask(recovering).await? == "false").then_some(())).await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// The user that PostgreSQL runs as where this one is root.
fn user() -> Option<u32> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0);
    const NOBODY: u32 = 65_534;
    is_root.then_some(NOBODY)
}

/// Gives a file or folder to that user.
fn own(path: &Path) {
    if let Some(user) = user() {
        chown(path, Some(user), None).unwrap();
    }
}
