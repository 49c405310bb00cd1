//! Encryption spaces: one key in three copies, each for one person alone.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::KeystoreCaller;
use super::state::KeystoreState;
use crate::http::error::{ApiError, Code, ErrorBody, ErrorDetail, Result};
use crate::http::extract::{Ids, Input, Items, PathId};
use crate::http::values::{Id, Jwe};
use crate::store::db::{Tx, placeholders};

const KEY: usize = 8 << 10;

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

/// What became of each new space, in order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpaceResults {
    results: Vec<SpaceResult>,
}

/// What became of one.
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

/// What one person sees of a space.
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
        /// Who may claim.
        recipient: Id,
        /// The sender's copy.
        own: Jwe,
        /// When the recipient claimed.
        claimed_at: Option<i64>,
        /// When it was made.
        created_at: i64,
        /// When it ends for the recipient.
        expires_at: Option<i64>,
    },
    /// The recipient's view.
    #[serde(rename_all = "camelCase")]
    Recipient {
        /// The space's id.
        id: Id,
        /// The connection that it serves.
        connection_id: Id,
        /// Who made it.
        sender: Id,
        /// The copy that the sender made for the recipient.
        peer: Jwe,
        /// The recipient's own copy.
        claim: Option<Jwe>,
        /// When it was made.
        created_at: i64,
        /// When it ends.
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
    Input(input): Input<NewSpaces>,
) -> Result<Json<SpaceResults>> {
    if !(1..=200).contains(&input.spaces.len()) {
        return Err(ApiError::bad_input("Send 1 to 200 spaces at once."));
    }
    let mut results = Vec::with_capacity(input.spaces.len());
    let mut tx = keystore.begin_for(&caller).await?;
    for space in input.spaces {
        let outcome = insert(&mut tx, &caller.account, &space, keystore.clock.now()).await;
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

async fn insert(tx: &mut Tx, sender: &str, space: &NewSpace, now: i64) -> Result<()> {
    if space.recipient.as_str() == sender {
        return Err(ApiError::bad_input("Name somebody else as the recipient."));
    }
    let (own, peer) = (space.own.within(KEY)?, space.peer.within(KEY)?);
    let made = sqlx::query(
        "INSERT INTO spaces (id, connection_id, sender, recipient, own, peer, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(space.id.of_version(7)?)
    .bind(space.connection_id.as_str())
    .bind(sender)
    .bind(space.recipient.as_str())
    .bind(own)
    .bind(peer)
    .bind(now)
    .bind(space.expires_at)
    .execute(&mut **tx)
    .await?;
    if made.rows_affected() == 1 {
        return Ok(());
    }
    let stored: Option<(String, String, String, String, Option<i64>)> = sqlx::query_as(
        "SELECT connection_id, recipient, own, peer, expires_at FROM spaces \
         WHERE id = $1 AND sender = $2 AND deleted_at IS NULL",
    )
    .bind(space.id.as_str())
    .bind(sender)
    .fetch_optional(&mut **tx)
    .await?;
    let same = stored.is_some_and(
        |(connection, recipient, stored_own, stored_peer, expires_at)| {
            connection == space.connection_id.as_str()
                && recipient == space.recipient.as_str()
                && stored_own == own
                && stored_peer == peer
                && expires_at == space.expires_at
        },
    );
    if same {
        Ok(())
    } else {
        Err(Code::Conflict.into())
    }
}

type Row = (
    String,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<i64>,
    i64,
    Option<i64>,
);

/// Reads several, each as the caller's role allows.
#[utoipa::path(
    post, path = "/spaces/query", request_body = Ids,
    responses((status = 200, body = Items<Space>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn query(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    Input(input): Input<Ids>,
) -> Result<Json<Items<Space>>> {
    let ids = input.within(200)?;
    if ids.is_empty() {
        return Ok(Json(Items { items: Vec::new() }));
    }
    let sql = format!(
        "SELECT id, connection_id, sender, recipient, own, peer, claim, claimed_at, created_at, expires_at FROM spaces \
         WHERE (sender = $1 OR (recipient = $1 AND (expires_at IS NULL OR expires_at > $2))) \
         AND deleted_at IS NULL AND id IN ({})",
        placeholders(3, ids.len())
    );
    let mut query = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(keystore.clock.now());
    for id in &ids {
        query = query.bind(id.as_str());
    }
    let rows = query.fetch_all(&keystore.db.read).await?;
    Ok(Json(Items {
        items: rows
            .into_iter()
            .map(|row| view(row, &caller.account))
            .collect(),
    }))
}

fn view(row: Row, account: &str) -> Space {
    let (
        id,
        connection_id,
        sender,
        recipient,
        own,
        peer,
        claim,
        claimed_at,
        created_at,
        expires_at,
    ) = row;
    let (id, connection_id) = (Id::stored(id), Id::stored(connection_id));
    if sender == account {
        let (recipient, own) = (Id::stored(recipient), Jwe::stored(own));
        Space::Sender {
            id,
            connection_id,
            recipient,
            own,
            claimed_at,
            created_at,
            expires_at,
        }
    } else {
        let (sender, peer, claim) = (
            Id::stored(sender),
            Jwe::stored(peer),
            claim.map(Jwe::stored),
        );
        Space::Recipient {
            id,
            connection_id,
            sender,
            peer,
            claim,
            created_at,
            expires_at,
        }
    }
}

/// Stores the recipient's own copy. The first one stays.
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
    // COALESCE keeps the first claim, so that one statement both takes it and tells whether there is a space.
    let found = sqlx::query(
        "UPDATE spaces SET claim = COALESCE(claim, $1), claimed_at = COALESCE(claimed_at, $2) WHERE id = $3 \
         AND recipient = $4 AND peer <> '' AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(input.claim.within(KEY)?)
    .bind(keystore.clock.now())
    .bind(id.as_str())
    .bind(&caller.account)
    .execute(&keystore.db.write)
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
    .execute(&keystore.db.write)
    .await?;
    if found.rows_affected() == 1 {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NotFound.into())
    }
}
