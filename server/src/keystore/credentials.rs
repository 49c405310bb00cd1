//! Changing the passphrase, the recovery key, or both.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::{Proven, Session};
use super::devices::Device;
use super::opaque;
use super::registration::{Purpose, Registration, Sealed};
use super::sessions::SESSION_LIFETIME_MS;
use super::state::{Keystore, KeystoreState};
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::sizes::MAX_ACCOUNT_KEY_BYTES;
use crate::http::values::{Bytes, Jwe, Message};

/// The first message of a registration, for a new passphrase.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CredentialsStart {
    suite: i64,
    registration_request: Message,
}

/// The answer to it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CredentialsStarted {
    registration: Sealed,
    registration_response: Message,
}

/// New credentials and the version that they replace; what is null stays.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewCredentials {
    credentials_version: i64,
    #[serde(deserialize_with = "Option::deserialize")]
    passphrase: Option<NewPassphrase>,
    #[serde(deserialize_with = "Option::deserialize")]
    recovery: Option<NewRecoveryKey>,
}

/// The part of a passphrase that stays with the Keystore.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewPassphrase {
    registration: Sealed,
    registration_record: Message,
    kek_passphrase: Jwe,
}

/// The part of a recovery key that stays with the Keystore.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewRecoveryKey {
    kek_recovery: Jwe,
    recovery_verifier: Bytes<32>,
}

/// The version that is stored now, and when the session ends.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CredentialsChanged {
    credentials_version: i64,
    expires_at: i64,
}

/// Begins the registration of a new passphrase.
#[utoipa::path(
    post, path = "/credentials/start", request_body = CredentialsStart,
    responses((status = 200, body = CredentialsStarted), (status = "default", body = ErrorBody)),
)]
pub(super) async fn start(
    State(keystore): KeystoreState,
    Proven(session): Proven,
    Input(input): Input<CredentialsStart>,
) -> Result<Json<CredentialsStarted>> {
    let (registration, registration_response) = keystore.begin_registration(
        Purpose::Credentials(&session.hash),
        input.suite,
        &input.registration_request,
    )?;
    Ok(Json(CredentialsStarted {
        registration,
        registration_response,
    }))
}

/// Replaces credentials, if they are still the version that the caller saw, and ends every other session.
#[utoipa::path(
    put, path = "/credentials", request_body = NewCredentials,
    params(("Vouchsafe-Device" = Option<Bytes<32>>, Header)),
    responses((status = 200, body = CredentialsChanged), (status = "default", body = ErrorBody)),
)]
pub(super) async fn change(
    State(keystore): KeystoreState,
    Proven(session): Proven,
    device: Device,
    Input(input): Input<NewCredentials>,
) -> Result<Json<CredentialsChanged>> {
    let (passphrase, recovery) = (input.passphrase.is_some(), input.recovery.is_some());
    if session.is_recovery && !(passphrase && recovery) {
        return Err(ApiError::bad_input(
            "Give a new passphrase and a new recovery key: recovery replaces both.",
        ));
    }
    if !passphrase && !recovery {
        return Err(ApiError::bad_input(
            "Give a new passphrase, a new recovery key, or both.",
        ));
    }
    let purpose = Purpose::Credentials(&session.hash);
    let open = |new: &NewPassphrase| keystore.open_registration(purpose, &new.registration);
    let registration = input.passphrase.as_ref().map(open).transpose()?;
    let columns = Columns::new(&input, registration.as_ref())?;
    let version = input.credentials_version;
    let changed = match keystore
        .replace(&session, &device, version, &columns)
        .await?
    {
        Some(changed) => changed,
        None => {
            keystore
                .replaced_before(&session, version, &columns)
                .await?
        }
    };
    Ok(Json(changed))
}

/// The new values of columns; those that are null stay as they are.
struct Columns<'a> {
    registration: Option<&'a Registration>,
    opaque_record: Option<String>,
    kek_passphrase: Option<&'a str>,
    kek_recovery: Option<&'a str>,
    recovery_verifier: Option<String>,
}

impl<'a> Columns<'a> {
    fn new(input: &'a NewCredentials, registration: Option<&'a Registration>) -> Result<Self> {
        let (passphrase, recovery) = (input.passphrase.as_ref(), input.recovery.as_ref());
        let record = passphrase.map(|new| opaque::record(&new.registration_record));
        let kek_passphrase = passphrase.map(|new| new.kek_passphrase.within(MAX_ACCOUNT_KEY_BYTES));
        let kek_recovery = recovery.map(|new| new.kek_recovery.within(MAX_ACCOUNT_KEY_BYTES));
        Ok(Self {
            registration,
            opaque_record: record.transpose()?.map(String::from),
            kek_passphrase: kek_passphrase.transpose()?,
            kek_recovery: kek_recovery.transpose()?,
            recovery_verifier: recovery.map(|new| new.recovery_verifier.to_text()),
        })
    }
}

