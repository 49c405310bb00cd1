//! The callers, and the records that their requests are about.

use crate::common::*;
use crate::credentials::{new_passphrase, recover};
use crate::email::confirm;
use crate::files::{Files, make_share, octets};
use crate::links::Made;
use crate::routes::parts;
use crate::tables::Tables;
use serde_json::{Value, json};

/// The content of files.
pub(crate) const CONTENT: &[u8] = b"content";

/// Routes whose answers are octets, and their requests, if they have a body.
const OF_OCTETS: [&str; 3] = [
    "vault GET /files/{id}",
    "vault GET /files/{id}/digests",
    "vault PUT /files/{id}",
];

/// The records that a request names.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) card: String,
    pub(crate) key: String,
    pub(crate) key_body: Value,
    /// An invitation to accept, and one to decline, with the token of both.
    pub(crate) invitations: [String; 2],
    pub(crate) token: String,
    pub(crate) expires_at: i64,
    pub(crate) connection: String,
    pub(crate) share: String,
    pub(crate) link: Made,
    /// A file that the share lists, and one that is not finished.
    pub(crate) file: String,
    pub(crate) upload: String,
    /// The id and everything else of an encryption space.
    pub(crate) space: Value,
    /// The connection whose key and note lie in the Keystore.
    pub(crate) note: String,
}

impl Target {
    /// Records that do not exist.
    pub(crate) fn nowhere(lab: &Lab, recipient: &Person) -> Self {
        let (key, key_body) = public_key();
        Self {
            card: v7(),
            key,
            key_body,
            invitations: [v7(), v7()],
            token: random(16),
            expires_at: lab.now() + 14 * DAY,
            connection: v7(),
            share: v7(),
            link: Made::new(lab, None),
            file: v7(),
            upload: v7(),
            space: new_space(recipient, None),
            note: v7(),
        }
    }

    pub(crate) fn space_id(&self) -> &str {
        self.space["id"].as_str().unwrap()
    }

    /// The body that asks about the card whose share the space is of.
    pub(crate) fn tags(&self) -> Value {
        json!({ "tags": [self.space["tag"]] })
    }

    /// The ids by which the records would be known in an answer, and a name for each.
    pub(crate) fn ids(&self) -> [(&'static str, &str); 13] {
        [
            ("card", &self.card),
            ("key", &self.key),
            ("invitation", &self.invitations[0]),
            ("other invitation", &self.invitations[1]),
            ("connection", &self.connection),
            ("share", &self.share),
            ("link", &self.link.id),
            ("file", &self.file),
            ("upload", &self.upload),
            ("space", self.space_id()),
            ("share of the space", self.space["share"].as_str().unwrap()),
            ("tag", self.space["tag"].as_str().unwrap()),
            ("note", &self.note),
        ]
    }

    /// The answer with names for the ids, to compare it with that for other records.
    pub(crate) fn without_ids(&self, answer: &Answer) -> (u16, String) {
        let mut text = answer.1.to_string();
        for (name, id) in self.ids() {
            text = text.replace(id, name);
        }
        (answer.0, text)
    }
}

/// Somebody with an account, and what their requests need.
pub(crate) struct Caller {
    pub(crate) person: Person,
    /// A key of theirs that is published.
    pub(crate) key: String,
    /// A new passphrase, registered.
    pub(crate) passphrase: Value,
    /// The Vault that they ask tokens for.
    pub(crate) audience: String,
    /// The token that deletes their account there.
    pub(crate) proof: String,
}

/// A server with people and records.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) tables: Tables,
    /// The owner of the records.
    pub(crate) ada: Caller,
    /// The person with whom Ada shares.
    pub(crate) carol: Caller,
    /// The person whom Ada invited.
    pub(crate) dave: Caller,
    /// The person with whom Ada shared, until she ended it.
    pub(crate) bob: Caller,
    /// A stranger to Ada.
    pub(crate) eve: Caller,
    /// Ada's records, as those know them who have to do with them.
    pub(crate) theirs: Target,
    /// The records that Ada had with Bob.
    pub(crate) former: Target,
    /// Ids that do not exist.
    pub(crate) nowhere: Target,
    /// A session of recovery, of Ada's.
    pub(crate) recovery: String,
    /// Somebody whose account was deleted.
    pub(crate) gone: Caller,
}

impl World {
    pub(crate) async fn new() -> Self {
        let lab =
            Lab::with(|config| config.sweep = std::time::Duration::from_secs(24 * 3600)).await;
        let [ada, bob, carol, dave, eve] = [
            caller(&lab, "ada").await,
            caller(&lab, "bob").await,
            caller(&lab, "carol").await,
            caller(&lab, "dave").await,
            caller(&lab, "eve").await,
        ];
        let nowhere = Target::nowhere(&lab, &carol.person);
        let theirs = records(&lab, &ada, &carol).await;
        let mut former = records(&lab, &ada, &bob).await;
        // Bob answered the invitation that the connection came of.
        former.invitations = [former.connection.clone(), former.connection.clone()];
        part(&lab, &ada, &former).await;
        let (_, started) =
            recover(&lab, &ada.person.email, &recovery_auth(&ada.person.email)).await;
        let recovery = started["session"].as_str().unwrap().to_owned();
        let gone = caller(&lab, "gone").await;
        let ended = lab.vault(&gone.proof, "DELETE", "/account", None).await;
        assert_eq!(ended.0, 204);
        let ended = lab
            .keystore(&gone.person.session, "DELETE", "/account", None)
            .await;
        assert_eq!(ended.0, 204);
        Self {
            tables: Tables::open(&lab).await,
            lab,
            ada,
            carol,
            dave,
            bob,
            eve,
            theirs,
            former,
            nowhere,
            recovery,
            gone,
        }
    }

