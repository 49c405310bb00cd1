//! Invitations, from the invitee's side. The token is the right to answer, once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::connections::Connection;
use super::events::{Change, Kind};
use super::invitations::{Delivery, InvitationState};
use super::outbox::forget_mail;
use super::public_keys::Publication;
use super::state::{Vault, VaultState};
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::{Input, PathId};
use crate::http::limits::WRONG_TOKEN;
use crate::http::sizes::MAX_RECORD_BYTES;
use crate::http::values::{Bytes, Id, Jws, KeyId, same_secret};
use crate::store::columns::from_columns;
use crate::store::new_row::NewRow;

/// The token of an invitation.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationToken {
    pub(super) token: Bytes<16>,
}

/// An invitation as the invitee sees it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OpenedInvitation {
    id: Id,
    inviter: Id,
    publication: Publication,
    delivery: Delivery,
    expires_at: i64,
}

/// The acceptance of an invitation.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewConnection {
    invitation_id: Id,
    token: Bytes<16>,
    public_key_id: KeyId,
    #[serde(deserialize_with = "Option::deserialize")]
    proof: Option<Bytes<32>>,
}

/// An invitation whose token the caller holds.
struct Held {
    inviter: String,
    public_key_id: String,
    delivery: Delivery,
    state: InvitationState,
    answered_by: Option<String>,
    expires_at: i64,
}

from_columns! {
    /// An invitation as it is stored.
    struct StoredInvitation {
        token_hash: String,
        inviter: String,
        public_key_id: String,
        delivery: Delivery,
        state: String,
        answered_by: Option<String>,
        expires_at: i64,
    }
}

from_columns! {
    /// The parts of a public key that stand beside its id.
    struct StoredKey {
        spki: String,
        xwing: String,
        signing_key: Bytes<32>,
        statement: Jws,
    }
}

from_columns! {
    /// The inviter's side of an invitation that was accepted a moment ago.
    struct Accepted {
        inviter: String,
        public_key_id: String,
    }
}

from_columns! {
    /// The invitee's side of a connection.
    #[derive(PartialEq, Eq)]
    struct Acceptance {
        invitee_key: String,
        proof: Option<String>,
    }
}

impl Vault {
    /// A wrong token and the inviter's own are errors here; where the invitation stands is for the caller to judge.
    async fn held(&self, caller: &VaultCaller, id: &Id, token: &Bytes<16>) -> Result<Held> {
        self.limits.check(&WRONG_TOKEN, &caller.account)?;
        let stored: Option<StoredInvitation> = sqlx::query_as(
            "SELECT token_hash, inviter, public_key_id, delivery, state, answered_by, expires_at \
             FROM invitations WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.db.read)
        .await?;
        let fits = |stored: &StoredInvitation| same_secret(&stored.token_hash, &token.to_hash());
        let Some(stored) = stored.filter(fits) else {
            self.limits.count(&WRONG_TOKEN, &caller.account)?;
            return Err(Code::NotFound.into());
        };
        if stored.inviter == caller.account {
            return Err(ApiError::bad_input(
                "Let somebody else answer: this invitation is your own.",
            ));
        }
        let now = self.clock.now();
        Ok(Held {
            state: InvitationState::stored(&stored.state, stored.expires_at, now),
            inviter: stored.inviter,
            public_key_id: stored.public_key_id,
            delivery: stored.delivery,
            answered_by: stored.answered_by,
            expires_at: stored.expires_at,
        })
    }

    /// The connection, when the caller made it before from the same values; otherwise why it cannot be made.
    async fn accepted_before(
        &self,
        caller: &VaultCaller,
        input: &NewConnection,
        proof: Option<String>,
    ) -> Result<Connection> {
        let id = &input.invitation_id;
        let held = self.held(caller, id, &input.token).await?;
        if held.answered_by.as_deref() == Some(&caller.account)
            && held.state == InvitationState::Accepted
        {
            let stored: Option<Acceptance> =
                sqlx::query_as("SELECT invitee_key, proof FROM connections WHERE id = $1")
                    .bind(id.as_str())
                    .fetch_optional(&self.db.read)
                    .await?;
            let given = Acceptance {
                invitee_key: input.public_key_id.as_str().to_owned(),
                proof,
            };
            if stored == Some(given) {
                return self.connection(caller, id).await;
            }
        }
        // An invitation that is still open was refused because the public key is not the caller's.
        Err(held.state.over().unwrap_or(Code::NotFound).into())
    }

    pub(super) async fn publication(&self, id: &str) -> Result<Publication> {
        let key: StoredKey = sqlx::query_as(
            "SELECT spki, xwing, signing_key, statement FROM public_keys WHERE id = $1",
        )
        .bind(id)
        .fetch_one(&self.db.read)
        .await?;
        Ok(Publication::stored(
            id.to_owned(),
            key.spki,
            key.xwing,
            key.signing_key,
            key.statement,
        ))
    }
}

/// Shows an invitation to whoever has its token.
#[utoipa::path(
    post, path = "/invitations/{id}/open", params(("id" = Id, Path)), request_body = InvitationToken,
    responses((status = 200, body = OpenedInvitation), (status = "default", body = ErrorBody)),
)]
pub(super) async fn open(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    Input(input): Input<InvitationToken, MAX_RECORD_BYTES>,
) -> Result<Json<OpenedInvitation>> {
    let held = vault.held(&caller, &id, &input.token).await?;
    let accepted = held.state == InvitationState::Accepted
        && held.answered_by.as_deref() == Some(&caller.account);
    if let Some(code) = held.state.over().filter(|_| !accepted) {
        return Err(code.into());
    }
    let publication = vault.publication(&held.public_key_id).await?;
    let inviter = Id::stored(held.inviter);
    Ok(Json(OpenedInvitation {
        id,
        inviter,
        publication,
        delivery: held.delivery,
        expires_at: held.expires_at,
    }))
}

