//! A row for every route: what is asked for, and what somebody gets who has no right to it.

use super::world::{CONTENT, Caller, Target, World};
use crate::common::*;
use serde_json::{Value, json};
use uuid::Uuid;

/// The answer of a route to somebody who has nothing to do with the record.
pub(crate) enum Kind {
    /// The answer for a record that does not exist: `not_found`.
    Missing,
    /// The same, where several are asked for at once and each has its own result.
    MissingOfMany,
    /// An id that is taken tells so and no more: ids are made at random, and nobody meets another's by chance.
    Taken,
    /// The route knows no records but the caller's own.
    Own,
    /// Likewise, and the caller has none.
    OwnList,
    /// The event stream, which is the caller's own.
    OwnStream,
    /// Anybody may call it, for this reason.
    Open(#[allow(dead_code, reason = "for readers")] &'static str),
}

/// The answer to somebody whose connection was ended, about a share of that connection.
pub(crate) enum Former {
    /// The answer to a stranger.
    Nothing,
    /// This status, for this reason.
    Sees(
        u16,
        #[allow(dead_code, reason = "for readers")] &'static str,
    ),
}

pub(crate) struct Row {
    pub(crate) route: &'static str,
    pub(crate) kind: Kind,
    pub(crate) former: Former,
    /// The path, if the route's own is not all of it, and the body: of a request that is right for whoever has a right to it.
    pub(crate) request: fn(&Target, &Caller) -> (String, Option<Value>),
    /// The people who have a right to it.
    pub(crate) owner: fn(&World) -> &Caller,
}

/// Routes that take sessions of recovery, whose work it is to set new credentials or be thrown away.
pub(crate) const FOR_RECOVERY: [&str; 3] = [
    "keystore POST /credentials/start",
    "keystore PUT /credentials",
    "keystore POST /sign-out",
];

/// Routes that those may repeat whose account is deleted already.
pub(crate) const FOR_THE_DELETED: [&str; 3] = [
    "keystore DELETE /account",
    "keystore POST /tokens/proof",
    "vault DELETE /account",
];

use Former::{Nothing, Sees};
use Kind::{Missing, MissingOfMany, Open, Own, OwnList, OwnStream, Taken};

const ENDED: &str = "an ended connection stays in sight of both, so that both learn of it";
const ANSWERED: &str = "who answered an invitation may repeat the answer";

const fn ada(world: &World) -> &Caller {
    &world.ada
}

const fn carol(world: &World) -> &Caller {
    &world.carol
}

const fn dave(world: &World) -> &Caller {
    &world.dave
}

fn row(
    route: &'static str,
    kind: Kind,
    request: fn(&Target, &Caller) -> (String, Option<Value>),
) -> Row {
    Row {
        route,
        kind,
        former: Nothing,
        request,
        owner: ada,
    }
}

fn open(route: &'static str, reason: &'static str) -> Row {
    row(route, Open(reason), |_, _| (String::new(), None))
}

/// A route whose path names no record, and that takes no body.
fn plain(route: &'static str, kind: Kind) -> Row {
    row(route, kind, |_, _| (String::new(), None))
}

impl Row {
    fn of(self, owner: fn(&World) -> &Caller) -> Self {
        Self { owner, ..self }
    }

    fn former(self, status: u16, reason: &'static str) -> Self {
        Self {
            former: Sees(status, reason),
            ..self
        }
    }

