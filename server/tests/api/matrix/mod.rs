//! Every route of both services × everybody who may not: no token, a malformed one, one that has expired, the other
//! service's, a session of recovery, somebody whose account is deleted, another user, a former peer. Nobody learns or
//! changes anything. The routes come from the services' own descriptions, so that a new one without a row fails.

mod rows;
mod world;

use std::collections::BTreeSet;

use crate::common::*;
use crate::credentials::{new_passphrase, recover};
use crate::mails::all_are_sent;
use crate::routes::{parts, routes};
use crate::tables::changes;
use rows::{FOR_RECOVERY, FOR_THE_DELETED, Former, Kind, Row, rows};
use serde_json::{Value, json};
use world::{Caller, Target, World};

/// The world, and how many pairs of a route and a caller were tried.
struct Matrix {
    world: World,
    cells: usize,
}

/// The one answer to everybody whom a service does not know.
fn refused() -> Answer {
    let error = json!({ "code": "session_expired", "message": "Sign in again." });
    (401, json!({ "error": error }))
}

#[tokio::test]
async fn nobody_reaches_what_is_not_theirs() {
    let mut matrix = Matrix {
        world: World::new().await,
        cells: 0,
    };
    let rows = rows();
    matrix.knows_every_route(&rows).await;
    let closed = || rows.iter().filter(|row| !matches!(row.kind, Kind::Open(_)));
    for row in closed() {
        matrix.unknown(row).await;
        matrix.recovery(row).await;
        matrix.deleted(row).await;
        matrix.strangers(row).await;
    }
    // The records are there, but their owners are not.
    matrix.mark_deleted(true).await;
    for row in closed() {
        matrix.cut(row).await;
    }
    matrix.mark_deleted(false).await;
    // The requests were good ones: who has a right to them gets an answer.
    for row in closed() {
        matrix.owner(row).await;
    }
    matrix.world.lab.pass(31 * DAY);
    for row in closed() {
        matrix.expired(row).await;
    }
    println!("{} routes, {} cells", rows.len(), matrix.cells);
    matrix.world.tables.close().await;
}

/// Asks for everything that needs a token by somebody who has a right to it, and gives the server.
pub(crate) async fn by_their_owners() -> Lab {
    let mut matrix = Matrix {
        world: World::new().await,
        cells: 0,
    };
    for row in &rows() {
        match row.kind {
            Kind::Open(_) => {}
            Kind::Own => {
                let somebody = matrix.world.somebody(false).await;
                let bearer = somebody.bearer(row.route);
                matrix.own(row, &somebody, Some(bearer), "somebody").await;
            }
            Kind::OwnStream => matrix.stream(row, false).await,
            _ => matrix.owner(row).await,
        }
    }
    matrix.world.tables.close().await;
    matrix.world.lab
}

impl Matrix {
    async fn knows_every_route(&self, rows: &[Row]) {
        let described = routes(&self.world.lab).await;
        let names = |open: bool| -> BTreeSet<&str> {
            let routes = described.iter().filter(|route| route.is_open == open);
            routes.map(|route| route.name.as_str()).collect()
        };
        let of = |open: bool| -> BTreeSet<&str> {
            let rows = rows
                .iter()
                .filter(|row| matches!(row.kind, Kind::Open(_)) == open);
            rows.map(|row| row.route).collect()
        };
        assert_eq!(of(true), names(true), "the open routes");
        assert_eq!(of(false), names(false), "all others");
        assert_eq!(rows.len(), described.len(), "one row each");
    }

    /// Sends a request and sees that it changes nothing.
    async fn quietly(
        &mut self,
        row: &Row,
        bearer: Option<&str>,
        request: (String, Option<Value>),
        who: &str,
    ) -> Answer {
        let before = self.world.tables.dump().await;
        let answer = self.world.send(row.route, bearer, request).await;
        let after = self.world.tables.dump().await;
        assert_eq!(changes(&before, &after), [""; 0], "{} by {who}", row.route);
        answer
    }

    async fn is_refused(&mut self, row: &Row, bearer: Option<&str>, who: &str) {
        // Ada's own request about what exists, so that it is the token alone that is wrong.
        let request = row.about(&self.world.theirs, &self.world.ada);
        let answer = self.quietly(row, bearer, request, who).await;
        assert_eq!(answer, refused(), "{} by {who}", row.route);
        self.cells += 1;
    }

