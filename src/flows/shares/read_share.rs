//! Reading shares (steps 33-43): find the key, open the card, check who sent it, claim the key.

use std::iter;

use futures_util::future::{try_join, try_join3};
use serde::Serialize;

use super::Share;
use super::dek::Opening;
use crate::api::Transport;
use crate::api::keystore::spaces::{Claim, Space};
use crate::api::vault::shares::{Read, ShareFound, StoredShare};
use crate::crypto::engine::Engine;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::marks::Kind;
use crate::crypto::records::{CardContent, ShareContent, ShareIds, open_share};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::connections::{Checked, Trust};
use crate::flows::opened::Opened;
use crate::flows::session::{Session, ShareHome};
use crate::flows::together::all;
use crate::ids::Id;

/// The most shares of one call.
const MAX_SHARES: usize = 200;

/// The shares that are opened at the same time: while a private key is at work for one, elsewhere in a browser, the others go on.
const AT_ONCE: usize = 32;

/// Shares, connections and spaces, each by its id.
type Fetched = (ById<ShareFound>, ById<Result<Checked>>, ById<Space>);

/// The other person, as this side knows them.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// The account.
    pub account: Id,
    /// This side's name for them.
    pub name: String,
}

/// A share that was opened and whose sender was checked.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// The card, as far as it was shared.
    pub card: CardContent,
    /// The sender.
    pub from: Person,
    /// The certainty about the other person's keys.
    pub trust: Trust,
    /// The share.
    pub share: Share,
    /// The same for all shares of a card over a connection, also when it comes anew after a revocation; nothing where an early
    /// release shared it.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
}

/// What is to be told after a share was read.
struct Aftermath {
    claim: Option<Claim>,
    read: Option<Read>,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Opens one share.
    pub async fn read_share(&self, id: Id) -> Result<Received> {
        let opened = self.read_shares(&[id]).await?.pop();
        opened.ok_or_else(crate::api::unreadable)?.result
    }

    /// Opens several shares together; each has its own result, in the order asked.
    pub async fn read_shares(&self, ids: &[Id]) -> Result<Vec<Opened<Received>>> {
        self.keys()?;
        if ids.is_empty() || ids.len() > MAX_SHARES {
            return Err(
                Error::bad_input(format!("1 to {MAX_SHARES} shares are read at once."))
                    .in_argument("ids"),
            );
        }
        let (mut shares, connections, spaces) = self.fetch_all(ids).await?;
        let mut work = self.work(ids.len());
        let mut opened = Vec::with_capacity(ids.len());
        let (mut claims, mut reads) = (Vec::new(), Vec::new());
        let mut note = |after: Aftermath| {
            claims.extend(after.claim);
            reads.extend(after.read);
        };
        let opening = Opening::default();
        // The first one alone: it imports the private key for the others.
        let (first, rest) = ids.split_at(1);
        for some in iter::once(first).chain(rest.chunks(AT_ONCE)) {
            let open = some.iter().map(|id| {
                let found = shares.get(id);
                self.open_found(*id, found, &connections, &spaces, &opening)
            });
            for (id, found) in some.iter().zip(all(open).await) {
                let result = found.map(|(received, after)| {
                    note(after);
                    received
                });
                opened.push(Opened { id: *id, result });
                work.advance().await;
            }
        }
        // What another call has seen a newer edition of meanwhile looks older than it is.
        let is_stale = |found: &&ShareFound| {
            let edition = found.item.as_ref().map(|stored| stored.record.edition);
            edition.is_some_and(|edition| edition < self.mark_of(Kind::Share, found.id))
        };
        let stale: Vec<Id> = shares
            .values()
            .filter(is_stale)
            .map(|found| found.id)
            .collect();
        let found = self.services().stored_shares(&stale).await?;
        shares.extend(found.into_iter().map(|found| (found.id, found)));
        for Opened { id, result } in opened.iter_mut().filter(|one| stale.contains(&one.id)) {
            let (found, opening) = (shares.get(id), Opening::default());
            let found = self.open_found(*id, found, &connections, &spaces, &opening);
            *result = found.await.map(|(received, after)| {
                note(after);
                received
            });
        }
        self.claim(claims);
        self.tell_reads(reads);
        Ok(opened)
    }

    /// The shares with their connections and spaces, in one round trip where their homes are known.
    async fn fetch_all(&self, ids: &[Id]) -> Result<Fetched> {
        let known: Option<Vec<ShareHome>> = ids
            .iter()
            .map(|id| self.inner.memory.borrow().homes.get(id).copied())
            .collect();
        if let Some(homes) = known {
            return try_join3(
                self.fetch_shares(ids),
                self.fetch_connections(&homes),
                self.fetch_spaces(&homes),
            )
            .await;
        }
        let shares = self.fetch_shares(ids).await?;
        let found = shares.values().filter_map(|found| found.item.as_ref());
        let homes: Vec<ShareHome> = found.map(|stored| (&stored.record).into()).collect();
        let connections = self.fetch_connections(&homes);
        let (connections, spaces) = try_join(connections, self.fetch_spaces(&homes)).await?;
        Ok((shares, connections, spaces))
    }

    async fn fetch_shares(&self, ids: &[Id]) -> Result<ById<ShareFound>> {
        let fetch = self.services().stored_shares(ids);
        let found = self.step(33, "Fetch the shares", fetch).await?;
        Ok(found.into_iter().map(|found| (found.id, found)).collect())
    }

