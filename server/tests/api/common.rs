//! A server on a free port with a folder of its own, people to use it, and a clock to move.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use data_encoding::BASE64URL_NOPAD;
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse,
    Ristretto255, TripleDh, ksf,
};
use rand_core::{OsRng, RngCore};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};
use sqlx::AnyPool;
use tempfile::TempDir;
use tokio::task::LocalSet;
use uuid::Uuid;
use vouchsafe_server::{Clock, Config, S3, Server};

use crate::beside;

pub(crate) const DAY: i64 = 24 * 60 * 60 * 1000;

/// How long a test waits for what must happen: milliseconds on an idle machine, seconds on one with a hundred other
/// things to do. It ends a test that would hang, and decides nothing else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = ksf::Identity;
}

const SERVER: Identifiers<'static> = Identifiers {
    client: None,
    server: Some(b"vouchsafe-keystore"),
};

pub(crate) struct Lab {
    pub(crate) server: Server,
    /// Another server with the same databases, which answers every second request.
    _second: Option<Server>,
    pub(crate) folder: TempDir,
    pub(crate) http: Client,
    pub(crate) vault_db: String,
    pub(crate) keystore_db: String,
    time: Arc<AtomicI64>,
}

/// A status and a body, as one value to compare with.
pub(crate) type Answer = (u16, Value);

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::wrapped(change, |routes| routes).await
    }

    /// A lab with something put around the server's routes.
    pub(crate) async fn wrapped(
        change: impl FnOnce(&mut Config),
        wrap: impl FnOnce(Router) -> Router,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(1_800_000_000_000));
        let mut config = Config::new(folder.path());
        let clock = time.clone();
        config.clock = Clock::new(move || clock.load(Ordering::SeqCst));
        config.dev_mailbox = true;
        // So long that nothing is seen by polling alone.
        config.heartbeat = Duration::from_secs(3600);
        // Another database than SQLite, for the same tests: the URL of a PostgreSQL server.
        if let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") {
            config.vault_db = Some(make_database(&postgres).await);
            config.keystore_db = Some(make_database(&postgres).await);
        }
        // Another store of files than a folder, likewise: the URL of what speaks like S3, and lets everybody in.
        if let Ok(endpoint) = std::env::var("VOUCHSAFE_TEST_S3") {
            use_bucket(&mut config, &endpoint).await;
        }
        change(&mut config);
        // Mails that are sent are not captured.
        config.dev_mailbox &= config.smtp_url.is_none();
        let url = |configured: &Option<String>, name| {
            let file = folder.path().join(name);
            let sqlite = || format!("sqlite://{}?mode=ro", file.display());
            configured.clone().unwrap_or_else(sqlite)
        };
        let vault_db = url(&config.vault_db, "vault.db");
        let keystore_db = url(&config.keystore_db, "keystore.db");
        let wrap = |routes| wrap(crate::plans::watched(routes));
        let (server, second) = match beside::is_wanted(&config) {
            true => beside::start(config, wrap).await,
            false => (Server::start_wrapped(config, wrap).await.unwrap(), None),
        };
        Self {
            server,
            _second: second,
            folder,
            http: Client::new(),
            vault_db,
            keystore_db,
            time,
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.time.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, millis: i64) {
        self.time.fetch_add(millis, Ordering::SeqCst);
    }

    /// Asks, and holds the answer to what the service describes.
    pub(crate) async fn call(
        &self,
        method: &str,
        url: &str,
        bearer: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        call(&self.http, method, url, bearer, body).await
    }

    pub(crate) async fn keystore(
        &self,
        bearer: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        self.call(
            method,
            &format!("{}/v1{path}", self.server.keystore_url()),
            Some(bearer),
            body,
        )
        .await
    }

    pub(crate) async fn open_keystore(&self, path: &str, body: Value) -> Answer {
        self.call(
            "POST",
            &format!("{}/v1{path}", self.server.keystore_url()),
            None,
            Some(body),
        )
        .await
    }

    pub(crate) async fn vault(
        &self,
        bearer: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        self.call(
            method,
            &format!("{}/v1{path}", self.server.vault_url()),
            Some(bearer),
            body,
        )
        .await
    }

    pub(crate) async fn sign_up(&self, name: &str) -> Person {
        sign_up(
            &self.http,
            self.server.keystore_url(),
            self.server.vault_url(),
            name,
        )
        .await
    }

    pub(crate) async fn token(&self, person: &Person) -> String {
        token(
            &self.http,
            self.server.keystore_url(),
            self.server.vault_url(),
            &person.session,
        )
        .await
    }

    /// A token that deletes the person's account at the Vault.
    pub(crate) async fn proof(&self, person: &Person) -> String {
        let body = json!({ "audience": self.server.vault_url() });
        let (status, body) = self
            .keystore(&person.session, "POST", "/tokens/proof", Some(body))
            .await;
        assert_eq!(status, 200, "{body}");
        body["token"].as_str().unwrap().to_owned()
    }

    /// Publishes a key of the person and gives its id.
    pub(crate) async fn publish(&self, person: &Person) -> String {
        let (id, body) = public_key();
        let answer = self
            .vault(
                &person.token,
                "PUT",
                &format!("/public-keys/{id}"),
                Some(body),
            )
            .await;
        assert_eq!(answer, (201, json!({ "id": id })));
        id
    }

    /// An invitation by link: its id and token.
    pub(crate) async fn invite(&self, inviter: &Person) -> (String, String) {
        let key = self.publish(inviter).await;
        let (id, token) = (v7(), random(16));
        let body = link_invitation(&key, &token, self.now() + 14 * DAY);
        let (status, _) = self
            .vault(
                &inviter.token,
                "PUT",
                &format!("/invitations/{id}"),
                Some(body),
            )
            .await;
        assert_eq!(status, 201);
        (id, token)
    }

    /// A connection between two people, by its id.
    pub(crate) async fn connect(&self, inviter: &Person, invitee: &Person) -> String {
        let (id, token) = self.invite(inviter).await;
        let key = self.publish(invitee).await;
        let body = json!({ "invitationId": id, "token": token, "publicKeyId": key, "proof": null });
        let (status, _) = self
            .vault(&invitee.token, "POST", "/connections", Some(body))
            .await;
        assert_eq!(status, 201);
        id
    }

    /// A share, by its id.
    pub(crate) async fn share(
        &self,
        sender: &Person,
        connection: &str,
        expires_at: Option<i64>,
    ) -> String {
        let share = new_share(connection, expires_at);
        let id = share["id"].as_str().unwrap().to_owned();
        let answer = self
            .vault(
                &sender.token,
                "POST",
                "/shares",
                Some(json!({ "shares": [share] })),
            )
            .await;
        assert_eq!(
            answer.1,
            json!({ "results": [{ "id": id, "error": null, "createdAt": self.now() }] })
        );
        id
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let answer = async {
        loop {
            match ask().await {
                Some(answer) => return answer,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, answer)
        .await
        .expect("it happens")
}

/// Runs a test of a server's own time-out, which keeps to it in all that it does beside. The time-out is short; where
/// this machine is too slow for that, the test is run with longer ones.
pub(crate) async fn with_time_out<F: Future<Output = ()> + 'static>(test: impl Fn(Duration) -> F) {
    for short in [200, 2_000] {
        let attempt = test(Duration::from_millis(short));
        let attempt = async { tokio::task::spawn_local(attempt).await };
        if LocalSet::new().run_until(attempt).await.is_ok() {
            return;
        }
    }
    test(Duration::from_secs(20)).await;
}

/// Whether any file of the folder holds the text.
pub(crate) fn holds(folder: &Path, text: &str) -> bool {
    let text = text.as_bytes();
    std::fs::read_dir(folder).unwrap().any(|entry| {
        // A journal may go while the folder is read.
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text)
    })
}

