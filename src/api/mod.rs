//! Vault and Keystore, resource by resource, over a [`Transport`].
//!
//! The shapes are those of `docs/api.md`. Everything here is what the services said; nothing of it is trusted until a
//! flow has opened and checked it.

mod call;
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub mod fetch;
pub mod keystore;
mod transport;
pub mod vault;

use serde::{Deserialize, Serialize};

pub use call::{Access, Services};
pub(crate) use call::{Answer, body_of, jitter, unreadable};
pub use transport::{ByteStream, Method, Request, Response, Transport};

use crate::error::Error;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<R> {
    /// The records, newest first.
    pub items: Vec<R>,
    /// Where the next page begins.
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

/// Which page.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// From the page before.
    pub cursor: Option<String>,
    /// 1 to 200.
    pub limit: Option<u32>,
}

impl PageRequest {
    /// The query string, without the question mark.
    pub(crate) fn query(&self) -> Result<String, Error> {
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
}

impl From<WireError> for Error {
    fn from(wire: WireError) -> Self {
        Self::from_wire(&wire.code, &wire.message).unwrap_or_else(|| {
            Self::ServerError(
                "The service answered with an unknown error: check its version.".into(),
            )
        })
    }
}
