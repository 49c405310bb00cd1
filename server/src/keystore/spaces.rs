//! Encryption spaces: one key in three copies, each for one person alone.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::KeystoreCaller;
use super::state::{Keystore, KeystoreState};
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Quota, Result};
use crate::http::extract::{Ids, Input, Items, PathId, over_already, refuse_doubled};
use crate::http::limits::Rate;
use crate::http::room::AnswerRoom;
use crate::http::sizes::{MAX_IDS, MAX_LIST_BYTES, MAX_SPACE_KEY_BYTES, MAX_WRITES};
use crate::http::values::{Id, Jwe};
use crate::store::columns::{Columns, from_columns};
use crate::store::db::{Tx, placeholders};
use crate::store::new_row::NewRow;

/// Several new spaces.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSpaces {
    spaces: Vec<NewSpace>,
}

/// A new space.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewSpace {
    id: Id,
    connection_id: Id,
    recipient: Id,
    #[serde(deserialize_with = "Option::deserialize")]
    expires_at: Option<i64>,
    own: Jwe,
    peer: Jwe,
}

/// The outcomes of new spaces, in order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpaceResults {
    results: Vec<SpaceResult>,
}

/// The outcome of one new space.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpaceResult {
    id: Id,
    error: Option<ErrorDetail>,
}

/// The recipient's own copy.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClaim {
    claim: Jwe,
}

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
        /// The connection that it serves.
        connection_id: Id,
        /// The account that may claim.
        recipient: Id,
        /// The sender's copy.
        own: Jwe,
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

/// Makes spaces, each by itself.
#[utoipa::path(
    post, path = "/spaces", request_body = NewSpaces,
    responses((status = 200, body = SpaceResults), (status = "default", body = ErrorBody)),
)]
pub(super) async fn create(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    _: AnswerRoom<MAX_LIST_BYTES>,
    Input(input): Input<NewSpaces>,
) -> Result<Json<SpaceResults>> {
    if !(1..=MAX_WRITES).contains(&input.spaces.len()) {
        return Err(ApiError::bad_input(format!(
            "Send 1 to {MAX_WRITES} spaces at once."
        )));
    }
    refuse_doubled(input.spaces.iter().map(|space| &space.id))?;
    let mut results = Vec::with_capacity(input.spaces.len());
    let mut tx = keystore.begin_for(&caller).await?;
    let mut left = keystore.spaces_left(&mut tx, &caller.account).await?;
    for space in input.spaces {
        let outcome = keystore
            .insert(&mut tx, &caller.account, &space, &mut left)
            .await;
        let error = match outcome {
            Err(error) if error.code() == Code::ServerError => return Err(error),
            outcome => outcome.err().map(ApiError::into_detail),
        };
        results.push(SpaceResult {
            id: space.id,
            error,
        });
    }
    tx.commit().await?;
    Ok(Json(SpaceResults { results }))
}

impl Keystore {
    /// Stores a space. Where none is `left`, only one that was stored before is as good as new.
    async fn insert(
        &self,
        tx: &mut Tx,
        sender: &str,
        space: &NewSpace,
        left: &mut i64,
    ) -> Result<()> {
        if space.recipient.as_str() == sender {
            return Err(ApiError::bad_input("Name somebody else as the recipient."));
        }
        let now = self.clock.now();
        let (own, peer) = (
            space.own.within(MAX_SPACE_KEY_BYTES)?,
            space.peer.within(MAX_SPACE_KEY_BYTES)?,
        );
        let row = NewRow::of("spaces")
            .key("id", space.id.of_version(7)?)
            .given("sender", sender)
            .given("connection_id", space.connection_id.as_str())
            .given("recipient", space.recipient.as_str())
            .given("own", own)
            .given("peer", peer)
            .given("expires_at", space.expires_at)
            .given("deleted_at", None::<i64>)
            .made("created_at", now);
        let is_over = space.expires_at.is_some_and(|end| end <= now);
        // A repeat is answered before its time is looked at.
        if is_over && row.is_free(tx).await? {
            return Err(over_already());
        }
        if row.is_there(tx).await? {
            return Ok(());
        }
        if *left <= 0 {
            return Err(ApiError::quota_exceeded(Quota::Spaces));
        }
        let rate = Rate::of_new("new spaces", self.quotas.spaces);
        self.limits.count(&rate, sender)?;
        *left -= i64::from(row.write_once(tx).await?);
        Ok(())
    }
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
        created_at: i64,
        expires_at: Option<i64>,
    }
}

