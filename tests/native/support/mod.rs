//! What native tests share: the real server on a free port, a transport over HTTP that can be tampered with, engines
//! that count or break, and people.

mod engine;
mod http;
pub mod jose;
pub mod opaque;
mod port;
pub mod sample;
pub mod secrets;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::runtime::Runtime;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::crypto::records::{CardContent, Delivery, Part};
use vouchsafe::flows::{
    Card, Client, Connection, Invitation, Invite, LinkRequest, Session, ShareRequest, Steps,
};
use vouchsafe::ids::Id;
use vouchsafe_server::{Clock, Config, Server};

pub use engine::{Counting, Counts, Hooked, Hooks, rsa_key};
pub use http::{Fault, Http};
pub(crate) use port::Port;

pub type TestSession = Session<Http, Counting>;
pub type TestClient = Client<Http, Counting>;

pub const PAGE: &str = "https://app.example/";

/// The servers run beside the tests, which have one thread each.
static SERVERS: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// How long a test waits for what must happen: milliseconds on an idle machine, seconds on one with a hundred other
/// things to do. It ends a test that would hang, and decides nothing else.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running Vault and Keystore with their data in a temporary folder.
pub struct World {
    server: Option<Server>,
    config: Config,
    /// Held, so that the server can be started again at the address that it had.
    _port: Port,
    folder: tempfile::TempDir,
    clock: Arc<AtomicI64>,
    pub vault: String,
    pub keystore: String,
}

impl World {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path());
        config.rate_limits = false;
        config.dev_mailbox = true;
        config.invitation_urls = vec![PAGE.into()];
        let clock = Arc::new(AtomicI64::new(0));
        config.clock = Clock::new({
            let clock = Arc::clone(&clock);
            let system = Clock::system();
            move || system.now() + clock.load(Ordering::Relaxed)
        });
        let port = Port::hold();
        config.listen = port.address().to_string();
        change(&mut config);
        let server = on_servers(Server::start(config.clone())).unwrap();
        let (vault, keystore) = (
            server.vault_url().to_owned(),
            server.keystore_url().to_owned(),
        );
        Self {
            server: Some(server),
            config,
            _port: port,
            folder,
            clock,
            vault,
            keystore,
        }
    }

    /// Stops the server, changes something in its data folder, and starts it again at the same address.
    pub fn restart(&mut self, between: impl FnOnce(&Path), change: impl FnOnce(&mut Config)) {
        on_servers(self.server.take().unwrap().stop());
        between(self.folder.path());
        let mut config = self.config.clone();
        change(&mut config);
        self.server = Some(on_servers(Server::start(config)).unwrap());
    }

    /// Every row of a service's database, as `table: values`.
    pub async fn rows(&self, service: &str) -> Vec<String> {
        sqlx::any::install_default_drivers();
        let file = self.data().join(format!("{service}.db"));
        let url = format!("sqlite://{}?mode=ro", file.display());
        let pool = sqlx::AnyPool::connect(&url).await.unwrap();
        let list = |sql: String| {
            let pool = pool.clone();
            async move {
                let query = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql));
                query.fetch_all(&pool).await.unwrap()
            }
        };
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
        let mut rows = Vec::new();
        for table in list(tables.into()).await {
            let columns =
                format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')");
            let values = list(columns).await.join(" || ' ' || ");
            let found = list(format!("SELECT {values} FROM {table}")).await;
            rows.extend(found.iter().map(|row| format!("{table}: {row}")));
        }
        pool.close().await;
        rows
    }

    /// Time passes at the services; the clients' clocks stay.
    pub fn pass(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// A client as one device has it.
    pub fn client(&self) -> TestClient {
        self.client_with(Http::default(), Counting::default())
    }

    pub fn client_with(&self, http: Http, engine: Counting) -> TestClient {
        Client::new(
            http,
            engine,
            &self.vault,
            &self.keystore,
            Some(PAGE.into()),
            Steps::default(),
        )
        .unwrap()
    }

    /// A new person on a new device.
    pub async fn person(&self, name: &str) -> Person {
        let (http, engine) = (Http::default(), Counting::default());
        let client = self.client_with(http.clone(), engine.clone());
        let email = format!("{name}@example.org");
        let made = client.sign_up(&email, PASSPHRASE).await.unwrap();
        Person {
            client,
            session: made.session,
            http,
            engine,
            email,
            recovery_key: made.recovery_key.to_string(),
        }
    }

    /// The same person on another device.
    pub async fn other_device(&self, person: &Person) -> Person {
        let (http, engine) = (Http::default(), Counting::default());
        let client = self.client_with(http.clone(), engine.clone());
        let session = client.sign_in(&person.email, PASSPHRASE).await.unwrap();
        Person {
            client,
            session,
            http,
            engine,
            email: person.email.clone(),
            recovery_key: String::new(),
        }
    }

    /// The captured mails, newest first, once there is one for this address.
    pub async fn mail_to(&self, address: &str) -> serde_json::Value {
        let root = self.vault.strip_suffix("/vault").unwrap().to_owned();
        eventually(async || {
            let answer = reqwest::get(format!("{root}/dev/mails")).await.unwrap();
            let body = answer.bytes().await.unwrap();
            let list: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let mut mails = list["items"].as_array().unwrap().iter();
            mails.find(|mail| mail["to"] == address).cloned()
        })
        .await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            SERVERS.spawn(server.stop());
        }
    }
}