/// Turns an invitation down.
#[utoipa::path(
    post, path = "/invitations/{id}/decline", params(("id" = Id, Path)), request_body = InvitationToken,
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn decline(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    Input(input): Input<InvitationToken>,
) -> Result<StatusCode> {
    vault.limits.check(&WRONG_TOKEN, &caller.account)?;
    let mut tx = vault.db.begin_as(&caller.account).await?;
    let inviter: Option<String> = sqlx::query_scalar(
        "UPDATE invitations SET state = 'declined', answered_by = $1, over_at = $4 WHERE id = $2 AND token_hash = $3 \
         AND state = 'pending' AND expires_at > $4 AND inviter <> $1 RETURNING inviter",
    )
    .bind(&caller.account)
    .bind(id.as_str())
    .bind(input.token.to_hash())
    .bind(vault.clock.now())
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(inviter) = inviter {
        forget_mail(&mut tx, id.as_str()).await?;
        let both = [&inviter, &caller.account]
            .map(|person| Change::new(person, Kind::Invitation, id.as_str()));
        vault.record(tx, both.into()).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    drop(tx);
    let held = vault.held(&caller, &id, &input.token).await?;
    if held.state == InvitationState::Declined
        && held.answered_by.as_deref() == Some(&caller.account)
    {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(held.state.over().unwrap_or(Code::Conflict).into())
}

/// Accepts an invitation: makes its one connection.
#[utoipa::path(
    post, path = "/connections", request_body = NewConnection,
    responses((status = 200, body = Connection), (status = 201, body = Connection), (status = "default", body = ErrorBody)),
)]
pub(super) async fn accept(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<NewConnection, MAX_RECORD_BYTES>,
) -> Result<(StatusCode, Json<Connection>)> {
    vault.limits.check(&WRONG_TOKEN, &caller.account)?;
    let (id, now) = (&input.invitation_id, vault.clock.now());
    let proof = input.proof.as_ref().map(Bytes::to_text);
    let mut tx = vault.begin_for(&caller).await?;
    let accepted: Option<Accepted> = sqlx::query_as(
        "UPDATE invitations SET state = 'accepted', answered_by = $1, over_at = $4 WHERE id = $2 AND token_hash = $3 \
         AND state = 'pending' AND expires_at > $4 AND inviter <> $1 \
         AND EXISTS (SELECT 1 FROM public_keys WHERE public_keys.id = $5 AND public_keys.account = $1) \
         RETURNING inviter, public_key_id",
    )
    .bind(&caller.account)
    .bind(id.as_str())
    .bind(input.token.to_hash())
    .bind(now)
    .bind(input.public_key_id.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(accepted) = accepted {
        forget_mail(&mut tx, id.as_str()).await?;
        NewRow::of("connections")
            .key("id", id.as_str())
            .made("inviter", &accepted.inviter)
            .made("inviter_key", &accepted.public_key_id)
            .made("invitee", &caller.account)
            .made("invitee_key", input.public_key_id.as_str())
            .made("proof", proof.as_deref())
            .made("created_at", now)
            .add(&mut tx)
            .await?;
        vault.hold_connections(&mut tx, &caller.account).await?;
        let both = [&accepted.inviter, &caller.account]
            .map(|person| Change::new(person, Kind::Connection, id.as_str()));
        vault.record(tx, both.into()).await?;
        return Ok((
            StatusCode::CREATED,
            Json(vault.connection(&caller, id).await?),
        ));
    }
    drop(tx);
    let before = vault.accepted_before(&caller, &input, proof).await?;
    Ok((StatusCode::OK, Json(before)))
}
