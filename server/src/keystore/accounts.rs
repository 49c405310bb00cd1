//! Signing up.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::opaque;
use super::sessions::{Scope, make_session};
use super::state::KeystoreState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::limits::{CallerAddress, SIGN_UP};
use crate::http::values::{Bytes, Id, Jwe, Message};

/// The largest wrapped key of an account.
pub(super) const KEY: usize = 4 << 10;

/// The first message of a sign-up.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignUpStart {
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    identity_token: Option<String>,
    registration_request: Message,
}

/// The answer to it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignUpStarted {
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
    let who = keystore
        .newcomer(input.email.as_deref(), input.identity_token.as_deref())
        .await?;
    keystore.limits.attempt(&SIGN_UP, &who.login, &address)?;
    let registration_response = keystore
        .setup
        .register(&who.login, &input.registration_request)?;
    let taken = sqlx::query("SELECT id FROM accounts WHERE login = $1")
        .bind(&who.login)
        .fetch_optional(&keystore.db.read)
        .await?;
    match taken {
        Some(_) => Err(who.taken()),
        None => Ok(Json(SignUpStarted {
            registration_response,
        })),
    }
}

/// Ends a sign-up: stores the account and its first session, or nothing.
#[utoipa::path(
    post, path = "/sign-up/finish", request_body = SignUpFinish, security(()),
    responses((status = 201, body = SignedUp), (status = "default", body = ErrorBody)),
)]
pub(super) async fn sign_up_finish(
    State(keystore): KeystoreState,
    address: CallerAddress,
    Input(input): Input<SignUpFinish>,
) -> Result<(StatusCode, Json<SignedUp>)> {
    let who = keystore
        .newcomer(input.email.as_deref(), input.identity_token.as_deref())
        .await?;
    keystore.limits.attempt(&SIGN_UP, &who.login, &address)?;
    let columns = [
        input.account_id.of_version(4)?.to_owned(),
        who.login.clone(),
        String::from(opaque::record(&input.registration_record)?),
        input.kek_passphrase.within(KEY)?.to_owned(),
        input.kek_recovery.within(KEY)?.to_owned(),
        input.vault_key.within(KEY)?.to_owned(),
        input.signing_key.within(KEY)?.to_owned(),
        input.recovery_verifier.to_text(),
    ];
    let now = keystore.clock.now();
    let mut tx = keystore.db.begin().await?;
    let mut insert = sqlx::query(
        "INSERT INTO accounts (id, login, opaque_record, kek_passphrase, kek_recovery, vault_key, signing_key, \
         recovery_verifier, created_at, setup, email) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    );
    for column in &columns {
        insert = insert.bind(column);
    }
    let insert = insert.bind(now).bind(&keystore.setup.id).bind(&who.email);
    let made = insert.execute(&mut *tx).await?.rows_affected() == 1;
    if !made {
        // Holds the account: its credentials cannot change before the session is in.
        let mut same = sqlx::query_scalar::<_, String>(
            "UPDATE accounts SET credentials_version = credentials_version \
             WHERE id = $1 AND login = $2 AND opaque_record = $3 AND kek_passphrase = $4 AND kek_recovery = $5 \
             AND vault_key = $6 AND signing_key = $7 AND recovery_verifier = $8 RETURNING id",
        );
        for column in &columns {
            same = same.bind(column);
        }
        if same.fetch_optional(&mut *tx).await?.is_none() {
            let taken = sqlx::query("SELECT id FROM accounts WHERE login = $1").bind(&who.login);
            let taken = taken.fetch_optional(&mut *tx).await?.is_some();
            return Err(if taken {
                who.taken()
            } else {
                Code::Conflict.into()
            });
        }
    }
    let made = make_session(&mut tx, input.account_id.as_str(), Scope::Full, now).await?;
    tx.commit().await?;
    let answer = SignedUp {
        account_id: input.account_id,
        session: made.session,
        expires_at: made.expires_at,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
