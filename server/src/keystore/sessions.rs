//! Signing in and out, and the session that every other route asks for.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::normalise;
use super::{App, Keystore, opaque};
use crate::clock::{DAY, MINUTE};
use crate::db::Tx;
use crate::encoding::{Bytes, Id, Jwe, Message, from_base64url, same_secret};
use crate::error::{ApiError, Code, ErrorBody, Result};
use crate::extract::{Empty, Input};
use crate::limits::{self, SIGN_IN_ADDRESS, SIGN_IN_ALL, SIGN_IN_EMAIL};

const SESSION: i64 = 30 * DAY;
const LOGIN: i64 = 2 * MINUTE;

/// The first message of a sign-in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignInStart {
    email: String,
    credential_request: Message,
}

/// The answer to it, for unknown emails too.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignInStarted {
    login: Bytes<16>,
    credential_response: Message,
}

/// The last message of a sign-in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignInFinish {
    login: Bytes<16>,
    credential_finalization: Message,
}

/// A session in the moment it is made: the only time that its token is there to be read.
pub(super) struct NewSession {
    pub(super) session: Bytes<32>,
    pub(super) expires_at: i64,
}

/// The answer to a sign-in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignedIn {
    account_id: Id,
    email: String,
    session: Bytes<32>,
    expires_at: i64,
    kek_passphrase: Jwe,
    vault_key: Jwe,
    signing_key: Jwe,
}

/// Makes a session and stores its hash.
pub(super) async fn make_session(tx: &mut Tx, account: &str, now: i64) -> Result<NewSession> {
    let made = NewSession {
        session: Bytes::make(),
        expires_at: now + SESSION,
    };
    sqlx::query(
        "INSERT INTO sessions (hash, account, created_at, expires_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(made.session.to_hash())
    .bind(account)
    .bind(now)
    .bind(made.expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(made)
}

/// Begins a sign-in.
#[utoipa::path(
    post, path = "/sign-in/start", request_body = SignInStart, security(()),
    responses((status = 200, body = SignInStarted), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_in_start(
    State(app): App,
    from: limits::From,
    Input(input): Input<SignInStart>,
) -> Result<Json<SignInStarted>> {
    let email = normalise(&input.email)?;
    app.limits.count(SIGN_IN_ALL, "")?;
    app.limits.count(SIGN_IN_ADDRESS, &from.0)?;
    app.limits.count(SIGN_IN_EMAIL, &email)?;
    let found: Option<(String, String)> =
        sqlx::query_as("SELECT id, opaque_record FROM accounts WHERE email = $1")
            .bind(&email)
            .fetch_optional(&app.db.read)
            .await?;
    let (account, record) = found.unzip();
    let record = record.and_then(|record| from_base64url(&record));
    let (state, credential_response) =
        app.setup
            .log_in(&email, record.as_deref(), &input.credential_request)?;

    let (login, now) = (Bytes::<16>::make(), app.clock.now());
    let mut tx = app.db.begin().await?;
    sqlx::query("INSERT INTO logins (hash, account, state, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(login.to_hash())
        .bind(account)
        .bind(String::from(state))
        .bind(now + LOGIN)
        .execute(&mut *tx)
        .await?;
    sqlx::query("DELETE FROM logins WHERE expires_at <= $1")
        .bind(now)
        .execute(&mut *tx)
        .await?;
    sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
        .bind(now)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(Json(SignInStarted {
        login,
        credential_response,
    }))
}

/// Ends a sign-in.
#[utoipa::path(
    post, path = "/sign-in/finish", request_body = SignInFinish, security(()),
    responses((status = 200, body = SignedIn), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_in_finish(
    State(app): App,
    Input(input): Input<SignInFinish>,
) -> Result<Json<SignedIn>> {
    let (hash, now) = (input.login.to_hash(), app.clock.now());
    // Taking the row out is what makes a login good for one use.
    let taken: Option<(String, Option<String>, String)> = sqlx::query_as(
        "DELETE FROM logins WHERE hash = $1 AND expires_at > $2 RETURNING hash, account, state",
    )
    .bind(&hash)
    .bind(now)
    .fetch_optional(&app.db.write)
    .await?;
    let (_, account, state) = taken
        .filter(|row| same_secret(&row.0, &hash))
        .ok_or(Code::WrongCredentials)?;
    let state = from_base64url(&state)
        .map(Message)
        .ok_or(Code::ServerError)?;
    opaque::proves(&state, &input.credential_finalization)?;
    let account = account.ok_or(Code::WrongCredentials)?;

    let mut tx = app.db.begin().await?;
    let made = make_session(&mut tx, &account, now).await?;
    let (id, email, kek_passphrase, vault_key, signing_key): (
        String,
        String,
        String,
        String,
        String,
    ) = sqlx::query_as(
        "SELECT id, email, kek_passphrase, vault_key, signing_key FROM accounts WHERE id = $1",
    )
    .bind(&account)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Json(SignedIn {
        account_id: Id::stored(id),
        email,
        session: made.session,
        expires_at: made.expires_at,
        kek_passphrase: Jwe::stored(kek_passphrase),
        vault_key: Jwe::stored(vault_key),
        signing_key: Jwe::stored(signing_key),
    }))
}

/// Ends the session.
#[utoipa::path(
    post, path = "/sign-out", request_body = Empty,
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_out(
    State(app): App,
    caller: Caller,
    _: Input<Empty>,
) -> Result<StatusCode> {
    sqlx::query("DELETE FROM sessions WHERE hash = $1")
        .bind(&caller.hash)
        .execute(&app.db.write)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account whose session came with the request.
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) email: String,
    hash: String,
}

impl FromRequestParts<Arc<Keystore>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<Keystore>) -> Result<Self> {
        let session = bearer(&parts.headers)
            .and_then(|text| Bytes::<32>::try_from(std::borrow::Cow::from(text)).ok())
            .ok_or(Code::SessionExpired)?;
        let hash = session.to_hash();
        let found: Option<(String, String, String)> = sqlx::query_as(
            "SELECT sessions.hash, accounts.id, accounts.email FROM sessions \
             JOIN accounts ON accounts.id = sessions.account WHERE sessions.hash = $1 AND sessions.expires_at > $2",
        )
        .bind(&hash)
        .bind(app.clock.now())
        .fetch_optional(&app.db.read)
        .await?;
        let (_, account, email) = found
            .filter(|row| same_secret(&row.0, &hash))
            .ok_or(Code::SessionExpired)?;
        Ok(Self {
            account,
            email,
            hash,
        })
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
