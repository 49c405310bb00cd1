//! Recovery, and what replaces a passphrase or a recovery key.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::services::Answer;
use crate::api::{Access, Method, Services, Transport};
use crate::ids::Id;

/// `POST /recovery/start`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryStart {
    /// As typed. `None` with a token.
    pub email: Option<String>,
    /// As at sign-in. `None` with an address.
    pub identity_token: Option<Zeroizing<String>>,
    /// 32 bytes that only the recovery key gives.
    pub recovery_auth: Zeroizing<String>,
}

impl fmt::Debug for RecoveryStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryStart").finish_non_exhaustive()
    }
}

/// Its answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryStarted {
    /// The account.
    pub account_id: Id,
    /// A Keystore session that can do nothing but replace the credentials.
    pub session: Zeroizing<String>,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: i64,
    /// The KEK under the recovery key.
    pub kek_recovery: String,
    /// The vault key under the KEK.
    pub vault_key: String,
    /// The signing key under the KEK.
    pub signing_key: String,
    /// As at sign-in.
    pub credentials_version: u64,
}

impl fmt::Debug for RecoveryStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryStarted")
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}

/// `POST /credentials/start`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsStart {
    /// The number of the passphrase's suite.
    pub suite: u8,
    /// OPAQUE's first message.
    pub registration_request: String,
}

/// Its answer, and that of `POST /sign-up/start`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationStarted {
    /// Names this registration; whoever shows it again repeats the same one.
    pub registration: String,
    /// OPAQUE's second message.
    pub registration_response: String,
}

/// A new passphrase, as the Keystore keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewPassphrase {
    /// From the answer to the first request.
    pub registration: String,
    /// OPAQUE's third message.
    pub registration_record: String,
    /// The KEK under the passphrase.
    pub kek_passphrase: String,
}

/// A new recovery key, as the Keystore keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRecovery {
    /// The KEK under the recovery key.
    pub kek_recovery: String,
    /// SHA-256 of the recovery authentication value.
    pub recovery_verifier: String,
}

/// `PUT /credentials`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsUpdate {
    /// The version that this replaces.
    pub credentials_version: u64,
    /// `None`: it stays.
    pub passphrase: Option<NewPassphrase>,
    /// `None`: it stays.
    pub recovery: Option<NewRecovery>,
}

/// Its answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsUpdated {
    /// One more than the version that was replaced.
    pub credentials_version: u64,
    /// The end of the session, which is the only one now, in milliseconds since 1970.
    pub expires_at: i64,
}

impl<T: Transport> Services<T> {
    pub(crate) fn start_recovery(&self, body: &RecoveryStart) -> Answer<'_, RecoveryStarted> {
        self.call(Access::Open, Method::Post, "/recovery/start", Some(body))
    }

    pub(crate) fn start_credentials(
        &self,
        body: &CredentialsStart,
    ) -> Answer<'_, RegistrationStarted> {
        self.call(
            Access::Keystore,
            Method::Post,
            "/credentials/start",
            Some(body),
        )
    }

    pub(crate) fn replace_credentials(
        &self,
        body: &CredentialsUpdate,
    ) -> Answer<'_, CredentialsUpdated> {
        self.call(Access::Keystore, Method::Put, "/credentials", Some(body))
    }
}
