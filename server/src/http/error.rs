//! The one error that every route answers with.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use super::codes::{Code, Quota};
use super::follow::request_id;
use crate::metrics;
use crate::store::outage;

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

    /// The same error in other words.
    pub(super) fn saying(mut self, message: String) -> Self {
        self.detail.message = message;
        self
    }

    /// The request took, or would take, longer than there is time for.
    pub(super) fn too_slow() -> Self {
        Self::new(Code::ServerError, "Try again: the request took too long.")
            .with_status(StatusCode::SERVICE_UNAVAILABLE)
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
