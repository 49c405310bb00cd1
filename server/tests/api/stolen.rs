//! A thief of both databases, but not of `keystore.setup`: every value that is stored, and every part of one that has 16
//! bytes or more, is tried as every member of every open route. It opens nothing.
//!
//! The thief asks what the victim once asked. Members that are stored are the stored ones; for those that are not, the
//! thief has what open routes give to anybody, or must guess.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tower_service::Service;
use uuid::Uuid;

use crate::common::*;
use crate::credentials::{new_passphrase, new_recovery};
use crate::files::Files;
use crate::links::Made;
use crate::mails::{invite_by_mail, mail_of, refusal};
use crate::routes::{parts, routes};
use crate::sample::sample;
use crate::tables::Tables;

/// What is tried in many ways is tried in so many parts.
const PARTS: usize = 96;
/// Parts of a value that are shorter could as well be guessed.
const SHORTEST_PART: usize = 16;

const FINISH: &str = "keystore POST /sign-in/finish";
/// Routes that show the ticket of a link in the header of a session, and answer with octets.
const OF_TICKETS: [&str; 2] = [
    "vault GET /links/{id}/files/{file}",
    "vault GET /links/{id}/files/{file}/digests",
];
/// Every answer but a refusal changes what an address gets.
const REFUSALS: &str = "vault POST /mail/refusals";

/// The stored values: as they are, and all bytes that they hold.
#[derive(Default)]
struct Loot {
    texts: BTreeSet<String>,
    /// Short ones first.
    bytes: Vec<Vec<u8>>,
}

impl Loot {
    fn of(texts: BTreeSet<String>) -> Self {
        let mut bytes = Vec::new();
        for text in &texts {
            bytes.push(text.as_bytes().to_vec());
            let parts = text.split('.').map(str::as_bytes);
            bytes.extend(parts.filter_map(|part| BASE64URL_NOPAD.decode(part).ok()));
            bytes.extend(Uuid::try_parse(text).map(|id| id.as_bytes().to_vec()));
        }
        bytes.retain(|bytes| bytes.len() >= SHORTEST_PART);
        bytes.sort_by_key(|bytes| (bytes.len(), bytes.clone()));
        bytes.dedup();
        Self { texts, bytes }
    }

    /// Every stored value as it is.
    fn values(&self) -> Vec<String> {
        self.texts.iter().cloned().collect()
    }

    /// Every run of so many bytes, in base64url: those at both ends of a value, and the others.
    fn runs(&self, length: usize) -> [Vec<String>; 2] {
        let mut found = [Vec::new(), Vec::new()];
        for bytes in self.bytes.iter().filter(|bytes| bytes.len() >= length) {
            let last = bytes.len() - length;
            for (at, run) in bytes.windows(length).enumerate() {
                let is_inside = at > 0 && at < last;
                found[usize::from(is_inside)].push(encode(run));
            }
        }
        found
    }
}

/// The thief, and the server that they try.
struct Thief {
    lab: Lab,
    router: Router,
    tables: Tables,
    ada: Person,
    /// One of Ada's, which waits.
    invitation: String,
    loot: Loot,
    /// A link of Ada's, and a file that it lists.
    link: String,
    file: String,
    /// For each open route, what Ada once sent there.
    sent: BTreeMap<&'static str, Value>,
    tried: Cell<usize>,
}

impl Thief {
    async fn new() -> Self {
        let kept = RefCell::new(None);
        let lab = Lab::wrapped(
            |config| {
                config.rate_limits = false;
                config.sweep = std::time::Duration::from_secs(24 * 3600);
            },
            |routes| {
                *kept.borrow_mut() = Some(routes.clone());
                routes
            },
        )
        .await;
        let keystore = lab.server.keystore_url().to_owned();
        let email = "ada@example.org";
        let finish = sign_up_body(&lab.http, &keystore, email, "secret").await;
        let (status, made) = lab.open_keystore("/sign-up/finish", finish.clone()).await;
        assert_eq!(status, 201, "{made}");
        let session = made["session"].as_str().unwrap().to_owned();
        let ada = Person {
            email: email.to_owned(),
            passphrase: "secret".to_owned(),
            account: finish["accountId"].as_str().unwrap().to_owned(),
            token: token(&lab.http, &keystore, lab.server.vault_url(), &session).await,
            session,
        };
        let (_, sign_in) = sign_in_body(&lab.http, &keystore, email, "secret").await;
        let recovery = by(email, json!({ "recoveryAuth": recovery_auth(email) }));
        let mailed = invite_by_mail(&lab, &ada, "dora@example.org").await;
        let refusal = refusal(&mail_of(&lab, &mailed).await, true);
        let mut link = Made::new(&lab, None);
        let file = Files::of(&lab, &ada).upload(b"content").await;
        link.body["files"] = json!([file]);
        assert_eq!(link.put(&lab, &ada).await.0, 201);
        let (_, read) = link.read(&lab, &random(16)).await;
        let ticket = json!({ "ticket": read["ticket"] });
        let (invitation, token) = lab.invite(&ada).await;
        let sent = [
            (
                "keystore POST /sign-up/start",
                sign_up_start(&keystore, email),
            ),
            ("keystore POST /sign-up/finish", finish),
            (
                "keystore POST /sign-in/start",
                sign_in_start(&keystore, email),
            ),
            (FINISH, sign_in.unwrap()),
            ("keystore POST /recovery/start", recovery),
            ("keystore GET /jwks", Value::Null),
            (REFUSALS, refusal),
            (OF_TICKETS[0], ticket.clone()),
            (OF_TICKETS[1], ticket),
            ("vault POST /links/{id}/open", link.open_body()),
            ("vault POST /links/{id}/read", link.read_body(&random(16))),
            (
                "vault POST /invitations/{id}/preview",
                json!({ "token": token }),
            ),
        ];
        let tables = Tables::open(&lab).await;
        let mut thief = Self {
            router: kept.into_inner().unwrap(),
            lab,
            tables,
            ada,
            invitation,
            loot: Loot::default(),
            link: link.id,
            file,
            sent: sent.into(),
            tried: Cell::new(0),
        };
        thief.fill().await;
        thief.loot = Loot::of(thief.tables.texts().await);
        thief
    }

