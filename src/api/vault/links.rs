//! Links, each of which shows one card to whoever has it.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::bodies::Looked;
use crate::api::services::Answer;
use crate::api::{Access, Method, Page, PageRequest, Services, Transport};
use crate::error::Result;
use crate::ids::Id;

/// `PUT /links/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewLink {
    /// SHA-256 of the token that comes with the link itself.
    pub opening_hash: String,
    /// SHA-256 of the token that comes with the link and its passphrase.
    pub reading_hash: String,
    /// Whether there is a passphrase.
    pub passphrase: bool,
    /// From 1.
    pub edition: u64,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: i64,
    /// How often it is served; without a bound if `None`.
    pub max_reads: Option<u64>,
    /// The envelope.
    pub share: String,
    /// The files that it names.
    pub files: Vec<Id>,
}

/// What can be done with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// It can be opened.
    Open,
    /// It was read as often as it may be.
    Used,
    /// Too many wrong passphrases were tried.
    Closed,
    /// Its time is over.
    Expired,
}

/// A link as its maker sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkRecord {
    /// The link.
    pub id: Id,
    /// By the Vault's clock.
    pub state: LinkState,
    /// Whether there is a passphrase.
    pub passphrase: bool,
    /// From 1.
    pub edition: u64,
    /// How often it is served; without a bound if `None`.
    pub max_reads: Option<u64>,
    /// How often it was read.
    pub reads: u64,
    /// The time of the last read, in milliseconds since 1970.
    pub read_at: Option<i64>,
    /// The time of its making, in milliseconds since 1970.
    pub created_at: i64,
    /// The time of this edition, in milliseconds since 1970.
    pub updated_at: i64,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: i64,
}

/// What a link shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredLink {
    /// The link.
    pub id: Id,
    /// From 1.
    pub edition: u64,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: i64,
    /// The envelope.
    pub share: String,
}

/// What a link shows to who reads it: the answer of `POST /links/{id}/read`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadLink {
    /// The link.
    pub id: Id,
    /// From 1.
    pub edition: u64,
    /// The time of its end, in milliseconds since 1970.
    pub expires_at: i64,
    /// The envelope.
    pub share: String,
    /// The right to the link's files, for an hour.
    pub ticket: Zeroizing<String>,
}

/// One answer of `POST /links/query`.
pub type LinkFound = Looked<StoredLink>;

/// `POST /links/{id}/open`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkOpening {
    /// The token that comes with the link itself.
    pub opening_token: Zeroizing<String>,
}

/// The answer of `POST /links/{id}/open`.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenedLink {
    /// Whether there is a passphrase.
    pub passphrase: bool,
}

/// `POST /links/{id}/read`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkReading {
    /// The token that comes with the link itself.
    pub opening_token: Zeroizing<String>,
    /// The token that comes with the link and its passphrase.
    pub reading_token: Zeroizing<String>,
    /// 16 random bytes, by which a read that is sent again counts once.
    pub read: String,
}

impl<T: Transport> Services<T> {
    pub(crate) fn create_link(&self, id: Id, link: &NewLink) -> Answer<'_, LinkRecord> {
        let path = format!("/links/{id}");
        self.call(Access::Vault, Method::Put, &path, Some(link))
    }

    pub(crate) fn list_links(&self, page: &PageRequest) -> Answer<'_, Page<LinkRecord>> {
        self.read_page("/links", page, "")
    }

    /// The links that the Vault has; see [`Services::stored`].
    pub(crate) async fn stored_links(&self, ids: &[Id]) -> Result<Vec<LinkFound>> {
        self.stored("/links/query", ids).await
    }

    pub(crate) fn delete_link(&self, id: Id) -> Answer<'_, ()> {
        let path = format!("/links/{id}");
        self.call_for_nothing(Access::Vault, Method::Delete, &path, None::<&()>)
    }

    pub(crate) fn open_link(&self, id: Id, body: &LinkOpening) -> Answer<'_, OpenedLink> {
        let path = format!("/links/{id}/open");
        self.call(Access::VaultOpen, Method::Post, &path, Some(body))
    }

    pub(crate) fn read_link(&self, id: Id, body: &LinkReading) -> Answer<'_, ReadLink> {
        let path = format!("/links/{id}/read");
        self.call(Access::VaultOpen, Method::Post, &path, Some(body))
    }
}
