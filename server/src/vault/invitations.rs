//! Invitations, from the inviter's side.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::any::{AnyTypeInfo, AnyValueRef};
use sqlx::error::BoxDynError;
use sqlx::{Any, AssertSqlSafe, Decode, Type};
use url::Url;
use utoipa::ToSchema;

use super::account::LIVES;
use super::address::sendable;
use super::auth::{Unchecked, VaultCaller};
use super::events::{Change, Kind};
use super::mail_limits::INVITATIONS;
use super::outbox::{MailKind, NewMail, forget_mail};
use super::state::{Vault, VaultState};
use super::words::LanguageTag;
use crate::email_address::read_address;
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::{Empty, Input, Page, PageOf, PathId, check_end};
use crate::http::limits::{CallerAddress, Rate};
use crate::http::room::AnswerRoom;
use crate::http::sizes::MAX_LIST_BYTES;
use crate::http::values::{Bytes, Id, KeyId};
use crate::store::columns::{Columns, from_columns, text};
use crate::store::db::Tx;
use crate::store::new_row::{NewRow, Written};

/// The way by which the invitee learns of an invitation.
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
}

impl Type<Any> for Delivery {
    fn type_info() -> AnyTypeInfo {
        text()
    }
}

impl<'r> Decode<'r, Any> for Delivery {
    fn decode(value: AnyValueRef<'r>) -> std::result::Result<Self, BoxDynError> {
        let text: &str = Decode::<Any>::decode(value)?;
        Ok(match text {
            "email" => Self::Email,
            _ => Self::Link,
        })
    }
}

/// The state of an invitation.
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
    /// Its mail was given up.
    Undeliverable,
}

/// Why a mail was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Undeliverable {
    /// A mail server refuses the address.
    Refused,
    /// No mail server took it, for days.
    Unsent,
}

impl Undeliverable {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unsent => "unsent",
        }
    }
}

impl Type<Any> for Undeliverable {
    fn type_info() -> AnyTypeInfo {
        text()
    }
}

impl<'r> Decode<'r, Any> for Undeliverable {
    fn decode(value: AnyValueRef<'r>) -> std::result::Result<Self, BoxDynError> {
        let text: &str = Decode::<Any>::decode(value)?;
        Ok(match text {
            "refused" => Self::Refused,
            _ => Self::Unsent,
        })
    }
}

impl InvitationState {
    pub(super) fn stored(text: &str, expires_at: i64, now: i64) -> Self {
        match text {
            "accepted" => Self::Accepted,
            "declined" => Self::Declined,
            "cancelled" => Self::Cancelled,
            "expired" => Self::Expired,
            "undeliverable" => Self::Undeliverable,
            _ if expires_at <= now => Self::Expired,
            _ => Self::Pending,
        }
    }

    /// The reason why it cannot be accepted, if it cannot.
    pub(super) fn over(self) -> Option<Code> {
        match self {
            Self::Pending => None,
            Self::Accepted => Some(Code::InvitationUsed),
            Self::Declined => Some(Code::InvitationDeclined),
            Self::Cancelled => Some(Code::InvitationCancelled),
            Self::Expired | Self::Undeliverable => Some(Code::InvitationExpired),
        }
    }
}

/// A new invitation.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewInvitation {
    public_key_id: KeyId,
    delivery: Delivery,
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    token_hash: Option<Bytes<32>>,
    /// The page that the link of a mail leads to, one of the Vault's list; `null` for the first one.
    #[serde(deserialize_with = "Option::deserialize")]
    page: Option<String>,
    /// The tag of the language of a mail; `null` for English, as where there is none of this language.
    #[serde(deserialize_with = "Option::deserialize")]
    language: Option<LanguageTag>,
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
    reason: Option<Undeliverable>,
    created_at: i64,
    expires_at: i64,
}

from_columns! {
    /// An invitation as it is stored.
    struct StoredInvitation {
        id: Id,
        public_key_id: String,
        delivery: Delivery,
        email: Option<String>,
        state: String,
        reason: Option<Undeliverable>,
        created_at: i64,
        expires_at: i64,
    }
}

