//! Bodies of requests and answers that both services use: pages, lookups by ids, outcomes, errors.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Response;
use crate::error::{Error, Quota, Result};
use crate::ids::Id;
use crate::json::{self, Misfit, Value};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<R> {
    /// The records, newest first.
    pub items: Vec<R>,
    /// The cursor of the next page; `None` after the last.
    pub next: Option<String>,
}

impl<R> Page<R> {
    /// The same page with something made of each record.
    pub(crate) fn map<S>(self, convert: impl FnMut(R) -> S) -> Page<S> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next: self.next,
        }
    }
}

/// The choice of a page.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// From the page before.
    pub cursor: Option<String>,
    /// 1 to 200.
    pub limit: Option<u32>,
}

impl PageRequest {
    /// The query string, without the question mark.
    pub(crate) fn query(&self) -> Result<String> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=200).contains(&limit) {
            return Err(Error::bad_input("A page has 1 to 200 records."));
        }
        let mut query = format!("limit={limit}");
        if let Some(cursor) = &self.cursor {
            let plain = cursor
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
            if !plain || cursor.len() > 500 {
                return Err(Error::bad_input(
                    "This cursor is not one of a list: start from the first page.",
                ));
            }
            query.push_str("&cursor=");
            query.push_str(cursor);
        }
        Ok(query)
    }
}

/// An error as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireError {
    /// The code.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// For `quota_exceeded`: what the account has too much of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<String>,
}

impl From<WireError> for Error {
    fn from(wire: WireError) -> Self {
        if let ("quota_exceeded", Some(quota)) = (
            wire.code.as_str(),
            wire.quota.as_deref().and_then(Quota::from_name),
        ) {
            return Self::QuotaExceeded(quota, wire.message.into());
        }
        Self::from_wire(&wire.code, &wire.message).unwrap_or_else(|| {
            Self::ServerError(
                "The service answered with an unknown error: check its version.".into(),
            )
        })
    }
}

/// Ids to look up.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ids<I> {
    /// At most 200, each once.
    pub ids: I,
}

impl Ids<Vec<Id>> {
    /// The ids, each once, as services want them.
    pub(crate) fn of(ids: &[Id]) -> Self {
        let mut once = Vec::with_capacity(ids.len());
        for id in ids {
            if !once.contains(id) {
                once.push(*id);
            }
        }
        Self { ids: once }
    }
}

/// Records that were found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Found<R> {
    /// Those that exist.
    pub items: Vec<R>,
}

/// The outcome for one of several records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// The record.
    pub id: Id,
    /// The reason, if it failed.
    pub error: Option<WireError>,
}

/// The outcomes in the order of the request.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcomes<R> {
    /// One for each record.
    pub results: Vec<R>,
}

/// A body without members.
#[derive(Serialize)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
struct ErrorBody {
    error: WireError,
}

pub(super) fn to_body(body: Result<Value<'_>, Misfit>) -> Result<String> {
    body.and_then(|body| body.to_json())
        .ok()
        .and_then(|mut json| String::from_utf8(std::mem::take(&mut *json)).ok())
        .ok_or_else(|| Error::bad_input("This cannot be sent."))
}

/// The body of an answer.
pub(super) fn body_of<R: DeserializeOwned>(response: &Response) -> Result<R> {
    json::read(&response.body).map_err(|_| unreadable())
}

/// The error that an answer holds.
pub(super) fn error_of(response: &Response) -> Error {
    match json::read::<ErrorBody>(&response.body) {
        // What stands before a service may limit too, in its own words.
        _ if response.status == 429 => Error::RateLimited,
        Ok(body) => body.error.into(),
        Err(_) => Error::ServerError(
            format!(
                "The service answered with status {} and no explanation: check its address.",
                response.status
            )
            .into(),
        ),
    }
}

pub(crate) fn unreadable() -> Error {
    Error::ServerError(
        "The service answered something unexpected: check its address and version.".into(),
    )
}
