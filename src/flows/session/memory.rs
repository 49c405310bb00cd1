//! Things that a session learns and may forget.

use std::rc::Rc;

use crate::api::vault::shares::ShareRecord;
use crate::crypto::connection_key::ConnectionPublicKey;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::records::{CardContent, Pin, Publication, Role, ShareIds};
use crate::flows::by_id::ById;
use crate::ids::Id;

/// A share's connection and encryption space.
#[derive(Debug, Clone, Copy)]
pub(in crate::flows) struct ShareHome {
    pub(in crate::flows) connection: Id,
    pub(in crate::flows) space: Id,
}

impl From<&ShareIds> for ShareHome {
    fn from(ids: &ShareIds) -> Self {
        Self {
            connection: ids.connection,
            space: ids.space,
        }
    }
}

impl From<&ShareRecord> for ShareHome {
    fn from(record: &ShareRecord) -> Self {
        Self {
            connection: record.connection_id,
            space: record.space_id,
        }
    }
}

/// The most cards that are remembered, and the most bytes of one.
const MAX_CARDS: usize = 64;
const MAX_CARD_BYTES: usize = 16 << 10;
/// The most connections whose keys are remembered.
const MAX_PEERS: usize = 256;
/// The most live shares that are remembered.
const MAX_LIVE: usize = 1024;

/// The keys of a publication.
pub(in crate::flows) type PublishedKeys = (VerifyingKey, ConnectionPublicKey);

/// A publication that was checked, whose it is, and its keys.
struct CheckedPublication {
    account: Id,
    role: Role,
    publication: Publication,
    keys: Rc<PublishedKeys>,
}

/// Cards that were read or written last, the newest at the end. They are wiped when they are forgotten.
#[derive(Default)]
pub(in crate::flows) struct KnownCards(Vec<(Id, u64, CardContent)>);

impl KnownCards {
    /// A card's version and content.
    pub(in crate::flows) fn get(&self, id: Id) -> Option<(u64, CardContent)> {
        let known = self.0.iter().find(|known| known.0 == id)?;
        Some((known.1, known.2.clone()))
    }

    pub(in crate::flows) fn forget(&mut self, id: Id) {
        self.0.retain(|known| known.0 != id);
    }

    pub(in crate::flows) fn remember(&mut self, id: Id, version: u64, content: &CardContent) {
        self.forget(id);
        if content.text_bytes() > MAX_CARD_BYTES {
            return;
        }
        if self.0.len() == MAX_CARDS {
            self.0.remove(0);
        }
        self.0.push((id, version, content.clone()));
    }
}

/// `P` is an engine's private key.
pub(in crate::flows) struct Memory<P> {
    /// The RSA halves of connection keys that were imported, by connection.
    pub(in crate::flows) private_keys: ById<P>,
    /// DEKs by encryption space.
    pub(in crate::flows) deks: ById<SymmetricKey>,
    /// The homes of shares, as the Vault tells.
    pub(in crate::flows) homes: ById<ShareHome>,
    /// The encryption spaces of one's own shares, as made or checked here.
    pub(in crate::flows) own_spaces: ById<Id>,
    /// Spaces whose peer copy did not open: tried once, never again.
    pub(in crate::flows) rejected_spaces: ById<()>,
    /// Cards as they were read or written last.
    pub(in crate::flows) cards: KnownCards,
    /// The keys of other persons that a connection was last seen with, as pinned, and whether they are verified.
    peers: ById<(Pin, bool)>,
    /// Publications that were checked, by connection: two signatures less to check in each look at it.
    published: ById<Vec<CheckedPublication>>,
    /// Cards and connections that have a live share, or had one: nothing is stored ahead for these.
    live: Vec<(Id, Id)>,
    /// Spaces that were stored for shares which did not come about, and are being deleted.
    pub(in crate::flows) given_up: ById<()>,
    /// Cards whose shares may lag, as far as this session knows.
    pub(in crate::flows) unsettled: ById<()>,
    /// Cards that were deleted here, and whose shares were to stay.
    pub(in crate::flows) kept: ById<()>,
    /// Cards whose shares are brought up to date in the background.
    pub(in crate::flows) catching_up: ById<()>,
    /// Connections that the other person has ended, and that are left in the background.
    pub(in crate::flows) leaving: ById<()>,
    /// The newest editions that the Vault was told to be read.
    pub(in crate::flows) told_reads: ById<u64>,
}

impl<P> Default for Memory<P> {
    fn default() -> Self {
        Self {
            private_keys: ById::default(),
            deks: ById::default(),
            homes: ById::default(),
            own_spaces: ById::default(),
            cards: KnownCards::default(),
            peers: ById::default(),
            published: ById::default(),
            live: Vec::new(),
            given_up: ById::default(),
            rejected_spaces: ById::default(),
            unsettled: ById::default(),
            kept: ById::default(),
            catching_up: ById::default(),
            leaving: ById::default(),
            told_reads: ById::default(),
        }
    }
}

impl<P> Memory<P> {
    /// Remembers that a card has a live share over a connection.
    pub(in crate::flows) fn remember_live(&mut self, card: Id, connection: Id) {
        if !self.live.contains(&(card, connection)) {
            if self.live.len() == MAX_LIVE {
                self.live.remove(0);
            }
            self.live.push((card, connection));
        }
    }

    /// The keys of a connection over which the card has no live share, as far as is known.
    pub(in crate::flows) fn peer_without(&self, card: Id, connection: Id) -> Option<(Pin, bool)> {
        let is_live = self.live.contains(&(card, connection));
        self.peers.get(&connection).filter(|_| !is_live).cloned()
    }

    /// The keys of a publication, if this very one was checked before.
    pub(in crate::flows) fn published(
        &self,
        connection: Id,
        account: Id,
        role: Role,
        publication: &Publication,
    ) -> Option<Rc<PublishedKeys>> {
        let is_it = |known: &&CheckedPublication| {
            (known.account, known.role) == (account, role) && known.publication == *publication
        };
        let known = self.published.get(&connection)?.iter().find(is_it)?;
        Some(Rc::clone(&known.keys))
    }

    /// Remembers the keys of a publication that was checked.
    pub(in crate::flows) fn remember_published(
        &mut self,
        connection: Id,
        account: Id,
        role: Role,
        publication: &Publication,
        keys: &Rc<PublishedKeys>,
    ) {
        let known = self.published.remove(&connection);
        if known.is_none() && self.published.len() >= MAX_PEERS {
            return;
        }
        let mut known = known.unwrap_or_default();
        known.retain(|known| known.role != role);
        known.push(CheckedPublication {
            account,
            role,
            publication: publication.clone(),
            keys: Rc::clone(keys),
        });
        self.published.insert(connection, known);
    }

    /// Remembers the keys of a connection, or that there are none to be used.
    pub(in crate::flows) fn remember_peer(&mut self, connection: Id, peer: Option<(&Pin, bool)>) {
        match peer {
            Some((pin, is_verified))
                if self.peers.contains(&connection) || self.peers.len() < MAX_PEERS =>
            {
                self.peers.insert(connection, (pin.clone(), is_verified));
            }
            _ => drop(self.peers.remove(&connection)),
        }
    }
}
