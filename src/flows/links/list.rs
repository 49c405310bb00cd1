//! The list of one's links.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::api::keystore::spaces::Space;
use crate::api::vault::links::{LinkRecord, LinkState};
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::card_link::CardLink;
use crate::crypto::engine::Engine;
use crate::crypto::marks::Kind;
use crate::crypto::records::Sent;
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::opened::Opened;
use crate::flows::session::Session;
use crate::ids::Id;

/// A link of one's own.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkShare {
    /// The link's id.
    pub id: Id,
    /// The link itself, while it can be opened.
    pub link: Option<Zeroizing<String>>,
    /// The card.
    pub card: Id,
    /// The names of the chosen fields; all fields if `None`.
    pub fields: Option<Vec<String>>,
    /// The chosen files; if `None`, all of a link of all fields, and none of one of chosen fields.
    pub files: Option<Vec<Id>>,
    /// Whether it follows the card.
    pub live: bool,
    /// The name that one goes by towards whoever opens it.
    pub name: String,
    /// Whether it shows the newest version of the card that this device knows of; nothing if it knows of none.
    pub up_to_date: Option<bool>,
    /// What the Vault says of it.
    #[serde(flatten)]
    pub told: Told,
}

/// What the Vault says of a link.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Whether it can be opened.
    pub state: LinkState,
    /// Whether there is a passphrase.
    pub passphrase: bool,
    /// From 1.
    pub edition: u64,
    /// How often it may be read; without a bound if `None`.
    pub max_reads: Option<u64>,
    /// How often it was read.
    pub reads: u64,
    /// The time of the last read, in milliseconds since 1970.
    pub read_at: Option<i64>,
    /// The time of its making, in milliseconds since 1970.
    pub created_at: i64,
    /// The time of this edition, in milliseconds since 1970.
    pub updated_at: i64,
    /// In milliseconds since 1970.
    pub expires_at: i64,
}

impl std::fmt::Debug for LinkShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkShare")
            .field("id", &self.id)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// A page of one's own links, newest first.
    pub async fn link_shares(&self, page: &PageRequest) -> Result<Page<Opened<LinkShare>>> {
        self.keys()?;
        let Page { items: found, next } = self.services().list_links(page).await?;
        let ids: Vec<Id> = found.iter().map(|record| record.id).collect();
        let spaces = self.newest_spaces(&ids).await?.into_iter();
        let mut spaces: ById<Space> = spaces.map(|space| (space.id(), space)).collect();
        let items = found.into_iter().map(|record| {
            let id = record.id;
            let row = spaces.remove(&id).ok_or(Error::RecordRejected);
            let row = row.and_then(|space| self.open_row(space));
            Opened {
                id,
                result: row.and_then(|row| self.link_share(row.sent, record)),
            }
        });
        Ok(Page {
            items: items.collect(),
            next,
        })
    }

    /// A link with what is kept of it and what the Vault says of it.
    pub(super) fn link_share(&self, sent: Sent, record: LinkRecord) -> Result<LinkShare> {
        let kept = sent.link.ok_or(Error::RecordRejected)?;
        let newest = self.mark_of(Kind::Card, sent.card);
        let shows_newest = sent.card_version >= newest && record.edition >= sent.edition;
        let link = || {
            let base = self.inner.invitation_url.as_deref()?;
            let (signer, secret) = (kept.signing_key().ok()?, kept.secret().ok()?);
            Some(CardLink::to_link(base, record.id, signer.public(), &secret))
        };
        Ok(LinkShare {
            id: record.id,
            link: link().filter(|_| record.state == LinkState::Open),
            card: sent.card,
            fields: sent.fields,
            files: sent.files,
            live: sent.live,
            name: kept.name,
            up_to_date: (newest > 0).then_some(shows_newest),
            told: Told {
                state: record.state,
                passphrase: record.passphrase,
                edition: record.edition,
                max_reads: record.max_reads,
                reads: record.reads,
                read_at: record.read_at,
                created_at: record.created_at,
                updated_at: record.updated_at,
                expires_at: record.expires_at,
            },
        })
    }
}
