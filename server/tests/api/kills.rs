//! Servers and databases that are killed while people write: nothing is lost that was acknowledged, and nothing is there twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cluster::Cluster;
use crate::common::*;
use crate::port::Port;
use crate::processes::Process;
use crate::sample::rounds;
use futures_util::future::{join, join_all};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::watch;
use vouchsafe_server::{Config, Server};

/// How often each is killed, and of how many parts a run does one.
const KILLS: usize = 1000;
const PARTS: usize = 200;

/// The most ids of one question.
const PAGE: usize = 50;

/// People who write at several servers in turn, each thing until it is acknowledged, as clients do.
struct Writers {
    http: Client,
    /// The base addresses of the servers.
    servers: Vec<String>,
    ada: Person,
    bob: Person,
    acknowledged: AtomicUsize,
}

/// The ids of what was written.
#[derive(Default)]
struct Written {
    cards: Vec<String>,
    spaces: Vec<String>,
}

impl Writers {
    /// Two people, who sign up at the first of these servers.
    async fn at(servers: Vec<String>) -> Self {
        // A client needs what a server's start installs, and those of the processes do it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::new();
        let (vault, keystore) = (
            format!("{}/vault", servers[0]),
            format!("{}/keystore", servers[0]),
        );
        Self {
            ada: sign_up(&http, &keystore, &vault, "ada").await,
            bob: sign_up(&http, &keystore, &vault, "bob").await,
            acknowledged: AtomicUsize::new(0),
            http,
            servers,
        }
    }

    /// What one server answers, unless it is gone or its database is.
    async fn ask(&self, method: &str, url: &str, bearer: &str, body: &Value) -> Option<Value> {
        let request = self.http.request(method.parse().unwrap(), url);
        let request = match method {
            "GET" => request,
            _ => request.json(body),
        };
        let answer = request.bearer_auth(bearer).send().await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.json().await.ok()?;
        match status {
            200 | 201 => Some(body),
            503 => None,
            _ => panic!("{method} {url}: {status}: {body}"),
        }
    }

    /// Asks one server after the other, until one answers.
    async fn answer(&self, method: &str, path: &str, bearer: &str, body: &Value) -> Value {
        let mut turns = self.servers.iter().cycle();
        until(async || {
            let url = format!("{}{path}", turns.next().unwrap());
            self.ask(method, &url, bearer, body).await
        })
        .await
    }

    /// A token, which is good for some minutes.
    async fn token(&self) -> String {
        let body = json!({ "audience": format!("{}/vault", self.servers[0]) });
        let path = "/keystore/v1/tokens";
        let answer = self.answer("POST", path, &self.ada.session, &body).await;
        answer["token"].as_str().unwrap().to_owned()
    }

