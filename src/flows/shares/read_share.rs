//! Reading shares (steps 33-43): find the key, open the card, check who sent it, claim the key.

use futures_util::future::try_join3;
use serde::Serialize;

use super::Share;
use crate::api::Transport;
use crate::api::keystore::spaces::{Claim, Space};
use crate::api::vault::shares::{ShareFound, StoredShare};
use crate::crypto::engine::Engine;
use crate::crypto::keys::SymmetricKey;
use crate::crypto::records::{
    CardContent, SharePlace, open_claim, open_connection_key, open_own_dek, open_peer_dek,
    open_share, seal_claim,
};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::connections::{Checked, Trust};
use crate::flows::opened::Opened;
use crate::flows::session::Session;
use crate::ids::Id;

const MOST_AT_ONCE: usize = 50;

/// The other person, as this side knows them.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// The account.
    pub account: Id,
    /// What this side calls them.
    pub name: String,
}

/// A share that was opened and whose sender was checked.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// The card, as far as it was shared.
    pub card: CardContent,
    /// The sender.
    pub from: Person,
    /// What is known of the other person's keys.
    pub trust: Trust,
    /// The share.
    pub share: Share,
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
        if ids.is_empty() || ids.len() > MOST_AT_ONCE {
            return Err(Error::bad_input(format!(
                "1 to {MOST_AT_ONCE} shares are read at once."
            )));
        }
        let known: Option<Vec<(Id, Id)>> = ids
            .iter()
            .map(|id| self.inner.memory.borrow().places.get(id).copied())
            .collect();
        let (shares, connections, spaces) = match known {
            // Where the shares belong is known, so everything comes in one round trip.
            Some(places) => {
                try_join3(
                    self.fetch_shares(ids),
                    self.fetch_connections(&places),
                    self.fetch_spaces(&places),
                )
                .await?
            }
            None => {
                let shares = self.fetch_shares(ids).await?;
                let places: Vec<(Id, Id)> = shares.values().filter_map(place_of).collect();
                let (connections, spaces) = futures_util::future::try_join(
                    self.fetch_connections(&places),
                    self.fetch_spaces(&places),
                )
                .await?;
                (shares, connections, spaces)
            }
        };
        let mut work = self.work(ids.len());
        let mut opened = Vec::with_capacity(ids.len());
        for id in ids {
            let result = self
                .open_found(*id, shares.get(id), &connections, &spaces)
                .await;
            opened.push(Opened { id: *id, result });
            work.advance().await;
        }
        Ok(opened)
    }

    async fn fetch_shares(&self, ids: &[Id]) -> Result<ById<ShareFound>> {
        let fetch = self.services().stored_shares(ids);
        let found = self.step(33, "Fetch the shares", fetch).await?;
        Ok(found.into_iter().map(|found| (found.id, found)).collect())
    }

    async fn fetch_connections(&self, places: &[(Id, Id)]) -> Result<ById<Result<Checked>>> {
        let mut ids: Vec<Id> = Vec::with_capacity(places.len());
        for (connection, _) in places {
            if !ids.contains(connection) {
                ids.push(*connection);
            }
        }
        self.step(35, "Fetch the connections", self.checked_connections(&ids))
            .await
    }

    async fn fetch_spaces(&self, places: &[(Id, Id)]) -> Result<ById<Space>> {
        let ids: Vec<Id> = places.iter().map(|place| place.1).collect();
        let spaces = self
            .step(
                37,
                "Fetch the wrapped DEKs from the Keystore",
                self.services().spaces(&ids),
            )
            .await?;
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
    ) -> Result<Received> {
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
        self.open_one(stored, connection, space).await
    }

    /// Steps 39-43 for one share.
    async fn open_one(
        &self,
        stored: &StoredShare,
        connection: &Checked,
        space: &Space,
    ) -> Result<Received> {
        let keys = self.keys()?;
        let pin = connection.peer()?;
        let their_key = pin.signing_key()?;
        let own_key = keys.signing.public();
        let record = &stored.record;
        let we_sent = record.from == self.account();
        let (sender, recipient) = if we_sent {
            (own_key, &their_key)
        } else {
            (&their_key, own_key)
        };
        let parties = if we_sent {
            (self.account(), pin.account)
        } else {
            (pin.account, self.account())
        };
        if (record.from, record.to) != parties {
            return Err(Error::RecordRejected);
        }
        let at = SharePlace {
            from: record.from,
            to: record.to,
            connection: record.connection_id,
            space: record.space_id,
            share: record.id,
        };
        if record.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(Error::ShareExpired);
        }
        let (dek, unclaimed) = self.dek(&at, connection, space).await?;
        let open = async {
            let content =
                open_share(self.engine(), &at, &dek, sender, recipient, &stored.share).await?;
            let as_announced = content.expires_at == record.expires_at;
            as_announced.then_some(content).ok_or(Error::RecordRejected)
        };
        let opened = self
            .step(
                43,
                "Decrypt the card and check the sender's signature",
                open,
            )
            .await;
        if opened.is_err() && unclaimed {
            // A forged share must not buy a second private-key operation.
            self.inner
                .memory
                .borrow_mut()
                .rejected_spaces
                .insert(at.space, ());
        }
        let content = opened?;
        {
            let mut memory = self.inner.memory.borrow_mut();
            memory.deks.insert(at.space, dek.clone());
            memory.places.insert(at.share, (at.connection, at.space));
            if we_sent {
                memory.own_spaces.insert(at.share, at.space);
            }
        }
        if unclaimed {
            self.claim(at, &dek)?;
        }
        let name = if we_sent {
            // Whoever has no address here is known to the app by other names.
            self.email().unwrap_or_else(|| at.from.to_string())
        } else {
            connection.note.name.clone()
        };
        Ok(Received {
            card: content.card,
            from: Person {
                account: at.from,
                name,
            },
            trust: connection.trust,
            share: record.clone().into(),
        })
    }

    /// The share's DEK, and whether it is still to be claimed. Only a first read takes a private-key operation.
    async fn dek(
        &self,
        at: &SharePlace,
        connection: &Checked,
        space: &Space,
    ) -> Result<(SymmetricKey, bool)> {
        let keys = self.keys()?;
        if let Some(dek) = self.inner.memory.borrow().deks.get(&at.space) {
            // A claim that did not arrive is sent again.
            let unclaimed = matches!(space, Space::Recipient { claim: None, .. });
            return Ok((dek.clone(), unclaimed));
        }
        match space {
            Space::Sender {
                own,
                connection_id,
                recipient,
                ..
            } => {
                if *connection_id != at.connection
                    || *recipient != at.to
                    || at.from != self.account()
                {
                    return Err(Error::RecordRejected);
                }
                Ok((open_own_dek(&keys.kek, at, own)?, false))
            }
            Space::Recipient {
                peer,
                claim,
                connection_id,
                sender,
                ..
            } => {
                if *connection_id != at.connection || *sender != at.from || at.to != self.account()
                {
                    return Err(Error::RecordRejected);
                }
                if let Some(claim) = claim {
                    return Ok((open_claim(&keys.kek, at, claim)?, false));
                }
                if self
                    .inner
                    .memory
                    .borrow()
                    .rejected_spaces
                    .contains(&at.space)
                {
                    return Err(Error::RecordRejected);
                }
                let unwrap = self.unwrap_peer_copy(at, connection, peer);
                let unwrapped = self
                    .step(39, "Unwrap the DEK with the private key", unwrap)
                    .await;
                if unwrapped.is_err() {
                    self.inner
                        .memory
                        .borrow_mut()
                        .rejected_spaces
                        .insert(at.space, ());
                }
                Ok((unwrapped?, true))
            }
        }
    }

    async fn unwrap_peer_copy(
        &self,
        at: &SharePlace,
        connection: &Checked,
        jwe: &str,
    ) -> Result<SymmetricKey> {
        let keys = self.keys()?;
        let id = at.connection;
        let key = open_connection_key(
            self.account(),
            &keys.kek,
            &connection.note.own_key,
            &connection.entry.key,
        )?;
        let known = self.inner.memory.borrow().private_keys.get(&id).cloned();
        let private_key = match known {
            Some(private_key) => private_key,
            None => {
                let imported = self.engine().import_rsa_key(key.pkcs8()).await?;
                self.inner
                    .memory
                    .borrow_mut()
                    .private_keys
                    .insert(id, imported.clone());
                imported
            }
        };
        open_peer_dek(self.engine(), &private_key, key.public(), at, jwe).await
    }

    /// Steps 40-42, not waited for: the share is read whether or not the claim arrives.
    fn claim(&self, at: SharePlace, dek: &SymmetricKey) -> Result<()> {
        let claim = seal_claim(self.engine(), &self.keys()?.kek, &at, dek)?;
        let session = self.clone();
        self.services().transport.spawn(async move {
            let body = Claim { claim };
            let store = session.services().claim_space(at.space, &body);
            let _ = session
                .step(
                    40,
                    "Wrap the DEK with the own KEK and store the claim",
                    store,
                )
                .await;
        });
        Ok(())
    }
}

fn place_of(found: &ShareFound) -> Option<(Id, Id)> {
    found
        .item
        .as_ref()
        .map(|stored| (stored.record.connection_id, stored.record.space_id))
}
