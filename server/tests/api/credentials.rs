//! Recovery and changes of passphrase and recovery key.

use std::path::Path;

use crate::common::*;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use vouchsafe_server::{Config, Server};

pub(crate) const MINUTE: i64 = 60_000;

/// Begins a recovery with this key.
pub(crate) async fn recover(lab: &Lab, email: &str, auth: &str) -> Answer {
    let body = by(email, json!({ "recoveryAuth": auth }));
    lab.open_keystore("/recovery/start", body).await
}

/// The `passphrase` of a change of credentials.
pub(crate) async fn new_passphrase(lab: &Lab, session: &str, passphrase: &str) -> Value {
    let url = format!("{}/v1/credentials/start", lab.server.keystore_url());
    let mut new = register(&lab.http, &url, Some(session), None, passphrase).await;
    new["kekPassphrase"] = json!(jwe(&format!("kek under {passphrase}")));
    new
}

/// The `recovery` of a change of credentials, whose key gives `auth`.
pub(crate) fn new_recovery(auth: &str) -> Value {
    json!({ "kekRecovery": jwe(&format!("kek under {auth}")), "recoveryVerifier": hash(auth) })
}

fn credentials(version: i64, passphrase: Value, recovery: Value) -> Value {
    json!({ "credentialsVersion": version, "passphrase": passphrase, "recovery": recovery })
}

async fn put(lab: &Lab, session: &str, body: Value) -> Answer {
    lab.keystore(session, "PUT", "/credentials", Some(body))
        .await
}

/// Signs in and gives the session.
pub(crate) async fn session(lab: &Lab, email: &str, passphrase: &str) -> String {
    let answer = sign_in(&lab.http, lab.server.keystore_url(), email, passphrase).await;
    assert_eq!(answer.0, 200, "{answer:?}");
    answer.1["session"].as_str().unwrap().to_owned()
}

/// Whether the passphrase signs in.
async fn opens(lab: &Lab, email: &str, passphrase: &str) -> bool {
    let (_, finish) = sign_in_body(&lab.http, lab.server.keystore_url(), email, passphrase).await;
    finish.is_some()
}

/// Whether a session is good for a full session's work.
async fn works(lab: &Lab, session: &str) -> bool {
    let answer = lab.keystore(session, "GET", "/connections", None).await;
    assert!(
        answer.0 == 200 || code(&answer) == (401, "session_expired"),
        "{answer:?}"
    );
    answer.0 == 200
}

#[tokio::test]
async fn a_recovery_replaces_both_and_ends_what_was_open() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let auth = recovery_auth(&ada.email);
    let keystore = lab.server.keystore_url();
    let (_, open_login) = sign_in_body(&lab.http, keystore, &ada.email, &ada.passphrase).await;

    let (status, started) = recover(&lab, " ADA@example.org", &auth).await;
    let recovery = started["session"].as_str().unwrap();
    assert_eq!(
        (status, &started),
        (
            200,
            &json!({
                "accountId": ada.account, "session": recovery, "expiresAt": lab.now() + 5 * MINUTE,
                "kekRecovery": jwe("kek recovery"), "vaultKey": jwe("vault key"),
                "signingKey": jwe("signing key"), "credentialsVersion": 1,
            })
        )
    );
    let (passphrase, auth_2) = (new_passphrase(&lab, recovery, "another").await, random(32));
    let half = put(
        &lab,
        recovery,
        credentials(1, passphrase.clone(), json!(null)),
    )
    .await;
    assert_eq!(code(&half), (400, "bad_input"));
    let half = put(
        &lab,
        recovery,
        credentials(1, json!(null), new_recovery(&auth_2)),
    )
    .await;
    assert_eq!(code(&half), (400, "bad_input"));
    assert!(works(&lab, &ada.session).await && opens(&lab, &ada.email, &ada.passphrase).await);

    lab.pass(MINUTE);
    let body = credentials(1, passphrase, new_recovery(&auth_2));
    let done = put(&lab, recovery, body.clone()).await;
    let month = lab.now() + 30 * DAY;
    assert_eq!(
        done,
        (200, json!({ "credentialsVersion": 2, "expiresAt": month }))
    );
    assert_eq!(put(&lab, recovery, body).await, done, "repeated");
    assert!(
        works(&lab, recovery).await,
        "it is a full session from now on"
    );
    assert!(!works(&lab, &ada.session).await);
    let late = lab
        .open_keystore("/sign-in/finish", open_login.unwrap())
        .await;
    assert_eq!(code(&late), (401, "wrong_credentials"));
    assert!(!opens(&lab, &ada.email, &ada.passphrase).await);
    let (_, signed_in) = sign_in(&lab.http, keystore, &ada.email, "another").await;
    assert_eq!(signed_in["credentialsVersion"], 2);
    assert_eq!(signed_in["kekPassphrase"], jwe("kek under another"));
    assert_eq!(
        signed_in["vaultKey"],
        jwe("vault key"),
        "the keys under the KEK stay"
    );
    assert_eq!(
        code(&recover(&lab, &ada.email, &auth).await),
        (401, "wrong_credentials")
    );
    assert_eq!(recover(&lab, &ada.email, &auth_2).await.0, 200);
}

