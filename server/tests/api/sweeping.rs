//! Expired data is erased, from the files, too, and nothing else is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::common::*;
use crate::port::Port;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vouchsafe_server::{Clock, Config, Server};

const SECOND: i64 = 1000;

async fn lab() -> Lab {
    Lab::with(|config| config.sweep = Duration::from_millis(20)).await
}

/// Waits until a statement gives this number.
pub(crate) async fn count(url: &str, sql: &'static str, id: &str, expected: i64) {
    let pool = database(url).await;
    until(async || {
        let count: i64 = sqlx::query_scalar(sql)
            .bind(id)
            .fetch_one(&pool)
            .await
            .unwrap();
        (count == expected).then_some(())
    })
    .await;
    pool.close().await;
}

#[tokio::test]
async fn expired_shares_lose_their_ciphertext() {
    let lab = lab().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let end = lab.now() + 60 * SECOND;
    let secrets = [random(32), random(32), random(32)];
    let mut ids = Vec::new();
    for (secret, expires_at) in secrets.iter().zip([Some(end), Some(end + 1), None]) {
        let mut share = new_share(&connection, expires_at);
        share["share"] = json!(jwe(secret));
        ids.push(share["id"].clone());
        let body = Some(json!({ "shares": [share] }));
        let (status, body) = lab.vault(&ada.token, "POST", "/shares", body).await;
        assert_eq!((status, &body["results"][0]["error"]), (200, &Value::Null));
        let body = json!({ "reads": [{ "id": share["id"], "edition": 1 }] });
        let read = lab.vault(&bob.token, "PUT", "/shares/read", Some(body));
        assert_eq!(read.await.1["results"][0]["error"], Value::Null);
    }
    let payloads = secrets.each_ref().map(|secret| encode(secret.as_bytes()));
    if lab.vault_db.starts_with("sqlite:") {
        // A page that a sweep moves from one file to the other can be missed in both by who reads one after the other.
        let held = || payloads.iter().all(|text| holds(lab.folder.path(), text));
        until(async || held().then_some(())).await;
    }

    lab.pass(60 * SECOND);
    let blank = "SELECT COUNT(*) FROM shares WHERE id = $1 AND share = '' AND read_edition IS NULL AND read_at IS NULL";
    count(&lab.vault_db, blank, ids[0].as_str().unwrap(), 1).await;
    gone(&lab, &payloads[0]).await;
    for person in [&ada, &bob] {
        let body = Some(json!({ "ids": ids }));
        let (_, found) = lab
            .vault(&person.token, "POST", "/shares/query", body)
            .await;
        let results = found["results"].as_array().unwrap();
        assert_eq!(results[0]["error"]["code"], "share_expired");
        for (result, secret) in results[1..].iter().zip(&secrets[1..]) {
            assert_eq!(result["item"]["share"], jwe(secret));
        }
    }
}

#[tokio::test]
async fn expired_spaces_lose_every_copy() {
    let lab = lab().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let end = lab.now() + 60 * SECOND;
    let mut spaces = Vec::new();
    for expires_at in [Some(end), Some(end + 1), None] {
        let mut space = new_space(&bob, expires_at);
        for copy in ["own", "peer", "sent"] {
            space[copy] = json!(jwe(&random(32)));
        }
        let (_, body) = lab
            .keystore(
                &ada.session,
                "POST",
                "/spaces",
                Some(json!({ "spaces": [space] })),
            )
            .await;
        assert_eq!(body["results"][0]["error"], Value::Null);
        let claim = random(32);
        let (_, claimed) = lab
            .keystore(
                &bob.session,
                "PUT",
                "/spaces/claims",
                claims(&space, &claim),
            )
            .await;
        assert_eq!(claimed["results"][0]["error"], Value::Null);
        space["claim"] = json!(jwe(&claim));
        spaces.push(space);
    }

    lab.pass(60 * SECOND);
    let id = spaces[0]["id"].as_str().unwrap();
    let blank = "SELECT COUNT(*) FROM spaces WHERE id = $1 AND own = '' AND peer = '' AND claim IS NULL \
                 AND share IS NULL AND sent IS NULL AND tag IS NULL AND live = 0 AND deleted_at IS NOT NULL";
    count(&lab.keystore_db, blank, id, 1).await;
    for copy in ["own", "peer", "claim", "share", "sent", "tag"] {
        gone(&lab, spaces[0][copy].as_str().unwrap()).await;
    }
    let ids: Vec<&Value> = spaces.iter().map(|space| &space["id"]).collect();
    let body = Some(json!({ "ids": ids }));
    for (person, copies) in [(&ada, &["own", "sent"][..]), (&bob, &["peer", "claim"])] {
        let (_, found) = lab
            .keystore(&person.session, "POST", "/spaces/query", body.clone())
            .await;
        let items = found["items"].as_array().unwrap();
        assert_eq!(items.len(), 2, "{found}");
        for space in &spaces[1..] {
            let item = items.iter().find(|item| item["id"] == space["id"]).unwrap();
            for copy in copies {
                assert_eq!(item[copy], space[copy]);
            }
        }
    }
    // The id stays taken, and its sender may still delete it.
    let mut again = spaces[0].clone();
    again.as_object_mut().unwrap().remove("claim");
    let again = json!({ "spaces": [again] });
    let (_, answer) = lab
        .keystore(&ada.session, "POST", "/spaces", Some(again))
        .await;
    assert_eq!(answer["results"][0]["error"]["code"], "conflict");
    let answer = lab
        .keystore(&ada.session, "DELETE", &format!("/spaces/{id}"), None)
        .await;
    assert_eq!(answer.0, 204);
}

