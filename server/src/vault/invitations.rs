//! Invitations, from the inviter's side.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::VaultCaller;
use super::events::{Change, Kind};
use super::mail::is_address;
use super::state::{Vault, VaultState};
use crate::clock::{DAY, MINUTE};
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::{Empty, Input, Page, PageOf, PathId};
use crate::http::limits::INVITATION_MAIL;
use crate::http::values::{Bytes, Id};

const LONGEST: i64 = 90 * DAY;
const COLUMNS: &str = "SELECT id, public_key_id, delivery, email, state, created_at, expires_at FROM invitations WHERE inviter = $1";

/// How the invitee learns of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Delivery {
    /// The Vault makes the token and mails it.
    Email,
    /// The inviter made the token and hands the link over.
    Link,
}

impl Delivery {
    fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Link => "link",
        }
    }

    pub(super) fn stored(text: &str) -> Self {
        if text == "email" {
            Self::Email
        } else {
            Self::Link
        }
    }
}

/// Where an invitation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum InvitationState {
    /// It can be accepted.
    Pending,
    /// There is a connection.
    Accepted,
    /// The invitee turned it down.
    Declined,
    /// The inviter took it back.
    Cancelled,
    /// Its time is over.
    Expired,
}

impl InvitationState {
    pub(super) fn stored(text: &str, expires_at: i64, now: i64) -> Self {
        match text {
            "accepted" => Self::Accepted,
            "declined" => Self::Declined,
            "cancelled" => Self::Cancelled,
            "expired" => Self::Expired,
            _ if expires_at <= now => Self::Expired,
            _ => Self::Pending,
        }
    }

    /// Why it cannot be accepted.
    pub(super) fn over(self) -> Option<Code> {
        match self {
            Self::Pending => None,
            Self::Accepted => Some(Code::InvitationUsed),
            Self::Declined => Some(Code::InvitationDeclined),
            Self::Cancelled => Some(Code::InvitationCancelled),
            Self::Expired => Some(Code::InvitationExpired),
        }
    }
}

/// A new invitation.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewInvitation {
    public_key_id: String,
    delivery: Delivery,
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    token_hash: Option<Bytes<32>>,
    expires_at: i64,
}

/// An invitation as its inviter sees it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Invitation {
    id: Id,
    public_key_id: String,
    delivery: Delivery,
    email: Option<String>,
    state: InvitationState,
    created_at: i64,
    expires_at: i64,
}

type Row = (String, String, String, Option<String>, String, i64, i64);

fn from_row(
    (id, public_key_id, delivery, email, state, created_at, expires_at): Row,
    now: i64,
) -> Invitation {
    let state = InvitationState::stored(&state, expires_at, now);
    let (id, delivery) = (Id::stored(id), Delivery::stored(&delivery));
    Invitation {
        id,
        public_key_id,
        delivery,
        email,
        state,
        created_at,
        expires_at,
    }
}

