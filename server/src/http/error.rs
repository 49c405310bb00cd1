//! The one error that every route answers with.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::follow::request_id;
use crate::metrics;
use crate::store::outage;

/// The codes a client may meet, a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is not what the route takes.
    BadInput,
    /// No session or token, or one that is unknown, expired or meant for another service.
    SessionExpired,
    /// The email, the passphrase or the recovery key is wrong.
    WrongCredentials,
    /// The identity token is not one that is taken here, or not any more.
    IdentityRejected,
    /// The passphrase cannot be checked any more; the recovery key can.
    RecoveryNeeded,
    /// The code that was typed in is not the one that was mailed, or not any more.
    WrongCode,
    /// There is no such thing, or it belongs to somebody else.
    NotFound,
    /// There is no such route: the address is wrong, whatever record it names.
    UnknownRoute,
    /// The id is taken, or the stored version is another.
    Conflict,
    /// The email, or the identity, has an account already.
    EmailTaken,
    /// The invitation's time is over.
    InvitationExpired,
    /// The invitation was accepted before.
    InvitationUsed,
    /// The inviter took the invitation back.
    InvitationCancelled,
    /// The invitee turned the invitation down.
    InvitationDeclined,
    /// The share's time is over.
    ShareExpired,
    /// The body, or a member of it, is larger than the route takes.
    TooLarge,
    /// The account has as much of something as it may have.
    QuotaExceeded,
    /// Too many attempts.
    RateLimited,
    /// The server failed.
    ServerError,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::BadInput => StatusCode::BAD_REQUEST,
            Self::SessionExpired | Self::WrongCredentials | Self::IdentityRejected => {
                StatusCode::UNAUTHORIZED
            }
            Self::RecoveryNeeded | Self::QuotaExceeded | Self::WrongCode => StatusCode::FORBIDDEN,
            Self::NotFound | Self::UnknownRoute => StatusCode::NOT_FOUND,
            Self::Conflict | Self::EmailTaken => StatusCode::CONFLICT,
            Self::InvitationExpired
            | Self::InvitationUsed
            | Self::InvitationCancelled
            | Self::InvitationDeclined
            | Self::ShareExpired => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::BadInput => "Send what the route takes.",
            Self::SessionExpired => "Sign in again.",
            Self::WrongCredentials => "Check the email, and the passphrase or the recovery key.",
            Self::IdentityRejected => {
                "Get a fresh identity token from the app's sign-in: this one was refused."
            }
            Self::RecoveryNeeded => {
                "The service lost what it needs to check passphrases: recover with the recovery key."
            }
            Self::WrongCode => {
                "Check the code, or ask for a new one: it is wrong, its hour is over, or it was tried too often."
            }
            Self::NotFound => "Check the id: there is nothing here under it.",
            Self::UnknownRoute => "Check the address: there is no such route.",
            Self::Conflict => {
                "Read what is stored and decide again: it differs from what was sent."
            }
            Self::EmailTaken => "Sign in, or take another email: this one has an account.",
            Self::InvitationExpired => "Ask for a new invitation: this one is over.",
            Self::InvitationUsed => {
                "Ask the inviter who accepted: the invitation was used, maybe by somebody else."
            }
            Self::InvitationCancelled => {
                "Ask for a new invitation: the inviter took this one back."
            }
            Self::InvitationDeclined => "Ask for a new invitation: this one was declined.",
            Self::ShareExpired => "Ask the sender to share again: this share is over.",
            Self::TooLarge => "Send less: this is larger than the route takes.",
            Self::QuotaExceeded => "Delete something first: this account has all that it may have.",
            Self::RateLimited => "Wait as long as Retry-After says, then try again.",
            Self::ServerError => "Try again later: the server failed.",
        }
    }
}

/// What an account may have only so much of, a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Bytes of cards and of shares that it sent.
    Bytes,
    /// Cards.
    Cards,
    /// Shares in force that it sent.
    Shares,
    /// Those of one connection.
    SharesPerConnection,
    /// Pending invitations.
    Invitations,
    /// Active connections.
    Connections,
    /// Keys for connections, those of ended connections too.
    ConnectionKeys,
    /// Encryption spaces that it made.
    Spaces,
    /// Bytes of its files.
    FileBytes,
    /// Files.
    Files,
    /// Files that are not finished.
    Uploads,
}

