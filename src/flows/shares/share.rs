//! Sharing a card (steps 19-32), with one person or several.

use futures_util::future::try_join;
use serde::Serialize;

use crate::api::Transport;
use crate::api::keystore::spaces::NewSpace;
use crate::api::vault::shares::{NewShare, ShareRecord};
use crate::crypto::engine::Engine;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::records::{SharePlace, seal_own_dek, seal_peer_dek, seal_share};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::checks::check_expiry;
use crate::flows::connections::{Checked, Trust};
use crate::flows::session::Session;
use crate::ids::Id;

/// Several large shares go in several requests, each of about this size.
const REQUEST_BYTES: usize = 8 << 20;
const MOST_RECIPIENTS: usize = 200;

/// What to share, with whom.
#[derive(Debug, Clone)]
pub struct ShareRequest {
    /// The card.
    pub card: Id,
    /// The connections.
    pub connections: Vec<Id>,
    /// The names of the fields; all by default.
    pub fields: Option<Vec<String>>,
    /// When reading ends.
    pub expires_at: Option<i64>,
    /// Share although nobody verified the keys.
    pub accept_unverified: bool,
}

/// A share, without its content.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The share.
    pub id: Id,
    /// The connection.
    pub connection: Id,
    /// The encryption space.
    pub space: Id,
    /// The sender.
    pub from: Id,
    /// The recipient.
    pub to: Id,
    /// When it was made, by the Vault's clock.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: Option<i64>,
}

impl From<ShareRecord> for Share {
    fn from(record: ShareRecord) -> Self {
        let ShareRecord {
            id,
            connection_id,
            space_id,
            from,
            to,
            created_at,
            expires_at,
        } = record;
        Self {
            id,
            connection: connection_id,
            space: space_id,
            from,
            to,
            created_at,
            expires_at,
        }
    }
}

/// What became of the share with one person.
#[derive(Debug)]
pub struct ShareOutcome {
    /// The connection.
    pub connection: Id,
    /// The share.
    pub result: Result<Share>,
}

/// A share on its way: key made and wrapped, card not yet sealed.
struct Draft {
    at: SharePlace,
    dek: SymmetricKey,
    recipient: VerifyingKey,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Shares a card with one person.
    pub async fn share(&self, request: ShareRequest) -> Result<Share> {
        let mut outcomes = self.share_with_many(request).await?;
        match (outcomes.pop(), outcomes.is_empty()) {
            (Some(outcome), true) => outcome.result,
            _ => Err(Error::bad_input("`connection` names one connection.")),
        }
    }

    /// Shares a card with several people, with one request to each service; each person has a result.
    pub async fn share_with_many(&self, request: ShareRequest) -> Result<Vec<ShareOutcome>> {
        let keys = self.keys()?;
        // For each person: the key is wrapped, the share is sealed.
        let mut work = self.work(2 * request.connections.len());
        check_expiry(request.expires_at, self.now())?;
        check_recipients(&request.connections)?;
        let connections = self.checked_connections(&request.connections);
        let (card, mut connections) = self
            .step(
                19,
                "Fetch the card and the connection",
                try_join(self.card(request.card), connections),
            )
            .await?;
        let card = match &request.fields {
            Some(names) if names.is_empty() => {
                return Err(Error::bad_input("`fields` names one field or more."));
            }
            Some(names) => card.content.select(names)?,
            None => card.content.clone(),
        };

        let mut outcomes: ById<Result<Share>> = ById::default();
        let mut drafts = Vec::new();
        let mut spaces = Vec::new();
        for id in &request.connections {
            let checked = connections.remove(id).unwrap_or(Err(Error::NotFound));
            match self.draft(checked, &request).await {
                Ok((draft, space)) => {
                    drafts.push(draft);
                    spaces.push(space);
                }
                Err(error) => outcomes.insert(*id, Err(error)),
            }
            work.advance().await;
        }
        let drafts = self.store_spaces(drafts, spaces, &mut outcomes).await?;

        let mut unfinished = Unfinished {
            session: self,
            places: drafts.iter().map(|draft| draft.at).collect(),
        };
        let made_at = self.now();
        let mut batch = Vec::new();
        let mut bytes = 0;
        for Draft { at, dek, recipient } in drafts {
            let seal = seal_share(
                self.engine(),
                &at,
                &dek,
                &keys.signing,
                &recipient,
                card.clone(),
                made_at,
                request.expires_at,
            );
            let sealed = self
                .step(30, "Sign the card and encrypt it with the DEK", seal)
                .await;
            match sealed {
                Ok(share) => {
                    bytes += share.len();
                    batch.push((at, share));
                }
                Err(error) => {
                    outcomes.insert(at.connection, Err(error));
                    self.abandon(vec![at]);
                }
            }
            if bytes > REQUEST_BYTES {
                self.store_shares(
                    std::mem::take(&mut batch),
                    request.expires_at,
                    &mut outcomes,
                )
                .await;
                bytes = 0;
            }
            work.advance().await;
        }
        self.store_shares(batch, request.expires_at, &mut outcomes)
            .await;
        unfinished.places.clear();
        work.finish();
        let outcome = |connection: &Id| ShareOutcome {
            connection: *connection,
            result: outcomes.remove(connection).unwrap_or(Err(Error::NotFound)),
        };
        Ok(request.connections.iter().map(outcome).collect())
    }

