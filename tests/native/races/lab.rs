//! A server to race at, callers who race, and who won how often.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::runtime::Builder;
use tokio::sync::Barrier;
use tokio::task::LocalSet;
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::rsa_key::RsaKey;
use vouchsafe::crypto::xwing::XwingKey;
use vouchsafe::ids::Id;

use crate::races::forging::forge_key;
use crate::support::{Http, Person, World, sample};

/// How often people race where everything is tried; otherwise in one of so many parts of the rounds.
pub const ROUNDS: usize = 1000;

pub const PARTS: usize = 40;

/// Callers' tokens last five minutes; in so many rounds no time passes to speak of.
pub const FRESH: usize = 100;

/// A running server, and its databases to look into.
pub struct Lab {
    pub world: World,
    keystore: String,
    vault: String,
}

impl Lab {
    /// With SQLite, or where `VOUCHSAFE_TEST_POSTGRES` is set, with two new databases of that PostgreSQL server.
    pub async fn start() -> Self {
        sqlx::any::install_default_drivers();
        let postgres = std::env::var("VOUCHSAFE_TEST_POSTGRES").ok();
        let databases = match &postgres {
            Some(server) => Some((make_database(server).await, make_database(server).await)),
            None => None,
        };
        let world = World::start_with(|config| {
            if let Some((keystore, vault)) = &databases {
                config.keystore_db = Some(keystore.clone());
                config.vault_db = Some(vault.clone());
            }
        });
        let file = |name: &str| format!("sqlite://{}?mode=ro", world.data().join(name).display());
        let (keystore, vault) =
            databases.unwrap_or_else(|| (file("keystore.db"), file("vault.db")));
        println!("with {}", postgres.as_deref().unwrap_or("SQLite"));
        Self {
            world,
            keystore,
            vault,
        }
    }

    /// Counts rows of the Keystore: what stands after `SELECT COUNT(*) FROM`.
    pub async fn in_keystore(&self, rows: &str) -> usize {
        count(&self.keystore, rows).await
    }

    /// Counts rows of the Vault.
    pub async fn in_vault(&self, rows: &str) -> usize {
        count(&self.vault, rows).await
    }
}

async fn count(database: &str, rows: &str) -> usize {
    let pool = sqlx::AnyPool::connect(database).await.unwrap();
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {rows}"));
    let count: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    pool.close().await;
    usize::try_from(count).unwrap()
}

async fn make_database(server: &str) -> String {
    let name = format!("races_{}", random_id().to_string().replace('-', ""));
    let pool = sqlx::AnyPool::connect(&format!("{server}/postgres"))
        .await
        .unwrap();
    let sql = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
    format!("{server}/{name}")
}

/// Somebody who sends requests of their own making.
#[derive(Clone)]
pub struct Caller {
    http: reqwest::Client,
    pub account: String,
    keystore: String,
    vault: String,
    session: String,
    token: String,
}

impl Caller {
    /// Goes on with a person's session.
    pub async fn of(world: &World, person: &Person) -> Self {
        let page = vouchsafe::api::PageRequest::default();
        person.session.cards(&page).await.unwrap();
        let mut caller = Self {
            http: reqwest::Client::new(),
            account: person.session.account().to_string(),
            keystore: world.keystore.clone(),
            vault: world.vault.clone(),
            session: person.http.bearer_to("/keystore/v1/tokens"),
            token: String::new(),
        };
        caller.renew().await;
        caller
    }

    /// Gets a new token for the Vault.
    pub async fn renew(&mut self) {
        let body = json!({ "audience": self.vault });
        let (status, answer) = self.keystore("POST", "/tokens", body).await;
        assert_eq!(status, 200, "{answer}");
        self.token = answer["token"].as_str().unwrap().to_owned();
    }

    pub async fn keystore(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v1{path}", self.keystore);
        send(&self.http, method, &url, Some(&self.session), &body).await
    }

    pub async fn vault(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v1{path}", self.vault);
        send(&self.http, method, &url, Some(&self.token), &body).await
    }