#[tokio::test]
async fn a_recovery_session_does_nothing_else() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (_, started) = recover(&lab, &ada.email, &recovery_auth(&ada.email)).await;
    let recovery = started["session"].as_str().unwrap();
    for (method, path, body) in [
        ("GET", "/connections", None),
        ("DELETE", "/account", None),
        (
            "POST",
            "/tokens",
            Some(json!({ "audience": lab.server.vault_url() })),
        ),
        (
            "POST",
            "/tokens/proof",
            Some(json!({ "audience": lab.server.vault_url() })),
        ),
    ] {
        let answer = lab.keystore(recovery, method, path, body).await;
        assert_eq!(code(&answer), (401, "session_expired"), "{method} {path}");
    }
    new_passphrase(&lab, recovery, "another").await;
    lab.pass(5 * MINUTE - 1);
    let passphrase = new_passphrase(&lab, recovery, "another").await;
    lab.pass(1);
    let body = credentials(1, passphrase, new_recovery(&random(32)));
    let late = put(&lab, recovery, body).await;
    assert_eq!(code(&late), (401, "session_expired"));

    let (_, started) = recover(&lab, &ada.email, &recovery_auth(&ada.email)).await;
    let recovery = started["session"].as_str().unwrap();
    let sign_out = || lab.keystore(recovery, "POST", "/sign-out", Some(json!({})));
    assert_eq!(sign_out().await.0, 204);
    assert_eq!(code(&sign_out().await), (401, "session_expired"));
}

#[tokio::test]
async fn a_change_makes_no_proof_younger() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (_, started) = recover(&lab, &ada.email, &recovery_auth(&ada.email)).await;
    let session = started["session"].as_str().unwrap();
    let passphrase = new_passphrase(&lab, session, "another").await;
    lab.pass(4 * MINUTE);
    let body = credentials(1, passphrase, new_recovery(&random(32)));
    assert_eq!(put(&lab, session, body).await.0, 200);
    lab.pass(MINUTE + 1);
    assert!(works(&lab, session).await);
    let late = lab.keystore(session, "DELETE", "/account", None).await;
    assert_eq!(code(&late), (401, "session_expired"));
}