#[tokio::test]
async fn expired_sessions_and_logins_go() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    let keystore = lab.server.keystore_url().to_owned();
    let sign_in = async || {
        let (_, finish) = sign_in_body(&lab.http, &keystore, &ada.email, &ada.passphrase).await;
        finish.unwrap()
    };
    let hash = |token: &str| encode(&Sha256::digest(decode(&json!(token))));

    let early = sign_in().await;
    lab.pass(1);
    let late = sign_in().await;
    lab.pass(2 * 60 * SECOND - 1);
    let rows = "SELECT COUNT(*) FROM logins WHERE hash = $1";
    let login = hash(early["login"].as_str().unwrap());
    count(&lab.keystore_db, rows, &login, 0).await;
    gone(&lab, &login).await;
    let (status, second) = lab.open_keystore("/sign-in/finish", late).await;
    assert_eq!(status, 200, "a login that has a millisecond left");
    assert_eq!(
        code(&lab.open_keystore("/sign-in/finish", early).await),
        (401, "wrong_credentials")
    );

    // Thirty days after the sign-up its session ends; the other one has two minutes left.
    lab.pass(30 * DAY - 2 * 60 * SECOND);
    let rows = "SELECT COUNT(*) FROM sessions WHERE hash = $1";
    count(&lab.keystore_db, rows, &hash(&ada.session), 0).await;
    gone(&lab, &hash(&ada.session)).await;
    let session = second["session"].as_str().unwrap();
    assert_eq!(
        lab.keystore(session, "GET", "/connections", None).await.0,
        200
    );
    lab.pass(2 * 60 * SECOND - 1);
    assert_eq!(
        lab.keystore(session, "GET", "/connections", None).await.0,
        200
    );
    lab.pass(1);
    count(&lab.keystore_db, rows, &hash(session), 0).await;
}

#[tokio::test]
async fn devices_are_forgotten_after_a_year() {
    let lab = lab().await;
    let keystore = lab.server.keystore_url();
    let device = random(32);
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("vouchsafe-device", device.parse().unwrap());
    let builder = reqwest::Client::builder().default_headers(headers);
    let client = builder.build().unwrap();
    let ada = sign_up(&client, keystore, lab.server.vault_url(), "ada").await;
    let rows = "SELECT COUNT(*) FROM devices WHERE hash = $1";
    count(&lab.keystore_db, rows, &hash(&device), 1).await;
    lab.pass(365 * DAY - 1);
    let (_, finish) = sign_in_body(&client, keystore, &ada.email, &ada.passphrase).await;
    let (status, _) = lab.open_keystore("/sign-in/finish", finish.unwrap()).await;
    assert_eq!(status, 200);
    count(&lab.keystore_db, rows, &hash(&device), 1).await;
    lab.pass(1);
    count(&lab.keystore_db, rows, &hash(&device), 0).await;
}

