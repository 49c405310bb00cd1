//! Bodies of requests and answers that both services use: pages, lookups by ids, outcomes, errors.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Response;
use crate::error::{Error, Failure, Quota, Result};
use crate::ids::Id;
use crate::json::{self, Misfit, Value};

/// The media type of every answer that has a body.
const JSON: &str = "application/json";

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
    pub limit: Option<u64>,
}

impl PageRequest {
    /// The query string, without the question mark.
    pub(crate) fn query(&self) -> Result<String> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=200).contains(&limit) {
            return Err(Error::bad_input("A page has 1 to 200 records.").in_argument("limit"));
        }
        let mut query = format!("limit={limit}");
        if let Some(cursor) = &self.cursor {
            let plain = cursor
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
            if !plain || cursor.len() > 500 {
                return Err(Error::bad_input(
                    "This cursor is not one of a list: start from the first page.",
                )
                .in_argument("cursor"));
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
        wire.known().unwrap_or_else(unreadable)
    }
}

impl WireError {
    /// The error, if this release knows it.
    fn known(&self) -> Option<Error> {
        // A service's words may stand on a page.
        let is_shown = |letter: char| {
            let reorders =
                matches!(letter, '\u{61c}' | '\u{200e}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            !letter.is_control() && !reorders
        };
        let is_text = self.message.len() <= MAX_MESSAGE_BYTES && self.message.chars().all(is_shown);
        let message = if is_text {
            &*self.message
        } else {
            "The service says no more."
        };
        match (
            self.code.as_str(),
            self.quota.as_deref().and_then(Quota::from_name),
        ) {
            ("quota_exceeded", Some(quota)) => Some(Error::QuotaExceeded(quota, message.into())),
            (code, _) => Error::from_wire(code, message),
        }
    }
}

/// The most bytes of an error's message.
const MAX_MESSAGE_BYTES: usize = 1000;
/// The most ids of one request.
pub const MAX_IDS: usize = 200;

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

    /// The first of them, as many as one request holds.
    pub(crate) fn first(&self) -> Ids<&[Id]> {
        Ids {
            ids: &self.ids[..self.ids.len().min(MAX_IDS)],
        }
    }
}

/// Records that were found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Found<R> {
    /// Those that exist.
    pub items: Vec<R>,
}

/// What became of looking for one of several records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Looked<R> {
    /// The record.
    pub id: Id,
    /// The reason, if it is not served.
    pub error: Option<WireError>,
    /// The record itself.
    pub item: Option<R>,
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

/// The answer, if it is one of a service that did as it was asked.
pub(super) fn answered(response: Response) -> Result<Response> {
    match response.status {
        204 => Ok(response),
        200 | 201 if response.is_of(JSON) => Ok(response),
        _ => Err(error_of(&response)),
    }
}

/// The body of an answer.
pub(super) fn body_of<R: DeserializeOwned>(response: &Response) -> Result<R> {
    json::read(&response.body).map_err(|_| strange(response))
}

/// A page of a list. An empty one is the last: else a list could go on for ever.
pub(super) fn page_of<R: DeserializeOwned>(response: &Response) -> Result<Page<R>> {
    let page: Page<R> = body_of(response)?;
    match page.items.is_empty() && page.next.is_some() {
        true => Err(strange(response)),
        false => Ok(page),
    }
}

/// An answer that says no more than that it worked.
pub(super) fn nothing_of(response: &Response) -> Result<()> {
    match response.status {
        204 => Ok(()),
        _ => Err(strange(response)),
    }
}

/// The error that an answer holds.
pub(super) fn error_of(response: &Response) -> Error {
    // What stands before a service may limit, too, in its own words.
    if response.status == 429 {
        return Error::RateLimited(response.retry_after.unwrap_or(0));
    }
    let told: Option<ErrorBody> = (response.status >= 300 && response.is_of(JSON))
        .then(|| json::read(&response.body).ok())
        .flatten();
    told.and_then(|body| body.error.known())
        .unwrap_or_else(|| strange(response))
}

/// The error of an answer that no service gives.
pub(super) fn strange(response: &Response) -> Error {
    let status = response.status;
    let text = match status {
        413 => {
            return Error::TooLarge(
                "What stands in front of the service takes no request of this size.".into(),
            );
        }
        0 | 300..=399 => "The service's address leads to another one: pass that to open().",
        401 | 403 | 407 | 451 => {
            "What stands in front of the service refused the request: it has to let the app's requests through."
        }
        404 | 405 | 421 => {
            "There is no such service at this address: check `vault` and `keystore` of open()."
        }
        _ => UNEXPECTED,
    };
    let lasts = matches!(status, 0 | 300..=407 | 409..=424 | 426..=499);
    let answer = format!("status {status}, type {}", response.content_type);
    Error::ServerError(Failure::of_answer(text, answer, lasts))
}

const UNEXPECTED: &str = "Something else than the service answered, or another version of it: check its address, and what stands in front of it.";

pub(crate) fn unreadable() -> Error {
    Error::ServerError(UNEXPECTED.into())
}
