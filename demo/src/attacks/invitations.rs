//! Links that the Vault accepts itself, in the attacker's name.

use axum::http::{Method, StatusCode};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};
use vouchsafe::crypto::records::Role;

use super::attacker::parse;
use super::{Answer, Asked, Attacks, add, now, records, text};
use crate::answer::Result;

/// A pending invitation by link, with the inviter's publication.
struct Pending {
    id: String,
    created_at: i64,
    /// The publication's id.
    key: String,
    spki: String,
    xwing: String,
    signing_key: String,
    statement: String,
}

impl FromRow<'_, SqliteRow> for Pending {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            created_at: row.try_get("created_at")?,
            key: row.try_get("key")?,
            spki: row.try_get("spki")?,
            xwing: row.try_get("xwing")?,
            signing_key: row.try_get("signing_key")?,
            statement: row.try_get("statement")?,
        })
    }
}

impl Attacks {
    /// Shows every pending link as accepted, and the connection that came of it.
    pub(super) async fn take_over(&self, asked: &Asked, answer: &mut Answer) -> Result<()> {
        let is_get = asked.method == Method::GET;
        let invitations = asked.path == "/invitations" || asked.record("/invitations").is_some();
        let one = asked.record("/connections");
        let listed = is_get && asked.path == "/connections" && asked.first_page;
        let queried = asked.is(&Method::POST, "/connections/query");
        let shown = is_get && invitations;
        if !(shown || one.is_some() || listed || queried) {
            return Ok(());
        }
        let pending = self.pending(&asked.account).await?;
        if shown && answer.status.is_success() {
            for invitation in records(&mut answer.body) {
                if pending.iter().any(|link| link.id == text(invitation, "id")) {
                    invitation["state"] = json!("accepted");
                }
            }
        } else if let Some(id) = one {
            match pending.iter().find(|link| link.id == id) {
                Some(pending) if is_get => {
                    answer.status = StatusCode::OK;
                    answer.body = self.acceptance(asked, pending).await?;
                }
                // People can disconnect from it, as from any other.
                Some(_) if asked.method == Method::DELETE => {
                    answer.status = StatusCode::NO_CONTENT;
                }
                _ => {}
            }
        } else if answer.status.is_success() {
            for pending in &pending {
                if listed || asked.ids.contains(&pending.id) {
                    add(&mut answer.body, self.acceptance(asked, pending).await?);
                }
            }
        }
        Ok(())
    }

    /// The pending links, oldest first.
    async fn pending(&self, account: &str) -> Result<Vec<Pending>> {
        let pending = sqlx::query_as(
            "SELECT i.id, i.created_at, k.id AS key, k.spki, k.xwing, k.signing_key, k.statement FROM main.invitations AS i \
             JOIN main.public_keys AS k ON k.id = i.public_key_id \
             WHERE i.inviter = $1 AND i.delivery = 'link' AND i.state = 'pending' AND i.expires_at > $2 \
             ORDER BY i.created_at, i.id",
        )
        .bind(account)
        .bind(now())
        .fetch_all(&self.look.pool);
        Ok(pending.await?)
    }

    /// A connection with the attacker. Keys and statement are in order; the proof cannot be, since it takes the secret
    /// of the link.
    async fn acceptance(&self, asked: &Asked, pending: &Pending) -> Result<Value> {
        let attacker = self.attacker().await?;
        let theirs = attacker.publication(attacker.account, parse(&pending.id)?, Role::Invitee)?;
        Ok(json!({
            "id": pending.id,
            "state": "active",
            "inviter": {
                "account": asked.account,
                "publication": {
                    "id": pending.key,
                    "spki": pending.spki,
                    "xwing": pending.xwing,
                    "signingKey": { "crv": "Ed25519", "kty": "OKP", "x": pending.signing_key },
                    "statement": pending.statement,
                },
            },
            "invitee": { "account": attacker.account, "publication": theirs },
            "proof": BASE64URL_NOPAD.encode(&Sha256::digest(&pending.id)),
            "createdAt": asked.since.max(pending.created_at),
        }))
    }
}
