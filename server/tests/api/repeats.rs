//! A client that lost an answer sends the same bytes again: the answer is the first one, and nothing more happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::common::*;
use crate::credentials::{new_passphrase, new_recovery};
use crate::files::{content, finish_body, octets};
use crate::links::Made;
use crate::mails::{all_are_sent, captured, refusal};
use crate::routes::{parts, routes};
use crate::tables::{Tables, changes};
use serde_json::{Value, json};

struct Repeats {
    lab: Lab,
    tables: Tables,
    /// Whether the second request is sent before the first one is answered.
    at_once: bool,
    seen: BTreeSet<String>,
}

impl Repeats {
    async fn send(
        &self,
        route: &str,
        ids: &[&str],
        bearer: Option<&str>,
        body: &Option<Value>,
    ) -> Answer {
        let (service, method, path) = parts(route);
        let base = match service {
            "vault" => self.lab.server.vault_url(),
            _ => self.lab.server.keystore_url(),
        };
        let id = ids.first().copied().unwrap_or_default();
        let path = path.replace("{id}", id).replace("{key}", id);
        let url = format!("{base}/v1{path}");
        self.lab.call(method, &url, bearer, body.clone()).await
    }

    async fn both(
        &self,
        route: &str,
        ids: &[&str],
        bearer: Option<&str>,
        body: &Option<Value>,
    ) -> [Answer; 2] {
        let send = || self.send(route, ids, bearer, body);
        if self.at_once {
            tokio::join!(send(), send()).into()
        } else {
            [send().await, send().await]
        }
    }

    /// Sends a write twice, and a third time to see that it changes nothing. The answers are the same but for the
    /// members in `new`, which are made for each answer.
    async fn twice(
        &mut self,
        route: &str,
        ids: &[&str],
        bearer: Option<&str>,
        body: Option<Value>,
        new: &[&str],
    ) -> Value {
        let [first, second] = self.both(route, ids, bearer, &body).await;
        let before = self.tables.dump().await;
        let third = self.send(route, ids, bearer, &body).await;
        let after = self.tables.dump().await;
        let plain = |answer: &Answer| {
            let (status, mut body) = answer.clone();
            for member in new {
                let taken = body.as_object_mut().unwrap().remove(*member);
                assert!(taken.is_some(), "{route}: {answer:?}");
            }
            // What is there already need not be created.
            (if status == 201 { 200 } else { status }, body)
        };
        assert!((200..300).contains(&first.0), "{route}: {first:?}");
        assert_eq!(plain(&second), plain(&first), "{route}");
        assert_eq!(plain(&third), plain(&first), "{route}");
        if new.is_empty() {
            assert_eq!(changes(&before, &after), [""; 0], "{route}");
        } else {
            assert!(
                new.iter().all(|member| second.1[member] != first.1[member]),
                "{route}"
            );
        }
        self.seen.insert(route.to_owned());
        third.1
    }

    async fn sign_up(&mut self) {
        let http = self.lab.http.clone();
        let keystore = self.lab.server.keystore_url().to_owned();
        let start = Some(sign_up_start(&keystore, "carol@example.org"));
        self.twice(
            "keystore POST /sign-up/start",
            &[],
            None,
            start,
            &["registration", "registrationResponse"],
        )
        .await;
        let body = sign_up_body(&http, &keystore, "carol@example.org", "secret").await;
        self.twice(
            "keystore POST /sign-up/finish",
            &[],
            None,
            Some(body),
            &["session"],
        )
        .await;
        let start = sign_in_start(&keystore, "carol@example.org");
        self.twice(
            "keystore POST /sign-in/start",
            &[],
            None,
            Some(start),
            &["login", "credentialResponse"],
        )
        .await;
        let (_, finish) = sign_in_body(&http, &keystore, "carol@example.org", "secret").await;
        let signed_in = self
            .twice(
                "keystore POST /sign-in/finish",
                &[],
                None,
                finish,
                &["session"],
            )
            .await;

        // Whoever asks the second time is nobody any more.
        let session = signed_in["session"].as_str();
        let route = "keystore POST /sign-out";
        let mut answers = self.both(route, &[], session, &Some(json!({}))).await;
        answers.sort_by_key(|answer| answer.0);
        assert_eq!(answers[0], (204, Value::Null));
        if !self.at_once {
            assert_eq!(code(&answers[1]), (401, "session_expired"));
        }
        self.seen.insert(route.to_owned());
    }

