//! Ciphertexts that are swapped with each other.

use axum::http::Method;
use serde_json::Value;

use super::{Answer, Asked, Attacks, records, text};
use crate::answer::Result;

/// The ciphertext of the card after `$2` of the account `$1`; after the last one comes the first.
const NEXT_CARD: &str = "SELECT COALESCE(\
    (SELECT card FROM main.cards WHERE account = $1 AND deleted_at IS NULL AND (created_at, id) > \
        (SELECT created_at, id FROM main.cards WHERE account = $1 AND id = $2) ORDER BY created_at, id LIMIT 1), \
    (SELECT card FROM main.cards WHERE account = $1 AND deleted_at IS NULL ORDER BY created_at, id LIMIT 1))";

/// The ciphertext of the next share that the account received, likewise.
const NEXT_SHARE: &str = "SELECT COALESCE(\
    (SELECT share FROM main.shares WHERE recipient = $1 AND share <> '' AND (created_at, id) > \
        (SELECT created_at, id FROM main.shares WHERE recipient = $1 AND id = $2) ORDER BY created_at, id LIMIT 1), \
    (SELECT share FROM main.shares WHERE recipient = $1 AND share <> '' ORDER BY created_at, id LIMIT 1))";

/// The ciphertext of the next link that the account made, likewise.
const NEXT_LINK: &str = "SELECT COALESCE(\
    (SELECT share FROM main.links WHERE account = $1 AND size > 0 AND (created_at, id) > \
        (SELECT created_at, id FROM main.links WHERE account = $1 AND id = $2) ORDER BY created_at, id LIMIT 1), \
    (SELECT share FROM main.links WHERE account = $1 AND size > 0 ORDER BY created_at, id LIMIT 1))";

impl Attacks {
    /// Shows each card with the next one's ciphertext, and each share that the account received, and to whoever opens one
    /// of the account's links, another.
    pub(super) async fn swap_records(&self, asked: &Asked, answer: &mut Answer) -> Result<()> {
        if !answer.status.is_success() {
            return Ok(());
        }
        if asked.method == Method::GET
            && (asked.path == "/cards" || asked.record("/cards").is_some())
        {
            for card in records(&mut answer.body) {
                self.swap(asked, card, "card", NEXT_CARD).await?;
            }
        } else if asked.path.starts_with("/links/") && answer.body["share"].is_string() {
            self.swap(asked, &mut answer.body, "share", NEXT_LINK)
                .await?;
        } else if asked.is(&Method::POST, "/shares/query") {
            let results = answer.body["results"].as_array_mut();
            for result in results.into_iter().flatten() {
                let share = &mut result["item"];
                if share["to"] == asked.account {
                    self.swap(asked, share, "share", NEXT_SHARE).await?;
                }
            }
        }
        Ok(())
    }

    async fn swap(
        &self,
        asked: &Asked,
        record: &mut Value,
        member: &str,
        next: &'static str,
    ) -> Result<()> {
        let other: Option<String> = sqlx::query_scalar(next)
            .bind(&asked.account)
            .bind(text(record, "id"))
            .fetch_one(&self.look.pool)
            .await?;
        if let Some(other) = other {
            record[member] = other.into();
        }
        Ok(())
    }
}
