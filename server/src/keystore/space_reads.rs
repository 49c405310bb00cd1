//! Reading encryption spaces, each as far as the caller's role allows: by their ids, by shares, by cards.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::callers::KeystoreCaller;
use super::state::{Keystore, KeystoreState};
use crate::http::error::{ApiError, ErrorBody, Result};
use crate::http::extract::{Ids, Input, Page, PageOf, ahead, fits, is_each_once};
use crate::http::sizes::{MAX_ANSWER_BYTES, MAX_IDS, MAX_LIST_BYTES, MAX_TAGS};
use crate::http::values::{Bytes, Id, Jwe};
use crate::store::columns::from_columns;
use crate::store::db::asked;

/// A space as one person sees it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "role", rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Space {
    /// The sender's view.
    // On each variant, because the description does not see it on the enum.
    #[serde(rename_all = "camelCase")]
    Sender {
        /// The space's id.
        id: Id,
        /// The connection that it serves; null for a link.
        connection_id: Option<Id>,
        /// The account that may claim; null for a link.
        recipient: Option<Id>,
        /// The sender's copy.
        own: Jwe,
        /// The share whose key it holds; null if it was made by an earlier client.
        share: Option<Id>,
        /// What the sender keeps of the share; null likewise.
        sent: Option<Jwe>,
        /// The version of `sent`; 0 without one.
        sent_version: i64,
        /// What all shares of a card have in common.
        tag: Option<Bytes<16>>,
        /// The share follows its card.
        live: bool,
        /// The time of the claim.
        claimed_at: Option<i64>,
        /// The time of its making.
        created_at: i64,
        /// The time of its end, for the recipient.
        expires_at: Option<i64>,
    },
    /// The recipient's view.
    #[serde(rename_all = "camelCase")]
    Recipient {
        /// The space's id.
        id: Id,
        /// The connection that it serves.
        connection_id: Id,
        /// The account that made it.
        sender: Id,
        /// The copy that the sender made for the recipient.
        peer: Jwe,
        /// The recipient's own copy.
        claim: Option<Jwe>,
        /// The time of its making.
        created_at: i64,
        /// The time of its end.
        expires_at: Option<i64>,
    },
}

/// The spaces that were asked for, and the ids of those that did not fit.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpacesFound {
    items: Vec<Space>,
    rest: Vec<Id>,
}

/// Several cards, each by what its shares have in common.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tags {
    tags: Vec<Bytes<16>>,
}

impl Tags {
    /// The tags, unless there is none, there are more than `limit`, or one stands there twice.
    fn within(&self, limit: usize) -> Result<Vec<String>> {
        let tags: Vec<String> = self.tags.iter().map(Bytes::to_text).collect();
        if !(1..=limit).contains(&tags.len()) || !is_each_once(&tags) {
            return Err(ApiError::bad_input(format!(
                "Ask with 1 to {limit} tags, each once."
            )));
        }
        Ok(tags)
    }
}

/// How many shares there are of each card, in the order of the tags.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counts {
    counts: Vec<i64>,
}

from_columns! {
    /// A space as it is stored.
    struct StoredSpace {
        id: Id,
        connection_id: Id,
        sender: Id,
        recipient: Id,
        own: Jwe,
        peer: Jwe,
        claim: Option<Jwe>,
        claimed_at: Option<i64>,
        share: Option<Id>,
        sent: Option<Jwe>,
        sent_version: i64,
        tag: Option<Bytes<16>>,
        live: i64,
        created_at: i64,
        expires_at: Option<i64>,
    }
}

impl StoredSpace {
    /// Whether it fits into the answer: without its first copy it does not.
    fn has_room(&self) -> bool {
        self.own.bytes() > 0
    }