impl StoredInvitation {
    /// The invitation as it stands at this time.
    fn at(self, now: i64) -> Invitation {
        Invitation {
            id: self.id,
            public_key_id: self.public_key_id,
            delivery: self.delivery,
            email: self.email,
            state: InvitationState::stored(&self.state, self.expires_at, now),
            reason: self.reason,
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

impl NewInvitation {
    /// The same with its address, if it is to be mailed, in the one form that the address has.
    fn check(self) -> Result<Self> {
        let email = match (self.delivery, &self.email, &self.token_hash) {
            (Delivery::Link, None, Some(_)) if self.page.is_none() && self.language.is_none() => {
                None
            }
            (Delivery::Email, Some(email), None) => {
                let address = read_address(email)
                    .ok_or_else(|| ApiError::bad_input("Check the email address."))?;
                Some(sendable(&address).map_err(ApiError::bad_input)?)
            }
            _ => {
                return Err(ApiError::bad_input(
                    "Give `email` for a mail, with `page` and `language` if they matter, or `tokenHash` for a link, and null for \
                     the others.",
                ));
            }
        };
        Ok(Self { email, ..self })
    }

    /// The row to write. The hash of a mailed token is the Vault's, so that a repeat need not bring it.
    fn row<'a>(
        &'a self,
        id: &'a Id,
        inviter: &'a str,
        token_hash: &'a str,
        named: Option<&'a str>,
        now: i64,
    ) -> NewRow<'a> {
        let row = NewRow::of("invitations")
            .key("id", id.as_str())
            .given("inviter", inviter)
            .given("public_key_id", self.public_key_id.as_str())
            .given("delivery", self.delivery.as_str())
            .given("email", self.email.as_deref())
            .given("expires_at", self.expires_at)
            .made("state", "pending")
            .made("named", named)
            .made("created_at", now)
            .made("over_at", self.expires_at);
        match self.delivery {
            Delivery::Email => row.made("token_hash", token_hash),
            Delivery::Link => row.given("token_hash", token_hash),
        }
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
    network: CallerAddress,
    PathId(id): PathId,
    Input(input): Input<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>)> {
    id.of_version(7)?;
    let input = input.check()?;
    let recipient = input.email.as_deref();
    let seed = Bytes::<16>::make().to_text();
    let token_hash = match &input.token_hash {
        Some(hash) => hash.to_text(),
        None => vault.setup.invitation_token(id.as_str(), &seed).to_hash(),
    };
    let now = vault.clock.now();
    let page = input
        .page
        .as_deref()
        .map(|page| vault.page(page))
        .transpose()?;
    let named = vault.named(&caller).await?;
    let row = input.row(&id, &caller.account, &token_hash, named, now);
    // A repeat is answered before its time is looked at, and is not counted as another mail.
    let before: Option<StoredInvitation> = row.before(&mut *vault.db.read.acquire().await?).await?;
    if let Some(before) = before {
        return Ok((StatusCode::OK, Json(before.at(now))));
    }
    check_end("invitation", input.expires_at, now)?;
    let mut tx = vault.begin_for(&caller).await?;
    owns_key(&mut tx, &caller.account, input.public_key_id.as_str()).await?;
    // Somebody may have been faster with the same bytes.
    if let Written::Before(stored) = row.write::<StoredInvitation>(&mut tx).await? {
        return Ok((StatusCode::OK, Json(stored.at(now))));
    }
    let quotas = vault.hold_invitations(&mut tx, &caller.account).await?;
    let rate = Rate::of_new("new invitations", quotas.invitations);
    vault.limits.count(&rate, &caller.account)?;
    if let Some(recipient) = recipient {
        // Last, so that only what is mailed counts.
        vault.count_mail(&INVITATIONS, &caller, &network, recipient)?;
        let mail = NewMail {
            id: id.as_str(),
            kind: MailKind::Invitation,
            account: &caller.account,
            recipient,
            named,
            seed: &seed,
            page,
            language: input.language.as_ref().map(LanguageTag::as_str),
            expires_at: input.expires_at,
        };
        vault.add_mail(&mut tx, &mail).await?;
    }
    let change = Change::new(&caller.account, Kind::Invitation, id.as_str());
    vault.record(tx, vec![change]).await?;
    vault.mail_waits.notify_one();
    let made = Invitation {
        id,
        public_key_id: input.public_key_id.into(),
        delivery: input.delivery,
        email: input.email,
        state: InvitationState::Pending,
        reason: None,
        created_at: now,
        expires_at: input.expires_at,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Refuses a public key that is not the account's.
async fn owns_key(tx: &mut Tx, account: &str, key: &str) -> Result<()> {
    let found = sqlx::query("SELECT id FROM public_keys WHERE id = $1 AND account = $2")
        .bind(key)
        .bind(account)
        .fetch_optional(&mut **tx)
        .await?;
    found.map(drop).ok_or(Code::NotFound.into())
}

impl Vault {
    /// The page of this address, if links in mails may lead there.
    fn page(&self, asked: &str) -> Result<&str> {
        let asked = Url::parse(asked).map(String::from).unwrap_or_default();
        let found = self.pages.iter().find(|page| **page == asked);
        found.map(String::as_str).ok_or_else(|| {
            ApiError::bad_input(
                "Name a page of this service's list: its operator adds the app's `invitationUrl` by --invitation-url.",
            )
        })
    }

    async fn find_invitation(&self, caller: &VaultCaller, id: &Id) -> Result<Invitation> {
        let sql = format!(
            "SELECT {} FROM invitations WHERE inviter = $1 AND id = $3 AND {LIVES}",
            StoredInvitation::COLUMNS
        );
        let stored: Option<StoredInvitation> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(&caller.account)
            .bind(caller.deleted_before)
            .bind(id.as_str())
            .fetch_optional(&self.db.read)
            .await?;
        match stored {
            Some(stored) => Ok(stored.at(self.clock.now())),
            None => Err(self.nothing_for(caller).await),
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
    Unchecked(caller): Unchecked,
    PathId(id): PathId,
) -> Result<Json<Invitation>> {
    Ok(Json(vault.find_invitation(&caller, &id).await?))
}

/// Lists the caller's invitations.
#[utoipa::path(
    get, path = "/invitations", params(("cursor" = Option<String>, Query), ("limit" = Option<i64>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, body = PageOf<Invitation>), (status = "default", body = ErrorBody)),
)]
pub(super) async fn list(
    State(vault): VaultState,
    Unchecked(caller): Unchecked,
    _: AnswerRoom<MAX_LIST_BYTES>,
    page: Page,
) -> Result<Json<PageOf<Invitation>>> {
    let page = page.plain()?;
    let sql = format!(
        "SELECT {} FROM invitations WHERE inviter = $1 AND {LIVES} {}",
        StoredInvitation::COLUMNS,
        page.sql(3)
    );
    let query = sqlx::query_as(AssertSqlSafe(sql))
        .bind(&caller.account)
        .bind(caller.deleted_before);
    let key = |row: &StoredInvitation| (row.created_at, row.id.clone());
    let rows = page.fetch(query, &vault.db.read, key).await?;
    if rows.items.is_empty() {
        vault.refuse_deleted(&caller).await?;
    }
    let now = vault.clock.now();
    Ok(Json(rows.map(|row| row.at(now))))
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
    let mut tx = vault.db.begin_as(&caller.account).await?;
    let done = sqlx::query("UPDATE invitations SET state = 'cancelled', over_at = $3 WHERE id = $1 AND inviter = $2 AND state = 'pending'")
        .bind(id.as_str())
        .bind(&caller.account)
        .bind(vault.clock.now())
        .execute(&mut *tx)
        .await?;
    if done.rows_affected() == 1 {
        forget_mail(&mut tx, id.as_str()).await?;
        vault
            .record(
                tx,
                vec![Change::new(&caller.account, Kind::Invitation, id.as_str())],
            )
            .await?;
    } else {
        drop(tx);
    }
    let invitation = vault.find_invitation(&caller, &id).await?;
    match invitation.state {
        InvitationState::Accepted => Err(Code::InvitationUsed.into()),
        _ => Ok(Json(invitation)),
    }
}
