//! Invitations, as somebody sees them who has no account yet. The token is the right to look.

use axum::Json;
use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invitations::{Delivery, InvitationState};
use super::invitee::InvitationToken;
use super::public_keys::Publication;
use super::state::VaultState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Input, PathId};
use crate::http::limits::{CallerAddress, PREVIEWS, Place};
use crate::http::values::{Id, same_secret};
use crate::store::columns::from_columns;

/// An invitation before anybody has signed in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct InvitationPreview {
    id: Id,
    inviter: Id,
    publication: Publication,
    delivery: Delivery,
    state: InvitationState,
    /// The address that the inviter had confirmed when they invited.
    email: Option<String>,
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
        named: Option<String>,
        expires_at: i64,
    }
}

/// Shows where an invitation stands to whoever has its token, signed in or not.
#[utoipa::path(
    post, path = "/invitations/{id}/preview", params(("id" = Id, Path)), request_body = InvitationToken, security(()),
    responses((status = 200, body = InvitationPreview), (status = "default", body = ErrorBody)),
)]
pub(super) async fn preview(
    State(vault): VaultState,
    address: CallerAddress,
    PathId(id): PathId,
    request: Request,
) -> Result<Json<InvitationPreview>> {
    let place = Place::Address(&address);
    // Before the body: who sends none has tried, too.
    vault.limits.attempt(&PREVIEWS, id.as_str(), &place)?;
    let input: InvitationToken = Input::read(request).await?;
    let stored: Option<StoredInvitation> = sqlx::query_as(
        "SELECT token_hash, inviter, public_key_id, delivery, state, named, expires_at FROM invitations WHERE id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(&vault.db.read)
    .await?;
    let fits = |stored: &StoredInvitation| same_secret(&stored.token_hash, &input.token.to_hash());
    let stored = stored.filter(fits).ok_or(Code::NotFound)?;
    let now = vault.clock.now();
    Ok(Json(InvitationPreview {
        id,
        publication: vault.publication(&stored.public_key_id).await?,
        inviter: Id::stored(stored.inviter),
        delivery: stored.delivery,
        state: InvitationState::stored(&stored.state, stored.expires_at, now),
        email: stored.named,
        expires_at: stored.expires_at,
    }))
}