impl StoredSpace {
    /// The part that the account may see.
    fn seen_by(self, account: &str) -> Space {
        let Self {
            id,
            connection_id,
            created_at,
            expires_at,
            ..
        } = self;
        if self.sender.as_str() == account {
            Space::Sender {
                id,
                connection_id,
                recipient: self.recipient,
                own: self.own,
                claimed_at: self.claimed_at,
                created_at,
                expires_at,
            }
        } else {
            Space::Recipient {
                id,
                connection_id,
                sender: self.sender,
                peer: self.peer,
                claim: self.claim,
                created_at,
                expires_at,
            }
        }
    }
}

/// Reads several, each as the caller's role allows.
#[utoipa::path(
    post, path = "/spaces/query", request_body = Ids,
    responses((status = 200, body = Items<Space>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    _: AnswerRoom,
    Input(input): Input<Ids>,
) -> Result<Json<Items<Space>>> {
    let ids = input.within(MAX_IDS)?;
    if ids.is_empty() {
        return Ok(Json(Items { items: Vec::new() }));
    }
    let sql = format!(
        "SELECT {} FROM spaces \
         WHERE (sender = $1 OR (recipient = $1 AND (expires_at IS NULL OR expires_at > $2) AND NOT EXISTS \
         (SELECT 1 FROM accounts WHERE accounts.id = spaces.sender AND accounts.deleted_at IS NOT NULL))) \
         AND deleted_at IS NULL AND id IN ({})",
        StoredSpace::COLUMNS,
        placeholders(3, ids.len())
    );
    let mut query = sqlx::query_as::<_, StoredSpace>(sqlx::AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(keystore.clock.now());
    for id in &ids {
        query = query.bind(id.as_str());
    }
    let rows = query.fetch_all(&keystore.db.read).await?;
    Ok(Json(Items {
        items: rows
            .into_iter()
            .map(|stored| stored.seen_by(&caller.account))
            .collect(),
    }))
}

/// Stores the recipient's own copy, in place of the one before. All that are right hold the same key.
#[utoipa::path(
    put, path = "/spaces/{id}/claim", params(("id" = Id, Path)), request_body = NewClaim,
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn claim(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    PathId(id): PathId,
    Input(input): Input<NewClaim>,
) -> Result<StatusCode> {
    let found = sqlx::query(
        "UPDATE spaces SET claim = $1, claimed_at = COALESCE(claimed_at, $2) WHERE id = $3 \
         AND recipient = $4 AND peer <> '' AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(input.claim.within(MAX_SPACE_KEY_BYTES)?)
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
    let found = sqlx::query(
        "UPDATE spaces SET own = '', peer = '', claim = NULL, deleted_at = COALESCE(deleted_at, $1) \
         WHERE id = $2 AND sender = $3",
    )
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
    let piece = || {
        sqlx::query(
            "UPDATE spaces SET own = '', peer = '', claim = NULL, deleted_at = $1 WHERE id IN (SELECT id FROM spaces \
             WHERE connection_id = $2 AND sender = $3 AND deleted_at IS NULL LIMIT 500)",
        )
        .bind(now)
        .bind(id.as_str())
        .bind(&caller.account)
    };
    keystore.db.in_pieces(&caller.account, piece).await?;
    Ok(StatusCode::NO_CONTENT)
}
