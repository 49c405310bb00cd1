//! Recovery: the way in by the recovery key, when the passphrase is lost.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::Device;
use super::sessions::{Scope, make_session};
use super::state::KeystoreState;
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::limits::{CallerAddress, RECOVERY};
use crate::http::sizes::MAX_RECORD_BYTES;
use crate::http::values::{Bytes, Id, Jwe, same_secret};
use crate::store::columns::from_columns;

/// The proof of a recovery key.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RecoveryStart {
    #[serde(deserialize_with = "Option::deserialize")]
    email: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    identity_token: Option<String>,
    recovery_auth: Bytes<32>,
}

/// The account's keys, and a session that can set new credentials.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RecoveryStarted {
    account_id: Id,
    session: Bytes<32>,
    expires_at: i64,
    kek_recovery: Jwe,
    vault_key: Jwe,
    signing_key: Jwe,
    credentials_version: i64,
}

from_columns! {
    /// An account as a recovery finds it.
    struct Found {
        id: String,
        recovery_verifier: String,
    }
}

from_columns! {
    /// The part of an account that a recovery gives out.
    struct Held {
        kek_recovery: Jwe,
        vault_key: Jwe,
        signing_key: Jwe,
        credentials_version: i64,
    }
}

/// Begins a recovery. Whoever has no account is answered like a wrong key.
#[utoipa::path(
    post, path = "/recovery/start", request_body = RecoveryStart, security(()),
    params(("Vouchsafe-Device" = Option<Bytes<32>>, Header)),
    responses((status = 200, body = RecoveryStarted), (status = "default", body = ErrorBody)),
)]
pub(super) async fn start(
    State(keystore): KeystoreState,
    address: CallerAddress,
    device: Device,
    Input(input): Input<RecoveryStart, MAX_RECORD_BYTES>,
) -> Result<Json<RecoveryStarted>> {
    let who = keystore
        .who(input.email.as_deref(), input.identity_token.as_deref())
        .await?;
    let place = device.place(&keystore, &who.login, &address).await?;
    keystore.limits.attempt(&RECOVERY, &who.login, &place)?;
    let found: Option<Found> =
        sqlx::query_as("SELECT id, recovery_verifier FROM accounts WHERE login = $1")
            .bind(&who.login)
            .fetch_optional(&keystore.db.read)
            .await?;
    // A verifier that nothing fits, so that it takes the same work where there is no account.
    let nobody = || Found {
        id: String::new(),
        recovery_verifier: Bytes::<32>::make().to_text(),
    };
    let Found {
        id: account,
        recovery_verifier,
    } = found.unwrap_or_else(nobody);
    let shown = input.recovery_auth.to_hash();
    if !same_secret(&recovery_verifier, &shown) {
        return Err(Code::WrongCredentials.into());
    }

    let now = keystore.clock.now();
    let mut tx = keystore.db.begin_at_door(address.narrowest()).await?;
    // Holds the account: its credentials cannot change before the session is in.
    let held: Option<Held> = sqlx::query_as(
        "UPDATE accounts SET email = $3 WHERE id = $1 AND recovery_verifier = $2 AND deleted_at IS NULL \
         RETURNING kek_recovery, vault_key, signing_key, credentials_version",
    )
    .bind(&account)
    .bind(&shown)
    .bind(&who.email)
    .fetch_optional(&mut *tx)
    .await?;
    let held = held.ok_or(Code::WrongCredentials)?;
    let made = make_session(&mut tx, &account, Scope::Recovery, now).await?;
    tx.commit().await?;
    Ok(Json(RecoveryStarted {
        account_id: Id::stored(account),
        session: made.session,
        expires_at: made.expires_at,
        kek_recovery: held.kek_recovery,
        vault_key: held.vault_key,
        signing_key: held.signing_key,
        credentials_version: held.credentials_version,
    }))
}