/// Makes an invitation.
#[utoipa::path(
    put, path = "/invitations/{id}", params(("id" = Id, Path)), request_body = NewInvitation,
    responses((status = 200, body = Invitation), (status = 201, body = Invitation), (status = "default", body = ErrorBody)),
)]
pub(super) async fn create(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    Input(input): Input<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>)> {
    id.of_version(7)?;
    let mail = match (input.delivery, &input.email, &input.token_hash) {
        (Delivery::Link, None, Some(_)) => None,
        (Delivery::Email, Some(email), None) if is_address(email) => {
            Some((email, Bytes::<16>::make()))
        }
        (Delivery::Email, Some(_), None) => {
            return Err(ApiError::bad_input("Check the email address."));
        }
        _ => {
            return Err(ApiError::bad_input(
                "Give `email` for a mail, or `tokenHash` for a link, and null for the other.",
            ));
        }
    };
    if let Some(same) = vault.repeated(&caller, &id, &input).await? {
        return Ok((StatusCode::OK, Json(same)));
    }
    let now = vault.clock.now();
    if input.expires_at <= now || input.expires_at > now + LONGEST + MINUTE {
        return Err(ApiError::bad_input(
            "Let the invitation end within the next 90 days.",
        ));
    }
    if mail.is_some() {
        vault.limits.count(&INVITATION_MAIL, &caller.account)?;
    }
    let hash = match (&mail, &input.token_hash) {
        (Some((_, token)), _) => token.to_hash(),
        (None, hash) => hash.as_ref().map(Bytes::to_text).unwrap_or_default(),
    };
    let mut tx = vault.begin_for(&caller).await?;
    let made = sqlx::query(
        "INSERT INTO invitations (id, inviter, public_key_id, delivery, email, token_hash, state, created_at, expires_at) \
         SELECT $1, account, id, $2, $3, $4, 'pending', $5, $6 FROM public_keys WHERE id = $7 AND account = $8 \
         ON CONFLICT DO NOTHING",
    )
    .bind(id.as_str())
    .bind(input.delivery.as_str())
    .bind(&input.email)
    .bind(hash)
    .bind(now)
    .bind(input.expires_at)
    .bind(&input.public_key_id)
    .bind(&caller.account)
    .execute(&mut *tx)
    .await?;
    if made.rows_affected() == 0 {
        drop(tx);
        // Either somebody was faster, with these bytes or others, or there is no such key.
        if let Some(same) = vault.repeated(&caller, &id, &input).await? {
            return Ok((StatusCode::OK, Json(same)));
        }
        return Err(Code::NotFound.into());
    }
    if let Some((email, token)) = &mail {
        sqlx::query(
            "INSERT INTO outbox (id, recipient, inviter_email, token, expires_at, attempts, next_at) \
             VALUES ($1, $2, $3, $4, $5, 0, $6)",
        )
        .bind(id.as_str())
        .bind(email.as_str())
        .bind(caller.email.as_deref().unwrap_or_default())
        .bind(token.to_text())
        .bind(input.expires_at)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    vault.mail_waits.notify_one();
    let NewInvitation {
        public_key_id,
        delivery,
        email,
        expires_at,
        ..
    } = input;
    let state = InvitationState::Pending;
    Ok((
        StatusCode::CREATED,
        Json(Invitation {
            id,
            public_key_id,
            delivery,
            email,
            state,
            created_at: now,
            expires_at,
        }),
    ))
}

impl Vault {
    async fn find(&self, inviter: &str, id: &Id) -> Result<Option<Invitation>> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} AND id = $2"));
        let row: Option<Row> = sqlx::query_as(sql)
            .bind(inviter)
            .bind(id.as_str())
            .fetch_optional(&self.db.read)
            .await?;
        Ok(row.map(|row| from_row(row, self.clock.now())))
    }

    /// The stored invitation when it was made from the same bytes; an error when from others.
    async fn repeated(
        &self,
        caller: &VaultCaller,
        id: &Id,
        input: &NewInvitation,
    ) -> Result<Option<Invitation>> {
        let taken: Option<String> =
            sqlx::query_scalar("SELECT token_hash FROM invitations WHERE id = $1")
                .bind(id.as_str())
                .fetch_optional(&self.db.read)
                .await?;
        let Some(hash) = taken else { return Ok(None) };
        let stored = self
            .find(&caller.account, id)
            .await?
            .ok_or(Code::Conflict)?;
        let same = stored.public_key_id == input.public_key_id
            && stored.delivery == input.delivery
            && stored.email == input.email
            && stored.expires_at == input.expires_at
            && input
                .token_hash
                .as_ref()
                .is_none_or(|given| given.to_text() == hash);
        if same {
            Ok(Some(stored))
        } else {
            Err(Code::Conflict.into())
        }
    }
}

/// Reads one of the caller's invitations.
#[utoipa::path(
    get, path = "/invitations/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = Invitation), (status = "default", body = ErrorBody)),
)]
pub(super) async fn read(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
) -> Result<Json<Invitation>> {
    Ok(Json(
        vault
            .find(&caller.account, &id)
            .await?
            .ok_or(Code::NotFound)?,
    ))
}

/// Lists the caller's invitations.
#[utoipa::path(
    get, path = "/invitations", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Invitation>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    caller: VaultCaller,
    page: Page,
) -> Result<Json<PageOf<Invitation>>> {
    let page = page.plain()?;
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{COLUMNS} {}", page.sql(2))))
        .bind(&caller.account)
        .bind(page.time)
        .bind(&page.id)
        .bind(page.rows())
        .fetch_all(&vault.db.read)
        .await?;
    let now = vault.clock.now();
    let items = rows.into_iter().map(|row| from_row(row, now)).collect();
    Ok(Json(page.cut(items, |item: &Invitation| {
        (item.created_at, item.id.as_str())
    })))
}

/// Takes an invitation back.
#[utoipa::path(
    post, path = "/invitations/{id}/cancel", params(("id" = Id, Path)), request_body = Empty,
    responses((status = 200, body = Invitation), (status = "default", body = ErrorBody)),
)]
pub(super) async fn cancel(
    State(vault): VaultState,
    caller: VaultCaller,
    PathId(id): PathId,
    _: Input<Empty>,
) -> Result<Json<Invitation>> {
    let mut tx = vault.db.begin().await?;
    let done = sqlx::query("UPDATE invitations SET state = 'cancelled' WHERE id = $1 AND inviter = $2 AND state = 'pending'")
        .bind(id.as_str())
        .bind(&caller.account)
        .execute(&mut *tx)
        .await?;
    if done.rows_affected() == 1 {
        sqlx::query("UPDATE outbox SET token = NULL WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
        vault
            .record(
                tx,
                vec![Change::new(&caller.account, Kind::Invitation, id.as_str())],
            )
            .await?;
    } else {
        drop(tx);
    }
    let invitation = vault
        .find(&caller.account, &id)
        .await?
        .ok_or(Code::NotFound)?;
    match invitation.state {
        InvitationState::Accepted => Err(Code::InvitationUsed.into()),
        _ => Ok(Json(invitation)),
    }
}