/// Waits until nothing of the data folder holds the text. A server of databases is trusted to have erased it.
pub(crate) async fn gone(lab: &Lab, text: &str) {
    if lab.vault_db.starts_with("sqlite:") {
        until(async || (!holds(lab.folder.path(), text)).then_some(())).await;
    }
}

/// A service's own database.
pub(crate) async fn database(url: &str) -> AnyPool {
    sqlx::any::install_default_drivers();
    AnyPool::connect(url).await.unwrap()
}

/// A new database of a PostgreSQL server.
pub(crate) async fn make_database(postgres: &str) -> String {
    let name = format!("vouchsafe_{}", Uuid::new_v4().simple());
    let pool = database(&format!("{postgres}/postgres")).await;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    format!("{postgres}/{name}")
}

/// A new bucket for a server's files.
pub(crate) async fn use_bucket(config: &mut Config, endpoint: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bucket = format!("vouchsafe-{}", Uuid::new_v4().simple());
    let made = Client::new().put(format!("{endpoint}/{bucket}")).send();
    assert!(made.await.unwrap().status().is_success());
    config.vault_files = Some(format!("s3://{bucket}/some/files"));
    config.s3 = S3 {
        endpoint: Some(endpoint.to_owned()),
        access_key: Some("test".to_owned()),
        secret_key: Some("test".to_owned()),
        ..config.s3.clone()
    };
}

pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) passphrase: String,
    pub(crate) account: String,
    pub(crate) session: String,
    pub(crate) token: String,
}

pub(crate) async fn call(
    http: &Client,
    method: &str,
    url: &str,
    bearer: Option<&str>,
    body: Option<Value>,
) -> Answer {
    let mut request = http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let id = response.headers().get("x-request-id").cloned();
    let bytes = response.bytes().await.unwrap();
    let mut body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).unwrap()
    };
    crate::description::hold(http, method, url, status, &body).await;
    // Each request has an id of its own, which is left out of what tests compare.
    if let Some(id) = id.filter(|_| status >= 400) {
        let named = body.as_object_mut().unwrap().remove("requestId");
        assert_eq!(named, Some(json!(id.to_str().unwrap())));
    }
    (status, body)
}

pub(crate) async fn sign_up(http: &Client, keystore: &str, vault: &str, name: &str) -> Person {
    sign_up_by(http, keystore, vault, &format!("{name}@example.org")).await
}

/// Somebody of this address.
pub(crate) async fn sign_up_as(lab: &Lab, email: &str) -> Person {
    let (keystore, vault) = (lab.server.keystore_url(), lab.server.vault_url());
    sign_up_by(&lab.http, keystore, vault, email).await
}

async fn sign_up_by(http: &Client, keystore: &str, vault: &str, email: &str) -> Person {
    let (email, passphrase) = (email.to_owned(), format!("passphrase of {email}"));
    let finish = sign_up_body(http, keystore, &email, &passphrase).await;
    let url = format!("{keystore}/v1/sign-up/finish");
    let (status, body) = call(http, "POST", &url, None, Some(finish)).await;
    assert_eq!(status, 201, "{body}");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let (account, session) = (text("accountId"), text("session"));
    let token = token(http, keystore, vault, &session).await;
    Person {
        email,
        passphrase,
        account,
        session,
        token,
    }
}

/// A body with who asks: an address, or an identity token, which begins as JSON does in base64url.
pub(crate) fn by(who: &str, mut body: Value) -> Value {
    let is_token = who.starts_with("eyJ");
    body["email"] = json!((!is_token).then_some(who));
    body["identityToken"] = json!(is_token.then_some(who));
    body
}

/// OPAQUE's first message of a registration.
pub(crate) fn registration_request() -> Value {
    let start = ClientRegistration::<Suite>::start(&mut OsRng, b"secret").unwrap();
    json!({ "suite": 1, "registrationRequest": encode(&start.message.serialize()) })
}

/// The first request of a sign-up.
pub(crate) fn sign_up_start(keystore: &str, who: &str) -> Value {
    let mut body = registration_request();
    body["keystore"] = json!(keystore);
    by(who, body)
}