    /// Publishes a key of the caller and gives its id.
    pub async fn publish(&self) -> String {
        let rsa = RsaKey::from_pkcs8(forge_key()).unwrap();
        let xwing = XwingKey::make(&RustEngine).unwrap();
        let key = ConnectionKey::new(rsa, xwing).unwrap();
        let id = key.public().id().to_owned();
        let body = json!({
            "spki": BASE64URL_NOPAD.encode(key.public().rsa().spki()),
            "xwing": key.public().xwing().to_text(),
            "signingKey": { "crv": "Ed25519", "kty": "OKP", "x": random(32) },
            "statement": format!("e30.e30.{}", random(64)),
        });
        let path = format!("/public-keys/{id}");
        assert_eq!(self.vault("PUT", &path, body).await.0, 201);
        id
    }
}

/// Sends a request. A service that fails is a race that was lost.
pub async fn send(
    http: &reqwest::Client,
    method: &str,
    url: &str,
    bearer: Option<&str>,
    body: &Value,
) -> (u16, Value) {
    let mut request = http.request(method.parse().unwrap(), url);
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    if !body.is_null() {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await.unwrap();
    let body = match bytes.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&bytes).unwrap(),
    };
    assert!(status < 500, "{url}: {status} {body}");
    (status, body)
}

pub fn code(answer: &(u16, Value)) -> &str {
    answer.1["error"]["code"].as_str().unwrap_or_default()
}

/// So many random bytes, as text.
pub fn random(length: usize) -> String {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).unwrap();
    BASE64URL_NOPAD.encode(&bytes)
}

pub fn random_id() -> Id {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).unwrap();
    Id::v7(now(), &bytes)
}

pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Something of the shape of a compact JWE.
pub fn jwe() -> String {
    format!(
        "eyJhbGciOiJkaXIifQ..{}.{}.{}",
        random(12),
        random(40),
        random(16)
    )
}

/// From now on, a service that fails ends the test.
pub fn watch(http: &Http) {
    http.tamper(|request, response| {
        assert!(
            response.status < 500,
            "{}: {}",
            request.url,
            response.status
        );
        response
    });
}

/// Lets two tasks start at the same moment, on two threads.
pub async fn race<A, B>(
    first: impl Future<Output = A> + Send + 'static,
    second: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let start = std::sync::Arc::new(Barrier::new(2));
    let also = start.clone();
    let first = tokio::spawn(async move {
        start.wait().await;
        first.await
    });
    let second = tokio::spawn(async move {
        also.wait().await;
        second.await
    });
    (first.await.unwrap(), second.await.unwrap())
}

/// Runs what people's sessions take part in, and everything that they left to be done.
pub fn on_one_thread<R>(work: impl Future<Output = R>) -> R {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = LocalSet::new();
    let result = tasks.block_on(&runtime, work);
    runtime.block_on(tasks);
    result
}

/// Runs what only callers take part in.
pub fn on_many_threads<R>(work: impl Future<Output = R>) -> R {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

/// Which of two ways the rounds went.
pub struct Tally {
    what: &'static str,
    ways: [&'static str; 2],
    counts: [usize; 2],
    wanted: usize,
    most: usize,
    began: Instant,
}

impl Tally {
    /// For so many rounds where everything is tried.
    pub fn new(what: &'static str, ways: [&'static str; 2], most: usize) -> Self {
        Self {
            what,
            ways,
            counts: [0; 2],
            wanted: sample::rounds(what, PARTS, most),
            most,
            began: Instant::now(),
        }
    }

    /// Whether there is another round: until there were as many as are wanted, and after that, until it went both ways.
    pub fn goes_on(&self) -> bool {
        let rounds = self.rounds();
        rounds < self.wanted || rounds < self.most && self.counts.contains(&0)
    }

    /// A round went the second way, or the first.
    pub fn count(&mut self, second: bool) {
        self.counts[usize::from(second)] += 1;
    }

    pub fn rounds(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Prints the counts, and gives the number of rounds. Where one way never came about, there was no race.
    pub fn tell(self) -> usize {
        let Self {
            what,
            ways: [one, other],
            counts: [first, second],
            began,
            ..
        } = self;
        let seconds = began.elapsed().as_secs_f64();
        let rounds = first + second;
        println!("{what}: {rounds} rounds in {seconds:.1} s; {first} × {one}, {second} × {other}");
        assert!(first > 0 && second > 0, "{what} was no race");
        rounds
    }
}