    async fn recover(&mut self, person: &Person) {
        let auth = recovery_auth(&person.email);
        let start = by(&person.email, json!({ "recoveryAuth": auth }));
        let started = self
            .twice(
                "keystore POST /recovery/start",
                &[],
                None,
                Some(start),
                &["session"],
            )
            .await;
        let session = started["session"].as_str().unwrap();
        self.twice(
            "keystore POST /credentials/start",
            &[],
            Some(session),
            Some(registration_request()),
            &["registration", "registrationResponse"],
        )
        .await;
        let passphrase = new_passphrase(&self.lab, session, "another").await;
        let body = json!({
            "credentialsVersion": 1, "passphrase": passphrase, "recovery": new_recovery(&random(32)),
        });
        self.twice(
            "keystore PUT /credentials",
            &[],
            Some(session),
            Some(body),
            &[],
        )
        .await;
    }

    async fn keystore(&mut self, ada: &Person, bob: &Person) {
        let (of_ada, of_bob) = (Some(ada.session.as_str()), Some(bob.session.as_str()));
        let audience = json!({ "audience": self.lab.server.vault_url() });
        for route in ["keystore POST /tokens", "keystore POST /tokens/proof"] {
            let audience = Some(audience.clone());
            self.twice(route, &[], of_ada, audience, &[]).await;
        }
        let (id, body) = (v7(), json!({ "key": jwe("key"), "note": jwe("note") }));
        self.twice(
            "keystore PUT /connections/{id}",
            &[&id],
            of_ada,
            Some(body),
            &[],
        )
        .await;
        let note = json!({ "note": jwe("another"), "version": 1 });
        self.twice(
            "keystore PUT /connections/{id}/note",
            &[&id],
            of_ada,
            Some(note),
            &[],
        )
        .await;
        let ids = json!({ "ids": [id] });
        self.twice(
            "keystore POST /connections/query",
            &[],
            of_ada,
            Some(ids),
            &[],
        )
        .await;
        let space = new_space(bob, Some(self.lab.now() + DAY));
        let id = space["id"].as_str().unwrap().to_owned();
        let spaces = json!({ "spaces": [space, new_space(ada, None)] });
        let made = Some(spaces.clone());
        self.twice("keystore POST /spaces", &[], of_ada, made, &[])
            .await;
        let claim = claims(&space, "claim");
        self.twice("keystore PUT /spaces/claims", &[], of_bob, claim, &[])
            .await;
        let end = self.lab.now() + 2 * DAY;
        let update = json!({ "id": id, "version": 1, "sent": jwe("two"), "expiresAt": end });
        let missing = json!({ "id": v7(), "version": 1, "sent": jwe("two"), "expiresAt": null });
        let updates = json!({ "spaces": [update, missing] });
        self.twice("keystore PUT /spaces", &[], of_ada, Some(updates), &[])
            .await;
        // What was sent first is still the same write.
        self.twice("keystore POST /spaces", &[], of_ada, Some(spaces), &[])
            .await;
        let ids = json!({ "ids": [id] });
        self.twice("keystore POST /spaces/query", &[], of_bob, Some(ids), &[])
            .await;
        let ids = json!({ "ids": [space["share"]] });
        self.twice(
            "keystore POST /spaces/of-shares",
            &[],
            of_ada,
            Some(ids),
            &[],
        )
        .await;
        for route in [
            "keystore POST /spaces/of-cards",
            "keystore POST /spaces/counts",
        ] {
            let tags = json!({ "tags": [space["tag"]] });
            self.twice(route, &[], of_ada, Some(tags), &[]).await;
        }
        self.twice("keystore DELETE /spaces/{id}", &[&id], of_ada, None, &[])
            .await;
        let route = "keystore DELETE /connections/{id}/spaces";
        self.twice(route, &[&v7()], of_ada, None, &[]).await;
    }