impl Keystore {
    /// Nothing when the stored version is another, or the registration was used before.
    async fn replace(
        &self,
        session: &Session,
        device: &Device,
        version: i64,
        new: &Columns<'_>,
    ) -> Result<Option<CredentialsChanged>> {
        let setup = new.registration.map(|_| self.setup.id.as_str());
        let now = self.clock.now();
        let mut tx = self.db.begin_as(&session.account).await?;
        if let Some(registration) = new.registration {
            if !registration.spend(&mut tx, &session.account, now).await? {
                return Ok(None);
            }
            registration.in_time(now)?;
        }
        let made: Option<i64> = sqlx::query_scalar(
            "UPDATE accounts SET credentials_version = credentials_version + 1, \
             opaque_record = COALESCE($1, opaque_record), setup = COALESCE($2, setup), \
             kek_passphrase = COALESCE($3, kek_passphrase), kek_recovery = COALESCE($4, kek_recovery), \
             recovery_verifier = COALESCE($5, recovery_verifier), \
             credential_id = COALESCE($6, credential_id), suite = COALESCE($7, suite) \
             WHERE id = $8 AND credentials_version = $9 AND deleted_at IS NULL RETURNING credentials_version",
        )
        .bind(&new.opaque_record)
        .bind(setup)
        .bind(new.kek_passphrase)
        .bind(new.kek_recovery)
        .bind(&new.recovery_verifier)
        .bind(new.registration.map(|new| new.credential_id.as_str()))
        .bind(new.registration.map(|new| new.suite))
        .bind(&session.account)
        .bind(version)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(credentials_version) = made else {
            return Ok(None);
        };
        // A session of recovery becomes a full one; another stays as it is. The proof is as old as before.
        let kept: Option<i64> = sqlx::query_scalar(
            "UPDATE sessions SET expires_at = CASE WHEN recovery = 1 THEN $1 ELSE expires_at END, recovery = 0 \
             WHERE hash = $2 RETURNING expires_at",
        )
        .bind(now + SESSION_LIFETIME_MS)
        .bind(&session.hash)
        .fetch_optional(&mut *tx)
        .await?;
        let expires_at = kept.ok_or(Code::SessionExpired)?;
        sqlx::query("DELETE FROM sessions WHERE account = $1 AND hash <> $2")
            .bind(&session.account)
            .bind(&session.hash)
            .execute(&mut *tx)
            .await?;
        for sql in [
            "DELETE FROM logins WHERE account = $1",
            "DELETE FROM devices WHERE account = $1",
        ] {
            sqlx::query(sql)
                .bind(&session.account)
                .execute(&mut *tx)
                .await?;
        }
        device.remember(&mut tx, &session.account, now).await?;
        tx.commit().await?;
        Ok(Some(CredentialsChanged {
            credentials_version,
            expires_at,
        }))
    }

    /// The answer to a change that was made before from the same bytes; `conflict` when it was another.
    async fn replaced_before(
        &self,
        session: &Session,
        version: i64,
        new: &Columns<'_>,
    ) -> Result<CredentialsChanged> {
        let made = version.checked_add(1).ok_or(Code::Conflict)?;
        if let Some(registration) = new.registration {
            let (account, now) = (&session.account, self.clock.now());
            let was_spent = registration.was_spent_for(&self.db.read, account, now);
            if !was_spent.await? {
                return Err(Code::Conflict.into());
            }
        }
        let same: Option<i64> = sqlx::query_scalar(
            "SELECT sessions.expires_at FROM accounts JOIN sessions ON sessions.account = accounts.id \
             WHERE accounts.id = $1 AND sessions.hash = $2 AND accounts.credentials_version = $3 \
             AND opaque_record = COALESCE($4, opaque_record) AND kek_passphrase = COALESCE($5, kek_passphrase) \
             AND kek_recovery = COALESCE($6, kek_recovery) \
             AND recovery_verifier = COALESCE($7, recovery_verifier)",
        )
        .bind(&session.account)
        .bind(&session.hash)
        .bind(made)
        .bind(&new.opaque_record)
        .bind(new.kek_passphrase)
        .bind(new.kek_recovery)
        .bind(&new.recovery_verifier)
        .fetch_optional(&self.db.read)
        .await?;
        Ok(CredentialsChanged {
            credentials_version: made,
            expires_at: same.ok_or(Code::Conflict)?,
        })
    }
}