    /// Writes cards and encryption spaces until it is ended.
    async fn write(&self, token: &str, ended: watch::Receiver<bool>) -> Written {
        let mut written = Written::default();
        while !*ended.borrow() {
            let id = v7();
            let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
            let path = format!("/vault/v1/cards/{id}");
            self.answer("PUT", &path, token, &body).await;
            written.cards.push(id);
            self.acknowledged.fetch_add(1, Ordering::SeqCst);

            let space = new_space(&self.bob, None);
            let body = json!({ "spaces": [space] });
            let (path, session) = ("/keystore/v1/spaces", &self.ada.session);
            let made = self.answer("POST", path, session, &body).await;
            assert_eq!(made["results"][0]["error"], Value::Null, "{made}");
            written
                .spaces
                .push(space["id"].as_str().unwrap().to_owned());
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        written
    }

    /// Four write until something was killed, after so many acknowledged writes, and is there again.
    async fn round(&self, written: &mut Written, writes: usize, kill: impl Future<Output = ()>) {
        let token = self.token().await;
        let (end, ended) = watch::channel(false);
        let writing = join_all((0..4).map(|_| self.write(&token, ended.clone())));
        let killing = async {
            let most = self.acknowledged.load(Ordering::SeqCst) + writes;
            until(async || (self.acknowledged.load(Ordering::SeqCst) >= most).then_some(())).await;
            kill.await;
            end.send_replace(true);
        };
        let (more, ()) = join(writing, killing).await;
        for more in more {
            written.cards.extend(more.cards);
            written.spaces.extend(more.spaces);
        }
    }

    /// What was acknowledged is there, once, and nothing else is.
    async fn check(&self, mut written: Written) {
        let (mut found, mut cursor, token) = (Vec::new(), String::new(), self.token().await);
        loop {
            let path = format!("/vault/v1/cards?limit=200{cursor}");
            let page = self.answer("GET", &path, &token, &Value::Null).await;
            let items = page["items"].as_array().unwrap().iter();
            found.extend(items.map(|item| item["id"].as_str().unwrap().to_owned()));
            match &page["next"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        found.sort();
        written.cards.sort();
        assert_eq!(found, written.cards);
        for ids in written.spaces.chunks(PAGE) {
            let (path, body) = ("/keystore/v1/spaces/query", json!({ "ids": ids }));
            let answer = self.answer("POST", path, &self.ada.session, &body).await;
            let items = answer["items"].as_array().unwrap().iter();
            let found: Vec<&str> = items.map(|item| item["id"].as_str().unwrap()).collect();
            assert_eq!(found, ids);
        }
        let (cards, spaces) = (written.cards.len(), written.spaces.len());
        println!("{cards} cards and {spaces} spaces were acknowledged, and are there");
    }
}

/// Kills one of the processes after the other, which all have the same databases.
async fn kill_processes(what: &str, processes: usize, databases: &[String]) {
    let data = tempfile::tempdir().unwrap();
    let ports: Vec<Port> = (0..processes).map(|_| Port::hold()).collect();
    let servers: Vec<String> = ports
        .iter()
        .map(|port| format!("http://{}", port.address()))
        .collect();
    let start = async |nth: usize| {
        let listen = ports[nth].address().to_string();
        let (vault, keystore) = (
            format!("{}/vault", servers[0]),
            format!("{}/keystore", servers[0]),
        );
        let mut arguments = vec!["--listen", &listen, "--no-rate-limits"];
        arguments.extend(["--vault-url", &vault, "--keystore-url", &keystore]);
        arguments.extend(["--quota-cards", "1000000", "--quota-spaces", "1000000"]);
        if let [vault, keystore] = databases {
            arguments.extend(["--vault-db", vault, "--keystore-db", keystore]);
        }
        Process::start(&arguments, data.path()).await
    };
    let mut running = Vec::new();
    for nth in 0..processes {
        running.push(start(nth).await);
    }
    let writers = Writers::at(servers.clone()).await;
    let mut written = Written::default();
    for round in 0..rounds(what, PARTS, KILLS) {
        let nth = round % processes;
        let kill = async {
            running[nth].child.kill().await.unwrap();
            running[nth] = start(nth).await;
        };
        writers.round(&mut written, round % 17, kill).await;
    }
    writers.check(written).await;
    for process in running {
        process.stop().await;
    }
}

#[tokio::test]
async fn a_killed_server_loses_nothing_that_was_acknowledged() {
    kill_processes("kills of a server", 1, &[]).await;
}

#[tokio::test]
async fn of_two_servers_either_may_be_killed() {
    let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") else {
        return;
    };
    let databases = [
        make_database(&postgres).await,
        make_database(&postgres).await,
    ];
    kill_processes("kills of one server of two", 2, &databases).await;
}

#[tokio::test]
async fn a_killed_database_loses_nothing_that_was_acknowledged() {
    let Some(mut cluster) = Cluster::start_new().await else {
        return;
    };
    let address = cluster.url();
    let databases = [make_database(&address).await, make_database(&address).await];
    let mut second = None;
    let lab = Lab::with(|config: &mut Config| {
        let [vault, keystore] = databases.clone();
        (config.vault_db, config.keystore_db) = (Some(vault), Some(keystore));
        (config.rate_limits, config.quotas.cards) = (false, 1_000_000);
        config.quotas.spaces = 1_000_000;
        second = Some(config.clone());
    })
    .await;
    let mut second = second.unwrap();
    second.vault_urls = vec![lab.server.vault_url().to_owned()];
    second.keystore_urls = vec![lab.server.keystore_url().to_owned()];
    let second = Server::start(second).await.unwrap();
    let servers = [lab.server.address(), second.address()];
    let writers = Writers::at(servers.map(|address| format!("http://{address}")).to_vec()).await;
    let mut written = Written::default();
    for round in 0..rounds("kills of PostgreSQL", PARTS, KILLS) {
        let kill = async {
            cluster.kill();
            cluster.start_again().await;
        };
        writers.round(&mut written, round % 17, kill).await;
    }
    writers.check(written).await;
    second.stop().await;
}
