//! A share that its sender never made.

use axum::http::Method;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};
use uuid::Uuid;
use vouchsafe::crypto::connection_key::ConnectionPublicKey;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::{SymmetricKey, VerifyingKey};
use vouchsafe::crypto::records::{CardContent, ShareIds, seal_peer_dek};

use data_encoding::BASE64URL_NOPAD;

use super::attacker::{Attacker, id, parse};
use super::forgery::forge_share;
use super::{Answer, Asked, Attacks, add, now};
use crate::answer::{Refusal, Result};

/// The made-up records, as the services show theirs.
#[derive(Clone)]
pub(super) struct Forged {
    share: Value,
    listed: Value,
    space: Value,
}

/// An active connection, seen from the person to whom a share is to be forged.
struct Target {
    connection: String,
    peer: String,
    /// This person's key of the connection.
    own_spki: String,
    own_xwing: String,
    own_signing_key: String,
    peer_signing_key: String,
}

impl FromRow<'_, SqliteRow> for Target {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            connection: row.try_get("connection")?,
            peer: row.try_get("peer")?,
            own_spki: row.try_get("own_spki")?,
            own_xwing: row.try_get("own_xwing")?,
            own_signing_key: row.try_get("own_signing_key")?,
            peer_signing_key: row.try_get("peer_signing_key")?,
        })
    }
}

impl Attacks {
    /// Adds the share to the list, and its records to the answers that ask for them.
    pub(super) async fn forge_share(&self, asked: &Asked, answer: &mut Answer) -> Result<()> {
        let listed = asked.first_page && asked.is(&Method::GET, "/shares/incoming");
        let found = asked.is(&Method::POST, "/shares/query");
        let keys = asked.is(&Method::POST, "/keys/query");
        if !answer.status.is_success() || !(listed || found || keys) {
            return Ok(());
        }
        let Some(forged) = self.forged(&asked.account).await? else {
            return Ok(());
        };
        let is_asked_for = |record: &Value| asked.ids.iter().any(|id| record["id"] == **id);
        if listed {
            add(&mut answer.body, forged.listed);
        } else if keys && is_asked_for(&forged.space) {
            add(&mut answer.body, forged.space);
        } else if found {
            let results = answer.body["results"].as_array_mut();
            for result in results.into_iter().flatten() {
                if result["id"] == forged.share["id"] {
                    *result = json!({ "id": result["id"], "error": null, "item": forged.share });
                }
            }
        }
        Ok(())
    }

    /// The share of this attack, made at the first question. `None` if there is nobody to forge it from.
    async fn forged(&self, account: &str) -> Result<Option<Forged>> {
        let known = self.active().get(account).and_then(|on| on.forged.clone());
        let connection = known
            .as_ref()
            .and_then(|forged| forged.share["connectionId"].as_str());
        let target: Option<Target> = sqlx::query_as(
            "SELECT c.id AS connection, CASE WHEN c.inviter = $1 THEN c.invitee ELSE c.inviter END AS peer, \
             own.spki AS own_spki, own.xwing AS own_xwing, own.signing_key AS own_signing_key, peer.signing_key AS peer_signing_key \
             FROM main.connections AS c \
             JOIN main.public_keys AS own ON own.id = CASE WHEN c.inviter = $1 THEN c.inviter_key ELSE c.invitee_key END \
             JOIN main.public_keys AS peer ON peer.id = CASE WHEN c.inviter = $1 THEN c.invitee_key ELSE c.inviter_key END \
             WHERE (c.inviter = $1 OR c.invitee = $1) AND c.ended_at IS NULL AND ($2 IS NULL OR c.id = $2) \
             ORDER BY c.created_at DESC, c.id DESC LIMIT 1",
        )
        .bind(account)
        .bind(connection)
        .fetch_optional(&self.look.pool)
        .await?;
        match (known, target) {
            (_, None) => Ok(None),
            (Some(forged), _) => Ok(Some(forged)),
            (None, Some(target)) => {
                let made = forge(self.attacker().await?, account, &target).await?;
                let mut active = self.active();
                // Of two that were made at once, the first one counts.
                Ok(active
                    .get_mut(account)
                    .map(|on| on.forged.get_or_insert(made).clone()))
            }
        }
    }
}

/// Forges a share as well as possible without the sender's key: with a real DEK, wrapped for the recipient's real key, and
/// with fitting headers, ids and names. Only the signature is another's.
async fn forge(attacker: &Attacker, account: &str, target: &Target) -> Result<Forged> {
    let key = ConnectionPublicKey::from_text(&target.own_spki, &target.own_xwing)?;
    let verifying = |x: &str| {
        let x: [u8; 32] = decode(x)?.try_into().map_err(|_| Refusal::server_error())?;
        Ok::<_, Refusal>(VerifyingKey::from_bytes(&x)?)
    };
    let at = ShareIds {
        from: parse(&target.peer)?,
        to: parse(account)?,
        connection: parse(&target.connection)?,
        space: id(Uuid::now_v7())?,
        share: id(Uuid::now_v7())?,
    };
    let card = CardContent::new(
        "New bank account",
        &[(
            "iban",
            "Please send it here from now on",
            "IS14 0159 2600 7654",
        )],
    );
    let dek = SymmetricKey::make(&RustEngine)?;
    let peer = seal_peer_dek(&RustEngine, &key, &at, &dek).await?;
    let now = now();
    let share = forge_share(
        &at,
        &dek,
        &attacker.signing,
        &verifying(&target.peer_signing_key)?,
        &verifying(&target.own_signing_key)?,
        card,
        now,
    )
    .await?;
    Ok(Forged::new(&at, &share, &peer, now))
}

impl Forged {
    /// The rows as the services would answer with them.
    fn new(at: &ShareIds, share: &str, peer: &str, now: i64) -> Self {
        let listed = json!({
            "id": at.share,
            "connectionId": at.connection,
            "spaceId": at.space,
            "from": at.from,
            "to": at.to,
            "edition": 1,
            "createdAt": now,
            "updatedAt": now,
            "expiresAt": null,
            "read": null,
        });
        let mut whole = listed.clone();
        whole["share"] = json!(share);
        Self {
            share: whole,
            listed,
            space: json!({
                "id": at.space,
                "connectionId": at.connection,
                "role": "recipient",
                "sender": at.from,
                "peer": peer,
                "claim": null,
                "createdAt": now,
                "expiresAt": null,
            }),
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
    bytes.map_err(|_| Refusal::server_error())
}