    /// Somebody new to whom Ada is nobody, or with whom she ended a connection.
    pub(crate) async fn somebody(&self, is_former: bool) -> Caller {
        let somebody = caller(&self.lab, &v7()).await;
        if is_former {
            let (lab, ada) = (&self.lab, &self.ada.person);
            let connection = lab.connect(ada, &somebody.person).await;
            lab.share(ada, &connection, None).await;
            let path = format!("/connections/{connection}");
            let ended = lab.vault(&ada.token, "DELETE", &path, None).await;
            assert_eq!(ended.0, 204);
        }
        somebody
    }

    /// Sends a request to a route with what `Authorization` shall say after `Bearer`, if anything.
    pub(crate) async fn send(
        &self,
        route: &str,
        bearer: Option<&str>,
        (path, body): (String, Option<Value>),
    ) -> Answer {
        let (service, method, _) = parts(route);
        let url = format!("{}/v1{path}", self.base(service));
        if OF_OCTETS.contains(&route) {
            let part = [("content-range", "bytes 0-6/*")];
            let sent = (method == "PUT").then_some(CONTENT);
            let bearer = bearer.unwrap_or_default();
            let got = octets(&self.lab.http, method, &url, bearer, &part, sent).await;
            let mut body: Value = serde_json::from_slice(&got.bytes).unwrap_or_default();
            if let Some(members) = body.as_object_mut() {
                members.remove("requestId");
            }
            return (got.status, body);
        }
        self.lab.call(method, &url, bearer, body).await
    }

    pub(crate) fn base(&self, service: &str) -> &str {
        match service {
            "vault" => self.lab.server.vault_url(),
            _ => self.lab.server.keystore_url(),
        }
    }
}

impl Caller {
    /// The token or session by which a service knows them.
    pub(crate) fn bearer(&self, route: &str) -> &str {
        match parts(route).0 {
            _ if route == "vault DELETE /account" => &self.proof,
            "vault" => &self.person.token,
            _ => &self.person.session,
        }
    }
}

async fn caller(lab: &Lab, name: &str) -> Caller {
    let person = lab.sign_up(name).await;
    confirm(lab, &person).await;
    Caller {
        key: lab.publish(&person).await,
        passphrase: new_passphrase(lab, &person.session, "another").await,
        audience: lab.server.vault_url().to_owned(),
        proof: lab.proof(&person).await,
        person,
    }
}

/// Records of Ada's, the shared ones with this person.
async fn records(lab: &Lab, ada: &Caller, with: &Caller) -> Target {
    let owner = &ada.person;
    let mut target = Target::nowhere(lab, &with.person);
    let made = async |service: &str, method: &str, path: String, body: Value| {
        let (bearer, base) = match service {
            "vault" => (&owner.token, lab.server.vault_url()),
            _ => (&owner.session, lab.server.keystore_url()),
        };
        let url = format!("{base}/v1{path}");
        let (status, answer) = lab.call(method, &url, Some(bearer), Some(body)).await;
        assert!(status < 300, "{path}: {answer}");
    };
    let card = json!({ "card": jwe("card"), "version": 0, "unsettled": true });
    made("vault", "PUT", format!("/cards/{}", target.card), card).await;
    let (key, body) = (&target.key, &target.key_body);
    made("vault", "PUT", format!("/public-keys/{key}"), body.clone()).await;
    let [first, second] = &target.invitations;
    for id in [first, second, &target.connection] {
        let body = link_invitation(&ada.key, &target.token, target.expires_at);
        made("vault", "PUT", format!("/invitations/{id}"), body).await;
    }
    let spaces = json!({ "spaces": [target.space] });
    made("keystore", "POST", "/spaces".into(), spaces).await;
    let note = json!({ "key": jwe("key"), "note": jwe("note") });
    made(
        "keystore",
        "PUT",
        format!("/connections/{}", target.note),
        note,
    )
    .await;
    let accept = json!({
        "invitationId": target.connection, "token": target.token, "publicKeyId": with.key, "proof": null,
    });
    let accepted = lab
        .vault(&with.person.token, "POST", "/connections", Some(accept))
        .await;
    assert_eq!(accepted.0, 201);
    let files = Files::of(lab, owner);
    target.file = files.upload(CONTENT).await;
    assert_eq!(files.begin(&target.upload).await.0, 201);
    let (token, connection) = (&owner.token, &target.connection);
    let (error, share) = make_share(lab, token, connection, None, &[&target.file]).await;
    assert_eq!(error, Value::Null);
    target.share = share["id"].as_str().unwrap().to_owned();
    assert_eq!(target.link.put(lab, owner).await.0, 201);
    target
}

/// Ends what `records` made with somebody, as the client does: keys first. With it goes a link, which is nobody's.
async fn part(lab: &Lab, ada: &Caller, target: &Target) {
    let space = format!("/spaces/{}", target.space_id());
    let gone = lab
        .keystore(&ada.person.session, "DELETE", &space, None)
        .await;
    assert_eq!(gone.0, 204);
    let link = format!("/links/{}", target.link.id);
    let gone = lab.vault(&ada.person.token, "DELETE", &link, None).await;
    assert_eq!(gone.0, 204);
    let connection = format!("/connections/{}", target.connection);
    let gone = lab
        .vault(&ada.person.token, "DELETE", &connection, None)
        .await;
    assert_eq!(gone.0, 204);
}