    /// The part that the account may see.
    fn seen_by(self, account: &str) -> Space {
        if self.sender.as_str() == account {
            let given = |id: Id| (!id.as_str().is_empty()).then_some(id);
            Space::Sender {
                id: self.id,
                connection_id: given(self.connection_id),
                recipient: given(self.recipient),
                own: self.own,
                share: self.share,
                sent: self.sent,
                sent_version: self.sent_version,
                tag: self.tag,
                live: self.live != 0,
                claimed_at: self.claimed_at,
                created_at: self.created_at,
                expires_at: self.expires_at,
            }
        } else {
            Space::Recipient {
                id: self.id,
                connection_id: self.connection_id,
                sender: self.sender,
                peer: self.peer,
                claim: self.claim,
                created_at: self.created_at,
                expires_at: self.expires_at,
            }
        }
    }
}

/// Continues a statement after the table `found (place, id)` of so many rows at most, in this order: the spaces as far as they
/// fit into the answer. Those that do not are there without the copies of the key, and without what is kept of the share.
fn fitting(order: &str, most: usize) -> String {
    let (fits, ahead) = (fits(), ahead(order, most));
    format!(
        "sizes AS (SELECT place, spaces.id AS id, {SIZE} FROM found CROSS JOIN spaces WHERE spaces.id = found.id), \
         sized AS (SELECT id, size, {ahead} AS ahead FROM sizes) \
         SELECT spaces.id AS id, connection_id, sender, recipient, CASE WHEN {fits} THEN own ELSE '' END AS own, \
         CASE WHEN {fits} THEN peer ELSE '' END AS peer, CASE WHEN {fits} THEN claim END AS claim, claimed_at, share, \
         CASE WHEN {fits} THEN sent END AS sent, sent_version, tag, live, created_at, expires_at \
         FROM sized CROSS JOIN spaces WHERE spaces.id = sized.id"
    )
}

/// What the account `$1` sees of a space has so many bytes.
const SIZE: &str = "CASE WHEN sender = $1 THEN LENGTH(own) + sent_size \
                    ELSE LENGTH(peer) + COALESCE(LENGTH(claim), 0) END AS size";

/// The spaces that the account `$1` sees at the time `$2`.
const SEEN: &str = "(sender = asked.account OR (recipient = asked.account AND (expires_at IS NULL OR expires_at > $2) AND NOT EXISTS \
    (SELECT 1 FROM accounts WHERE accounts.id = spaces.sender AND accounts.deleted_at IS NOT NULL))) \
    AND spaces.deleted_at IS NULL";

/// Those that it made for shares. The time says nothing here, but is bound.
const MADE: &str =
    "sender = asked.account AND CAST($2 AS BIGINT) IS NOT NULL AND spaces.deleted_at IS NULL";

impl Keystore {
    /// The spaces whose `column` is one of the ids and that `filter` lets through: it may use the account `$1` and the time `$2`.
    async fn find_spaces(
        &self,
        account: &str,
        (column, of): (&str, impl Fn(&StoredSpace) -> Option<Id>),
        filter: &str,
        ids: &[Id],
    ) -> Result<SpacesFound> {
        let (mut items, mut rest) = (Vec::new(), Vec::new());
        if ids.is_empty() {
            return Ok(SpacesFound { items, rest });
        }
        let sql = format!(
            "{}, found AS (SELECT place, spaces.id AS id FROM asked CROSS JOIN spaces \
             WHERE {column} = asked.id AND {filter}), {}",
            asked(3, ids.len()),
            fitting("place", ids.len())
        );
        let mut query = sqlx::query_as::<_, StoredSpace>(AssertSqlSafe(sql))
            .bind(account)
            .bind(self.clock.now());
        for id in ids {
            query = query.bind(id.as_str());
        }
        let rows = query.fetch_all(&self.db.read).await?;
        let mut rows: HashMap<Id, StoredSpace> = rows
            .into_iter()
            .filter_map(|row| Some((of(&row)?, row)))
            .collect();
        for id in ids {
            match rows.remove(id) {
                Some(row) if row.has_room() => items.push(row.seen_by(account)),
                Some(_) => rest.push(id.clone()),
                None => {}
            }
        }
        Ok(SpacesFound { items, rest })
    }
}