    /// The request about this target by this caller.
    pub(crate) fn about(&self, target: &Target, caller: &Caller) -> (String, Option<Value>) {
        let (path, body) = (self.request)(target, caller);
        if path.is_empty() {
            (crate::routes::parts(self.route).2.to_owned(), body)
        } else {
            (path, body)
        }
    }
}

/// The rows, those that end a record behind those that need it.
pub(crate) fn rows() -> Vec<Row> {
    [keystore(), vault_reads(), vault_writes()]
        .into_iter()
        .flatten()
        .collect()
}

fn keystore() -> Vec<Row> {
    vec![
        open("keystore POST /sign-up/start", "there is no account yet"),
        open("keystore POST /sign-up/finish", "there is no account yet"),
        open("keystore POST /sign-in/start", "there is no session yet"),
        open("keystore POST /sign-in/finish", "the login is the right"),
        open(
            "keystore POST /recovery/start",
            "the recovery key is the right",
        ),
        open("keystore GET /jwks", "public keys"),
        row("keystore POST /tokens", Own, |_, caller| {
            (String::new(), Some(json!({ "audience": caller.audience })))
        }),
        row("keystore POST /tokens/proof", Own, |_, caller| {
            (String::new(), Some(json!({ "audience": caller.audience })))
        }),
        row("keystore GET /connections/{id}", Missing, |target, _| {
            (format!("/connections/{}", target.note), None)
        }),
        row(
            "keystore POST /connections/query",
            MissingOfMany,
            |target, _| (String::new(), Some(json!({ "ids": [target.note] }))),
        ),
        plain("keystore GET /connections", OwnList),
        row(
            "keystore PUT /connections/{id}/note",
            Missing,
            |target, _| {
                let note = json!({ "note": jwe("another"), "version": 1 });
                (format!("/connections/{}/note", target.note), Some(note))
            },
        ),
        row("keystore PUT /connections/{id}", Own, |target, _| {
            let body = json!({ "key": jwe("key"), "note": jwe("of mine") });
            (format!("/connections/{}", target.note), Some(body))
        }),
        row("keystore POST /spaces", Taken, |target, caller| {
            let mut space = target.space.clone();
            // Nobody makes a space for themselves.
            if space["recipient"] == caller.person.account {
                space["recipient"] = json!(Uuid::new_v4().to_string());
            }
            (String::new(), Some(json!({ "spaces": [space] })))
        }),
        row("keystore POST /spaces/query", MissingOfMany, |target, _| {
            (String::new(), Some(json!({ "ids": [target.space_id()] })))
        }),
        row(
            "keystore POST /spaces/of-shares",
            MissingOfMany,
            |target, _| {
                let ids = json!({ "ids": [target.space["share"]] });
                (String::new(), Some(ids))
            },
        ),
        row(
            "keystore POST /spaces/of-cards",
            MissingOfMany,
            |target, _| (String::new(), Some(target.tags())),
        ),
        row(
            "keystore POST /spaces/counts",
            MissingOfMany,
            |target, _| (String::new(), Some(target.tags())),
        ),
        row("keystore PUT /spaces", MissingOfMany, |target, _| {
            let update = json!({
                "id": target.space_id(), "version": 1, "sent": jwe("another"), "expiresAt": null,
            });
            (String::new(), Some(json!({ "spaces": [update] })))
        }),
        row("keystore PUT /spaces/claims", MissingOfMany, |target, _| {
            (String::new(), claims(&target.space, "claim"))
        })
        .of(carol),
        row("keystore DELETE /spaces/{id}", Missing, |target, _| {
            (format!("/spaces/{}", target.space_id()), None)
        }),
        row(
            "keystore DELETE /connections/{id}/spaces",
            Own,
            |target, _| (format!("/connections/{}/spaces", target.note), None),
        ),
        row("keystore POST /credentials/start", Own, |_, _| {
            (String::new(), Some(registration_request()))
        }),
        row("keystore PUT /credentials", Own, |_, caller| {
            let recovery = crate::credentials::new_recovery(&random(32));
            let body = json!({
                "credentialsVersion": 1, "passphrase": caller.passphrase, "recovery": recovery,
            });
            (String::new(), Some(body))
        }),
        row("keystore POST /sign-out", Own, |_, _| {
            (String::new(), Some(json!({})))
        }),
        plain("keystore DELETE /account", Own),
    ]
}

fn vault_reads() -> Vec<Row> {
    vec![
        plain("vault GET /cards", OwnList),
        row("vault GET /cards/{id}", Missing, |target, _| {
            (format!("/cards/{}", target.card), None)
        }),
        plain("vault GET /cards/unsettled", MissingOfMany),
        plain("vault GET /invitations", OwnList),
        row("vault GET /invitations/{id}", Missing, |target, _| {
            (format!("/invitations/{}", target.invitations[0]), None)
        }),
        row("vault POST /invitations/{id}/open", Missing, |target, _| {
            let path = format!("/invitations/{}/open", target.invitations[0]);
            (path, Some(json!({ "token": target.token })))
        })
        .of(dave)
        .former(200, ANSWERED),
        plain("vault GET /connections", OwnList).former(200, ENDED),
        row("vault GET /connections/{id}", Missing, |target, _| {
            (format!("/connections/{}", target.connection), None)
        })
        .former(200, ENDED),
        row(
            "vault POST /connections/query",
            MissingOfMany,
            |target, _| (String::new(), Some(json!({ "ids": [target.connection] }))),
        )
        .former(200, ENDED),
        plain("vault GET /shares/incoming", OwnList).of(carol),
        row("vault GET /shares/outgoing", OwnList, |target, _| {
            (
                format!("/shares/outgoing?connection={}", target.connection),
                None,
            )
        }),
        row("vault POST /shares/query", MissingOfMany, |target, _| {
            (String::new(), Some(json!({ "ids": [target.share] })))
        })
        .of(carol),
        plain("vault GET /links", OwnList),
        row("vault POST /links/query", MissingOfMany, |target, _| {
            (String::new(), Some(json!({ "ids": [target.link.id] })))
        }),
        plain("vault GET /files", OwnList),
        row("vault GET /files/{id}", Missing, |target, _| {
            (format!("/files/{}", target.file), None)
        })
        .of(carol),
        row("vault GET /files/{id}/digests", Missing, |target, _| {
            (format!("/files/{}/digests", target.file), None)
        })
        .of(carol),
        row("vault GET /files/{id}/parts", Missing, |target, _| {
            (format!("/files/{}/parts", target.file), None)
        }),
        open(
            "vault GET /links/{id}/files/{file}",
            "the ticket is the right",
        ),
        open(
            "vault GET /links/{id}/files/{file}/digests",
            "the ticket is the right",
        ),
        open("vault POST /links/{id}/open", "the link is the right"),
        open("vault POST /links/{id}/read", "the link is the right"),
        plain("vault GET /email", Own),
        plain("vault GET /events", OwnStream),
    ]
}

fn vault_writes() -> Vec<Row> {
    vec![
        row("vault PUT /cards/{id}", Missing, |target, _| {
            let card = json!({ "card": jwe("another"), "version": 1, "unsettled": false });
            (format!("/cards/{}", target.card), Some(card))
        }),
        row("vault PUT /cards/{id}/settled", Missing, |target, _| {
            let path = format!("/cards/{}/settled", target.card);
            (path, Some(json!({ "version": 1 })))
        }),
        row("vault POST /files", Taken, |target, _| {
            (String::new(), Some(json!({ "id": target.file })))
        }),
        // Octets, which `World::send` makes of it.
        row("vault PUT /files/{id}", Missing, |target, _| {
            (format!("/files/{}", target.file), None)
        }),
        row("vault POST /files/{id}/finish", Missing, |target, _| {
            let body = crate::files::finish_body(CONTENT);
            (format!("/files/{}/finish", target.file), Some(body))
        }),
        row("vault DELETE /files/{id}", Missing, |target, _| {
            (format!("/files/{}", target.upload), None)
        }),
        row("vault PUT /public-keys/{key}", Taken, |target, _| {
            let path = format!("/public-keys/{}", target.key);
            (path, Some(target.key_body.clone()))
        }),
        row("vault PUT /invitations/{id}", Taken, |target, caller| {
            let body = link_invitation(&caller.key, &target.token, target.expires_at);
            (format!("/invitations/{}", target.invitations[0]), Some(body))
        }),
        row("vault POST /connections", Missing, |target, caller| {
            let body = json!({
                "invitationId": target.invitations[0], "token": target.token, "publicKeyId": caller.key,
                "proof": null,
            });
            (String::new(), Some(body))
        })
        .of(dave)
        .former(200, ANSWERED),
        row("vault POST /invitations/{id}/decline", Missing, |target, _| {
            let path = format!("/invitations/{}/decline", target.invitations[1]);
            (path, Some(json!({ "token": target.token })))
        })
        .of(dave)
        .former(410, ANSWERED),
        row("vault POST /invitations/{id}/cancel", Missing, |target, _| {
            let path = format!("/invitations/{}/cancel", target.invitations[1]);
            (path, Some(json!({})))
        }),
        row("vault POST /shares", MissingOfMany, |target, _| {
            let mut share = new_share(&target.connection, None);
            share["id"] = json!("0192f0c1-2345-7abc-8def-0123456789ab");
            (String::new(), Some(json!({ "shares": [share] })))
        }),
        row("vault PUT /shares", MissingOfMany, |target, _| {
            let edition = json!({
                "id": target.share, "replaces": 1, "edition": 2, "expiresAt": null, "share": jwe("another"),
            });
            (String::new(), Some(json!({ "editions": [edition] })))
        }),
        row("vault PUT /shares/read", MissingOfMany, |target, _| {
            let read = json!({ "id": target.share, "edition": 1 });
            (String::new(), Some(json!({ "reads": [read] })))
        })
        .of(carol),
        row("vault DELETE /shares/{id}", Missing, |target, _| {
            (format!("/shares/{}", target.share), None)
        }),
        row("vault PUT /links/{id}", Taken, |target, _| {
            let path = format!("/links/{}", target.link.id);
            (path, Some(target.link.body.clone()))
        }),
        row("vault PUT /links", MissingOfMany, |target, _| {
            let edition = json!({
                "id": target.link.id, "replaces": 1, "edition": 2, "expiresAt": target.expires_at, "share": jwe("another"),
            });
            (String::new(), Some(json!({ "editions": [edition] })))
        }),
        row("vault DELETE /links/{id}", Missing, |target, _| {
            (format!("/links/{}", target.link.id), None)
        }),
        row("vault DELETE /connections/{id}", Missing, |target, _| {
            (format!("/connections/{}", target.connection), None)
        })
        .former(204, ENDED),
        row("vault DELETE /cards/{id}", Missing, |target, _| {
            (format!("/cards/{}", target.card), None)
        }),
        row("vault POST /email/code", Own, |_, _| {
            (String::new(), Some(json!({ "language": null })))
        }),
        // Callers confirmed their addresses, so that any code is a repeat.
        row("vault POST /email/confirm", Own, |_, _| {
            (String::new(), Some(json!({ "code": "00000000" })))
        }),
        open("vault POST /mail/refusals", "the token is the right"),
        open("vault POST /invitations/{id}/preview", "the token is the right"),
        plain("vault DELETE /account", Own),
    ]
}