    async fn invitations(&mut self, ada: &Person, bob: &Person) -> String {
        let (of_ada, of_bob) = (Some(ada.token.as_str()), Some(bob.token.as_str()));
        let (key, body) = public_key();
        self.twice(
            "vault PUT /public-keys/{key}",
            &[&key],
            of_ada,
            Some(body),
            &[],
        )
        .await;
        let (cancelled, end) = (v7(), self.lab.now() + DAY);
        let mail = mail_invitation(&key, "carol@example.org", end);
        let create = "vault PUT /invitations/{id}";
        let [first, second] = self.both(create, &[&cancelled], of_ada, &Some(mail)).await;
        assert_eq!(first.1, second.1);
        all_are_sent(&self.lab).await;
        let link = link_invitation(&key, &random(16), end);
        self.twice(create, &[&v7()], of_ada, Some(link), &[]).await;
        self.twice(
            "vault POST /invitations/{id}/cancel",
            &[&cancelled],
            of_ada,
            Some(json!({})),
            &[],
        )
        .await;
        let (declined, token) = self.lab.invite(ada).await;
        let token = json!({ "token": token });
        let preview = "vault POST /invitations/{id}/preview";
        self.twice(preview, &[&declined], None, Some(token.clone()), &[])
            .await;
        for route in [
            "vault POST /invitations/{id}/open",
            "vault POST /invitations/{id}/decline",
        ] {
            self.twice(route, &[&declined], of_bob, Some(token.clone()), &[])
                .await;
        }
        let (id, token) = self.lab.invite(ada).await;
        let key = self.lab.publish(bob).await;
        let accept =
            json!({ "invitationId": id, "token": token, "publicKeyId": key, "proof": random(32) });
        self.twice("vault POST /connections", &[], of_bob, Some(accept), &[])
            .await;
        let ids = json!({ "ids": [id] });
        self.twice("vault POST /connections/query", &[], of_bob, Some(ids), &[])
            .await;
        id
    }

    async fn email(&mut self, ada: &Person) {
        let of_ada = Some(ada.token.as_str());
        let route = "vault POST /email/code";
        let [first, second] = self
            .both(route, &[], of_ada, &Some(json!({ "language": null })))
            .await;
        assert_eq!(first, second);
        all_are_sent(&self.lab).await;
        let body = json!({ "language": null });
        self.twice(route, &[], of_ada, Some(body), &[]).await;
        let mails = captured(&self.lab).await;
        let codes: Vec<&Value> = mails
            .iter()
            .filter(|mail| !mail["code"].is_null())
            .collect();
        assert_eq!(codes.len(), 1, "one mail: {mails:?}");
        let code = json!({ "code": codes[0]["code"] });
        self.twice("vault POST /email/confirm", &[], of_ada, Some(code), &[])
            .await;
        for refused in [true, false] {
            let body = Some(refusal(codes[0], refused));
            self.twice("vault POST /mail/refusals", &[], None, body, &[])
                .await;
        }
    }

    async fn links(&mut self, of_ada: Option<&str>) {
        let link = Made::new(&self.lab, Some(1));
        let ids = [&*link.id];
        let body = Some(link.body.clone());
        self.twice("vault PUT /links/{id}", &ids, of_ada, body, &[])
            .await;
        let edition = json!({
            "id": link.id, "replaces": 1, "edition": 2, "expiresAt": link.body["expiresAt"], "share": jwe("two"),
        });
        let editions = Some(json!({ "editions": [edition] }));
        self.twice("vault PUT /links", &[], of_ada, editions, &[])
            .await;
        let query = Some(json!({ "ids": [link.id] }));
        self.twice("vault POST /links/query", &[], of_ada, query, &[])
            .await;
        let open = Some(link.open_body());
        self.twice("vault POST /links/{id}/open", &ids, None, open, &[])
            .await;
        // Only one read is allowed.
        let read = Some(link.read_body(&random(16)));
        self.twice("vault POST /links/{id}/read", &ids, None, read, &[])
            .await;
        self.twice("vault DELETE /links/{id}", &ids, of_ada, None, &[])
            .await;
    }

    async fn files(&mut self, ada: &Person) {
        let of_ada = Some(ada.token.as_str());
        let (id, content) = (v7(), content(100));
        let made = Some(json!({ "id": id }));
        self.twice("vault POST /files", &[], of_ada, made, &[])
            .await;
        let url = format!("{}/v1/files/{id}", self.lab.server.vault_url());
        let range = [("content-range", "bytes 0-99/*")];
        let (http, token) = (self.lab.http.clone(), &ada.token);
        let send = || octets(&http, "PUT", &url, token, &range, Some(&content));
        let answers = match self.at_once {
            true => tokio::join!(send(), send()).into(),
            false => [send().await, send().await],
        };
        let before = self.tables.dump().await;
        let third = send().await;
        assert_eq!(changes(&before, &self.tables.dump().await), [""; 0]);
        assert_eq!(third.status, 204);
        assert_eq!(answers.map(|answer| answer.status), [204, 204]);
        self.seen.insert("vault PUT /files/{id}".to_owned());
        let finish = Some(finish_body(&content));
        self.twice("vault POST /files/{id}/finish", &[&id], of_ada, finish, &[])
            .await;
        self.twice("vault DELETE /files/{id}", &[&id], of_ada, None, &[])
            .await;
    }

