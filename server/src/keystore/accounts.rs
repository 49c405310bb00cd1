//! Signing up.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::Device;
use super::opaque;
use super::registration::{Purpose, Registration, Sealed};
use super::sessions::{Scope, make_session};
use super::state::KeystoreState;
use super::who::Who;
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::limits::{CallerAddress, Place, SIGN_UP};
use crate::http::sizes::MAX_ACCOUNT_KEY_BYTES;
use crate::http::values::{Bytes, Id, Jwe, Message};
use crate::store::db::Tx;
use crate::store::new_row::NewRow;

/// The first message of a sign-up.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignUpStart {
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    identity_token: Option<String>,
    /// The Keystore's base URL, as the client knows it.
    keystore: String,
    suite: i64,
    registration_request: Message,
}

/// The answer to it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignUpStarted {
    registration: Sealed,
    registration_response: Message,
}

/// The last message of a sign-up: the whole account.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignUpFinish {
    account_id: Id,
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    identity_token: Option<String>,
    registration: Sealed,
    registration_record: Message,
    kek_passphrase: Jwe,
    kek_recovery: Jwe,
    vault_key: Jwe,
    signing_key: Jwe,
    recovery_verifier: Bytes<32>,
}

/// The answer to it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignedUp {
    account_id: Id,
    session: Bytes<32>,
    expires_at: i64,
}

/// Begins a sign-up.
#[utoipa::path(
    post, path = "/sign-up/start", request_body = SignUpStart, security(()),
    responses((status = 200, body = SignUpStarted), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_up_start(
    State(keystore): KeystoreState,
    address: CallerAddress,
    Input(input): Input<SignUpStart>,
) -> Result<Json<SignUpStarted>> {
    keystore.check_address(&input.keystore)?;
    let who = keystore
        .newcomer(input.email.as_deref(), input.identity_token.as_deref())
        .await?;
    let place = Place::Address(&address);
    keystore.limits.attempt(&SIGN_UP, &who.login, &place)?;
    let (registration, registration_response) = keystore.begin_registration(
        Purpose::SignUp(&who.login),
        input.suite,
        &input.registration_request,
    )?;
    let taken = sqlx::query("SELECT id FROM accounts WHERE login = $1")
        .bind(&who.login)
        .fetch_optional(&keystore.db.read)
        .await?;
    match taken {
        Some(_) => Err(who.taken()),
        None => Ok(Json(SignUpStarted {
            registration,
            registration_response,
        })),
    }
}

/// Ends a sign-up: stores the account and its first session, or nothing.
#[utoipa::path(
    post, path = "/sign-up/finish", request_body = SignUpFinish, security(()),
    params(("Vouchsafe-Device" = Option<Bytes<32>>, Header)),
    responses((status = 201, body = SignedUp), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_up_finish(
    State(keystore): KeystoreState,
    address: CallerAddress,
    device: Device,
    Input(input): Input<SignUpFinish>,
) -> Result<(StatusCode, Json<SignedUp>)> {
    let who = keystore
        .newcomer(input.email.as_deref(), input.identity_token.as_deref())
        .await?;
    let place = Place::Address(&address);
    keystore.limits.attempt(&SIGN_UP, &who.login, &place)?;
    let id = input.account_id.of_version(4)?;
    let registration =
        keystore.open_registration(Purpose::SignUp(&who.login), &input.registration)?;
    let (record, verifier) = (
        String::from(opaque::record(&input.registration_record)?),
        input.recovery_verifier.to_text(),
    );
    let now = keystore.clock.now();
    let row = NewRow::of("accounts")
        .key("id", id)
        .given("login", &who.login)
        .given("opaque_record", &record)
        .given("credential_id", &registration.credential_id)
        .given("suite", registration.suite)
        .given(
            "kek_passphrase",
            input.kek_passphrase.within(MAX_ACCOUNT_KEY_BYTES)?,
        )
        .given(
            "kek_recovery",
            input.kek_recovery.within(MAX_ACCOUNT_KEY_BYTES)?,
        )
        .given("vault_key", input.vault_key.within(MAX_ACCOUNT_KEY_BYTES)?)
        .given(
            "signing_key",
            input.signing_key.within(MAX_ACCOUNT_KEY_BYTES)?,
        )
        .given("recovery_verifier", &verifier)
        .made("setup", &keystore.setup.id)
        .made("email", who.email.as_deref())
        .made("created_at", now);
    let mut tx = keystore.db.begin_at_door(address.narrowest()).await?;
    if !store(&mut tx, &row, id, &registration, now).await? {
        return Err(refusal(&mut tx, &who, &registration, now).await?);
    }
    let made = make_session(&mut tx, id, Scope::Full, now).await?;
    device.remember(&mut tx, id, now).await?;
    tx.commit().await?;
    let answer = SignedUp {
        account_id: input.account_id,
        session: made.session,
        expires_at: made.expires_at,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Stores the account, and tells whether it is there now: also where the same request stored it before, which nobody can
/// repeat but who has its registration.
async fn store(
    tx: &mut Tx,
    row: &NewRow<'_>,
    id: &str,
    registration: &Registration,
    now: i64,
) -> Result<bool> {
    if registration.spend(tx, id, now).await? {
        return Ok(registration.in_time(now).is_ok() && row.insert(tx).await?);
    }
    // Holds the account: its credentials cannot change before the session is in.
    sqlx::query("UPDATE accounts SET deleted_at = deleted_at WHERE id = $1")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(registration.was_spent_for(&mut **tx, id, now).await? && row.is_there(tx).await?)
}

/// The reason why an account was not stored. Where there is one already, that is what counts.
async fn refusal(
    tx: &mut Tx,
    who: &Who,
    registration: &Registration,
    now: i64,
) -> Result<ApiError> {
    let taken = sqlx::query("SELECT id FROM accounts WHERE login = $1")
        .bind(&who.login)
        .fetch_optional(&mut **tx)
        .await?;
    if taken.is_some() {
        return Ok(who.taken());
    }
    registration.in_time(now)?;
    Ok(Code::Conflict.into())
}
