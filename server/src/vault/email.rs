//! The caller's own email address: whether mails may name them by it, and the code by which they confirm it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::{is_nameable, sendable};
use super::auth::VaultCaller;
use super::mail_limits::CODES;
use super::outbox::{MailKind, NewMail};
use super::setup::CODE_DIGITS;
use super::state::{Vault, VaultState};
use super::words::LanguageTag;
use crate::clock::MINUTE;
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::limits::CallerAddress;
use crate::http::values::{Bytes, same_secret};

/// A code can be typed in for so long.
const CODE_LIFETIME_MS: i64 = 60 * MINUTE;
/// Whoever asks again before this time is over gets no other code: the mail is on its way, or the answer was lost.
const CODE_KEPT_MS: i64 = MINUTE;
/// So many codes may be typed in for one that was mailed.
const MAX_TRIES: i64 = 5;

/// The address by which mails may name the caller.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailStatus {
    /// The address that the Keystore knows, if it knows one.
    email: Option<String>,
    /// The person showed that they read mails there, to the Vault by a code or to their identity provider.
    confirmed: bool,
}

/// The wish for a code.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedCode {
    /// The tag of the mail's language; `null` for English, as where there is none of this language.
    #[serde(deserialize_with = "Option::deserialize")]
    language: Option<LanguageTag>,
}

/// A code that is on its way.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CodeSent {
    expires_at: i64,
}

/// A code that was typed in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypedCode {
    #[schema(pattern = "^[0-9]{8}$")]
    code: String,
}

impl Vault {
    /// Tells whether the caller confirmed their address.
    async fn is_confirmed(&self, caller: &VaultCaller) -> Result<bool> {
        let Some(email) = &caller.email else {
            return Ok(false);
        };
        if caller.email_verified {
            return Ok(true);
        }
        let stored: Option<Option<String>> =
            sqlx::query_scalar("SELECT confirmed FROM accounts WHERE id = $1")
                .bind(&caller.account)
                .fetch_optional(&self.db.read)
                .await?;
        let confirmed = self.setup.confirmed(&caller.account, email);
        Ok(stored
            .flatten()
            .is_some_and(|stored| same_secret(&stored, &confirmed)))
    }

    /// The address by which a mail may name the caller.
    pub(super) async fn named<'a>(&self, caller: &'a VaultCaller) -> Result<Option<&'a str>> {
        let email = caller.email.as_deref().filter(|email| is_nameable(email));
        Ok(match self.is_confirmed(caller).await? {
            true => email,
            false => None,
        })
    }

    /// The end of a code that was mailed a moment ago.
    async fn code_under_way(&self, caller: &VaultCaller, now: i64) -> Result<Option<i64>> {
        Ok(sqlx::query_scalar(
            "SELECT expires_at FROM codes WHERE account = $1 AND created_at > $2",
        )
        .bind(&caller.account)
        .bind(now - CODE_KEPT_MS)
        .fetch_optional(&self.db.read)
        .await?)
    }
}

/// Tells whether the caller's address is confirmed.
#[utoipa::path(
    get, path = "/email",
    responses((status = 200, body = EmailStatus), (status = "default", body = ErrorBody)),
)]
pub(super) async fn status(
    State(vault): VaultState,
    caller: VaultCaller,
) -> Result<Json<EmailStatus>> {
    let confirmed = vault.is_confirmed(&caller).await?;
    Ok(Json(EmailStatus {
        email: caller.email,
        confirmed,
    }))
}