    async fn vault(&mut self, ada: &Person, bob: &Person) {
        let (of_ada, of_bob) = (Some(ada.token.as_str()), Some(bob.token.as_str()));
        let (id, card) = (
            v7(),
            json!({ "card": jwe("card"), "version": 0, "unsettled": false }),
        );
        let write = "vault PUT /cards/{id}";
        self.twice(write, &[&id], of_ada, Some(card), &[]).await;
        let card = json!({ "card": jwe("another"), "version": 1, "unsettled": true });
        self.twice(write, &[&id], of_ada, Some(card), &[]).await;
        let settled = Some(json!({ "version": 2 }));
        let route = "vault PUT /cards/{id}/settled";
        self.twice(route, &[&id], of_ada, settled, &[]).await;
        self.twice("vault DELETE /cards/{id}", &[&id], of_ada, None, &[])
            .await;

        let connection = self.invitations(ada, bob).await;
        let share = new_share(&connection, Some(self.lab.now() + DAY));
        let id = share["id"].as_str().unwrap().to_owned();
        let shares =
            json!({ "shares": [share, new_share(&v7(), None), new_share(&connection, None)] });
        self.twice("vault POST /shares", &[], of_ada, Some(shares), &[])
            .await;
        let edition = json!({ "id": id, "replaces": 1, "edition": 2, "expiresAt": null, "share": jwe("two") });
        let missing = json!({ "id": v7(), "replaces": 1, "edition": 2, "expiresAt": null, "share": jwe("two") });
        let editions = json!({ "editions": [edition, missing] });
        self.twice("vault PUT /shares", &[], of_ada, Some(editions), &[])
            .await;
        let reads = json!({ "reads": [{ "id": id, "edition": 2 }, { "id": v7(), "edition": 1 }] });
        self.twice("vault PUT /shares/read", &[], of_bob, Some(reads), &[])
            .await;
        let ids = json!({ "ids": [id] });
        self.twice("vault POST /shares/query", &[], of_bob, Some(ids), &[])
            .await;
        self.twice("vault DELETE /shares/{id}", &[&id], of_ada, None, &[])
            .await;
        self.links(of_ada).await;
        self.files(ada).await;
        self.twice(
            "vault DELETE /connections/{id}",
            &[&connection],
            of_bob,
            None,
            &[],
        )
        .await;
    }
}

/// Repeats every write, and gives how many rows each table then has.
/// Sends every write of both services several times, and gives how much came of it.
pub(crate) async fn repeat_everything(at_once: bool) -> BTreeMap<String, usize> {
    let lab = Lab::with(|config| config.sweep = Duration::from_secs(3600)).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let tables = Tables::open(&lab).await;
    let mut repeats = Repeats {
        lab,
        tables,
        at_once,
        seen: BTreeSet::new(),
    };
    repeats.sign_up().await;
    repeats.keystore(&ada, &bob).await;
    repeats.vault(&ada, &bob).await;
    repeats.email(&ada).await;
    repeats.recover(&bob).await;
    let mut counts = BTreeMap::new();
    for row in repeats.tables.dump().await {
        let (table, _) = row.split_once(':').unwrap();
        *counts.entry(table.to_owned()).or_default() += 1;
    }
    let proof = repeats.lab.proof(&ada).await;
    for (route, bearer) in [
        ("vault DELETE /account", &proof),
        ("keystore DELETE /account", &ada.session),
    ] {
        repeats.twice(route, &[], Some(bearer), None, &[]).await;
    }
    let writes: BTreeSet<String> = routes(&repeats.lab)
        .await
        .into_iter()
        .map(|route| route.name)
        .filter(|name| parts(name).1 != "GET")
        .collect();
    assert_eq!(repeats.seen, writes, "every route that is not GET is here");
    repeats.tables.close().await;
    counts
}

#[tokio::test]
async fn every_write_can_be_repeated() {
    let afterwards = repeat_everything(false).await;
    let at_once = repeat_everything(true).await;
    assert_eq!(afterwards["vault events"], 22);
    assert_eq!(afterwards, at_once, "the effects are the same");
}
