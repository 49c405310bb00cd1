//! Requests and their answers.

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// An answer: its status and its bytes.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The answer as JSON, or an error if it is no good one.
    pub(crate) fn json(self) -> Result<Value> {
        if !self.is_good() {
            bail!("{}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).context("the answer is no JSON")
    }

    /// Whether it is one of success, in which no record has an error of its own.
    pub(crate) fn is_good(&self) -> bool {
        const ERROR: &[u8] = b"\"error\":{";
        self.status.is_success() && !self.body.windows(ERROR.len()).any(|part| part == ERROR)
    }
}

/// Sends one request.
pub(crate) async fn call(
    http: &Client,
    method: Method,
    url: &str,
    bearer: Option<&str>,
    body: Option<&Value>,
) -> Result<Answer> {
    let mut request = http.request(method, url);
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let response = request.send().await?;
    let status = response.status();
    let body = response.bytes().await?.to_vec();
    Ok(Answer { status, body })
}

/// A member that is text.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name]
        .as_str()
        .with_context(|| format!("the answer lacks {name}: {value}"))
}
