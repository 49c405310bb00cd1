//! Links that show one card to whoever has them.

use crate::common::*;
use crate::events::Stream;
use futures_util::future::join_all;
use serde_json::{Value, json};

const HOUR: i64 = 60 * 60 * 1000;

/// A link and both its tokens.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) opening: String,
    pub(crate) reading: String,
    pub(crate) body: Value,
}

impl Made {
    pub(crate) fn new(lab: &Lab, most: Option<i64>) -> Self {
        let (opening, reading) = (random(16), random(16));
        let body = json!({
            "openingHash": hash(&opening), "readingHash": hash(&reading), "passphrase": most.is_some(), "edition": 1,
            "expiresAt": lab.now() + DAY, "maxReads": most, "share": jwe("one"),
        });
        Self {
            id: v7(),
            opening,
            reading,
            body,
        }
    }

    pub(crate) async fn put(&self, lab: &Lab, owner: &Person) -> Answer {
        let path = format!("/links/{}", self.id);
        lab.vault(&owner.token, "PUT", &path, Some(self.body.clone()))
            .await
    }

    pub(crate) async fn make(lab: &Lab, owner: &Person, most: Option<i64>) -> Self {
        let link = Self::new(lab, most);
        assert_eq!(link.put(lab, owner).await.0, 201);
        link
    }

    pub(crate) fn open_body(&self) -> Value {
        json!({ "openingToken": self.opening })
    }

    pub(crate) fn read_body(&self, read: &str) -> Value {
        json!({ "openingToken": self.opening, "readingToken": self.reading, "read": read })
    }

    async fn ask(&self, lab: &Lab, what: &str, body: Value) -> Answer {
        let url = format!("{}/v1/links/{}/{what}", lab.server.vault_url(), self.id);
        lab.call("POST", &url, None, Some(body)).await
    }

    pub(crate) async fn open(&self, lab: &Lab) -> Answer {
        self.ask(lab, "open", self.open_body()).await
    }

    pub(crate) async fn read(&self, lab: &Lab, read: &str) -> Answer {
        self.ask(lab, "read", self.read_body(read)).await
    }

    /// Reads with the link and a wrong passphrase.
    pub(crate) async fn guess(&self, lab: &Lab) -> Answer {
        let mut body = self.read_body(&random(16));
        body["readingToken"] = json!(random(16));
        self.ask(lab, "read", body).await
    }

    /// The link as its owner sees it, by a token of now.
    async fn seen(&self, lab: &Lab, owner: &Person) -> Value {
        let token = lab.token(owner).await;
        let (_, page) = lab.vault(&token, "GET", "/links", None).await;
        let items = page["items"].as_array().unwrap();
        let own = items.iter().find(|item| item["id"] == self.id);
        own.cloned().unwrap_or_default()
    }

    async fn delete(&self, lab: &Lab, person: &Person) -> Answer {
        let path = format!("/links/{}", self.id);
        lab.vault(&person.token, "DELETE", &path, None).await
    }

    async fn renew(&self, lab: &Lab, owner: &Person, replaces: i64, end: Option<i64>) -> Value {
        let edition = json!({
            "id": self.id, "replaces": replaces, "edition": replaces + 2, "expiresAt": end, "share": jwe("new"),
        });
        let body = Some(json!({ "editions": [edition] }));
        let made = lab.vault(&owner.token, "PUT", "/links", body).await;
        made.1["results"][0]["error"]["code"].clone()
    }
}

/// What a reader is shown, without the right to its files.
fn without_ticket(mut shown: Value) -> Value {
    let ticket = shown.as_object_mut().unwrap().remove("ticket").unwrap();
    assert_eq!(decode(&ticket).len(), 32);
    shown
}

/// The count of reads, and the time of the last one.
fn reads(seen: &Value) -> (i64, Option<i64>) {
    (seen["reads"].as_i64().unwrap(), seen["readAt"].as_i64())
}