#[tokio::test]
async fn a_change_asks_for_a_fresh_session() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (first, other) = (
        session(&lab, &ada.email, &ada.passphrase).await,
        session(&lab, &ada.email, &ada.passphrase).await,
    );
    lab.pass(5 * MINUTE);
    let passphrase = new_passphrase(&lab, &first, "another").await;
    lab.pass(1);
    let body = credentials(1, passphrase, json!(null));
    for stale in [&ada.session, &first] {
        let request = Some(registration_request());
        let start = lab
            .keystore(stale, "POST", "/credentials/start", request)
            .await;
        assert_eq!(code(&start), (401, "session_expired"));
        assert_eq!(put(&lab, stale, body.clone()).await, start);
        assert_eq!(lab.keystore(stale, "DELETE", "/account", None).await, start);
        assert!(works(&lab, stale).await, "for the rest it is good");
    }
    let fresh = session(&lab, &ada.email, &ada.passphrase).await;
    let month = lab.now() + 30 * DAY;
    let nothing = put(&lab, &fresh, credentials(1, json!(null), json!(null))).await;
    assert_eq!(code(&nothing), (400, "bad_input"));
    let passphrase = new_passphrase(&lab, &fresh, "another").await;
    let body = credentials(1, passphrase, json!(null));
    let done = put(&lab, &fresh, body).await;
    let changed = |version: i64| json!({ "credentialsVersion": version, "expiresAt": month });
    assert_eq!(done, (200, changed(2)));
    assert!(works(&lab, &fresh).await && !works(&lab, &other).await);

    // The recovery key alone: the passphrase stays.
    let auth = random(32);
    let body = credentials(2, json!(null), new_recovery(&auth));
    assert_eq!(put(&lab, &fresh, body.clone()).await, (200, changed(3)));
    assert_eq!(put(&lab, &fresh, body).await, (200, changed(3)), "repeated");
    assert!(opens(&lab, &ada.email, "another").await);
    let (_, started) = recover(&lab, &ada.email, &auth).await;
    assert_eq!(started["kekRecovery"], jwe(&format!("kek under {auth}")));
    for version in [0, 1, 2, 4, i64::MAX, i64::MIN] {
        let body = credentials(version, json!(null), new_recovery(&random(32)));
        assert_eq!(code(&put(&lab, &fresh, body).await), (409, "conflict"));
    }
}

#[tokio::test]
async fn of_many_changes_at_once_one_wins() {
    let lab = Lab::new().await;
    for round in 0..10 {
        let ada = lab.sign_up(&format!("ada{round}")).await;
        let passphrase = |n: usize| format!("passphrase {n}");
        let mut changes = Vec::new();
        for n in 0..6 {
            let (session, recovery) = if n < 3 {
                let session = session(&lab, &ada.email, &ada.passphrase).await;
                (session, json!(null))
            } else {
                let (_, started) = recover(&lab, &ada.email, &recovery_auth(&ada.email)).await;
                let session = started["session"].as_str().unwrap().to_owned();
                (session, new_recovery(&random(32)))
            };
            let new = new_passphrase(&lab, &session, &passphrase(n)).await;
            changes.push((session, credentials(1, new, recovery)));
        }
        let sent = changes
            .iter()
            .map(|(session, body)| put(&lab, session, body.clone()));
        let answers = join_all(sent).await;
        let won: Vec<usize> = (0..6).filter(|n| answers[*n].0 == 200).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        for (n, (session, body)) in changes.iter().enumerate() {
            let lost = [(409, "conflict"), (401, "session_expired")].contains(&code(&answers[n]));
            assert!(n == won[0] || lost, "{:?}", answers[n]);
            assert_eq!(works(&lab, session).await, n == won[0]);
            assert_eq!(opens(&lab, &ada.email, &passphrase(n)).await, n == won[0]);
            let again = put(&lab, session, body.clone()).await;
            assert_eq!(again.0, if n == won[0] { 200 } else { 401 });
        }
    }
}

