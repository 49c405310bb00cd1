//! Two devices change the passphrase at the same moment.

use std::collections::BTreeMap;
use std::sync::Barrier;

use data_encoding::BASE64URL_NOPAD;
use opaque_ke::{ClientLogin, ClientRegistration};
use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::crypto::engine::Operation;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::SymmetricKey;
use vouchsafe::crypto::records::{Wrap, open_kek, passphrase_wrapping_key, seal_kek};
use vouchsafe::crypto::suite::Suite;
use vouchsafe::ids::Id;

use crate::races::lab::{
    Lab, ROUNDS, Tally, code, jwe, on_many_threads, on_one_thread, race, random, send, watch,
};
use crate::support::opaque::{self, Ciphers, System};
use crate::support::{Counting, Http, PASSPHRASE, passport};

const EMAIL: &str = "alice@example.org";

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn decode(value: &Value) -> Vec<u8> {
    BASE64URL_NOPAD
        .decode(value.as_str().unwrap().as_bytes())
        .unwrap()
}

/// An account, as a device without a session knows it.
#[derive(Clone)]
struct Account {
    http: reqwest::Client,
    keystore: String,
    id: Id,
    kek: SymmetricKey,
}

impl Account {
    async fn post(&self, path: &str, session: Option<&str>, body: Value) -> (u16, Value) {
        let url = format!("{}/v1{path}", self.keystore);
        send(&self.http, "POST", &url, session, &body).await
    }

    /// Registers a passphrase: the record, and the KEK under it.
    async fn register(&self, path: &str, session: Option<&str>, passphrase: &str) -> Value {
        let started =
            ClientRegistration::<Ciphers>::start(&mut System, passphrase.as_bytes()).unwrap();
        let request = encode(&started.message.serialize());
        let mut body = json!({ "suite": 1, "registrationRequest": request });
        if session.is_none() {
            body["email"] = json!(EMAIL);
            body["identityToken"] = Value::Null;
            body["keystore"] = json!(self.keystore);
        }
        let (status, answer) = self.post(path, session, body).await;
        assert_eq!(status, 200, "{answer}");
        let response = decode(&answer["registrationResponse"]);
        let state = started.state.serialize();
        let registration = Operation::Registration(Suite::One);
        let finished =
            opaque::finish(registration, &state, passphrase.as_bytes(), &response).unwrap();
        let wrapping = passphrase_wrapping_key(&finished.export_key).unwrap();
        let wrap = Wrap::Passphrase(Suite::One);
        let kek = seal_kek(&RustEngine, self.id, wrap, &wrapping, &self.kek).unwrap();
        json!({
            "registration": answer["registration"],
            "registrationRecord": encode(&finished.message),
            "kekPassphrase": kek,
        })
    }

    async fn sign_up(&self, passphrase: &str) {
        let made = self.register("/sign-up/start", None, passphrase).await;
        let body = json!({
            "accountId": self.id,
            "email": EMAIL,
            "identityToken": null,
            "registration": made["registration"],
            "registrationRecord": made["registrationRecord"],
            "kekPassphrase": made["kekPassphrase"],
            "kekRecovery": jwe(),
            "vaultKey": jwe(),
            "signingKey": jwe(),
            "recoveryVerifier": random(32),
        });
        assert_eq!(self.post("/sign-up/finish", None, body).await.0, 201);
    }

    /// Signs in, and opens the KEK: gives the session and the version of the credentials. Nothing for a passphrase that
    /// is wrong.
    async fn sign_in(&self, passphrase: &str) -> Option<(String, u64)> {
        let started = ClientLogin::<Ciphers>::start(&mut System, passphrase.as_bytes()).unwrap();
        let request = encode(&started.message.serialize());
        let body = json!({
            "email": EMAIL,
            "identityToken": null,
            "keystore": self.keystore,
            "credentialRequest": request,
        });
        let (status, answer) = self.post("/sign-in/start", None, body).await;
        assert_eq!(status, 200, "{answer}");
        let response = decode(&answer["credentialResponse"]);
        let state = started.state.serialize();
        let sign_in = Operation::SignIn(Suite::One, &self.keystore);
        let finished = opaque::finish(sign_in, &state, passphrase.as_bytes(), &response).ok()?;
        let finalization = encode(&finished.message);
        let body = json!({ "login": answer["login"], "credentialFinalization": finalization });
        let (status, answer) = self.post("/sign-in/finish", None, body).await;
        assert_eq!(status, 200, "{answer}");
        let wrapping = passphrase_wrapping_key(&finished.export_key).unwrap();
        let kek = answer["kekPassphrase"].as_str().unwrap();
        let kek = open_kek(self.id, Wrap::Passphrase(Suite::One), &wrapping, kek).unwrap();
        assert_eq!(kek.kid(), self.kek.kid(), "the KEK never changes");
        let session = answer["session"].as_str().unwrap().to_owned();
        Some((session, answer["credentialsVersion"].as_u64().unwrap()))
    }