#[tokio::test]
async fn whoever_has_a_link_reads_its_card() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let mut events = Stream::open(&lab, &ada, None).await;
    events.event().await;
    let link = Made::new(&lab, None);
    let (now, end) = (lab.now(), &link.body["expiresAt"]);
    let mut stored = json!({
        "id": link.id, "state": "open", "passphrase": false, "edition": 1, "maxReads": null, "reads": 0,
        "readAt": null, "createdAt": now, "updatedAt": now, "expiresAt": end,
    });
    assert_eq!(link.put(&lab, &ada).await, (201, stored.clone()));
    lab.pass(1000);
    assert_eq!(
        link.put(&lab, &ada).await,
        (200, stored.clone()),
        "repeated"
    );
    assert_eq!(code(&link.put(&lab, &bob).await), (409, "conflict"));
    for (member, other) in [
        ("share", json!(jwe("two"))),
        ("openingHash", json!(random(32))),
        ("readingHash", json!(random(32))),
        ("maxReads", json!(7)),
        ("passphrase", json!(true)),
    ] {
        let mut body = link.body.clone();
        body[member] = other;
        let path = format!("/links/{}", link.id);
        let answer = lab.vault(&ada.token, "PUT", &path, Some(body)).await;
        assert_eq!(code(&answer), (409, "conflict"), "{member}");
    }

    let told = async |events: &mut Stream| {
        let (kind, record, _) = events.event().await;
        assert_eq!((&*kind, &record), ("link", &link.id));
    };
    told(&mut events).await;
    assert_eq!(link.open(&lab).await, (200, json!({ "passphrase": false })));
    let content = json!({ "id": link.id, "edition": 1, "expiresAt": end, "share": jwe("one") });
    let read = random(16);
    // However often its answer is lost, one read counts once; an hour later it is another.
    let (_, shown) = link.read(&lab, &read).await;
    for _ in 0..3 {
        assert_eq!(link.read(&lab, &read).await, (200, shown.clone()));
    }
    assert_eq!(without_ticket(shown), content);
    let first = lab.now();
    told(&mut events).await;
    assert_eq!(reads(&link.seen(&lab, &ada).await), (1, Some(first)));
    lab.pass(HOUR - 1);
    assert_eq!(link.read(&lab, &read).await.0, 200);
    assert_eq!(reads(&link.seen(&lab, &ada).await), (1, Some(first)));
    lab.pass(1);
    assert_eq!(link.read(&lab, &read).await.0, 200);
    assert_eq!(reads(&link.seen(&lab, &ada).await), (2, Some(first + HOUR)));
    assert_eq!(link.read(&lab, &random(16)).await.0, 200);
    (stored["reads"], stored["readAt"]) = (json!(3), json!(lab.now()));
    assert_eq!(link.seen(&lab, &ada).await, stored);

    // Without the link there is nothing, whatever else is shown.
    let mut wrong = link.read_body(&random(16));
    wrong["openingToken"] = json!(random(16));
    let refused = link.ask(&lab, "read", wrong).await;
    assert_eq!(code(&refused), (404, "not_found"));
    let wrong = json!({ "openingToken": random(16) });
    assert_eq!(link.ask(&lab, "open", wrong).await, refused);
    let nobodys = Made::new(&lab, None);
    assert_eq!(nobodys.open(&lab).await, refused);
    assert_eq!(nobodys.read(&lab, &read).await, refused);
}