    /// Fills every table.
    async fn fill(&self) {
        let (lab, ada) = (&self.lab, &self.ada);
        let bob = lab.sign_up("bob").await;
        let connection = lab.connect(ada, &bob).await;
        lab.share(ada, &connection, Some(lab.now() + DAY)).await;
        lab.invite(ada).await;
        let key = lab.publish(ada).await;
        let mail = mail_invitation(&key, "carol@example.org", lab.now() + DAY);
        let note = json!({ "key": jwe("key"), "note": jwe("note") });
        let spaces = json!({ "spaces": [new_space(&bob, None)] });
        let card = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
        let id = v7();
        for (service, method, path, body) in [
            ("vault", "PUT", format!("/invitations/{id}"), mail),
            ("vault", "PUT", format!("/cards/{id}"), card),
            ("keystore", "PUT", format!("/connections/{id}"), note),
            ("keystore", "POST", "/spaces".to_owned(), spaces),
        ] {
            let made = match service {
                "vault" => lab.vault(&ada.token, method, &path, Some(body)).await,
                _ => lab.keystore(&ada.session, method, &path, Some(body)).await,
            };
            assert!(made.0 < 300, "{path}: {made:?}");
        }
        // Bob has changed his passphrase, and recovers.
        let passphrase = new_passphrase(lab, &bob.session, "another").await;
        let body = json!({
            "credentialsVersion": 1, "passphrase": passphrase, "recovery": new_recovery(&recovery_auth("bob")),
        });
        let changed = lab
            .keystore(&bob.session, "PUT", "/credentials", Some(body))
            .await;
        assert_eq!(changed.0, 200);
        let recovery = by(&bob.email, json!({ "recoveryAuth": recovery_auth("bob") }));
        assert_eq!(lab.open_keystore("/recovery/start", recovery).await.0, 200);
    }

