//! Recorded `account.json`, once, with real flows against the real server. It is not to be recorded again: what it holds
//! is what people have stored, and must open for ever.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use vouchsafe::Result;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::engine::{Engine, Finished, Operation};
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{Client, Session, Steps};
use vouchsafe::ids::Id;
use zeroize::Zeroizing;

use crate::support::{
    Hooked, Hooks, Http, PAGE, World, by_link, by_mail, eventually, passport, run, whole,
};

const FILE: &str = "tests/vectors/account.json";

/// The Rust engine, noting the end of each sign-in.
type Recording = Hooked<SignIns>;

#[derive(Clone, Default)]
struct SignIns(Rc<RefCell<Value>>);

impl Hooks for SignIns {
    async fn make_rsa_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        RustEngine.make_rsa_key().await
    }

    async fn finish_opaque(
        &self,
        operation: Operation<'_>,
        state: &[u8],
        passphrase: &[u8],
        response: &[u8],
    ) -> Result<Finished> {
        let finished = RustEngine
            .finish_opaque(operation, state, passphrase, response)
            .await?;
        if let Operation::SignIn(suite, keystore) = operation {
            *self.0.borrow_mut() = json!({
                "suite": suite.number(),
                "keystore": keystore,
                "state": text(state),
                "response": text(response),
                "finalization": text(&finished.message),
                "exportKey": text(&finished.export_key),
            });
        }
        Ok(finished)
    }
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

struct Person {
    session: Session<Http, Recording>,
    http: Http,
    record: Value,
}

/// Signs up and signs in again, so that both are recorded.
async fn person(world: &World, email: &str, passphrase: &str) -> Person {
    let (http, engine) = (Http::default(), Recording::default());
    let client = Client::new(
        http.clone(),
        engine.clone(),
        &world.vault,
        &world.keystore,
        Some(PAGE.into()),
        Steps::default(),
    )
    .unwrap();
    let made = client.sign_up(email, passphrase).await.unwrap();
    let session = client.sign_in(email, passphrase).await.unwrap();
    let mut record = json!({
        "account": session.account(),
        "email": email,
        "passphrase": passphrase,
        "recoveryKey": *made.recovery_key,
        "signIn": engine.0.0.borrow().clone(),
    });
    let sent = last_body(&http, "/sign-up/finish");
    for name in [
        "kekPassphrase",
        "kekRecovery",
        "vaultKey",
        "signingKey",
        "recoveryVerifier",
    ] {
        record[name] = sent[name].clone();
    }
    Person {
        session,
        http,
        record,
    }
}

fn last_body(http: &Http, end: &str) -> Value {
    let sent = http.sent.borrow();
    let request = sent
        .iter()
        .rfind(|request| request.url.ends_with(end) && request.body.is_some());
    serde_json::from_str(request.unwrap().body.as_deref().unwrap()).unwrap()
}

/// Key and note of a connection as the person stored them, the newest note included.
fn entry(person: &Person, id: Id) -> Value {
    let mut entry = last_body(&person.http, &format!("/connections/{id}"));
    let path = format!("/connections/{id}/note");
    let later = {
        let sent = person.http.sent.borrow();
        sent.iter().any(|request| request.url.ends_with(&path))
    };
    if later {
        entry["note"] = last_body(&person.http, &path)["note"].clone();
    }
    entry["id"] = json!(id);
    entry
}

#[test]
#[ignore = "account.json is recorded and stays as it is"]
fn record() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    assert!(!file.exists(), "{FILE} is recorded and stays as it is");
    run(async {
        let world = World::start();
        let mut alice = person(&world, "alice@example.org", "Ísland, 1000 cafe\u{301}s").await;
        let mut bob = person(&world, "bob@example.org", "correct horse battery staple").await;

        let invitation = alice.session.invite(by_link("Bob")).await.unwrap();
        let link = invitation.link.unwrap();
        let ticket = Ticket::from_link(&link).unwrap();
        bob.session.accept(&ticket, "Alice").await.unwrap();
        let connection = alice.session.connection(invitation.id).await.unwrap();
        let pending = alice
            .session
            .invite(by_mail("carol@example.org"))
            .await
            .unwrap();
        let card = alice.session.create_card(passport()).await.unwrap();
        let share = alice
            .session
            .share(whole(card.id, connection.id))
            .await
            .unwrap();
        bob.session.read_share(share.id).await.unwrap();
        let claim = eventually(async || {
            let sent = bob.http.sent.borrow();
            let claim = sent
                .iter()
                .find(|request| request.url.ends_with("/claims"))?;
            serde_json::from_str::<Value>(claim.body.as_deref()?).ok()
        })
        .await;

        alice.record["entry"] = entry(&alice, connection.id);
        alice.record["pendingEntry"] = entry(&alice, pending.id);
        bob.record["entry"] = entry(&bob, connection.id);
        let publication = |person: &Person| {
            let sent = person.http.sent.borrow();
            let request = sent
                .iter()
                .find(|request| request.url.contains("/public-keys/"));
            let request = request.unwrap();
            let mut body: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
            body["id"] = json!(request.url.rsplit('/').next().unwrap());
            body
        };
        let accepted = last_body(&bob.http, "/v1/connections");
        let space = last_body(&alice.http, "/v1/spaces")["spaces"][0].clone();
        let stored = last_body(&alice.http, "/v1/shares")["shares"][0].clone();
        let created = last_body(&alice.http, &format!("/invitations/{}", invitation.id));
        let recorded = json!({
            "alice": alice.record,
            "bob": bob.record,
            "connection": {
                "id": connection.id,
                "link": link,
                "tokenHash": created["tokenHash"],
                "proof": accepted["proof"],
                "safetyNumber": connection.safety_number,
                "inviter": publication(&alice),
                "invitee": publication(&bob),
            },
            "card": {
                "id": card.id,
                "card": last_body(&alice.http, &format!("/cards/{}", card.id))["card"],
                "content": card.content,
                "version": card.version,
            },
            "share": {
                "id": share.id,
                "space": share.space,
                "own": space["own"],
                "peer": space["peer"],
                "claim": claim["claims"][0]["claim"],
                "share": stored["share"],
            },
        });
        std::fs::write(&file, format!("{recorded:#}\n")).unwrap();
    });
}