/// Reads several, each as the caller's role allows: as many of the first ids as fit into one answer.
#[utoipa::path(
    post, path = "/spaces/query", request_body = Ids,
    responses((status = 200, body = SpacesFound), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<Ids, MAX_ANSWER_BYTES>,
) -> Result<Json<SpacesFound>> {
    let ids = input.within(MAX_IDS)?;
    let by_id = ("spaces.id", |row: &StoredSpace| Some(row.id.clone()));
    let found = keystore.find_spaces(&caller.account, by_id, SEEN, &ids);
    Ok(Json(found.await?))
}

/// Reads those that the caller made for these shares, likewise.
#[utoipa::path(
    post, path = "/spaces/of-shares", request_body = Ids,
    responses((status = 200, body = SpacesFound), (status = "default", body = ErrorBody)),
)]
pub(super) async fn of_shares(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<Ids, MAX_ANSWER_BYTES>,
) -> Result<Json<SpacesFound>> {
    let ids = input.within(MAX_IDS)?;
    let by_share = ("share", |row: &StoredSpace| row.share.clone());
    let found = keystore.find_spaces(&caller.account, by_share, MADE, &ids);
    Ok(Json(found.await?))
}

/// Lists the spaces that the caller made for all shares of these cards, those that are over too as long as they are there.
#[utoipa::path(
    post, path = "/spaces/of-cards", request_body = Tags,
    params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Space>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn of_cards(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    page: Page,
    Input(input): Input<Tags, MAX_ANSWER_BYTES>,
) -> Result<Json<PageOf<Space>>> {
    let (page, tags) = (page.plain()?, input.within(MAX_TAGS)?);
    let of_card = |tag: usize| {
        format!(
            "SELECT created_at AS place, id, created_at FROM spaces WHERE sender = $1 AND tag = ${} AND deleted_at IS NULL",
            2 + tag
        )
    };
    let of_cards: Vec<String> = (0..tags.len()).map(of_card).collect();
    let sql = format!(
        "WITH found AS ({}), {}",
        page.merge(&of_cards, 2 + tags.len()),
        fitting("place DESC, id DESC", usize::MAX)
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(&caller.account);
    for tag in &tags {
        query = query.bind(tag);
    }
    let key = |row: &StoredSpace| (row.created_at, row.id.clone());
    let pool = &keystore.db.read;
    let rows = page.fetch_fitting(query, pool, key, StoredSpace::has_room);
    Ok(Json(rows.await?.map(|row| row.seen_by(&caller.account))))
}

from_columns! {
    /// The shares of a card.
    struct Counted {
        tag: String,
        count: i64,
    }
}

/// Counts the caller's shares in force of each of these cards.
#[utoipa::path(
    post, path = "/spaces/counts", request_body = Tags,
    responses((status = 200, body = Counts), (status = "default", body = ErrorBody)),
)]
pub(super) async fn counts(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<Tags, MAX_LIST_BYTES>,
) -> Result<Json<Counts>> {
    let tags = input.within(MAX_IDS)?;
    let sql = format!(
        "{} SELECT asked.id AS tag, (SELECT COUNT(*) FROM spaces WHERE sender = asked.account AND tag = asked.id \
         AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $2)) AS count FROM asked",
        asked(3, tags.len())
    );
    let mut query = sqlx::query_as::<_, Counted>(AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(keystore.clock.now());
    for tag in &tags {
        query = query.bind(tag);
    }
    let rows = query.fetch_all(&keystore.db.read).await?;
    let counts: HashMap<String, i64> = rows.into_iter().map(|row| (row.tag, row.count)).collect();
    let count = |tag| counts.get(tag).copied().unwrap_or_default();
    Ok(Json(Counts {
        counts: tags.iter().map(count).collect(),
    }))
}
