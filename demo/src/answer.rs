//! Refusals of the demo's own routes, in the form of the services' refusals.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use vouchsafe_server::{Code, ErrorBody, ErrorDetail};

/// The reason for a refusal.
#[derive(Debug)]
pub(crate) struct Refusal(StatusCode, Code, String);

pub(crate) type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, Code::BadInput, message.into())
    }

    /// A failure that the caller cannot mend.
    pub(crate) fn server_error() -> Self {
        Self(
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::ServerError,
            "Try again; the log may say more.".into(),
        )
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0 = status;
        self
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the databases could not be looked into");
        Self::server_error()
    }
}

impl From<vouchsafe::Error> for Refusal {
    fn from(error: vouchsafe::Error) -> Self {
        tracing::error!(%error, "a forgery could not be made");
        Self::server_error()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let error = ErrorDetail {
            code,
            message,
            quota: None,
        };
        let body = ErrorBody {
            error,
            request_id: None,
        };
        (status, Json(body)).into_response()
    }
}
