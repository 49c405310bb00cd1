//! The caller's own email address, and the code that confirms it.

use serde::{Deserialize, Serialize};

use crate::api::services::Answer;
use crate::api::{Access, Method, Services, Transport};

/// The address by which mails may name the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailStatus {
    /// The address, if the account has one.
    pub email: Option<String>,
    /// The person showed that they read mails there.
    pub confirmed: bool,
}

/// A code that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailCode {
    /// The end of its time, in milliseconds since 1970.
    pub expires_at: i64,
}

/// `POST /email/code`.
#[derive(Debug, Serialize, Deserialize)]
pub struct AskedCode {
    /// The tag of the mail's language.
    pub language: Option<String>,
}

/// `POST /email/confirm`.
#[derive(Debug, Serialize, Deserialize)]
pub struct TypedCode {
    /// Eight digits.
    pub code: String,
}

impl<T: Transport> Services<T> {
    pub(crate) fn email_status(&self) -> Answer<'_, EmailStatus> {
        self.read(Access::Vault, "/email")
    }

    pub(crate) fn send_email_code(&self, body: &AskedCode) -> Answer<'_, EmailCode> {
        self.call(Access::Vault, Method::Post, "/email/code", Some(body))
    }

    pub(crate) fn confirm_email(&self, body: &TypedCode) -> Answer<'_, ()> {
        self.call_for_nothing(Access::Vault, Method::Post, "/email/confirm", Some(body))
    }
}