#[tokio::test]
async fn a_link_is_read_so_often_and_then_erased() {
    let lab = Lab::with(|config| config.sweep = std::time::Duration::from_millis(20)).await;
    let ada = lab.sign_up("ada").await;
    let mut link = Made::new(&lab, Some(2));
    let secret = random(32);
    link.body["share"] = json!(jwe(&secret));
    assert_eq!(link.put(&lab, &ada).await.0, 201);
    assert_eq!(link.open(&lab).await.1, json!({ "passphrase": true }));
    // Of many at once, two read.
    let ids: Vec<String> = (0..8).map(|_| random(16)).collect();
    let answers = join_all(ids.iter().map(|id| link.read(&lab, id))).await;
    let read: Vec<&String> = ids
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.0 == 200)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(read.len(), 2, "{answers:?}");
    for answer in [link.open(&lab).await, link.read(&lab, &random(16)).await] {
        assert_eq!(code(&answer), (410, "share_expired"));
    }
    assert_eq!(link.read(&lab, read[0]).await.0, 200, "a repeat");
    assert_eq!(link.seen(&lab, &ada).await["state"], "used");
    let end = Some(lab.now() + 1000);
    assert_eq!(link.renew(&lab, &ada, 1, end).await, "share_expired");
    lab.pass(HOUR);
    assert_eq!(
        code(&link.read(&lab, read[0]).await),
        (410, "share_expired")
    );
    gone(&lab, &encode(secret.as_bytes())).await;
    for id in read {
        gone(&lab, id).await;
    }
    let ada = Person {
        token: lab.token(&ada).await,
        ..ada
    };
    let seen = link.seen(&lab, &ada).await;
    assert_eq!(
        (&seen["state"], &seen["reads"]),
        (&json!("used"), &json!(2))
    );
    assert_eq!(code(&link.open(&lab).await), (410, "share_expired"));
    assert_eq!(
        link.renew(&lab, &ada, 1, Some(lab.now() + 1000)).await,
        "share_expired"
    );
}

#[tokio::test]
async fn ten_wrong_passphrases_close_a_link() {
    let lab = Lab::with(|config| config.rate_limits = false).await;
    let ada = lab.sign_up("ada").await;
    let link = Made::make(&lab, &ada, Some(100)).await;
    for _ in 0..9 {
        assert_eq!(code(&link.guess(&lab).await), (401, "wrong_credentials"));
    }
    // A wrong opening token counts nothing, and the right ones take nothing back.
    for _ in 0..20 {
        let wrong =
            json!({ "openingToken": random(16), "readingToken": link.reading, "read": random(16) });
        assert_eq!(link.ask(&lab, "read", wrong).await.0, 404);
    }
    assert_eq!(link.read(&lab, &random(16)).await.0, 200);
    let guesses = join_all((0..12).map(|_| link.guess(&lab))).await;
    let tried = guesses.iter().filter(|answer| answer.0 == 401).count();
    assert_eq!(tried, 1, "{guesses:?}");
    for answer in [link.open(&lab).await, link.read(&lab, &random(16)).await] {
        assert_eq!(code(&answer), (410, "share_expired"));
        assert!(
            answer.1["error"]["message"]
                .as_str()
                .unwrap()
                .contains("passphrases")
        );
    }
    let seen = link.seen(&lab, &ada).await;
    assert_eq!(
        (&seen["state"], &seen["reads"]),
        (&json!("closed"), &json!(1))
    );
    let pool = database(&lab.vault_db).await;
    let left: String = sqlx::query_scalar("SELECT share FROM links")
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    assert_eq!(left, "");
}