/// Runs the first step of a registration at `url`, and makes the part of the second that OPAQUE gives: `registration` and
/// `registrationRecord`.
pub(crate) async fn register(
    http: &Client,
    url: &str,
    bearer: Option<&str>,
    who: Option<&str>,
    passphrase: &str,
) -> Value {
    let start = ClientRegistration::<Suite>::start(&mut OsRng, passphrase.as_bytes()).unwrap();
    let request = encode(&start.message.serialize());
    let mut body = json!({ "suite": 1, "registrationRequest": request });
    if let Some(who) = who {
        let (keystore, _) = url.split_once("/v1/").unwrap();
        body["keystore"] = json!(keystore);
        body = by(who, body);
    }
    let (status, body) = call(http, "POST", url, bearer, Some(body)).await;
    assert_eq!(status, 200, "{body}");
    let response =
        RegistrationResponse::deserialize(&decode(&body["registrationResponse"])).unwrap();
    let parameters = ClientRegistrationFinishParameters::new(SERVER, None);
    let finish = start
        .state
        .finish(&mut OsRng, passphrase.as_bytes(), response, parameters)
        .unwrap();
    let record = encode(&finish.message.serialize());
    json!({ "registration": body["registration"], "registrationRecord": record })
}

/// Runs the first step of a sign-up and makes the body of the second.
pub(crate) async fn sign_up_body(
    http: &Client,
    keystore: &str,
    who: &str,
    passphrase: &str,
) -> Value {
    let url = format!("{keystore}/v1/sign-up/start");
    let registered = register(http, &url, None, Some(who), passphrase).await;
    let body = json!({
        "accountId": Uuid::new_v4().to_string(),
        "registration": registered["registration"],
        "registrationRecord": registered["registrationRecord"],
        "kekPassphrase": jwe("kek passphrase"),
        "kekRecovery": jwe("kek recovery"),
        "vaultKey": jwe("vault key"),
        "signingKey": jwe("signing key"),
        "recoveryVerifier": hash(&recovery_auth(who)),
    });
    by(who, body)
}

/// The value that an account's first recovery key would give.
pub(crate) fn recovery_auth(who: &str) -> String {
    encode(&Sha256::digest(format!("recovery key of {who}")))
}

/// The SHA-256 of bytes, both in base64url.
pub(crate) fn hash(bytes: &str) -> String {
    encode(&Sha256::digest(decode(&json!(bytes))))
}

/// The first request of a sign-in whose answer does not matter.
pub(crate) fn sign_in_start(keystore: &str, who: &str) -> Value {
    let start = ClientLogin::<Suite>::start(&mut OsRng, b"secret").unwrap();
    let request = encode(&start.message.serialize());
    by(
        who,
        json!({ "keystore": keystore, "credentialRequest": request }),
    )
}

/// Begins a sign-in: the answer, and the body of the second step if the passphrase fits.
pub(crate) async fn sign_in_body(
    http: &Client,
    keystore: &str,
    who: &str,
    passphrase: &str,
) -> (Value, Option<Value>) {
    let start = ClientLogin::<Suite>::start(&mut OsRng, passphrase.as_bytes()).unwrap();
    let request = encode(&start.message.serialize());
    let body = by(
        who,
        json!({ "keystore": keystore, "credentialRequest": request }),
    );
    let (status, body) = call(
        http,
        "POST",
        &format!("{keystore}/v1/sign-in/start"),
        None,
        Some(body),
    )
    .await;
    assert_eq!(status, 200, "{body}");
    let response = CredentialResponse::deserialize(&decode(&body["credentialResponse"])).unwrap();
    let context = format!("vouchsafe/1 suite {} {keystore}", body["suite"]);
    let parameters = ClientLoginFinishParameters::new(Some(context.as_bytes()), SERVER, None);
    let finish = start
        .state
        .finish(&mut OsRng, passphrase.as_bytes(), response, parameters)
        .ok();
    let finish = finish.map(|finish| {
        json!({ "login": body["login"], "credentialFinalization": encode(&finish.message.serialize()) })
    });
    (body, finish)
}

pub(crate) async fn sign_in(http: &Client, keystore: &str, who: &str, passphrase: &str) -> Answer {
    let (_, finish) = sign_in_body(http, keystore, who, passphrase).await;
    let finish = finish.expect("the passphrase fits");
    call(
        http,
        "POST",
        &format!("{keystore}/v1/sign-in/finish"),
        None,
        Some(finish),
    )
    .await
}