    /// Steps 23-25 for one person: a DEK, wrapped for oneself and for them.
    async fn draft(
        &self,
        checked: Result<Checked>,
        request: &ShareRequest,
    ) -> Result<(Draft, NewSpace)> {
        let keys = self.keys()?;
        let checked = checked?;
        let pin = checked.peer()?;
        if checked.trust == Trust::Unverified && !request.accept_unverified {
            return Err(Error::ConnectionUnverified);
        }
        let at = SharePlace {
            from: self.account(),
            to: pin.account,
            connection: checked.stored.id,
            space: self.make_id()?,
            share: self.make_id()?,
        };
        let dek = self
            .step(23, "Make a DEK", async {
                SymmetricKey::make(self.engine())
            })
            .await?;
        let own = async { seal_own_dek(self.engine(), &keys.kek, &at, &dek) };
        let own = self.step(24, "Wrap the DEK with the KEK", own).await?;
        // The pinned key, never the one that the Vault serves now.
        let peer_key = pin.connection_key()?;
        let peer = seal_peer_dek(self.engine(), &peer_key, &at, &dek);
        let peer = self
            .step(25, "Wrap the DEK with the other person's public key", peer)
            .await?;
        let space = NewSpace {
            id: at.space,
            connection_id: at.connection,
            recipient: at.to,
            expires_at: request.expires_at,
            own,
            peer,
        };
        Ok((
            Draft {
                at,
                dek,
                recipient: pin.signing_key()?,
            },
            space,
        ))
    }

    /// Steps 26-27: the Keystore's spaces are durable before any share.
    async fn store_spaces(
        &self,
        drafts: Vec<Draft>,
        spaces: Vec<NewSpace>,
        outcomes: &mut ById<Result<Share>>,
    ) -> Result<Vec<Draft>> {
        if spaces.is_empty() {
            return Ok(drafts);
        }
        let create = self.services().create_spaces(spaces);
        let results = self
            .step(26, "Create the encryption space in the Keystore", create)
            .await?;
        let mut errors: ById<Error> = ById::default();
        let mut stored = ById::default();
        for result in results {
            match result.error {
                None => stored.insert(result.id, ()),
                Some(error) => errors.insert(result.id, error.into()),
            }
        }
        let mut kept = Vec::new();
        for draft in drafts {
            if stored.contains(&draft.at.space) {
                kept.push(draft);
            } else {
                let error = errors
                    .remove(&draft.at.space)
                    .unwrap_or_else(crate::api::unreadable);
                outcomes.insert(draft.at.connection, Err(error));
            }
        }
        Ok(kept)
    }

    /// Steps 28-29 and 31-32: encryption space and share together, in the Vault.
    async fn store_shares(
        &self,
        batch: Vec<(SharePlace, String)>,
        expires_at: Option<i64>,
        outcomes: &mut ById<Result<Share>>,
    ) {
        if batch.is_empty() {
            return;
        }
        let (places, shares): (Vec<SharePlace>, Vec<NewShare>) = batch
            .into_iter()
            .map(|(at, share)| {
                (
                    at,
                    NewShare {
                        id: at.share,
                        connection_id: at.connection,
                        space_id: at.space,
                        expires_at,
                        share,
                    },
                )
            })
            .unzip();
        let create = self.services().create_shares(shares);
        let results = self
            .step(
                31,
                "Create the encryption space and the share in the Vault",
                create,
            )
            .await;
        let results = match results {
            Ok(results) => results,
            Err(error) => {
                outcomes.extend(places.iter().map(|at| (at.connection, Err(error.clone()))));
                self.abandon(places);
                return;
            }
        };
        let mut results: ById<_> = results
            .into_iter()
            .map(|result| (result.id, result))
            .collect();
        for at in places {
            let result = match results.remove(&at.share) {
                Some(result) => match (result.error, result.created_at) {
                    (None, Some(created_at)) => {
                        let mut memory = self.inner.memory.borrow_mut();
                        memory.places.insert(at.share, (at.connection, at.space));
                        memory.own_spaces.insert(at.share, at.space);
                        drop(memory);
                        Ok(share_at(&at, created_at, expires_at))
                    }
                    (error, _) => Err(error.map_or_else(crate::api::unreadable, Error::from)),
                },
                None => Err(crate::api::unreadable()),
            };
            let connection = at.connection;
            if result.is_err() {
                self.abandon(vec![at]);
            }
            outcomes.insert(connection, result);
        }
    }

    /// Removes what a share that failed has left. It may have come about without an answer, so it goes first: a share
    /// that is listed can be read. A space alone is seen by nobody, for nothing names it.
    fn abandon(&self, places: Vec<SharePlace>) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            for at in places {
                match session.services().delete_share(at.share).await {
                    Ok(()) | Err(Error::NotFound) => {
                        let _ = session.delete_space_if_there(at.space).await;
                    }
                    Err(_) => {}
                }
            }
        });
    }
}

/// Shares on their way. When the call is ended in the middle, nobody learns what became of them, so they are taken back.
struct Unfinished<'a, T: Transport, E: Engine> {
    session: &'a Session<T, E>,
    places: Vec<SharePlace>,
}

impl<T: Transport, E: Engine> Drop for Unfinished<'_, T, E> {
    fn drop(&mut self) {
        if !self.places.is_empty() {
            self.session.abandon(std::mem::take(&mut self.places));
        }
    }
}

fn share_at(at: &SharePlace, created_at: i64, expires_at: Option<i64>) -> Share {
    let SharePlace {
        from,
        to,
        connection,
        space,
        share,
    } = *at;
    Share {
        id: share,
        connection,
        space,
        from,
        to,
        created_at,
        expires_at,
    }
}

fn check_recipients(connections: &[Id]) -> Result<()> {
    let repeated =
        (1..connections.len()).any(|index| connections[..index].contains(&connections[index]));
    if connections.is_empty() || connections.len() > MOST_RECIPIENTS || repeated {
        return Err(Error::bad_input(format!(
            "A card is shared with 1 to {MOST_RECIPIENTS} different connections."
        )));
    }
    Ok(())
}
