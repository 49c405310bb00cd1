//! Records of a list, each opened or with the reason why it was not.

use serde::Serialize;

use crate::error::{Error, Quota, Result};
use crate::ids::Id;

/// A record that was opened, or why it was not: a page never fails for one bad record.
#[derive(Debug)]
pub struct Opened<R> {
    /// The record's id.
    pub id: Id,
    /// The record.
    pub result: Result<R>,
}

impl<R: Serialize> Serialize for Opened<R> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.result {
            Ok(record) => record.serialize(serializer),
            Err(error) => Failure {
                id: self.id,
                error: error.into(),
            }
            .serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct Failure {
    id: Id,
    error: Reason,
}

/// An error as JavaScript gets it inside a result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    argument: Option<String>,
    /// In milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// `false`, where others with this code can be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
}

impl From<&Error> for Reason {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            quota: error.quota().map(Quota::name),
            argument: error.argument().map(str::to_owned),
            retry_after: error.retry_after(),
            retryable: error.lasts().then_some(false),
        }
    }
}