pub(crate) async fn token(http: &Client, keystore: &str, vault: &str, session: &str) -> String {
    let url = format!("{keystore}/v1/tokens");
    let (status, body) = call(
        http,
        "POST",
        &url,
        Some(session),
        Some(json!({ "audience": vault })),
    )
    .await;
    assert_eq!(status, 200, "{body}");
    body["token"].as_str().unwrap().to_owned()
}

pub(crate) fn code(answer: &Answer) -> (u16, &str) {
    (
        answer.0,
        answer.1["error"]["code"].as_str().unwrap_or("no error"),
    )
}

pub(crate) fn link_invitation(key: &str, token: &str, expires_at: i64) -> Value {
    json!({
        "publicKeyId": key, "delivery": "link", "email": null, "tokenHash": hash(token), "page": null, "language": null,
        "expiresAt": expires_at,
    })
}

pub(crate) fn mail_invitation(key: &str, email: &str, expires_at: i64) -> Value {
    json!({ "publicKeyId": key, "delivery": "email", "email": email, "tokenHash": null, "page": null, "language": null,
        "expiresAt": expires_at })
}

pub(crate) fn new_share(connection: &str, expires_at: Option<i64>) -> Value {
    json!({
        "id": v7(), "connectionId": connection, "spaceId": v7(), "edition": 1, "expiresAt": expires_at,
        "share": jwe("share"),
    })
}

pub(crate) fn new_space(recipient: &Person, expires_at: Option<i64>) -> Value {
    json!({
        "id": v7(), "connectionId": v7(), "recipient": recipient.account, "expiresAt": expires_at,
        "own": jwe("own"), "peer": jwe("peer"), "share": v7(), "sent": jwe("sent"), "tag": random(16), "live": false,
    })
}

/// The body that stores this claim.
pub(crate) fn claims(space: &Value, claim: &str) -> Option<Value> {
    Some(json!({ "claims": [{ "id": space["id"], "claim": jwe(claim) }] }))
}

/// A key of the right form with a random modulus: its id and the body that publishes it.
pub(crate) fn public_key() -> (String, Value) {
    let mut modulus = [0; 384];
    OsRng.fill_bytes(&mut modulus);
    modulus[0] |= 0x80;
    modulus[383] |= 1;
    let before = data_encoding::HEXLOWER
        .decode(b"308201a2300d06092a864886f70d01010105000382018f003082018a0282018100")
        .unwrap();
    let spki = [&before[..], &modulus, &[2, 3, 1, 0, 1]].concat();
    let jwk = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, encode(&modulus));
    let mut xwing = [0; 1216];
    OsRng.fill_bytes(&mut xwing);
    let id = Sha256::new()
        .chain_update("vouchsafe/1 connection key")
        .chain_update(Sha256::digest(jwk))
        .chain_update(xwing)
        .finalize();
    let body = json!({
        "spki": encode(&spki),
        "xwing": encode(&xwing),
        "signingKey": { "crv": "Ed25519", "kty": "OKP", "x": random(32) },
        "statement": format!("{}.{}.{}", encode(b"{}"), encode(b"{}"), random(64)),
    });
    (encode(&id), body)
}

/// Something of the shape of a compact JWE.
pub(crate) fn jwe(text: &str) -> String {
    format!(
        "{}..{}.{}.{}",
        encode(br#"{"alg":"dir"}"#),
        encode(&[0; 12]),
        encode(text.as_bytes()),
        encode(&[0; 16])
    )
}

pub(crate) fn v7() -> String {
    Uuid::now_v7().to_string()
}

pub(crate) fn random(length: usize) -> String {
    let mut bytes = vec![0; length];
    OsRng.fill_bytes(&mut bytes);
    encode(&bytes)
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

pub(crate) fn decode(text: &Value) -> Vec<u8> {
    BASE64URL_NOPAD
        .decode(text.as_str().unwrap().as_bytes())
        .unwrap()
}