    /// Asks without a network.
    async fn ask(&self, route: &str, bearer: Option<&str>, body: &Value) -> Answer {
        let (service, method, path) = parts(route);
        let id = if path.starts_with("/links") {
            &self.link
        } else {
            &self.invitation
        };
        let path = path.replace("{id}", id).replace("{file}", &self.file);
        let (bearer, body) = match body["ticket"].as_str() {
            Some(ticket) => (Some(ticket), &Value::Null),
            None => (bearer, body),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/{service}/v1{path}"));
        if let Some(bearer) = bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        // What cannot stand in a header opens nothing.
        let Ok(request) = request.body(body) else {
            return (0, Value::Null);
        };
        let response = self.router.clone().call(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        (status, body)
    }

    /// Asks, and finds that the answer gives nothing which is Ada's.
    async fn fails(&self, route: &str, body: &Value) {
        let (status, answer) = self.ask(route, None, body).await;
        self.tried.set(self.tried.get() + 1);
        if status < 300 {
            let text = answer.to_string();
            let told = self.loot.texts.iter().filter(|text| text.len() >= 22);
            let told: Vec<&String> = told.filter(|value| text.contains(*value)).collect();
            let gives = route == REFUSALS || OF_TICKETS.contains(&route);
            let opens = gives || answer.get("session").is_some() || !told.is_empty();
            assert!(!opens, "{route} opens for {body}: {answer}");
        }
    }

    /// What Ada sent to a route, as far as it is stored; and what the thief can have of the rest.
    async fn known(&self, route: &str) -> Value {
        let mut body = self.sent[route].clone();
        let start = sign_up_start(self.lab.server.keystore_url(), "thief@example.org");
        let started = self.ask("keystore POST /sign-up/start", None, &start).await;
        assert_eq!(started.0, 200, "{started:?}");
        for (name, value) in body.as_object_mut().into_iter().flatten() {
            *value = match name.as_str() {
                "registration" => started.1["registration"].clone(),
                "login" => self.begin().await,
                "credentialFinalization" => json!(random(64)),
                "recoveryAuth" | "ticket" => json!(random(32)),
                "token" | "openingToken" | "readingToken" => json!(random(16)),
                _ => value.take(),
            };
        }
        body
    }

    /// Begins a sign-in as Ada, whose passphrase the thief does not know.
    async fn begin(&self) -> Value {
        let start = sign_in_start(self.lab.server.keystore_url(), &self.ada.email);
        let (status, started) = self.ask("keystore POST /sign-in/start", None, &start).await;
        assert_eq!(status, 200, "{started}");
        started["login"].clone()
    }

    /// Everything that could stand in a member, which the owner once filled with `value`.
    fn candidates(&self, what: &str, value: &Value) -> Vec<String> {
        let length = value
            .as_str()
            .filter(|text| Uuid::try_parse(text).is_err())
            .and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok())
            .map(|bytes| bytes.len());
        let mut found = self.loot.values();
        if let Some(length @ SHORTEST_PART..) = length {
            let [ends, inside] = self.loot.runs(length);
            found.extend(ends);
            found.extend(sample(what, PARTS, inside));
        }
        found
    }

    async fn try_door(&self, route: &str) {
        let known = self.known(route).await;
        self.fails(route, &known).await;
        for (name, value) in self.sent[route].as_object().into_iter().flatten() {
            for candidate in self.candidates(&format!("{route} {name}"), value) {
                let mut body = known.clone();
                body[name] = json!(candidate);
                self.fails(route, &body).await;
            }
        }
    }

    /// A sign-in begun as Ada, and what its row holds that could be its last message.
    async fn begin_and_look(&self) -> (Value, [Vec<String>; 2]) {
        let before = self.tables.texts().await;
        let login = self.begin().await;
        let after = self.tables.texts().await;
        let new = after.difference(&before).cloned().collect();
        (login, Loot::of(new).runs(64))
    }

    /// Finishes a sign-in with what its own row holds. A message that does not fit ends a login, so that each has one of
    /// its own.
    async fn finish_from_its_row(&self) {
        let (login, [ends, inside]) = self.begin_and_look().await;
        assert!(ends.len() >= 4 && inside.len() > 90, "{}", inside.len());
        let wrong = json!({ "login": login, "credentialFinalization": random(64) });
        self.fails(FINISH, &wrong).await;
        let mut places: Vec<usize> = (0..ends.len()).collect();
        let inside = (ends.len()..ends.len() + inside.len()).collect();
        places.extend(sample("the login's own row", PARTS / 8, inside));
        for place in places {
            let (login, runs) = self.begin_and_look().await;
            let run = &runs.concat()[place];
            let body = json!({ "login": login, "credentialFinalization": run });
            self.fails(FINISH, &body).await;
        }
    }

    /// Shows stored values in place of sessions and tokens.
    async fn show_as_bearers(&self) {
        let [ends, inside] = self.loot.runs(32);
        let inside = sample("sessions", PARTS, inside);
        for bearer in [self.loot.values(), ends, inside].concat() {
            for route in ["keystore GET /connections", "vault GET /cards"] {
                let (status, answer) = self.ask(route, Some(&bearer), &Value::Null).await;
                self.tried.set(self.tried.get() + 1);
                assert!(status == 401 || status == 0, "{bearer}: {answer}");
            }
        }
    }

    /// The sessions that there are.
    async fn sessions(&self) -> BTreeSet<String> {
        let rows = self.tables.dump().await.into_iter();
        rows.filter(|row| row.starts_with("keystore sessions"))
            .collect()
    }
}

#[tokio::test]
async fn a_stolen_database_opens_nothing() {
    let thief = Thief::new().await;
    let described = routes(&thief.lab).await.into_iter();
    let open: BTreeSet<String> = described
        .filter(|route| route.is_open)
        .map(|route| route.name)
        .collect();
    let known: BTreeSet<String> = thief.sent.keys().map(|route| (*route).to_owned()).collect();
    assert_eq!(known, open, "every open route is tried");

    let before = thief.sessions().await;
    for route in &open {
        thief.try_door(route).await;
    }
    thief.finish_from_its_row().await;
    thief.show_as_bearers().await;
    assert_eq!(thief.sessions().await, before);
    println!(
        "{} stored values, {} tries",
        thief.loot.texts.len(),
        thief.tried.get()
    );

    // What Ada herself sent is right: it opens.
    for (route, body) in &thief.sent {
        let answer = thief.ask(route, None, body).await;
        let is_taken = code(&answer) == (409, "email_taken");
        assert!(answer.0 < 300 || is_taken, "{route}: {answer:?}");
    }
    thief.tables.close().await;
}