    async fn fetch_connections(&self, homes: &[ShareHome]) -> Result<ById<Result<Checked>>> {
        let mut ids: Vec<Id> = Vec::with_capacity(homes.len());
        for home in homes {
            if !ids.contains(&home.connection) {
                ids.push(home.connection);
            }
        }
        self.step(35, "Fetch the connections", self.checked_connections(&ids))
            .await
    }

    async fn fetch_spaces(&self, homes: &[ShareHome]) -> Result<ById<Space>> {
        let ids: Vec<Id> = homes.iter().map(|home| home.space).collect();
        let fetch = self.services().spaces(&ids);
        let title = "Fetch the wrapped DEKs from the Keystore";
        let spaces = self.step(37, title, fetch).await?;
        Ok(spaces
            .into_iter()
            .map(|space| (space.id(), space))
            .collect())
    }

    async fn open_found(
        &self,
        id: Id,
        found: Option<&ShareFound>,
        connections: &ById<Result<Checked>>,
        spaces: &ById<Space>,
        opening: &Opening,
    ) -> Result<(Received, Aftermath)> {
        let found = found.ok_or(Error::NotFound)?;
        let stored = match (&found.error, &found.item) {
            (Some(error), _) => return Err(error.clone().into()),
            (None, Some(stored)) => stored,
            (None, None) => return Err(crate::api::unreadable()),
        };
        if stored.record.id != id {
            return Err(Error::RecordRejected);
        }
        let connection = match connections.get(&stored.record.connection_id) {
            Some(Ok(checked)) => checked,
            Some(Err(error)) => return Err(error.clone()),
            None => return Err(Error::NotFound),
        };
        let space = spaces.get(&stored.record.space_id).ok_or(Error::NotFound)?;
        self.open_one(stored, connection, space, opening).await
    }

    /// Steps 39-43 for one share.
    async fn open_one(
        &self,
        stored: &StoredShare,
        connection: &Checked,
        space: &Space,
        opening: &Opening,
    ) -> Result<(Received, Aftermath)> {
        let record = &stored.record;
        let pin = connection.peer()?;
        let we_sent = record.from == self.account();
        let (from, to) = if we_sent {
            (self.account(), pin.account)
        } else {
            (pin.account, self.account())
        };
        if (record.from, record.to) != (from, to) {
            return Err(Error::RecordRejected);
        }
        if record.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(Error::ShareExpired);
        }
        let ids = ShareIds {
            from,
            to,
            connection: record.connection_id,
            space: record.space_id,
            share: record.id,
        };
        let (dek, unclaimed) = self.dek(&ids, connection, space, opening).await?;
        let signer = opening.signer(ids.connection, pin)?;
        let title = "Decrypt the card and check the sender's signature";
        let open = self.open_content(&ids, &dek, &signer, stored);
        let opened = self.step(43, title, open).await;
        if unclaimed {
            // A forged share must not buy a second private-key operation.
            self.reject_space_after(ids.space, &opened);
        }
        let content = opened?;
        self.see(Kind::Share, ids.share, content.edition, &stored.share)?;
        self.remember_share(&ids, &dek);
        let claim = unclaimed.then(|| self.make_claim(&ids, &dek));
        let after = Aftermath {
            claim: claim.transpose()?,
            read: (!we_sent).then_some(Read {
                id: ids.share,
                edition: content.edition,
            }),
        };
        let name = if we_sent {
            // Whoever has no address here is known to the app by other names.
            self.email().unwrap_or_else(|| from.to_string())
        } else {
            connection.note.name.clone()
        };
        let received = Received {
            card: content.card,
            from: Person {
                account: from,
                name,
            },
            trust: connection.trust,
            share: record.into(),
            reference: content.reference,
        };
        Ok((received, after))
    }

    /// The signed content, if it ends when the Vault says so.
    async fn open_content(
        &self,
        ids: &ShareIds,
        dek: &SymmetricKey,
        their_key: &VerifyingKey,
        stored: &StoredShare,
    ) -> Result<ShareContent> {
        let keys = self.keys()?;
        let own_key = keys.signing.public();
        let (sender, recipient) = if ids.from == self.account() {
            (own_key, their_key)
        } else {
            (their_key, own_key)
        };
        let (edition, jwe) = (stored.record.edition, &stored.share);
        let content = open_share(self.engine(), ids, edition, dek, sender, recipient, jwe).await?;
        let as_announced = content.expires_at == stored.record.expires_at;
        as_announced.then_some(content).ok_or(Error::RecordRejected)
    }

    /// Tells the Vault which editions were read, if the app wants that. Nobody waits for it, and none is told twice.
    fn tell_reads(&self, mut reads: Vec<Read>) {
        {
            let mut memory = self.inner.memory.borrow_mut();
            let told = &mut memory.told_reads;
            reads.retain(|read| {
                told.get(&read.id)
                    .is_none_or(|edition| *edition < read.edition)
            });
            told.extend(reads.iter().map(|read| (read.id, read.edition)));
        }
        if reads.is_empty() || !self.inner.receipts {
            return;
        }
        let session = self.clone();
        self.services().transport.spawn(async move {
            let ids: Vec<Id> = reads.iter().map(|read| read.id).collect();
            if session.services().tell_reads(reads).await.is_err() {
                // The next read tells it.
                let mut memory = session.inner.memory.borrow_mut();
                for id in ids {
                    memory.told_reads.remove(&id);
                }
            }
        });
    }

    fn remember_share(&self, ids: &ShareIds, dek: &SymmetricKey) {
        self.remember(|memory| {
            memory.deks.insert(ids.space, dek.clone());
            memory.homes.insert(ids.share, ids.into());
            if ids.from == self.account() {
                memory.own_spaces.insert(ids.share, ids.space);
            }
        });
    }
}