    async fn unknown(&mut self, row: &Row) {
        let ada = &self.world.ada.person;
        let (own, other) = match parts(row.route).0 {
            "vault" => (ada.token.clone(), ada.session.clone()),
            _ => (ada.session.clone(), ada.token.clone()),
        };
        let cut = own[..own.len() - 1].to_owned();
        self.is_refused(row, None, "no token").await;
        for malformed in ["", "x", "a.b.c", "é", &random(32), &cut, &format!("{own}A")] {
            self.is_refused(row, Some(malformed), "a malformed token")
                .await;
        }
        self.is_refused(row, Some(&other), "the other service's token")
            .await;
    }

    async fn recovery(&mut self, row: &Row) {
        if !FOR_RECOVERY.contains(&row.route) {
            let recovery = self.world.recovery.clone();
            return self.is_refused(row, Some(&recovery), "a recovery").await;
        }
        let mut somebody = self.world.somebody(false).await;
        let (lab, email) = (&self.world.lab, &somebody.person.email);
        let (_, started) = recover(lab, email, &recovery_auth(email)).await;
        let recovery = started["session"].as_str().unwrap();
        somebody.passphrase = new_passphrase(lab, recovery, "another").await;
        self.own(row, &somebody, Some(recovery), "a recovery").await;
    }

    async fn deleted(&mut self, row: &Row) {
        let bearer = self.world.gone.bearer(row.route).to_owned();
        if !FOR_THE_DELETED.contains(&row.route) {
            return self
                .is_refused(row, Some(&bearer), "somebody deleted")
                .await;
        }
        let request = row.about(&self.world.theirs, &self.world.ada);
        let again = self.quietly(row, Some(&bearer), request, "again").await;
        assert!(matches!(again.0, 200 | 204), "{}: {again:?}", row.route);
        self.tells_nothing(row, &again);
        self.cells += 1;
    }

    /// Marks all accounts of the Vault as deleted a moment ago, as a cut leaves those that are not erased yet, or as there again.
    async fn mark_deleted(&self, deleted: bool) {
        let lab = &self.world.lab;
        let pool = database(&lab.vault_db.replace("mode=ro", "mode=rw")).await;
        let mark = sqlx::query("UPDATE accounts SET deleted_at = $1");
        let marked = mark.bind(deleted.then(|| lab.now())).execute(&pool).await;
        assert!(marked.unwrap().rows_affected() > 0);
        pool.close().await;
    }

    async fn cut(&mut self, row: &Row) {
        if parts(row.route).0 == "vault" && !FOR_THE_DELETED.contains(&row.route) {
            let owner = (row.owner)(&self.world);
            let bearer = owner.bearer(row.route).to_owned();
            let request = row.about(&self.world.theirs, owner);
            let who = "somebody whose deletion was cut";
            let answer = self.quietly(row, Some(&bearer), request, who).await;
            assert_eq!(answer, refused(), "{} by {who}", row.route);
            self.cells += 1;
        }
    }

    async fn expired(&mut self, row: &Row) {
        let bearer = self.world.ada.bearer(row.route).to_owned();
        self.is_refused(row, Some(&bearer), "an expired token")
            .await;
    }

    /// Another user and a former peer, at what is Ada's alone or others' now; the former peer also at what was theirs.
    async fn strangers(&mut self, row: &Row) {
        for is_former in [false, true] {
            match row.kind {
                Kind::Open(_) => {}
                Kind::Own => {
                    let somebody = self.world.somebody(is_former).await;
                    let bearer = somebody.bearer(row.route);
                    self.own(row, &somebody, Some(bearer), "somebody").await;
                }
                Kind::OwnStream => self.stream(row, is_former).await,
                Kind::OwnList | Kind::Missing | Kind::MissingOfMany | Kind::Taken => {
                    // Nobody but the invited knows the token.
                    let theirs = Target {
                        token: random(16),
                        ..self.world.theirs.clone()
                    };
                    self.stranger(row, &theirs, is_former).await;
                }
            }
        }
        let former = self.world.former.clone();
        match row.former {
            Former::Nothing => self.stranger(row, &former, true).await,
            Former::Sees(status, _) => {
                let (request, bearer) = {
                    let bob = &self.world.bob;
                    (row.about(&former, bob), bob.bearer(row.route).to_owned())
                };
                let answer = self
                    .quietly(row, Some(&bearer), request, "a former peer")
                    .await;
                assert_eq!(answer.0, status, "{}: {answer:?}", row.route);
                self.tells_nothing(row, &answer);
                self.cells += 1;
            }
        }
    }