impl Quota {
    fn sentence(self) -> &'static str {
        match self {
            Self::Bytes => {
                "Delete cards or revoke shares first: together they have too many bytes."
            }
            Self::Cards => "Delete a card first: this account has too many.",
            Self::Shares => "Revoke a share first: this account has too many.",
            Self::SharesPerConnection => "Revoke a share first: this connection has too many.",
            Self::Invitations => "Cancel an invitation first: too many wait for an answer.",
            Self::Connections => "End a connection first: this account has too many.",
            Self::ConnectionKeys => "Ask the operator: this account has made too many connections.",
            Self::Spaces => "Revoke a share first: this account has too many encryption spaces.",
            Self::FileBytes => "Delete files first: together they have too many bytes.",
            Self::Files => "Delete a file first: this account has too many.",
            Self::Uploads => "Finish or delete an upload first: too many have begun.",
        }
    }
}

/// The inner part of an error body, and the error of one item of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorDetail {
    /// The stable code.
    pub code: Code,
    /// One sentence that says what to do.
    pub message: String,
    /// For `quota_exceeded`: what the account has too much of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

/// An error body.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ErrorBody {
    /// The code and the sentence.
    pub error: ErrorDetail,
    /// The id of the request, which stands in the server's log lines, too. What was no request has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The wait that clients are asked for when the server failed for a moment.
const UNAVAILABLE_RETRY_SECONDS: i64 = 1;

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub struct ApiError {
    detail: ErrorDetail,
    status: StatusCode,
    retry_after: Option<i64>,
}

/// The result of every handler.
pub(crate) type Result<T> = std::result::Result<T, ApiError>;

/// The outcome of one item of a batch, as its answer tells it. Where the server failed, so does the whole batch.
pub(crate) fn of_item<T>(outcome: Result<T>) -> Result<(Option<T>, Option<ErrorDetail>)> {
    match outcome {
        Ok(value) => Ok((Some(value), None)),
        Err(error) if error.code() == Code::ServerError => Err(error),
        Err(error) => {
            error.note();
            Ok((None, Some(error.detail)))
        }
    }
}

impl ApiError {
    /// The code's own sentence replaced by a more precise one.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let detail = ErrorDetail {
            code,
            message: message.into(),
            quota: None,
        };
        Self {
            detail,
            status: code.status(),
            retry_after: None,
        }
    }

    /// `bad_input` with a sentence.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadInput, message)
    }

    /// Too many attempts: wait this many seconds.
    pub(crate) fn rate_limited(seconds: i64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Code::RateLimited.into()
        }
    }

    /// The account has as much of this as it may have.
    pub(crate) fn quota_exceeded(quota: Quota) -> Self {
        metrics::quota_refused(quota);
        let mut error = Self::new(Code::QuotaExceeded, quota.sentence());
        error.detail.quota = Some(quota);
        error
    }

    /// The server failed for a moment. Clients repeat what gets a 503.
    pub(crate) fn unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: Some(UNAVAILABLE_RETRY_SECONDS),
            ..Code::ServerError.into()
        }
    }

    /// The same error under another status, where one code has several.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.detail.code
    }

    /// The status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The body.
    pub(super) fn to_json(&self) -> String {
        let body = ErrorBody {
            error: self.detail.clone(),
            request_id: None,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// Counts the error, which is answered, and tells of it. Its message may hold words of the request.
    fn note(&self) {
        metrics::error(self.detail.code);
        tracing::debug!(code = ?self.detail.code, quota = ?self.detail.quota, "refused");
    }

    /// A failure of the server's own: logged here, and not told to the client.
    pub(crate) fn internal(what: &str, cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "{what}");
        Code::ServerError.into()
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::new(code, code.sentence())
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let passes = outage::passes(&error);
        metrics::database_failed(match error {
            sqlx::Error::PoolTimedOut => metrics::Failure::NoConnection,
            _ if passes => metrics::Failure::Outage,
            _ => metrics::Failure::Other,
        });
        let failed = Self::internal("the database failed", error);
        match passes {
            true => Self::unavailable(),
            false => failed,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.note();
        let body = ErrorBody {
            error: self.detail,
            request_id: request_id(),
        };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