/// Runs something where the servers run. Not by `block_on`: tests call this from inside a runtime of their own.
fn on_servers<R: Send + 'static>(work: impl Future<Output = R> + Send + 'static) -> R {
    let (tell, told) = std::sync::mpsc::channel();
    SERVERS.spawn(async move { tell.send(work.await) });
    told.recv().unwrap()
}

pub const PASSPHRASE: &str = "correct horse battery staple";

/// A person with the device that they sit at.
pub struct Person {
    pub client: TestClient,
    pub session: TestSession,
    pub http: Http,
    pub engine: Counting,
    pub email: String,
    pub recovery_key: String,
}

impl Person {
    pub async fn card(&self) -> Card {
        self.session.create_card(passport()).await.unwrap()
    }

    pub async fn invite_by_link(&self, name: &str) -> (Invitation, Ticket) {
        let invitation = self.session.invite(by_link(name)).await.unwrap();
        let ticket = Ticket::from_link(invitation.link.as_deref().unwrap()).unwrap();
        (invitation, ticket)
    }

    pub async fn invite_by_mail(&self, world: &World, peer: &Person) -> (Invitation, Ticket) {
        let invitation = self.session.invite(by_mail(&peer.email)).await.unwrap();
        let mail = world.mail_to(&peer.email).await;
        (
            invitation,
            Ticket::from_link(mail["link"].as_str().unwrap()).unwrap(),
        )
    }
}

/// Two connected people: the inviter's and the invitee's view.
pub async fn connect_by_link(inviter: &Person, invitee: &Person) -> (Connection, Connection) {
    let (_, ticket) = inviter.invite_by_link("Bob").await;
    let theirs = invitee.session.accept(&ticket, "Alice").await.unwrap();
    (inviter.session.connection(theirs.id).await.unwrap(), theirs)
}

pub async fn connect_by_mail(
    world: &World,
    inviter: &Person,
    invitee: &Person,
) -> (Connection, Connection) {
    let (_, ticket) = inviter.invite_by_mail(world, invitee).await;
    let theirs = invitee.session.accept(&ticket, "Alice").await.unwrap();
    (inviter.session.connection(theirs.id).await.unwrap(), theirs)
}

pub fn by_link(name: &str) -> Invite {
    Invite {
        page: None,
        language: None,
        delivery: Delivery::Link,
        email: None,
        name: name.into(),
        expires_at: None,
    }
}

pub fn by_mail(email: &str) -> Invite {
    Invite {
        page: None,
        language: None,
        delivery: Delivery::Email,
        email: Some(email.into()),
        name: "Bob".into(),
        expires_at: None,
    }
}

pub fn passport() -> CardContent {
    CardContent::new(
        "Passport",
        &[
            ("number", "Number", "X123"),
            ("country", "Country", "Iceland"),
        ],
    )
}

pub fn whole(card: Id, connection: Id) -> ShareRequest {
    ShareRequest {
        card,
        connections: vec![connection],
        part: Part::default(),
        expires_at: None,
        accept_unverified: false,
        live: true,
    }
}

/// A link that shows the whole card for a day.
pub fn linked(card: Id) -> LinkRequest {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    LinkRequest {
        card,
        part: Part::default(),
        expires_at: i64::try_from(now).unwrap() + 24 * 3600 * 1000,
        max_reads: None,
        passphrase: None,
        name: "Alice".into(),
        live: true,
    }
}

/// The same as a snapshot: always a new share.
pub fn snapshot(card: Id, connection: Id) -> ShareRequest {
    ShareRequest {
        live: false,
        ..whole(card, connection)
    }
}

/// Runs a test on one thread, as a browser would.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

/// Looks again and again until `look` finds something.
pub async fn eventually<R>(mut look: impl AsyncFnMut() -> Option<R>) -> R {
    let found = async {
        loop {
            match look().await {
                Some(found) => return found,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    found.expect("it comes about")
}

/// The server's own program, which lies beside the tests' folder.
pub fn server_program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap();
    let program = folder
        .join("vouchsafe-server")
        .with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        program.exists(),
        "build it first: cargo build -p vouchsafe-server"
    );
    program
}
