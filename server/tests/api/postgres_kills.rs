//! PostgreSQL that is killed while servers write: nothing is lost that was acknowledged, and nothing is there twice.

use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::*;
use crate::port::Port;
use crate::sample::rounds;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};
use tempfile::TempDir;
use tokio::sync::watch;
use vouchsafe_server::{Config, Server};

/// A PostgreSQL server of the test's own, which writes to the disk what it acknowledges.
struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: Port,
    child: Option<Child>,
}

impl Postgres {
    /// None without the folder of its programs.
    async fn start_new() -> Option<Self> {
        let programs = PathBuf::from(std::env::var_os("VOUCHSAFE_TEST_POSTGRES_BIN")?);
        let folder = tempfile::tempdir().unwrap();
        let mut this = Self {
            programs,
            folder,
            port: Port::hold(),
            child: None,
        };
        // It refuses to run as root.
        if let Some(user) = user() {
            chown(this.folder.path(), Some(user), None).unwrap();
        }
        let arguments = ["--username=postgres", "--auth=trust", "--no-locale"];
        let made = this.command("initdb").args(arguments).status();
        assert!(made.unwrap().success());
        this.start_again().await;
        Some(this)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-D").arg(self.folder.path().join("data"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.current_dir(self.folder.path());
        if let Some(user) = user() {
            command.uid(user);
        }
        command
    }

    fn start(&mut self) {
        let mut command = self.command("postgres");
        let port = self.port.address().port();
        command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.arg("-k").arg(self.folder.path());
        self.child = Some(command.spawn().unwrap());
    }

    /// Ends it at once, with all that it does. What it left running may keep a new one from starting for a moment.
    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it again, until it takes connections.
    async fn start_again(&mut self) {
        self.start();
        until(async || {
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.start();
            }
            self.answers().await.then_some(())
        })
        .await;
    }

    async fn answers(&self) -> bool {
        sqlx::any::install_default_drivers();
        let url = format!("{}/postgres", url_of(self.port.address()));
        AnyConnection::connect(&url).await.is_ok()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// The user that PostgreSQL runs as where this one is root.
fn user() -> Option<u32> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0);
    const NOBODY: u32 = 65_534;
    is_root.then_some(NOBODY)
}

fn url_of(address: SocketAddr) -> String {
    format!("postgres://postgres@{address}")
}

/// Writes cards at both servers, each until it is acknowledged, as clients do.
struct Writers<'a> {
    lab: &'a Lab,
    vaults: [String; 2],
    token: &'a str,
    acknowledged: AtomicUsize,
}

impl Writers<'_> {
    /// Goes on until it is ended. Gives the ids of the cards.
    async fn write(&self, ended: watch::Receiver<bool>) -> Vec<String> {
        let mut written = Vec::new();
        while !*ended.borrow() {
            let id = v7();
            let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
            let mut turns = self.vaults.iter().cycle();
            until(async || {
                let url = format!("{}/v1/cards/{id}", turns.next().unwrap());
                let put = self
                    .lab
                    .call("PUT", &url, Some(self.token), Some(body.clone()));
                match put.await {
                    (200 | 201, _) => Some(()),
                    (503, _) => None,
                    (status, body) => panic!("{status}: {body}"),
                }
            })
            .await;
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            written.push(id);
        }
        written
    }
}

async fn listed(lab: &Lab, token: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/cards?limit=200{cursor}");
        let (status, page) = lab.vault(token, "GET", &path, None).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().iter();
        ids.extend(items.map(|item| item["id"].as_str().unwrap().to_owned()));
        match &page["next"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return ids,
        }
    }
}

#[tokio::test]
async fn a_killed_database_loses_nothing_that_was_acknowledged() {
    let Some(mut postgres) = Postgres::start_new().await else {
        return;
    };
    let address = url_of(postgres.port.address());
    let databases = [make_database(&address).await, make_database(&address).await];
    let mut second = None;
    let lab = Lab::with(|config: &mut Config| {
        let [vault, keystore] = databases.clone();
        (config.vault_db, config.keystore_db) = (Some(vault), Some(keystore));
        (config.rate_limits, config.quotas.cards) = (false, 1_000_000);
        second = Some(config.clone());
    })
    .await;
    let mut second = second.unwrap();
    second.vault_urls = vec![lab.server.vault_url().to_owned()];
    second.keystore_urls = vec![lab.server.keystore_url().to_owned()];
    let second = Server::start(second).await.unwrap();
    let ada = lab.sign_up("ada").await;
    let writers = Writers {
        lab: &lab,
        vaults: [
            lab.server.vault_url().to_owned(),
            format!("http://{}/vault", second.address()),
        ],
        token: &ada.token,
        acknowledged: AtomicUsize::new(0),
    };

    let mut written = Vec::new();
    for round in 0..rounds("kills of PostgreSQL", 40, 200) {
        let (end, ended) = watch::channel(false);
        let writing = join_all((0..4).map(|_| writers.write(ended.clone())));
        let kill = async {
            let most = writers.acknowledged.load(Ordering::SeqCst) + round % 17;
            until(async || (writers.acknowledged.load(Ordering::SeqCst) >= most).then_some(()))
                .await;
            postgres.kill();
            postgres.start_again().await;
            end.send_replace(true);
        };
        let (more, ()) = join(writing, kill).await;
        written.extend(more.into_iter().flatten());
    }
    let mut found = listed(&lab, &ada.token).await;
    found.sort();
    written.sort();
    assert_eq!(found, written);
    second.stop().await;
}