#[tokio::test]
async fn expired_invitations_cannot_be_used_again() {
    let lab = lab().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (key, bobs_key) = (lab.publish(&ada).await, lab.publish(&bob).await);
    let end = lab.now() + 60 * SECOND;
    let mut invitations = Vec::new();
    for expires_at in [end, end + 1] {
        let (id, token) = (v7(), random(16));
        let body = Some(link_invitation(&key, &token, expires_at));
        let path = format!("/invitations/{id}");
        assert_eq!(lab.vault(&ada.token, "PUT", &path, body).await.0, 201);
        invitations.push((id, token));
    }
    let accept = async |(id, token): &(String, String)| {
        let body =
            json!({ "invitationId": id, "token": token, "publicKeyId": bobs_key, "proof": null });
        lab.vault(&bob.token, "POST", "/connections", Some(body))
            .await
    };

    lab.pass(60 * SECOND);
    let expired = "SELECT COUNT(*) FROM invitations WHERE id = $1 AND state = 'expired'";
    count(&lab.vault_db, expired, &invitations[0].0, 1).await;
    // Even for a clock that was set back.
    lab.pass(-60 * SECOND);
    assert_eq!(
        code(&accept(&invitations[0]).await),
        (410, "invitation_expired")
    );
    let path = format!("/invitations/{}", invitations[0].0);
    let (_, shown) = lab.vault(&ada.token, "GET", &path, None).await;
    assert_eq!(shown["state"], "expired");
    lab.pass(60 * SECOND);
    assert_eq!(accept(&invitations[1]).await.0, 201);
}

