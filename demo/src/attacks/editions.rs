//! What shares said before they were changed, handed out again.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Row;

use super::{Answer, Asked, Attacks, text};
use crate::answer::Result;

/// Shares whose former edition is kept at most.
const MOST: usize = 200;

/// A share as it was.
pub(super) struct Former {
    share: String,
    edition: i64,
    updated_at: i64,
}

/// Former editions, by the share's id.
pub(super) type Formers = HashMap<String, Former>;

/// The members of `PUT /shares` that matter here.
#[derive(Deserialize)]
struct Changes {
    editions: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    id: String,
    edition: i64,
}

impl Attacks {
    /// Keeps what the shares of a request say before it changes them. Nobody who runs a Vault needs more to do so.
    pub(super) async fn keep_formers(&self, body: &[u8]) -> Result<()> {
        let Ok(Changes { editions }) = serde_json::from_slice(body) else {
            return Ok(());
        };
        for Change { id, edition } in editions {
            // A repeated request finds its own edition.
            let row = sqlx::query(
                "SELECT share, edition, updated_at FROM main.shares WHERE id = $1 AND edition < $2 AND share <> ''",
            )
            .bind(&id)
            .bind(edition)
            .fetch_optional(&self.look.pool)
            .await?;
            let Some(row) = row else { continue };
            let former = Former {
                share: row.try_get("share")?,
                edition: row.try_get("edition")?,
                updated_at: row.try_get("updated_at")?,
            };
            let mut formers = self.formers();
            if formers.len() >= MOST && !formers.contains_key(&id) {
                formers.clear();
            }
            formers.insert(id, former);
        }
        Ok(())
    }

    /// Shows each share that the account received as it was before its last change.
    pub(super) fn serve_old_editions(&self, asked: &Asked, answer: &mut Answer) {
        let listed = answer.body["items"].as_array_mut();
        for share in listed.into_iter().flatten() {
            self.age(asked, share);
        }
        let queried = answer.body["results"].as_array_mut();
        for result in queried.into_iter().flatten() {
            self.age(asked, &mut result["item"]);
        }
    }

    fn age(&self, asked: &Asked, share: &mut Value) {
        if share["to"] != asked.account {
            return;
        }
        let formers = self.formers();
        let Some(former) = formers.get(text(share, "id")) else {
            return;
        };
        share["edition"] = json!(former.edition);
        share["updatedAt"] = json!(former.updated_at);
        if share.get("share").is_some() {
            share["share"] = json!(former.share);
        }
    }
}