#[tokio::test]
async fn no_sign_in_slips_past_a_change() {
    let lab = Lab::new().await;
    for round in 0..10 {
        let ada = lab.sign_up(&format!("ada{round}")).await;
        let body = credentials(
            1,
            new_passphrase(&lab, &ada.session, "another").await,
            new_recovery(&random(32)),
        );
        let keystore = lab.server.keystore_url();
        let mut finishes = Vec::new();
        for _ in 0..6 {
            let (_, finish) = sign_in_body(&lab.http, keystore, &ada.email, &ada.passphrase).await;
            finishes.push(finish.unwrap());
        }
        let sign_ins = finishes
            .into_iter()
            .map(|finish| lab.open_keystore("/sign-in/finish", finish));
        let auth = recovery_auth(&ada.email);
        let recoveries = (0..6).map(|_| recover(&lab, &ada.email, &auth));
        let change = put(&lab, &ada.session, body);
        let (changed, signed_in, recovered) =
            tokio::join!(change, join_all(sign_ins), join_all(recoveries));
        assert_eq!(changed.0, 200);
        // Those that came before were ended by it, those that came after were refused.
        for answer in signed_in.iter().chain(&recovered) {
            if let Some(session) = answer.1["session"].as_str() {
                let sign_out = lab.keystore(session, "POST", "/sign-out", Some(json!({})));
                assert_eq!(code(&sign_out.await), (401, "session_expired"));
            } else {
                assert_eq!(code(answer), (401, "wrong_credentials"));
            }
        }
    }
}

#[tokio::test]
async fn recovery_does_not_tell_who_has_an_account() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let url = format!("{}/v1/recovery/start", lab.server.keystore_url());
    let mut seen = Vec::new();
    for email in [ada.email.as_str(), "nobody@example.org", "an@o.example"] {
        let body = by(email, json!({ "recoveryAuth": random(32) }));
        let response = lab.http.post(&url).json(&body).send().await.unwrap();
        let mut headers = response.headers().clone();
        headers.remove("date");
        // Made for each request, before anything is known of it.
        let id = headers.remove("x-request-id").unwrap();
        let status = response.status();
        let body = response.text().await.unwrap();
        seen.push((status, headers, body.replace(id.to_str().unwrap(), "")));
    }
    assert_eq!(seen[0].0, 401);
    assert!(seen[0].2.contains("wrong_credentials"));
    assert!(seen.iter().all(|answer| *answer == seen[0]), "{seen:?}");
}

/// A server that was stopped, and the people of its Keystore.
struct Stopped {
    data: tempfile::TempDir,
    config: Config,
}

impl Stopped {
    /// Ada has an account there.
    async fn with_ada() -> (Self, Person) {
        let data = tempfile::tempdir().unwrap();
        let config = Config::new(data.path());
        let server = Server::start(config.clone()).await.unwrap();
        let http = reqwest::Client::new();
        let ada = sign_up(&http, server.keystore_url(), server.vault_url(), "ada").await;
        server.stop().await;
        (Self { data, config }, ada)
    }