    async fn stranger(&mut self, row: &Row, target: &Target, is_former: bool) {
        let (caller, who) = match is_former {
            true => (&self.world.bob, "a former peer"),
            false => (&self.world.eve, "another user"),
        };
        let bearer = caller.bearer(row.route).to_owned();
        let (about, about_nothing) = (
            row.about(target, caller),
            row.about(&self.world.nowhere, caller),
        );
        let what = format!("{} by {who}", row.route);
        match row.kind {
            Kind::Open(_) | Kind::Own | Kind::OwnStream => return,
            Kind::OwnList => {
                let answer = self.quietly(row, Some(&bearer), about, who).await;
                if is_former && matches!(row.former, Former::Sees(..)) {
                    self.tells_nothing(row, &answer);
                } else {
                    let empty = json!({ "items": [], "next": null });
                    assert_eq!(answer, (200, empty), "{what}");
                }
            }
            Kind::Taken => {
                let answer = self.quietly(row, Some(&bearer), about, who).await;
                let result = match &answer.1["results"][0] {
                    Value::Null => &answer.1,
                    result => result,
                };
                assert_eq!(result["error"]["code"], "conflict", "{what}: {answer:?}");
            }
            Kind::Missing | Kind::MissingOfMany => {
                let answer = self.quietly(row, Some(&bearer), about, who).await;
                let nothing = self.quietly(row, Some(&bearer), about_nothing, who).await;
                assert_eq!(
                    target.without_ids(&answer),
                    self.world.nowhere.without_ids(&nothing),
                    "{what}"
                );
                if matches!(row.kind, Kind::Missing) {
                    assert_eq!(code(&answer), (404, "not_found"), "{what}");
                }
            }
        }
        self.cells += 1;
    }

    /// Somebody who calls a route that knows nobody else: all that changes is theirs.
    async fn own(&mut self, row: &Row, somebody: &Caller, bearer: Option<&str>, who: &str) {
        let request = row.about(&self.world.theirs, somebody);
        let before = self.world.tables.dump().await;
        let answer = self.world.send(row.route, bearer, request).await;
        all_are_sent(&self.world.lab).await;
        let after = self.world.tables.dump().await;
        assert!(answer.0 < 300, "{} by {who}: {answer:?}", row.route);
        self.tells_nothing(row, &answer);
        for change in changes(&before, &after) {
            // Of a deleted account's registrations the hash stays, and says nobody's name.
            let is_nobodys = change.starts_with("+ keystore registrations")
                && change.contains(r#"| Some("") |"#);
            let theirs = change.contains(&somebody.person.account) || is_nobodys;
            assert!(theirs, "{} by {who}: {change}", row.route);
        }
        self.cells += 1;
    }

    /// The stream from its first event on, which ends with what happens to the caller after it was opened.
    async fn stream(&mut self, row: &Row, is_former: bool) {
        let somebody = self.world.somebody(is_former).await;
        let lab = &self.world.lab;
        let url = format!("{}/v1/events", self.world.base("vault"));
        let request = lab.http.get(url).bearer_auth(&somebody.person.token);
        let mut stream = request.header("last-event-id", "0").send().await.unwrap();
        let (last, _) = lab.invite(&somebody.person).await;
        let path = format!("/invitations/{last}/cancel");
        let token = &somebody.person.token;
        let cancelled = lab.vault(token, "POST", &path, Some(json!({}))).await;
        assert_eq!(cancelled.0, 200);
        let mut text = String::new();
        while !text.contains(&last) {
            let chunk = tokio::time::timeout(PATIENCE, stream.chunk());
            let chunk = chunk.await.unwrap().unwrap().unwrap();
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        assert_eq!(text.contains("event: connection"), is_former, "{text}");
        self.tells_nothing(row, &(200, json!(text)));
        self.cells += 1;
    }

    /// The answer names none of Ada's records, but for what the request named.
    fn tells_nothing(&self, row: &Row, answer: &Answer) {
        let text = answer.1.to_string();
        for (name, id) in self.world.theirs.ids() {
            assert!(
                !text.contains(id),
                "{} tells of a {name}: {text}",
                row.route
            );
        }
    }

    /// The same request by who has a right to it.
    async fn owner(&mut self, row: &Row) {
        if matches!(row.kind, Kind::Own | Kind::OwnStream) {
            return;
        }
        let owner = (row.owner)(&self.world);
        let request = row.about(&self.world.theirs, owner);
        let answer = self
            .world
            .send(row.route, Some(owner.bearer(row.route)), request)
            .await;
        let good = answer.0 < 300
            && answer.1["items"] != json!([])
            && answer.1["results"][0]["error"].is_null();
        assert!(good, "{} by its owner: {answer:?}", row.route);
        self.cells += 1;
    }
}
