//! The services with their data in a folder of their own, to be copied, stopped and killed.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::runtime::Runtime;
use vouchsafe::api::{Method, Request, Transport};

use vouchsafe::crypto::recovery_key::RecoveryKey;
use vouchsafe::flows::{Client, Steps};
use vouchsafe_server::{Config, Server};

use crate::faults::engine::Quick;
use crate::faults::line::Line;
use crate::support::{PAGE, Port, eventually, server_program};

/// The servers run beside the tests, which have one thread each.
static SERVERS: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

enum Running {
    Here(Box<Server>),
    Program(Child),
}

/// Vault and Keystore at one address.
pub struct Stage {
    folder: tempfile::TempDir,
    running: RefCell<Option<Running>>,
    port: Port,
    pub keys: Rc<Cell<usize>>,
}

impl Stage {
    /// A server in this process, with a copy of this data.
    pub fn here(data: Option<&Path>, keys: Rc<Cell<usize>>) -> Self {
        let folder = copy_of(data);
        let mut config = Config::new(folder.path());
        config.rate_limits = false;
        config.invitation_urls = vec![PAGE.into()];
        let port = Port::hold();
        config.listen = port.address().to_string();
        let (tell, told) = std::sync::mpsc::channel();
        SERVERS.spawn(async move { tell.send(Server::start(config).await) });
        let server = told.recv().unwrap().unwrap();
        Self {
            folder,
            port,
            running: RefCell::new(Some(Running::Here(Box::new(server)))),
            keys,
        }
    }

    /// The server's program, with a copy of this data.
    pub fn program(data: &Path, keys: Rc<Cell<usize>>) -> Self {
        let stage = Self {
            folder: copy_of(Some(data)),
            port: Port::hold(),
            running: RefCell::new(None),
            keys,
        };
        stage.start_program();
        stage
    }

    /// The same data once more, with a server in this process. Nothing may be writing.
    pub async fn copy(&self) -> Self {
        // While somebody reads, nothing of the write-ahead logs is given up: a log that is emptied between its copy and its
        // database's would be missing.
        let mut readers = Vec::new();
        for service in ["vault", "keystore"] {
            let mut reader = self.database(service).await;
            for statement in ["BEGIN", "SELECT COUNT(*) FROM sqlite_schema"] {
                sqlx::query(statement).execute(&mut reader).await.unwrap();
            }
            readers.push(reader);
        }
        let copy = Self::here(Some(self.data()), Rc::clone(&self.keys));
        for reader in readers {
            reader.close().await.unwrap();
        }
        copy
    }

    /// Starts the program, again after [`Stage::kill`], and waits until it listens.
    pub fn start_program(&self) {
        let mut child = Command::new(server_program())
            .args(["all", "--listen", &self.port.address().to_string()])
            .args(["--no-rate-limits", "--invitation-url", PAGE, "--data"])
            .arg(self.data())
            .env("VOUCHSAFE_LOG", "off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(
            line.starts_with("listening on "),
            "the server did not start"
        );
        *self.running.borrow_mut() = Some(Running::Program(child));
    }

    /// Kills the program, if it runs: SIGKILL, as a crash would be.
    pub fn kill(&self) {
        if let Some(Running::Program(mut child)) = self.running.borrow_mut().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// How much the databases' logs hold: it changes when the server writes.
    pub fn written(&self) -> [u64; 2] {
        ["vault", "keystore"].map(|service| {
            let log = self.data().join(format!("{service}.db-wal"));
            std::fs::metadata(log).map_or(0, |log| log.len())
        })
    }

    /// Stops the server in this process, so that its data can be copied.
    pub fn stop(&self) {
        if let Some(Running::Here(server)) = self.running.borrow_mut().take() {
            let (tell, told) = std::sync::mpsc::channel();
            SERVERS.spawn(async move {
                server.stop().await;
                tell.send(())
            });
            told.recv().unwrap();
        }
    }

    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self, service: &str) -> String {
        format!("http://{}/{service}", self.port.address())
    }

    /// A client as one device has it.
    pub fn client(&self, line: &Line) -> Client<Line, Quick> {
        let engine = Quick::new(Rc::clone(&self.keys));
        let (vault, keystore) = (self.url("vault"), self.url("keystore"));
        let page = Some(PAGE.into());
        let steps = Steps::default();
        Client::new(line.clone(), engine, &vault, &keystore, page, steps).unwrap()
    }

    /// Whether the Keystore refuses the session that was used here last.
    pub async fn is_over(&self, line: &Line) -> bool {
        let session = line.session().unwrap();
        let audience = self.url("vault");
        let body = serde_json::json!({ "audience": audience });
        self.post("/tokens", Some(session), &body).await == 401
    }

    /// Whether this recovery key is the one that counts.
    pub async fn is_recovery_key(&self, email: &str, written: &str) -> bool {
        let auth = RecoveryKey::from_written(written).unwrap().auth().unwrap();
        let auth = Base64UrlUnpadded::encode_string(&auth[..]);
        let body =
            serde_json::json!({ "email": email, "identityToken": null, "recoveryAuth": auth });
        self.post("/recovery/start", None, &body).await == 200
    }

    /// The status of a request to the Keystore.
    async fn post(&self, path: &str, bearer: Option<String>, body: &serde_json::Value) -> u16 {
        let request = Request {
            method: Method::Post,
            url: format!("{}/v1{path}", self.url("keystore")),
            bearer,
            body: Some(body.to_string()),
            last_event_id: None,
            device: None,
            max_answer: 1 << 16,
        };
        Line::default().send(&request).await.unwrap().status
    }

    /// Waits until no mail waits to be sent.
    pub async fn mails_are_sent(&self) {
        let mut database = self.database("vault").await;
        eventually(async || {
            let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox")
                .fetch_one(&mut database)
                .await
                .unwrap();
            (waiting == 0).then_some(())
        })
        .await;
        database.close().await.unwrap();
    }

    /// The mails that were sent.
    pub fn mails(&self) -> Vec<serde_json::Value> {
        let Ok(folder) = std::fs::read_dir(self.data().join("outbox")) else {
            return Vec::new();
        };
        folder
            .map(|entry| serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()))
            .collect::<Result<_, _>>()
            .unwrap()
    }

    /// One of the databases.
    pub async fn database(&self, service: &str) -> SqliteConnection {
        let file = self.data().join(format!("{service}.db"));
        let options = SqliteConnectOptions::new().filename(file);
        options.disable_statement_logging().connect().await.unwrap()
    }

    /// SQLite finds nothing wrong with either database.
    pub async fn check_integrity(&self) {
        for service in ["vault", "keystore"] {
            let mut database = self.database(service).await;
            let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
                .fetch_all(&mut database)
                .await
                .unwrap();
            assert_eq!(found, ["ok"], "{service}");
            database.close().await.unwrap();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill();
        if let Some(Running::Here(server)) = self.running.borrow_mut().take() {
            SERVERS.spawn(server.stop());
        }
    }
}

fn copy_of(data: Option<&Path>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    if let Some(data) = data {
        copy(data, folder.path());
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let entries = std::fs::read_dir(from).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    // A database before its write-ahead log; the log's index is made anew.
    names.sort();
    names.retain(|name| !name.to_str().unwrap().ends_with("-shm"));
    for name in names {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}
