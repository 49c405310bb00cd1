//! Signing in and out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::Session;
use super::opaque;
use super::state::{Keystore, KeystoreState};
use crate::base64url::from_base64url;
use crate::clock::{DAY, MINUTE};
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::{Empty, Input};
use crate::http::limits::{CallerAddress, SIGN_IN};
use crate::http::values::{Bytes, Id, Jwe, Message, same_secret};
use crate::store::db::Tx;

/// How long a session lasts.
pub(super) const SESSION: i64 = 30 * DAY;
const RECOVERY: i64 = 15 * MINUTE;
const LOGIN: i64 = 2 * MINUTE;

/// The first message of a sign-in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignInStart {
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    identity_token: Option<String>,
    credential_request: Message,
}

/// The answer to it, for those without an account too.
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

/// What a new session may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything.
    Full,
    /// To set new credentials.
    Recovery,
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
    /// Null for those who came with an identity token.
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    session: Bytes<32>,
    expires_at: i64,
    kek_passphrase: Jwe,
    vault_key: Jwe,
    signing_key: Jwe,
    credentials_version: i64,
}

/// Makes a session and stores its hash.
pub(super) async fn make_session(
    tx: &mut Tx,
    account: &str,
    scope: Scope,
    now: i64,
) -> Result<NewSession> {
    let lasts = match scope {
        Scope::Full => SESSION,
        Scope::Recovery => RECOVERY,
    };
    let made = NewSession {
        session: Bytes::make(),
        expires_at: now + lasts,
    };
    sqlx::query(
        "INSERT INTO sessions (hash, account, created_at, expires_at, recovery) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(made.session.to_hash())
    .bind(account)
    .bind(now)
    .bind(made.expires_at)
    .bind(i64::from(scope == Scope::Recovery))
    .execute(&mut **tx)
    .await?;
    Ok(made)
}

/// An account as a sign-in finds it.
type Found = (String, String, Option<String>, i64);

/// A begun sign-in.
type Login = (String, Option<String>, String, i64, Option<String>);

impl Keystore {
    /// Whether any account has a passphrase that only a lost setup could check.
    async fn has_lost_passphrases(&self) -> Result<bool> {
        // Two ranges rather than `<>`, which no index serves.
        let lost = sqlx::query(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM accounts WHERE setup < $1) \
             OR EXISTS (SELECT 1 FROM accounts WHERE setup > $1)",
        )
        .bind(&self.setup.id)
        .fetch_optional(&self.db.read)
        .await?;
        Ok(lost.is_some())
    }
}

