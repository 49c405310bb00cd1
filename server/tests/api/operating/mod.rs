//! What an operator does with the binary: accounts, mails, schemas, settings, and restoring what was lost.

mod accounts;
mod deployed;
mod drill;
mod mails;
mod schemas;
mod settings;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::common::*;
use crate::processes::{Process, command};

/// A data folder with databases of its own, and the commands upon them.
pub(crate) struct Place {
    pub(crate) data: TempDir,
    /// The URLs of the Vault's and the Keystore's database, where they do not lie in the folder.
    pub(crate) databases: Option<[String; 2]>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Ended {
    /// What it printed as JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Place {
    /// On PostgreSQL where the other tests are.
    pub(crate) async fn new() -> Self {
        let databases = match std::env::var("VOUCHSAFE_TEST_POSTGRES") {
            Ok(postgres) => Some([
                make_database(&postgres).await,
                make_database(&postgres).await,
            ]),
            Err(_) => None,
        };
        let place = Self::in_folder();
        Self { databases, ..place }
    }

    /// On SQLite.
    pub(crate) fn in_folder() -> Self {
        // A client needs what a server's start installs.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            data: tempfile::tempdir().unwrap(),
            databases: None,
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments, self.data.path());
        if let Some([vault, keystore]) = &self.databases {
            command
                .env("VOUCHSAFE_VAULT_DB", vault)
                .env("VOUCHSAFE_KEYSTORE_DB", keystore);
        }
        command
    }

    pub(crate) async fn serve(&self) -> Process {
        Process::run(self.command(&["--listen", "127.0.0.1:0"])).await
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments)).await
    }

    /// Runs a command of an operator, which must succeed, and gives what it printed.
    pub(crate) async fn admin(&self, arguments: &[&str]) -> Value {
        let arguments = [&["admin", "--json"], arguments].concat();
        self.run(&arguments).await.json()
    }

    /// The URL of a service's database.
    pub(crate) fn url(&self, service: &str) -> String {
        match &self.databases {
            Some([vault, _]) if service == "vault" => vault.clone(),
            Some([_, keystore]) => keystore.clone(),
            None => {
                let file = self.data.path().join(format!("{service}.db"));
                format!("sqlite://{}?mode=rw", file.display())
            }
        }
    }
}

pub(crate) async fn ended(mut command: Command) -> Ended {
    let output = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        status: output.status.code().unwrap(),
        out: text(output.stdout),
        error: text(output.stderr),
    }
}

/// A running server, as people reach it.
pub(crate) struct Reached {
    pub(crate) http: Client,
    pub(crate) vault: String,
    pub(crate) keystore: String,
}

impl Reached {
    pub(crate) fn at(process: &Process) -> Self {
        let service = |name: &str| format!("http://{}/{name}", process.address);
        Self {
            http: Client::new(),
            vault: service("vault"),
            keystore: service("keystore"),
        }
    }

    pub(crate) async fn sign_up(&self, name: &str) -> Person {
        sign_up(&self.http, &self.keystore, &self.vault, name).await
    }

    pub(crate) async fn sign_in(&self, person: &Person) -> Answer {
        sign_in(
            &self.http,
            &self.keystore,
            &person.email,
            &person.passphrase,
        )
        .await
    }

    /// The person with a session and a token of this server.
    pub(crate) async fn back(&self, person: &Person) -> Person {
        let (status, body) = self.sign_in(person).await;
        assert_eq!(status, 200, "{body}");
        let session = body["session"].as_str().unwrap().to_owned();
        let token = token(&self.http, &self.keystore, &self.vault, &session).await;
        Person {
            email: person.email.clone(),
            passphrase: person.passphrase.clone(),
            account: person.account.clone(),
            session,
            token,
        }
    }

    pub(crate) async fn at_vault(
        &self,
        person: &Person,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let url = format!("{}/v1{path}", self.vault);
        call(&self.http, method, &url, Some(&person.token), body).await
    }

    pub(crate) async fn at_keystore(
        &self,
        person: &Person,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let url = format!("{}/v1{path}", self.keystore);
        call(&self.http, method, &url, Some(&person.session), body).await
    }

    /// Makes a card, and gives its id.
    pub(crate) async fn make_card(&self, person: &Person) -> String {
        let id = v7();
        let body = json!({ "card": jwe(&id), "version": 0, "unsettled": false });
        let path = format!("/cards/{id}");
        let made = self.at_vault(person, "PUT", &path, Some(body)).await;
        assert_eq!(made.0, 201, "{made:?}");
        id
    }

    async fn publish(&self, person: &Person) -> String {
        let (id, body) = public_key();
        let path = format!("/public-keys/{id}");
        let put = self.at_vault(person, "PUT", &path, Some(body)).await;
        assert_eq!(put.0, 201, "{put:?}");
        id
    }

    /// A connection between two people, by its id.
    pub(crate) async fn connect(&self, inviter: &Person, invitee: &Person) -> String {
        let (id, token) = (v7(), random(16));
        let key = self.publish(inviter).await;
        let body = link_invitation(&key, &token, now() + DAY);
        let path = format!("/invitations/{id}");
        let made = self.at_vault(inviter, "PUT", &path, Some(body)).await;
        assert_eq!(made.0, 201, "{made:?}");
        let key = self.publish(invitee).await;
        let body = json!({ "invitationId": id, "token": token, "publicKeyId": key, "proof": null });
        let made = self.at_vault(invitee, "POST", "/connections", Some(body));
        assert_eq!(made.await.0, 201);
        id
    }

    /// Stores a key and shares under it, as clients do. Gives the share's id.
    pub(crate) async fn share(&self, from: &Person, to: &Person, connection: &str) -> String {
        let (mut space, mut share) = (new_space(to, None), new_share(connection, None));
        space["connectionId"] = json!(connection);
        share["spaceId"] = space["id"].clone();
        let body = Some(json!({ "spaces": [space] }));
        let (_, made) = self.at_keystore(from, "POST", "/spaces", body).await;
        assert_eq!(made["results"][0]["error"], Value::Null, "{made}");
        let body = Some(json!({ "shares": [share] }));
        let (_, made) = self.at_vault(from, "POST", "/shares", body).await;
        assert_eq!(made["results"][0]["error"], Value::Null, "{made}");
        share["id"].as_str().unwrap().to_owned()
    }

    /// The ciphertext of a share, as its recipient reads it.
    pub(crate) async fn read_share(&self, person: &Person, id: &str) -> Value {
        let body = Some(json!({ "ids": [id] }));
        let (status, read) = self.at_vault(person, "POST", "/shares/query", body).await;
        assert_eq!(status, 200, "{read}");
        read["results"][0]["item"]["share"].clone()
    }
}

/// The machine's time, in milliseconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Copies a folder's files, and the folders in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &copy),
            false => drop(std::fs::copy(entry.path(), copy).unwrap()),
        }
    }
}