#[tokio::test]
async fn mails_of_expired_invitations_go() {
    // The mails wait, since nobody takes them.
    let nobody = Port::hold();
    let lab = Lab::with(|config| {
        config.sweep = Duration::from_millis(20);
        config.smtp_url = Some(format!("smtp://{}", nobody.address()));
        config.mail_from = Some("mail@vault.example".into());
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let key = lab.publish(&ada).await;
    let end = lab.now() + 60 * SECOND;
    let pool = database(&lab.vault_db).await;
    let mut mails = Vec::new();
    for expires_at in [end, end + 1] {
        let id = v7();
        let body = Some(mail_invitation(&key, "bob@example.org", expires_at));
        let path = format!("/invitations/{id}");
        assert_eq!(lab.vault(&ada.token, "PUT", &path, body).await.0, 201);
        let seed: String = sqlx::query_scalar("SELECT seed FROM outbox WHERE id = $1")
            .bind(&id)
            .fetch_one(&pool)
            .await
            .unwrap();
        mails.push((id, seed));
    }
    pool.close().await;

    lab.pass(60 * SECOND);
    let waiting = "SELECT COUNT(*) FROM outbox WHERE id = $1";
    count(&lab.vault_db, waiting, &mails[0].0, 0).await;
    gone(&lab, &mails[0].1).await;
    count(&lab.vault_db, waiting, &mails[1].0, 1).await;
}

#[tokio::test]
async fn events_go_after_thirty_days() {
    let lab = lab().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    lab.pass(1);
    let share = lab.share(&ada, &connection, None).await;
    let rows = "SELECT COUNT(*) FROM events WHERE record = $1";
    // Of the invitation, and one for each side of the connection that came of it.
    count(&lab.vault_db, rows, &connection, 3).await;
    lab.pass(30 * DAY);
    count(&lab.vault_db, rows, &connection, 0).await;
    count(&lab.vault_db, rows, &share, 2).await;
}

/// A clock that may be set, and beside it one that is not.
#[derive(Clone, Default)]
struct Clocks {
    ahead: Arc<AtomicI64>,
    passed: Arc<AtomicI64>,
    /// How often the second one was looked at.
    looks: Arc<AtomicUsize>,
}

impl Clocks {
    fn set(&self, config: &mut Config) {
        let Self {
            ahead,
            passed,
            looks,
        } = self.clone();
        let (right, also) = (config.clock.clone(), Arc::clone(&passed));
        let now = move || right.now() + ahead.load(SeqCst) + also.load(SeqCst);
        config.clock = Clock::new(now).beside(move || {
            looks.fetch_add(1, SeqCst);
            passed.load(SeqCst)
        });
    }

    /// Waits until everything that may be swept now is.
    async fn swept(&self) {
        let before = self.looks.load(SeqCst);
        until(async || (self.looks.load(SeqCst) > before + 20).then_some(())).await;
    }
}

/// What may run out, in both services: the rows that are there before, by their ids.
struct Lasting {
    vault_db: String,
    keystore_db: String,
    share: String,
    space: String,
    by_link: String,
    by_mail: String,
}

impl Lasting {
    async fn make(lab: &Lab, ada: &Person, bob: &Person, end: i64) -> Self {
        let (key, connection) = (lab.publish(ada).await, lab.connect(ada, bob).await);
        let space = new_space(bob, Some(end));
        let id = space["id"].as_str().unwrap().to_owned();
        let body = Some(json!({ "spaces": [space] }));
        let made = lab.keystore(&ada.session, "POST", "/spaces", body).await;
        assert_eq!(made.1["results"][0]["error"], Value::Null);
        let (by_link, by_mail) = (v7(), v7());
        for (id, body) in [
            (&by_link, link_invitation(&key, &random(16), end)),
            (&by_mail, mail_invitation(&key, "eve@example.org", end)),
        ] {
            let path = format!("/invitations/{id}");
            assert_eq!(lab.vault(&ada.token, "PUT", &path, Some(body)).await.0, 201);
        }
        Self {
            vault_db: lab.vault_db.clone(),
            keystore_db: lab.keystore_db.clone(),
            share: lab.share(ada, &connection, Some(end)).await,
            space: id,
            by_link,
            by_mail,
        }
    }

    /// Waits until all are there, or none.
    async fn are_there(&self, there: bool) {
        let (vault, keystore) = (&self.vault_db, &self.keystore_db);
        for (url, sql, id, rows) in [
            (
                vault,
                "SELECT COUNT(*) FROM shares WHERE id = $1 AND share <> ''",
                &self.share,
                1,
            ),
            (
                vault,
                "SELECT COUNT(*) FROM events WHERE record = $1",
                &self.share,
                2,
            ),
            (
                vault,
                "SELECT COUNT(*) FROM invitations WHERE id = $1 AND state = 'pending'",
                &self.by_link,
                1,
            ),
            (
                vault,
                "SELECT COUNT(*) FROM outbox WHERE id = $1",
                &self.by_mail,
                1,
            ),
            (
                keystore,
                "SELECT COUNT(*) FROM spaces WHERE id = $1 AND peer <> ''",
                &self.space,
                1,
            ),
        ] {
            count(url, sql, id, if there { rows } else { 0 }).await;
        }
    }
}

#[tokio::test]
async fn nothing_is_erased_because_a_clock_jumped() {
    const YEAR: i64 = 365 * DAY;
    let (clocks, mut config) = (Clocks::default(), None);
    // The mails wait, since nobody takes them.
    let nobody = Port::hold();
    let lab = Lab::with(|changed| {
        changed.sweep = Duration::from_millis(20);
        changed.outbox = Duration::from_millis(20);
        changed.dev_mailbox = false;
        changed.smtp_url = Some(format!("smtp://{}", nobody.address()));
        changed.mail_from = Some("mail@vault.example".into());
        clocks.set(changed);
        config = Some(changed.clone());
    })
    .await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let lasting = Lasting::make(&lab, &ada, &bob, lab.now() + DAY).await;
    clocks.swept().await;
    lasting.are_there(true).await;

    clocks.ahead.store(YEAR, SeqCst);
    clocks.swept().await;
    lasting.are_there(true).await;
    clocks.ahead.store(0, SeqCst);
    clocks.swept().await;
    let body = Some(json!({ "ids": [lasting.share] }));
    let (_, found) = lab.vault(&bob.token, "POST", "/shares/query", body).await;
    assert_eq!(found["results"][0]["item"]["share"], jwe("share"));

    // A server that starts while the clock is ahead goes on from what it saw before.
    lab.server.stop().await;
    clocks.ahead.store(YEAR, SeqCst);
    let server = Server::start(config.unwrap()).await.unwrap();
    clocks.swept().await;
    lasting.are_there(true).await;
    // A day after it was noticed the year has proved itself.
    clocks.passed.fetch_add(DAY - 1, SeqCst);
    clocks.swept().await;
    lasting.are_there(true).await;
    clocks.passed.fetch_add(1, SeqCst);
    lasting.are_there(false).await;
    server.stop().await;
}