/// Mails a code to the caller's address. It takes the place of the one before.
#[utoipa::path(
    post, path = "/email/code", request_body = AskedCode,
    responses((status = 200, body = CodeSent), (status = "default", body = ErrorBody)),
)]
pub(super) async fn send_code(
    State(vault): VaultState,
    caller: VaultCaller,
    network: CallerAddress,
    Input(input): Input<AskedCode>,
) -> Result<Json<CodeSent>> {
    let email = caller.email.as_deref();
    let sendable = email.and_then(|email| Some((email, sendable(email).ok()?)));
    let (email, recipient) = sendable.ok_or_else(|| {
        ApiError::bad_input("Use an address that mails can go to: this account has none.")
    })?;
    let now = vault.clock.now();
    if let Some(expires_at) = vault.code_under_way(&caller, now).await? {
        return Ok(Json(CodeSent { expires_at }));
    }
    vault.count_mail(&CODES, &caller, &network, email)?;
    let expires_at = now + CODE_LIFETIME_MS;
    let [id, seed] = [(); 2].map(|()| Bytes::<16>::make().to_text());
    let code = vault.setup.code(&id, &seed);
    let mut tx = vault.begin_for(&caller).await?;
    let made = sqlx::query(
        "INSERT INTO codes (account, hash, tries, created_at, expires_at) VALUES ($1, $2, 0, $3, $4) \
         ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, tries = excluded.tries, \
         created_at = excluded.created_at, expires_at = excluded.expires_at WHERE codes.created_at <= $5",
    )
    .bind(&caller.account)
    .bind(vault.setup.code_hash(&caller.account, email, &code))
    .bind(now)
    .bind(expires_at)
    .bind(now - CODE_KEPT_MS)
    .execute(&mut *tx)
    .await?;
    if made.rows_affected() == 0 {
        // Another request of the same moment was faster.
        drop(tx);
        let expires_at = vault.code_under_way(&caller, now).await?;
        let expires_at = expires_at.ok_or(Code::Conflict)?;
        return Ok(Json(CodeSent { expires_at }));
    }
    // A code that has not gone yet would be of no use any more.
    sqlx::query("DELETE FROM outbox WHERE account = $1 AND kind = $2")
        .bind(&caller.account)
        .bind(MailKind::Code.as_str())
        .execute(&mut *tx)
        .await?;
    let mail = NewMail {
        id: &id,
        kind: MailKind::Code,
        account: &caller.account,
        recipient: &recipient,
        named: None,
        seed: &seed,
        page: None,
        language: input.language.as_ref().map(LanguageTag::as_str),
        expires_at,
    };
    vault.add_mail(&mut tx, &mail).await?;
    tx.commit().await?;
    vault.mail_waits.notify_one();
    Ok(Json(CodeSent { expires_at }))
}

/// Confirms the caller's address by the code that was mailed to it.
#[utoipa::path(
    post, path = "/email/confirm", request_body = TypedCode,
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn confirm(
    State(vault): VaultState,
    caller: VaultCaller,
    Input(input): Input<TypedCode>,
) -> Result<StatusCode> {
    if input.code.len() != CODE_DIGITS || !input.code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ApiError::bad_input(format!(
            "Type in the {CODE_DIGITS} digits of the code."
        )));
    }
    // A repeat has nothing left to do.
    if vault.is_confirmed(&caller).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let email = caller.email.as_deref().unwrap_or_default();
    let mut tx = vault.begin_for(&caller).await?;
    // Of many tries at once each is counted before it is looked at.
    let hash: Option<String> = sqlx::query_scalar(
        "UPDATE codes SET tries = tries + 1 WHERE account = $1 AND tries < $2 AND expires_at > $3 RETURNING hash",
    )
    .bind(&caller.account)
    .bind(MAX_TRIES)
    .bind(vault.clock.now())
    .fetch_optional(&mut *tx)
    .await?;
    let typed = vault.setup.code_hash(&caller.account, email, &input.code);
    let fits = hash.is_some_and(|hash| same_secret(&hash, &typed));
    if fits {
        sqlx::query("UPDATE accounts SET confirmed = $1 WHERE id = $2")
            .bind(vault.setup.confirmed(&caller.account, email))
            .bind(&caller.account)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM codes WHERE account = $1")
            .bind(&caller.account)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    // The same code may have been sent twice at once.
    match fits || vault.is_confirmed(&caller).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Code::WrongCode.into()),
    }
}
