//! Connection keys and private notes.

use serde::{Deserialize, Serialize};

use crate::api::bodies::{Found, Ids, body_of};
use crate::api::services::Answer;
use crate::api::{Access, Method, Services, Transport};
use crate::ids::Id;

/// `PUT /connections/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewEntry {
    /// The wrapped connection key.
    pub key: String,
    /// The note.
    pub note: String,
}

/// The Keystore's part of a connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The connection.
    pub id: Id,
    /// The wrapped connection key.
    pub key: String,
    /// The note.
    pub note: String,
    /// The note's version, for the next write.
    pub version: u64,
    /// The time of its storing, in milliseconds since 1970.
    pub created_at: i64,
}

/// `PUT /connections/{id}/note`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NoteUpdate {
    /// The new note.
    pub note: String,
    /// The version that it replaces.
    pub version: u64,
}

/// A version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Versioned {
    /// After the write.
    pub version: u64,
}

impl<T: Transport> Services<T> {
    pub(crate) fn create_entry(&self, id: Id, body: &NewEntry) -> Answer<'_, Versioned> {
        self.call(
            Access::Keystore,
            Method::Put,
            &format!("/connections/{id}"),
            Some(body),
        )
    }

    pub(crate) fn entry(&self, id: Id) -> Answer<'_, Entry> {
        self.read(Access::Keystore, &format!("/connections/{id}"))
    }

    pub(crate) fn entries(&self, ids: &[Id]) -> Answer<'_, Vec<Entry>> {
        if ids.is_empty() {
            return Answer::known(|_| Ok(Vec::new()));
        }
        self.call_and(
            Access::Keystore,
            Method::Post,
            "/connections/query",
            Some(&Ids::of(ids)),
            |answer| body_of(answer).map(|found: Found<Entry>| found.items),
        )
    }

    pub(crate) fn update_note(&self, id: Id, body: &NoteUpdate) -> Answer<'_, Versioned> {
        self.call(
            Access::Keystore,
            Method::Put,
            &format!("/connections/{id}/note"),
            Some(body),
        )
    }
}
