//! Sign-up, sign-in, sign-out; the end of an account.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::credentials::RegistrationStarted;
use crate::api::bodies::Nothing;
use crate::api::services::Answer;
use crate::api::{Access, Method, Services, Transport};
use crate::ids::Id;

/// `POST /sign-up/start`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignUpStart {
    /// As typed; the Keystore normalises it. `None` with a token.
    pub email: Option<String>,
    /// A token of the app's own sign-in. `None` with an address.
    pub identity_token: Option<Zeroizing<String>>,
    /// The Keystore's base URL, as this client knows it.
    pub keystore: String,
    /// The number of the passphrase's suite.
    pub suite: u8,
    /// OPAQUE's first message.
    pub registration_request: String,
}

/// `POST /sign-up/finish`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignUpFinish {
    /// Chosen by the client.
    pub account_id: Id,
    /// As in the first request.
    pub email: Option<String>,
    /// Of the same person as in the first request.
    pub identity_token: Option<Zeroizing<String>>,
    /// From the answer to it.
    pub registration: String,
    /// OPAQUE's third message.
    pub registration_record: String,
    /// The KEK under the passphrase.
    pub kek_passphrase: String,
    /// The KEK under the recovery key.
    pub kek_recovery: String,
    /// The vault key under the KEK.
    pub vault_key: String,
    /// The signing key under the KEK.
    pub signing_key: String,
    /// SHA-256 of the recovery authentication value.
    pub recovery_verifier: String,
}

/// Its answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedUp {
    /// The account.
    pub account_id: Id,
    /// The Keystore session.
    pub session: Zeroizing<String>,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: i64,
}

impl fmt::Debug for SignedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUp")
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}

/// `POST /sign-in/start`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInStart {
    /// As typed. `None` with a token.
    pub email: Option<String>,
    /// As at sign-up. `None` with an address.
    pub identity_token: Option<Zeroizing<String>>,
    /// The Keystore's base URL, as this client knows it.
    pub keystore: String,
    /// OPAQUE's first message.
    pub credential_request: String,
}

/// Its answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInStarted {
    /// Names this attempt.
    pub login: String,
    /// The number of the suite that the passphrase was registered under.
    pub suite: u64,
    /// OPAQUE's second message.
    pub credential_response: String,
}

/// `POST /sign-in/finish`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInFinish {
    /// The attempt.
    pub login: String,
    /// OPAQUE's third message.
    pub credential_finalization: String,
}

/// Its answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The account.
    pub account_id: Id,
    /// As the Keystore keeps it; `None` for an identity.
    pub email: Option<String>,
    /// The Keystore session.
    pub session: Zeroizing<String>,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: i64,
    /// The KEK under the passphrase.
    pub kek_passphrase: String,
    /// The vault key under the KEK.
    pub vault_key: String,
    /// The signing key under the KEK.
    pub signing_key: String,
    /// Grows by one with every change of passphrase or recovery key.
    pub credentials_version: u64,
    /// Other sign-ins that were begun and not finished, since the last one that was.
    pub failed_sign_ins: u64,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}

impl<T: Transport> Services<T> {
    pub(crate) fn start_sign_up(&self, body: &SignUpStart) -> Answer<'_, RegistrationStarted> {
        self.call(Access::Open, Method::Post, "/sign-up/start", Some(body))
    }

    pub(crate) fn finish_sign_up(&self, body: &SignUpFinish) -> Answer<'_, SignedUp> {
        self.call(Access::Open, Method::Post, "/sign-up/finish", Some(body))
    }

    pub(crate) fn start_sign_in(&self, body: &SignInStart) -> Answer<'_, SignInStarted> {
        self.call(Access::Open, Method::Post, "/sign-in/start", Some(body))
    }

    pub(crate) fn finish_sign_in(&self, body: &SignInFinish) -> Answer<'_, SignedIn> {
        self.call(Access::Open, Method::Post, "/sign-in/finish", Some(body))
    }

    pub(crate) fn end_session(&self) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Keystore,
            Method::Post,
            "/sign-out",
            Some(&Nothing {}),
        )
    }

    /// The Keystore's part of the account; the Vault's goes first.
    pub(crate) fn delete_keystore_account(&self) -> Answer<'_, ()> {
        self.call_for_nothing(Access::Keystore, Method::Delete, "/account", None::<&()>)
    }
}