#[tokio::test]
async fn a_link_ends() {
    let lab = Lab::with(|config| config.sweep = std::time::Duration::from_millis(20)).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let now = lab.now();
    for (member, wrong) in [
        ("expiresAt", json!(now)),
        ("expiresAt", json!(now + 91 * DAY)),
        ("expiresAt", json!(i64::MAX)),
        ("expiresAt", Value::Null),
        ("maxReads", json!(0)),
        ("edition", json!(0)),
    ] {
        let mut link = Made::new(&lab, None);
        link.body[member] = wrong;
        assert_eq!(
            code(&link.put(&lab, &ada).await),
            (400, "bad_input"),
            "{}",
            link.body
        );
    }
    let (mut brief, lasting) = (Made::new(&lab, None), Made::make(&lab, &ada, None).await);
    let secret = random(32);
    brief.body["share"] = json!(jwe(&secret));
    brief.body["expiresAt"] = json!(now + 1000);
    assert_eq!(brief.put(&lab, &ada).await.0, 201);
    lab.pass(1000);
    for answer in [brief.open(&lab).await, brief.read(&lab, &random(16)).await] {
        assert_eq!(code(&answer), (410, "share_expired"));
    }
    gone(&lab, &encode(secret.as_bytes())).await;
    assert_eq!(brief.seen(&lab, &ada).await["state"], "expired");
    assert_eq!(code(&brief.open(&lab).await), (410, "share_expired"));

    let stranger = lasting.delete(&lab, &bob).await;
    assert_eq!(stranger, Made::new(&lab, None).delete(&lab, &bob).await);
    assert_eq!(code(&stranger), (404, "not_found"));
    for _ in 0..2 {
        assert_eq!(lasting.delete(&lab, &ada).await, (204, Value::Null));
    }
    for answer in [
        lasting.open(&lab).await,
        lasting.read(&lab, &random(16)).await,
    ] {
        assert_eq!(code(&answer), (404, "not_found"));
    }
    assert_eq!(lasting.seen(&lab, &ada).await, Value::Null);
    assert_eq!(
        code(&lasting.put(&lab, &ada).await),
        (409, "conflict"),
        "its id stays taken"
    );
    assert_eq!(
        lasting.renew(&lab, &ada, 1, Some(lab.now() + 1000)).await,
        "not_found"
    );

    let last = Made::make(&lab, &ada, None).await;
    let proof = lab.proof(&ada).await;
    assert_eq!(lab.vault(&proof, "DELETE", "/account", None).await.0, 204);
    assert_eq!(code(&last.open(&lab).await), (404, "not_found"));
    let pool = database(&lab.vault_db).await;
    let sql = "SELECT COUNT(*) FROM links WHERE share <> '' OR reading <> '' OR deleted_at IS NULL";
    let left: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_link_gets_new_editions() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let link = Made::make(&lab, &ada, None).await;
    let end = lab.now() + 2 * DAY;
    lab.pass(1000);
    assert_eq!(link.renew(&lab, &bob, 1, Some(end)).await, "not_found");
    assert_eq!(link.renew(&lab, &ada, 2, Some(end)).await, "conflict");
    for wrong in [None, Some(lab.now()), Some(lab.now() + 91 * DAY)] {
        assert_eq!(link.renew(&lab, &ada, 1, wrong).await, "bad_input");
    }
    for _ in 0..2 {
        assert_eq!(link.renew(&lab, &ada, 1, Some(end)).await, Value::Null);
    }
    let seen = link.seen(&lab, &ada).await;
    assert_eq!(
        [&seen["edition"], &seen["updatedAt"], &seen["expiresAt"]],
        [&json!(3), &json!(lab.now()), &json!(end)]
    );
    let content = json!({ "id": link.id, "edition": 3, "expiresAt": end, "share": jwe("new") });
    let (_, shown) = link.read(&lab, &random(16)).await;
    assert_eq!(without_ticket(shown), content);
    let query = async |person: &Person| {
        let body = Some(json!({ "ids": [v7(), link.id] }));
        let found = lab.vault(&person.token, "POST", "/links/query", body).await;
        found.1["results"].clone()
    };
    let found = query(&ada).await;
    assert_eq!(
        (&found[1]["item"], &found[0]["error"]["code"]),
        (&content, &json!("not_found"))
    );
    let found = query(&bob).await;
    assert_eq!(found[0]["error"], found[1]["error"]);
}

#[tokio::test]
async fn a_network_asks_so_often_for_a_link() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let [link, other] = [
        Made::make(&lab, &ada, None).await,
        Made::make(&lab, &ada, None).await,
    ];
    let wrong = json!({ "openingToken": random(16) });
    for _ in 0..30 {
        assert_eq!(link.ask(&lab, "open", wrong.clone()).await.0, 404);
    }
    assert_eq!(code(&link.open(&lab).await), (429, "rate_limited"));
    assert_eq!(other.open(&lab).await.0, 200);
    for n in 0..31 {
        let status = link.read(&lab, &random(16)).await.0;
        assert_eq!(status, if n < 30 { 200 } else { 429 });
    }
    lab.pass(5 * 60 * 1000);
    assert_eq!(link.open(&lab).await.0, 200);
}
