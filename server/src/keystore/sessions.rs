//! Signing in and out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::Session;
use super::devices::Device;
use super::opaque::NEWEST_SUITE;
use super::state::{Keystore, KeystoreState};
use super::{failed_sign_ins, opaque};
use crate::base64url::{base64url, from_base64url};
use crate::clock::{DAY, MINUTE};
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::{Empty, Input};
use crate::http::limits::{CallerAddress, SIGN_IN};
use crate::http::sizes::MAX_RECORD_BYTES;
use crate::http::values::{Bytes, Id, Jwe, Message, same_secret};
use crate::store::columns::from_columns;
use crate::store::db::Tx;
use crate::store::new_row::NewRow;
use crate::token::PROOF_LIFETIME_MS;

/// A full session ends this long after the sign-in.
pub(super) const SESSION_LIFETIME_MS: i64 = 30 * DAY;
/// A session of recovery, which is there to set new credentials, ends with the proof that it rests on.
const RECOVERY_LIFETIME_MS: i64 = PROOF_LIFETIME_MS;
/// A sign-in has to be finished within this time after its start.
const LOGIN_LIFETIME_MS: i64 = 2 * MINUTE;

/// What somebody is told whose account the operator disabled.
const DISABLED: &str = "Ask the operator: this account is disabled.";

/// The first message of a sign-in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignInStart {
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    identity_token: Option<String>,
    /// The Keystore's base URL, as the client knows it.
    keystore: String,
    credential_request: Message,
}

/// The answer to it, for those without an account too.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignInStarted {
    login: Bytes<16>,
    /// The suite that the passphrase was registered under.
    suite: i64,
    credential_response: Message,
}

/// The last message of a sign-in.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignInFinish {
    login: Bytes<16>,
    credential_finalization: Message,
}

/// The rights of a new session.
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
    /// Other sign-ins that were begun and not finished, since the last one that was.
    failed_sign_ins: i64,
}

/// Makes a session of somebody who has just proved themselves, and stores its hash. The transaction holds the account, which
/// must not be disabled.
pub(super) async fn make_session(
    tx: &mut Tx,
    account: &str,
    scope: Scope,
    now: i64,
) -> Result<NewSession> {
    let disabled = sqlx::query("SELECT id FROM accounts WHERE id = $1 AND disabled_at IS NOT NULL")
        .bind(account)
        .fetch_optional(&mut **tx)
        .await?;
    if disabled.is_some() {
        // None but who has proved themselves is told.
        return Err(ApiError::new(Code::IdentityRejected, DISABLED));
    }
    let lasts = match scope {
        Scope::Full => SESSION_LIFETIME_MS,
        Scope::Recovery => RECOVERY_LIFETIME_MS,
    };
    let made = NewSession {
        session: Bytes::make(),
        expires_at: now + lasts,
    };
    NewRow::of("sessions")
        .key("hash", &made.session.to_hash())
        .made("account", account)
        .made("created_at", now)
        .made("proved_at", now)
        .made("expires_at", made.expires_at)
        .made("recovery", i64::from(scope == Scope::Recovery))
        .add(tx)
        .await?;
    Ok(made)
}

from_columns! {
    /// An account as a sign-in finds it.
    struct Found {
        id: String,
        opaque_record: String,
        credential_id: String,
        suite: i64,
        setup: Option<String>,
        credentials_version: i64,
    }
}

from_columns! {
    /// A begun sign-in.
    struct Login {
        hash: String,
        account: Option<String>,
        state: String,
        credentials_version: i64,
        expires_at: i64,
        email: Option<String>,
    }
}

/// The place that the state of a begun sign-in is sealed for.
fn place(hash: &str, account: Option<&str>, credentials_version: i64, expires_at: i64) -> String {
    let account = account.unwrap_or("nobody");
    format!("{hash} {account} {credentials_version} {expires_at}")
}

impl Login {
    fn place(&self) -> String {
        let (account, version) = (self.account.as_deref(), self.credentials_version);
        place(&self.hash, account, version, self.expires_at)
    }
}

/// A begun sign-in whose passphrase was proven.
struct ProvenLogin {
    account: String,
    credentials_version: i64,
    email: Option<String>,
}

from_columns! {
    /// The part of an account that a sign-in gives out.
    struct Held {
        /// Null for those who came with an identity token.
        address: Option<String>,
        kek_passphrase: Jwe,
        vault_key: Jwe,
        signing_key: Jwe,
    }
}

impl Keystore {
    /// Tells whether any account has a passphrase that only a lost setup could check.
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

    /// The begun sign-in whose passphrase the client's last message proves. One that it does not prove is over.
    async fn prove_login(
        &self,
        hash: &str,
        finalization: &Message,
        network: &str,
        now: i64,
    ) -> Result<ProvenLogin> {
        let login: Option<Login> = sqlx::query_as(
            "SELECT hash, account, state, credentials_version, expires_at, email FROM logins \
             WHERE hash = $1 AND expires_at > $2",
        )
        .bind(hash)
        .bind(now)
        .fetch_optional(&self.db.read)
        .await?;
        let login = login
            .filter(|login| same_secret(&login.hash, hash))
            .ok_or(Code::WrongCredentials)?;
        // A state of another setup, or of another row, is good for nothing.
        let state = from_base64url(&login.state)
            .and_then(|sealed| self.setup.logins.open(&login.place(), &sealed));
        let proof = match state {
            Some(state) => opaque::proves(&state, finalization),
            None => Err(Code::WrongCredentials.into()),
        };
        // Only one message fits a login, so that a second one that fits is the first one again.
        let proven = match proof {
            Ok(()) => login.account,
            Err(error) if error.code() == Code::WrongCredentials => None,
            Err(error) => return Err(error),
        };
        let Some(account) = proven else {
            let mut tx = self.db.begin_at_door(network).await?;
            sqlx::query("DELETE FROM logins WHERE hash = $1")
                .bind(hash)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            return Err(Code::WrongCredentials.into());
        };
        Ok(ProvenLogin {
            account,
            credentials_version: login.credentials_version,
            email: login.email,
        })
    }
}