/// Begins a sign-in.
#[utoipa::path(
    post, path = "/sign-in/start", request_body = SignInStart, security(()),
    responses((status = 200, body = SignInStarted), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_in_start(
    State(keystore): KeystoreState,
    address: CallerAddress,
    Input(input): Input<SignInStart>,
) -> Result<Json<SignInStarted>> {
    let who = keystore
        .who(input.email.as_deref(), input.identity_token.as_deref())
        .await?;
    keystore.limits.attempt(&SIGN_IN, &who.login, &address)?;
    let found: Option<Found> = sqlx::query_as(
        "SELECT id, opaque_record, setup, credentials_version FROM accounts WHERE login = $1",
    )
    .bind(&who.login)
    .fetch_optional(&keystore.db.read)
    .await?;
    let lost = keystore.has_lost_passphrases().await?;
    let current = |found: &Found| {
        found
            .2
            .as_ref()
            .is_none_or(|setup| *setup == keystore.setup.id)
    };
    let found = found.filter(current);
    // Whoever has no account is answered like one of an older setup, while there are such.
    if lost && found.is_none() {
        return Err(Code::RecoveryNeeded.into());
    }
    let record = found
        .as_ref()
        .and_then(|(_, record, ..)| from_base64url(record));
    let (state, credential_response) =
        keystore
            .setup
            .log_in(&who.login, record.as_deref(), &input.credential_request)?;

    let (login, now) = (Bytes::<16>::make(), keystore.clock.now());
    let (account, version) = found.map(|(id, .., version)| (id, version)).unzip();
    // Who has no account leaves no address behind.
    let email = account.as_ref().and(who.token_email());
    let mut tx = keystore.db.begin().await?;
    sqlx::query(
        "INSERT INTO logins (hash, account, state, expires_at, credentials_version, email) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(login.to_hash())
    .bind(account)
    .bind(String::from(state))
    .bind(now + LOGIN)
    .bind(version.unwrap_or(1))
    .bind(email)
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

/// Ends a sign-in. The same message again ends the session that it made first, and makes another.
#[utoipa::path(
    post, path = "/sign-in/finish", request_body = SignInFinish, security(()),
    responses((status = 200, body = SignedIn), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_in_finish(
    State(keystore): KeystoreState,
    Input(input): Input<SignInFinish>,
) -> Result<Json<SignedIn>> {
    let (hash, now) = (input.login.to_hash(), keystore.clock.now());
    let login: Option<Login> = sqlx::query_as(
        "SELECT hash, account, state, credentials_version, email FROM logins WHERE hash = $1 AND expires_at > $2",
    )
    .bind(&hash)
    .bind(now)
    .fetch_optional(&keystore.db.read)
    .await?;
    let (_, account, state, version, email) = login
        .filter(|row| same_secret(&row.0, &hash))
        .ok_or(Code::WrongCredentials)?;
    let state = from_base64url(&state)
        .map(Message)
        .ok_or(Code::ServerError)?;
    // Only one message fits a login, so that a second one that fits is the first one again.
    let proven = match opaque::proves(&state, &input.credential_finalization) {
        Ok(()) => account,
        Err(error) if error.code() == Code::WrongCredentials => None,
        Err(error) => return Err(error),
    };
    let Some(account) = proven else {
        sqlx::query("DELETE FROM logins WHERE hash = $1")
            .bind(&hash)
            .execute(&keystore.db.write)
            .await?;
        return Err(Code::WrongCredentials.into());
    };

    let mut tx = keystore.db.begin().await?;
    // Holds the account: its credentials cannot change before the session is in.
    let held: Option<(Option<String>, String, String, String)> = sqlx::query_as(
        "UPDATE accounts SET email = CASE WHEN email = login THEN email ELSE $3 END \
         WHERE id = $1 AND credentials_version = $2 AND deleted_at IS NULL \
         RETURNING CASE WHEN email = login THEN email END, kek_passphrase, vault_key, signing_key",
    )
    .bind(&account)
    .bind(version)
    .bind(&email)
    .fetch_optional(&mut *tx)
    .await?;
    let (address, kek_passphrase, vault_key, signing_key) = held.ok_or(Code::WrongCredentials)?;
    let made = make_session(&mut tx, &account, Scope::Full, now).await?;
    sqlx::query("DELETE FROM sessions WHERE hash = (SELECT session FROM logins WHERE hash = $1)")
        .bind(&hash)
        .execute(&mut *tx)
        .await?;
    let kept = sqlx::query("UPDATE logins SET session = $1 WHERE hash = $2")
        .bind(made.session.to_hash())
        .bind(&hash)
        .execute(&mut *tx)
        .await?;
    if kept.rows_affected() == 0 {
        return Err(Code::WrongCredentials.into());
    }
    tx.commit().await?;
    Ok(Json(SignedIn {
        account_id: Id::stored(account),
        email: address,
        session: made.session,
        expires_at: made.expires_at,
        kek_passphrase: Jwe::stored(kek_passphrase),
        vault_key: Jwe::stored(vault_key),
        signing_key: Jwe::stored(signing_key),
        credentials_version: version,
    }))
}

/// Ends the session, and the login that made it.
#[utoipa::path(
    post, path = "/sign-out", request_body = Empty,
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_out(
    State(keystore): KeystoreState,
    session: Session,
    _: Input<Empty>,
) -> Result<StatusCode> {
    let mut tx = keystore.db.begin().await?;
    sqlx::query("DELETE FROM sessions WHERE hash = $1")
        .bind(&session.hash)
        .execute(&mut *tx)
        .await?;
    sqlx::query("DELETE FROM logins WHERE account = $1 AND session = $2")
        .bind(&session.account)
        .bind(&session.hash)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