    async fn change(self, session: String, version: u64, passphrase: Value) -> (u16, Value) {
        let body = json!({
            "credentialsVersion": version,
            "passphrase": passphrase,
            "recovery": null,
        });
        let url = format!("{}/v1/credentials", self.keystore);
        send(&self.http, "PUT", &url, Some(&session), &body).await
    }
}

#[test]
fn two_devices_change_the_passphrase() {
    let lab = on_one_thread(Lab::start());
    on_many_threads(async {
        let mut id = [0; 16];
        getrandom::fill(&mut id).unwrap();
        let account = Account {
            http: reqwest::Client::new(),
            keystore: lab.world.keystore.clone(),
            id: Id::v4(id),
            kek: SymmetricKey::make(&RustEngine).unwrap(),
        };
        let mut passphrase = "the first of all".to_owned();
        account.sign_up(&passphrase).await;
        let mut tally = Tally::new(
            "two devices change the passphrase",
            ["first", "second"],
            ROUNDS,
        );
        let mut codes = [0, 0];
        while tally.goes_on() {
            let round = tally.rounds();
            let (first, version) = account.sign_in(&passphrase).await.unwrap();
            let (second, same) = account.sign_in(&passphrase).await.unwrap();
            assert_eq!((version, same), (round as u64 + 1, round as u64 + 1));
            let words = [format!("first {round}"), format!("second {round}")];
            let path = "/credentials/start";
            let one = account.register(path, Some(&first), &words[0]).await;
            let other = account.register(path, Some(&second), &words[1]).await;
            let (one, other) = race(
                account.clone().change(first, version, one),
                account.clone().change(second, version, other),
            )
            .await;

            let second_won = other.0 == 200;
            let (won, lost) = if second_won {
                (other, one)
            } else {
                (one, other)
            };
            assert_eq!(won.0, 200, "{won:?} {lost:?}");
            assert_eq!(won.1["credentialsVersion"], json!(version + 1));
            match (lost.0, code(&lost)) {
                (409, "conflict") => codes[0] += 1,
                (401, "session_expired") => codes[1] += 1,
                _ => panic!("{lost:?}"),
            }
            let [first, second] = words;
            let (winner, loser) = if second_won {
                (second, first)
            } else {
                (first, second)
            };
            assert!(account.sign_in(&loser).await.is_none());
            assert!(account.sign_in(&passphrase).await.is_none());
            passphrase = winner;
            tally.count(second_won);
        }
        println!(
            "the other got {} × conflict, {} × session_expired",
            codes[0], codes[1]
        );
        let version = tally.tell() + 1;
        assert!(account.sign_in(&passphrase).await.is_some());
        let changed = format!("accounts WHERE credentials_version = {version}");
        assert_eq!(lab.in_keystore(&changed).await, 1);
        // The last winner's session and this one; nobody else's is left.
        assert_eq!(lab.in_keystore("sessions").await, 2);
    });
}

/// A whole device, in a thread of its own: signs in, and changes the passphrase when the other one is ready, too.
fn device(lab: &Lab, old: &str, new: &str, ready: &Barrier) -> Result<(), Error> {
    on_one_thread(async {
        let http = Http::default();
        watch(&http);
        let client = lab.world.client_with(http, Counting::default());
        let session = client.sign_in(EMAIL, old).await.unwrap();
        ready.wait();
        session.change_passphrase(old, new).await
    })
}

#[test]
fn whole_clients_change_the_passphrase() {
    let (lab, card) = on_one_thread(async {
        let lab = Lab::start().await;
        let card = lab.world.person("alice").await.card().await;
        (lab, card.id)
    });
    let mut passphrase = PASSPHRASE.to_owned();
    let mut tally = Tally::new(
        "whole clients change the passphrase",
        ["first", "second"],
        ROUNDS / 50,
    );
    let mut codes = BTreeMap::new();
    while tally.goes_on() {
        let round = tally.rounds();
        let words = [format!("the first {round}"), format!("the second {round}")];
        let ready = Barrier::new(2);
        let [one, other] = std::thread::scope(|threads| {
            let (lab, old, ready) = (&lab, &passphrase, &ready);
            let start = |new| threads.spawn(move || device(lab, old, new, ready));
            [start(&words[0]), start(&words[1])].map(|device| device.join().unwrap())
        });
        let second_won = other.is_ok();
        let lost = if second_won { one } else { other };
        *codes.entry(lost.unwrap_err().code()).or_insert(0) += 1;
        let [first, second] = words;
        let (winner, loser) = if second_won {
            (second, first)
        } else {
            (first, second)
        };
        on_one_thread(async {
            let client = lab.world.client();
            let refused = client.sign_in(EMAIL, &loser).await.unwrap_err();
            assert_eq!(refused, Error::WrongCredentials);
            let session = client.sign_in(EMAIL, &winner).await.unwrap();
            assert_eq!(session.card(card).await.unwrap().content, passport());
        });
        passphrase = winner;
        tally.count(second_won);
    }
    println!("the other got {codes:?}");
    let clear = ["conflict", "session_expired", "wrong_credentials"];
    assert!(codes.keys().all(|code| clear.contains(code)), "{codes:?}");
    tally.tell();
}