/// Begins a sign-in.
#[utoipa::path(
    post, path = "/sign-in/start", request_body = SignInStart, security(()),
    params(("Vouchsafe-Device" = Option<Bytes<32>>, Header)),
    responses((status = 200, body = SignInStarted), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_in_start(
    State(keystore): KeystoreState,
    address: CallerAddress,
    device: Device,
    Input(input): Input<SignInStart>,
) -> Result<Json<SignInStarted>> {
    keystore.check_address(&input.keystore)?;
    let who = keystore
        .who(input.email.as_deref(), input.identity_token.as_deref())
        .await?;
    let from = device.place(&keystore, &who.login, &address).await?;
    keystore.limits.attempt(&SIGN_IN, &who.login, &from)?;
    let found: Option<Found> = sqlx::query_as(
        "SELECT id, opaque_record, credential_id, suite, setup, credentials_version FROM accounts WHERE login = $1",
    )
    .bind(&who.login)
    .fetch_optional(&keystore.db.read)
    .await?;
    let lost = keystore.has_lost_passphrases().await?;
    let setup = &keystore.setup;
    let current = |found: &Found| found.setup.as_ref() == Some(&setup.id);
    let found = found.filter(current);
    // Strangers are answered like accounts of an older setup, while there are any.
    if lost && found.is_none() {
        return Err(Code::RecoveryNeeded.into());
    }
    let record = found
        .as_ref()
        .and_then(|found| from_base64url(&found.opaque_record));
    let stored_id = found
        .as_ref()
        .and_then(|found| from_base64url(&found.credential_id));
    let nobody = setup.nobody(&who.login)?;
    let suite = found
        .as_ref()
        .map_or(NEWEST_SUITE.into(), |found| found.suite);
    let (state, credential_response) = setup.log_in(&opaque::Login {
        record: record.as_deref(),
        credential_id: stored_id.as_deref().unwrap_or(nobody.as_bytes()),
        suite,
        keystore: &input.keystore,
        request: &input.credential_request,
    })?;

    let (login, now) = (Bytes::<16>::make(), keystore.clock.now());
    let (hash, expires_at) = (login.to_hash(), now + LOGIN_LIFETIME_MS);
    let account = found.as_ref().map(|found| found.id.as_str());
    let version = found.as_ref().map_or(1, |found| found.credentials_version);
    let place = place(&hash, account, version, expires_at);
    let state = base64url(&setup.logins.seal(&place, &state)?);
    let request = failed_sign_ins::request_hash(&input.credential_request);
    let mut tx = keystore.db.begin_at_door(address.narrowest()).await?;
    failed_sign_ins::begin(&mut tx, &who.login, &request).await?;
    NewRow::of("logins")
        .key("hash", &hash)
        .made("account", account)
        .made("state", &state)
        .made("expires_at", expires_at)
        .made("credentials_version", version)
        // Strangers leave no address behind.
        .made("email", found.as_ref().and(who.token_email()))
        .made("request", &request)
        .add(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(Json(SignInStarted {
        login,
        suite,
        credential_response,
    }))
}

/// Ends a sign-in. The same message again ends the session that it made first, and makes another.
#[utoipa::path(
    post, path = "/sign-in/finish", request_body = SignInFinish, security(()),
    params(("Vouchsafe-Device" = Option<Bytes<32>>, Header)),
    responses((status = 200, body = SignedIn), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_in_finish(
    State(keystore): KeystoreState,
    address: CallerAddress,
    device: Device,
    Input(input): Input<SignInFinish, MAX_RECORD_BYTES>,
) -> Result<Json<SignedIn>> {
    let (hash, now) = (input.login.to_hash(), keystore.clock.now());
    let network = address.narrowest();
    let login = keystore
        .prove_login(&hash, &input.credential_finalization, network, now)
        .await?;
    let mut tx = keystore.db.begin_at_door(network).await?;
    // Holds the account: its credentials cannot change before the session is in.
    let held: Option<Held> = sqlx::query_as(
        "UPDATE accounts SET email = CASE WHEN email = login THEN email ELSE $3 END \
         WHERE id = $1 AND credentials_version = $2 AND deleted_at IS NULL \
         RETURNING CASE WHEN email = login THEN email END AS address, kek_passphrase, vault_key, signing_key",
    )
    .bind(&login.account)
    .bind(login.credentials_version)
    .bind(&login.email)
    .fetch_optional(&mut *tx)
    .await?;
    let held = held.ok_or(Code::WrongCredentials)?;
    let made = make_session(&mut tx, &login.account, Scope::Full, now).await?;
    device.remember(&mut tx, &login.account, now).await?;
    let failed_sign_ins = failed_sign_ins::end(&mut tx, &login.account, &hash, now).await?;
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
        account_id: Id::stored(login.account),
        email: held.address,
        session: made.session,
        expires_at: made.expires_at,
        kek_passphrase: held.kek_passphrase,
        vault_key: held.vault_key,
        signing_key: held.signing_key,
        credentials_version: login.credentials_version,
        failed_sign_ins,
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
    let mut tx = keystore.db.begin_as(&session.account).await?;
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
