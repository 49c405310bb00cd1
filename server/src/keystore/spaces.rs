//! Encryption spaces: one key in three copies, each for one person alone, and what the sender keeps of the share beside them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::callers::KeystoreCaller;
use super::quotas::{Left, size_of};
use super::state::{Keystore, KeystoreState};
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Result, of_item};
use crate::http::extract::{Input, PathId, check_writes, over_already};
use crate::http::limits::Rate;
use crate::http::sizes::{MAX_LIST_BYTES, MAX_SENT_BYTES, MAX_SPACE_KEY_BYTES};
use crate::http::values::{Bytes, Id, Jwe};
use crate::store::columns::from_columns;
use crate::store::db::Tx;
use crate::store::new_row::NewRow;

/// The columns of a space that is erased. Its id stays taken.
pub(super) const ERASED: &str = "own = '', peer = '', claim = NULL, share = NULL, sent = NULL, sent_size = 0, sent_version = 0, \
                                 tag = NULL, live = 0";

/// Several new spaces.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSpaces {
    spaces: Vec<NewSpace>,
}

/// A new space. Connection, recipient and the peer's copy are null together: for a link, which anybody may have.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewSpace {
    id: Id,
    #[serde(deserialize_with = "Option::deserialize")]
    connection_id: Option<Id>,
    #[serde(deserialize_with = "Option::deserialize")]
    recipient: Option<Id>,
    #[serde(deserialize_with = "Option::deserialize")]
    expires_at: Option<i64>,
    own: Jwe,
    #[serde(deserialize_with = "Option::deserialize")]
    peer: Option<Jwe>,
    share: Id,
    sent: Jwe,
    #[serde(deserialize_with = "Option::deserialize")]
    tag: Option<Bytes<16>>,
    live: bool,
}

/// The outcomes of writes, in order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpaceResults {
    pub(super) results: Vec<SpaceResult>,
}

/// The outcome of one write.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpaceResult {
    id: Id,
    error: Option<ErrorDetail>,
}

impl SpaceResult {
    /// The outcome, unless the server failed.
    pub(super) fn of(id: Id, outcome: Result<()>) -> Result<Self> {
        let (_, error) = of_item(outcome)?;
        Ok(Self { id, error })
    }
}

from_columns! {
    /// What changes of a space after it was made.
    pub(super) struct Changing {
        pub(super) sent: Option<String>,
        pub(super) sent_version: i64,
        pub(super) sent_size: i64,
        pub(super) expires_at: Option<i64>,
        live: i64,
    }
}

impl Changing {
    pub(super) fn is_over(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether the space was made from the same values. What was replaced since then is not known any more.
    fn was_made_from(&self, space: &NewSpace, sent: &str, now: i64) -> bool {
        let is_replaced = self.sent_version > 1;
        let is_same = self.sent.as_deref() == Some(sent) && self.expires_at == space.expires_at;
        // One that is over makes way for another.
        let is_live = self.live != 0 || (space.live && self.is_over(now));
        (is_replaced || is_same) && is_live == space.live
    }
}

/// Makes spaces, each by itself.
#[utoipa::path(
    post, path = "/spaces", request_body = NewSpaces,
    responses((status = 200, body = SpaceResults), (status = "default", body = ErrorBody)),
)]
pub(super) async fn create(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<NewSpaces, MAX_LIST_BYTES>,
) -> Result<Json<SpaceResults>> {
    check_writes("spaces", input.spaces.iter().map(|space| &space.id))?;
    let mut results = Vec::with_capacity(input.spaces.len());
    let mut tx = keystore.begin_for(&caller).await?;
    let mut left = keystore.spaces_left(&mut tx, &caller.account).await?;
    for space in input.spaces {
        let outcome = keystore
            .insert(&mut tx, &caller.account, &space, &mut left)
            .await;
        results.push(SpaceResult::of(space.id, outcome)?);
    }
    tx.commit().await?;
    Ok(Json(SpaceResults { results }))
}

impl NewSpace {
    /// Connection, recipient and the peer's copy, as they are stored: each is empty for a link.
    fn ends(&self) -> Result<[&str; 3]> {
        match (&self.connection_id, &self.recipient, &self.peer) {
            (Some(connection), Some(recipient), Some(peer)) => {
                let peer = peer.within(MAX_SPACE_KEY_BYTES)?;
                Ok([connection.as_str(), recipient.as_str(), peer])
            }
            (None, None, None) => Ok([""; 3]),
            _ => Err(ApiError::bad_input(
                "Give `connectionId`, `recipient` and `peer` together, or null for all three.",
            )),
        }
    }
}