    /// Puts the accounts into a database as the first release made it.
    async fn go_back_to_the_first_schema(&self) {
        let file = self.data.path().join("keystore.db");
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let pool = database(&url).await;
        type Text = String;
        type Account = (Text, Text, Text, Text, Text, Text, Text, Text);
        let columns: Vec<Account> = sqlx::query_as(
            "SELECT id, email, opaque_record, kek_passphrase, kek_recovery, vault_key, signing_key, recovery_verifier \
             FROM accounts",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        pool.close().await;
        std::fs::remove_file(file).unwrap();
        let pool = database(&url).await;
        let files = concat!(env!("CARGO_MANIFEST_DIR"), "/src/keystore/migrations");
        let migrator = Migrator::new(Path::new(files)).await.unwrap();
        migrator.run_to(1, &pool).await.unwrap();
        for (a, b, c, d, e, f, g, h) in columns {
            let mut insert = sqlx::query(
                "INSERT INTO accounts (id, email, opaque_record, kek_passphrase, kek_recovery, vault_key, signing_key, \
                 recovery_verifier, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
            );
            for column in [a, b, c, d, e, f, g, h] {
                insert = insert.bind(column);
            }
            insert.execute(&pool).await.unwrap();
        }
        pool.close().await;
    }

    fn lose_the_setup(&mut self) {
        std::fs::remove_file(self.data.path().join("keystore.setup")).unwrap();
        self.config.new_opaque_setup = true;
    }

    async fn start(&self) -> Server {
        Server::start(self.config.clone()).await.unwrap()
    }
}

/// The answer to a sign-in at this server.
async fn begins(server: &Server, email: &str) -> Answer {
    let url = format!("{}/v1/sign-in/start", server.keystore_url());
    let body = sign_in_start(server.keystore_url(), email);
    call(&reqwest::Client::new(), "POST", &url, None, Some(body)).await
}

#[tokio::test]
async fn a_lost_setup_is_said_and_recovery_goes_on() {
    let (mut stopped, ada) = Stopped::with_ada().await;
    stopped.lose_the_setup();
    let http = reqwest::Client::new();
    for _ in 0..2 {
        let server = stopped.start().await;
        let lost = begins(&server, &ada.email).await;
        assert_eq!(code(&lost), (403, "recovery_needed"));
        assert_eq!(begins(&server, "nobody@example.org").await, lost);
        server.stop().await;
    }
    let server = stopped.start().await;
    let keystore = server.keystore_url();
    let bob = sign_up(&http, keystore, server.vault_url(), "bob").await;
    let signed_in = sign_in(&http, keystore, &bob.email, &bob.passphrase).await;
    assert_eq!(signed_in.0, 200, "accounts of the new setup sign in");

    let send = async |method: &str, path: &str, bearer: Option<&str>, body: Value| {
        let url = format!("{keystore}/v1{path}");
        call(&http, method, &url, bearer, Some(body)).await
    };
    let body = by(
        &ada.email,
        json!({ "recoveryAuth": recovery_auth(&ada.email) }),
    );
    let (status, started) = send("POST", "/recovery/start", None, body).await;
    assert_eq!(status, 200);
    let session = started["session"].as_str();
    let url = format!("{keystore}/v1/credentials/start");
    let mut passphrase = register(&http, &url, session, None, "another").await;
    passphrase["kekPassphrase"] = json!(jwe("kek"));
    let body = credentials(1, passphrase, new_recovery(&random(32)));
    assert_eq!(send("PUT", "/credentials", session, body).await.0, 200);
    let signed_in = sign_in(&http, keystore, &ada.email, "another").await;
    assert_eq!(signed_in.0, 200);
    assert_eq!(
        begins(&server, "nobody@example.org").await.0,
        200,
        "nobody needs recovery any more"
    );
    server.stop().await;
}

/// Their passphrases were registered in another way; the recovery keys are what they were.
#[tokio::test]
async fn accounts_of_an_older_database_recover() {
    let (stopped, ada) = Stopped::with_ada().await;
    stopped.go_back_to_the_first_schema().await;
    for _ in 0..2 {
        let server = stopped.start().await;
        let lost = begins(&server, &ada.email).await;
        assert_eq!(code(&lost), (403, "recovery_needed"));
        let body = by(
            &ada.email,
            json!({ "recoveryAuth": recovery_auth(&ada.email) }),
        );
        let url = format!("{}/v1/recovery/start", server.keystore_url());
        let http = reqwest::Client::new();
        let (status, started) = call(&http, "POST", &url, None, Some(body)).await;
        assert_eq!((status, &started["credentialsVersion"]), (200, &json!(1)));
        server.stop().await;
    }
}

#[tokio::test]
async fn a_setup_made_anew_is_not_taken_for_that_of_older_accounts() {
    let (mut stopped, ada) = Stopped::with_ada().await;
    stopped.go_back_to_the_first_schema().await;
    stopped.lose_the_setup();
    for _ in 0..2 {
        let server = stopped.start().await;
        let lost = begins(&server, &ada.email).await;
        assert_eq!(code(&lost), (403, "recovery_needed"));
        server.stop().await;
    }
}