impl Keystore {
    /// Stores a space. Where too little is `left`, only one that was stored before is as good as new.
    async fn insert(
        &self,
        tx: &mut Tx,
        sender: &str,
        space: &NewSpace,
        left: &mut Left,
    ) -> Result<()> {
        let (now, [connection, recipient, peer]) = (self.clock.now(), space.ends()?);
        if recipient == sender {
            return Err(ApiError::bad_input("Name somebody else as the recipient."));
        }
        let own = space.own.within(MAX_SPACE_KEY_BYTES)?;
        let sent = space.sent.within(MAX_SENT_BYTES)?;
        let tag = space.tag.as_ref().map(Bytes::to_text);
        let row = NewRow::of("spaces")
            .key("id", space.id.of_version(7)?)
            .given("sender", sender)
            .given("connection_id", connection)
            .given("recipient", recipient)
            .given("own", own)
            .given("peer", peer)
            .given("share", space.share.of_version(7)?)
            .given("tag", tag.as_deref())
            .given("deleted_at", None::<i64>)
            .made("sent", sent)
            .made("sent_size", size_of(sent))
            .made("sent_version", 1)
            .made("expires_at", space.expires_at)
            .made("live", i64::from(space.live))
            .made("created_at", now);
        // A repeat is answered before its time is looked at.
        if let Some(made) = row.before::<Changing>(tx).await? {
            let is_same = made.was_made_from(space, sent, now);
            return is_same.then_some(()).ok_or(Code::Conflict.into());
        }
        if space.expires_at.is_some_and(|end| end <= now) {
            return Err(over_already());
        }
        if let Some(tag) = tag.as_deref().filter(|_| space.live) {
            make_way(tx, [sender, connection, tag], now).await?;
        }
        left.check(1, size_of(sent))?;
        let rate = Rate::of_new("new spaces", left.quotas.spaces);
        self.limits.count(&rate, sender)?;
        if row.write_once(tx).await? {
            left.take(1, size_of(sent));
        }
        Ok(())
    }
}

/// Refuses a second live space of one card over one connection. One that is over is live no more.
async fn make_way(tx: &mut Tx, of: [&str; 3], now: i64) -> Result<()> {
    let [sender, connection, tag] = of;
    let live =
        "sender = $1 AND connection_id = $2 AND connection_id <> '' AND tag = $3 AND live = 1";
    let sql = format!("UPDATE spaces SET live = 0 WHERE {live} AND expires_at <= $4");
    sqlx::query(AssertSqlSafe(sql))
        .bind(sender)
        .bind(connection)
        .bind(tag)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    let sql = format!("SELECT id FROM spaces WHERE {live}");
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(sender)
        .bind(connection)
        .bind(tag)
        .fetch_optional(&mut **tx)
        .await?;
    match found {
        None => Ok(()),
        Some(_) => Err(Code::Conflict.into()),
    }
}

/// Erases all three copies. The id stays taken.
#[utoipa::path(
    delete, path = "/spaces/{id}", params(("id" = Id, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    PathId(id): PathId,
) -> Result<StatusCode> {
    let sql = format!(
        "UPDATE spaces SET {ERASED}, deleted_at = COALESCE(deleted_at, $1) WHERE id = $2 AND sender = $3"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(keystore.clock.now())
        .bind(id.as_str())
        .bind(&caller.account)
        .execute(&mut *keystore.db.writer_as(&caller.account).await?)
        .await?;
    if found.rows_affected() == 1 {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NotFound.into())
    }
}

/// Erases all three copies in every space that the caller made for this connection, in pieces, between which others write.
/// The ids stay taken.
#[utoipa::path(
    delete, path = "/connections/{id}/spaces", params(("id" = Id, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn delete_of_connection(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    PathId(id): PathId,
) -> Result<StatusCode> {
    let now = keystore.clock.now();
    let sql = format!(
        "UPDATE spaces SET {ERASED}, deleted_at = $1 WHERE id IN (SELECT id FROM spaces \
         WHERE connection_id = $2 AND sender = $3 AND deleted_at IS NULL LIMIT 500)"
    );
    let piece = || {
        sqlx::query(AssertSqlSafe(&*sql))
            .bind(now)
            .bind(id.as_str())
            .bind(&caller.account)
    };
    keystore.db.in_pieces(&caller.account, piece).await?;
    Ok(StatusCode::NO_CONTENT)
}
