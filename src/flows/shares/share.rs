//! Sharing a card (steps 19-32), with one person or several.

use futures_util::future::try_join;
use serde::Serialize;

use crate::api::Transport;
use crate::api::keystore::spaces::NewSpace;
use crate::api::vault::shares::{NewShare, ShareCreated, ShareRecord};
use crate::crypto::engine::Engine;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::marks::{ContentDigest, Kind, digest_of};
use crate::crypto::records::{CardContent, ShareIds, seal_own_dek, seal_peer_dek, seal_share};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::checks::check_expiry;
use crate::flows::connections::{Checked, Trust};
use crate::flows::session::{Session, Work};
use crate::ids::Id;

/// The size from which on a request takes no further share, in bytes. With the share that exceeds it, it stays under the
/// Vault's limit; see [`crate::crypto::padding`].
const FULL_REQUEST_BYTES: usize = 8 << 20;
/// The most people of one call.
const MAX_RECIPIENTS: usize = 200;

/// A share that is to be made, with one person or several.
#[derive(Debug, Clone)]
pub struct ShareRequest {
    /// The card.
    pub card: Id,
    /// The connections.
    pub connections: Vec<Id>,
    /// The names of the fields, one or more; all by default.
    pub fields: Option<Vec<String>>,
    /// The end of reading, in milliseconds since 1970; never by default.
    pub expires_at: Option<i64>,
    /// Whether to share although nobody verified the keys.
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
    /// In milliseconds since 1970, by the Vault's clock.
    pub created_at: i64,
    /// In milliseconds since 1970; never if `None`.
    pub expires_at: Option<i64>,
}

impl Share {
    fn new(ids: &ShareIds, created_at: i64, expires_at: Option<i64>) -> Self {
        let ShareIds {
            from,
            to,
            connection,
            space,
            share,
        } = *ids;
        Self {
            id: share,
            connection,
            space,
            from,
            to,
            created_at,
            expires_at,
        }
    }
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

/// The outcome for one person.
#[derive(Debug)]
pub struct ShareOutcome {
    /// The connection.
    pub connection: Id,
    /// The share.
    pub result: Result<Share>,
}

/// A share whose key is made and wrapped, and whose card is not yet sealed.
struct Draft {
    ids: ShareIds,
    dek: SymmetricKey,
    recipient: VerifyingKey,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Shares a card with one person.
    pub async fn share(&self, request: ShareRequest) -> Result<Share> {
        if request.connections.len() != 1 {
            return Err(
                Error::bad_input("`connection` names one connection.").in_argument("connection")
            );
        }
        let outcome = self.share_with_many(request).await?.pop();
        outcome.ok_or_else(crate::api::unreadable)?.result
    }

    /// Shares a card with several people, with one request to each service; each person has a result.
    pub async fn share_with_many(&self, request: ShareRequest) -> Result<Vec<ShareOutcome>> {
        self.keys()?;
        // For each person: the key is wrapped, the share is sealed.
        let mut work = self.work(2 * request.connections.len());
        check_request(&request, self.now())?;
        let connections = self.checked_connections(&request.connections);
        let (card, connections) = self
            .step(
                19,
                "Fetch the card and the connection",
                try_join(self.card(request.card), connections),
            )
            .await?;
        let card = match &request.fields {
            Some(names) => card.content.select(names)?,
            None => card.content,
        };

        let mut sharing = Sharing {
            session: self,
            request: &request,
            outcomes: ById::default(),
            unfinished: Vec::new(),
        };
        let (drafts, spaces) = sharing.draft_each(connections, &mut work).await;
        let drafts = sharing.store_spaces(drafts, spaces).await?;
        sharing.seal_and_store(&card, drafts, &mut work).await?;
        work.finish();
        Ok(sharing.finish())
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
        let ids = ShareIds {
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
        let own = async { seal_own_dek(self.engine(), &keys.kek, &ids, &dek) };
        let own = self.step(24, "Wrap the DEK with the KEK", own).await?;
        // The pinned key, never the one that the Vault serves now.
        let peer_key = pin.connection_key()?;
        let peer = seal_peer_dek(self.engine(), &peer_key, &ids, &dek);
        let peer = self
            .step(25, "Wrap the DEK with the other person's public keys", peer)
            .await?;
        let space = NewSpace {
            id: ids.space,
            connection_id: ids.connection,
            recipient: ids.to,
            expires_at: request.expires_at,
            own,
            peer,
        };
        let recipient = pin.signing_key()?;
        let draft = Draft {
            ids,
            dek,
            recipient,
        };
        Ok((draft, space))
    }

    /// Removes the rest of shares that failed. A share may have come about without an answer, so it goes first: a share
    /// that is listed can be read. A space alone is seen by nobody, for nothing names it.
    fn abandon(&self, shares: Vec<ShareIds>) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            for ids in shares {
                match session.services().delete_share(ids.share).await {
                    Ok(()) | Err(Error::NotFound) => {
                        let _ = session.delete_space_if_there(ids.space).await;
                    }
                    Err(_) => {}
                }
            }
        });
    }
}

/// A share that is ready to be stored.
struct Sealed {
    ids: ShareIds,
    digest: ContentDigest,
    share: String,
}

/// One call of [`Session::share_with_many`]. When it is dropped in the middle, nobody learns what became of the shares that
/// are on their way, so they are taken back.
struct Sharing<'a, T: Transport, E: Engine> {
    session: &'a Session<T, E>,
    request: &'a ShareRequest,
    /// The outcomes so far, by connection.
    outcomes: ById<Result<Share>>,
    /// The shares whose spaces are stored.
    unfinished: Vec<ShareIds>,
}

impl<T: Transport, E: Engine> Sharing<'_, T, E> {
    async fn draft_each(
        &mut self,
        mut connections: ById<Result<Checked>>,
        work: &mut Work<'_, T>,
    ) -> (Vec<Draft>, Vec<NewSpace>) {
        let mut drafts = Vec::new();
        let mut spaces = Vec::new();
        for id in &self.request.connections {
            let checked = connections.remove(id).unwrap_or(Err(Error::NotFound));
            match self.session.draft(checked, self.request).await {
                Ok((draft, space)) => {
                    drafts.push(draft);
                    spaces.push(space);
                }
                Err(error) => self.outcomes.insert(*id, Err(error)),
            }
            work.advance().await;
        }
        (drafts, spaces)
    }

    /// Steps 26-27: the Keystore's spaces are durable before any share. Gives the drafts whose space is stored.
    async fn store_spaces(
        &mut self,
        drafts: Vec<Draft>,
        spaces: Vec<NewSpace>,
    ) -> Result<Vec<Draft>> {
        if spaces.is_empty() {
            return Ok(drafts);
        }
        let create = self.session.services().create_spaces(spaces);
        let results = self
            .session
            .step(26, "Create the encryption space in the Keystore", create)
            .await?;
        let mut results: ById<_> = results
            .into_iter()
            .map(|result| (result.id, result.error))
            .collect();
        let mut stored = Vec::new();
        for draft in drafts {
            match results.remove(&draft.ids.space) {
                Some(None) => stored.push(draft),
                other => {
                    let error = other
                        .flatten()
                        .map_or_else(crate::api::unreadable, Error::from);
                    self.outcomes.insert(draft.ids.connection, Err(error));
                }
            }
        }
        self.unfinished = stored.iter().map(|draft| draft.ids).collect();
        Ok(stored)
    }

    /// Steps 28-32: each share is sealed, and as many as fill a request are stored together.
    async fn seal_and_store(
        &mut self,
        card: &CardContent,
        drafts: Vec<Draft>,
        work: &mut Work<'_, T>,
    ) -> Result<()> {
        let keys = self.session.keys()?;
        let made_at = self.session.now();
        let mut batch = Vec::new();
        let mut bytes = 0;
        for Draft {
            ids,
            dek,
            recipient,
        } in drafts
        {
            let seal = seal_share(
                self.session.engine(),
                &ids,
                &dek,
                &keys.signing,
                &recipient,
                card,
                made_at,
                self.request.expires_at,
            );
            let title = "Sign the card and encrypt it with the DEK";
            match self.session.step(30, title, seal).await {
                Ok(share) => {
                    bytes += share.len();
                    let digest = digest_of(share.as_bytes());
                    batch.push(Sealed { ids, digest, share });
                }
                Err(error) => self.fail(ids, error),
            }
            if bytes > FULL_REQUEST_BYTES {
                self.store_shares(std::mem::take(&mut batch)).await;
                bytes = 0;
            }
            work.advance().await;
        }
        self.store_shares(batch).await;
        Ok(())
    }

    /// Steps 28-29 and 31-32: encryption space and share together, in the Vault.
    async fn store_shares(&mut self, batch: Vec<Sealed>) {
        if batch.is_empty() {
            return;
        }
        let expires_at = self.request.expires_at;
        let all: Vec<(ShareIds, ContentDigest)> =
            batch.iter().map(|one| (one.ids, one.digest)).collect();
        let new_share = |Sealed { ids, share, .. }: Sealed| NewShare {
            id: ids.share,
            connection_id: ids.connection,
            space_id: ids.space,
            expires_at,
            share,
        };
        let new = batch.into_iter().map(new_share).collect();
        let create = self.session.services().create_shares(new);
        let title = "Create the encryption space and the share in the Vault";
        let mut created: ById<ShareCreated> = match self.session.step(31, title, create).await {
            Ok(created) => created.into_iter().map(|one| (one.id, one)).collect(),
            Err(error) => {
                let all: Vec<ShareIds> = all.into_iter().map(|(ids, _)| ids).collect();
                let failed = all.iter().map(|ids| (ids.connection, Err(error.clone())));
                self.outcomes.extend(failed);
                self.session.abandon(all);
                return;
            }
        };
        for (ids, digest) in all {
            let created = created_at(created.remove(&ids.share));
            let created = created.and_then(|created_at| {
                self.session
                    .see_digest(Kind::Share, ids.share, 1, &digest)
                    .map(|()| created_at)
            });
            match created {
                Ok(created_at) => {
                    let mut memory = self.session.inner.memory.borrow_mut();
                    memory.homes.insert(ids.share, (&ids).into());
                    memory.own_spaces.insert(ids.share, ids.space);
                    let share = Share::new(&ids, created_at, expires_at);
                    self.outcomes.insert(ids.connection, Ok(share));
                }
                Err(error) => self.fail(ids, error),
            }
        }
    }

    fn fail(&mut self, ids: ShareIds, error: Error) {
        self.session.abandon(vec![ids]);
        self.outcomes.insert(ids.connection, Err(error));
    }

    /// The outcomes in the order of the request.
    fn finish(mut self) -> Vec<ShareOutcome> {
        self.unfinished.clear();
        let mut outcomes = Vec::with_capacity(self.request.connections.len());
        for connection in &self.request.connections {
            let result = self.outcomes.remove(connection);
            outcomes.push(ShareOutcome {
                connection: *connection,
                result: result.unwrap_or(Err(Error::NotFound)),
            });
        }
        outcomes
    }
}

impl<T: Transport, E: Engine> Drop for Sharing<'_, T, E> {
    fn drop(&mut self) {
        if !self.unfinished.is_empty() {
            self.session.abandon(std::mem::take(&mut self.unfinished));
        }
    }
}

fn created_at(created: Option<ShareCreated>) -> Result<i64> {
    let created = created.ok_or_else(crate::api::unreadable)?;
    match (created.error, created.created_at) {
        (None, Some(created_at)) => Ok(created_at),
        (error, _) => Err(error.map_or_else(crate::api::unreadable, Error::from)),
    }
}

fn check_request(request: &ShareRequest, now: i64) -> Result<()> {
    check_expiry(request.expires_at, now)?;
    let connections = &request.connections;
    let repeated =
        (1..connections.len()).any(|index| connections[..index].contains(&connections[index]));
    if connections.is_empty() || connections.len() > MAX_RECIPIENTS || repeated {
        return Err(Error::bad_input(format!(
            "A card is shared with 1 to {MAX_RECIPIENTS} different connections."
        ))
        .in_argument("connections"));
    }
    if request.fields.as_ref().is_some_and(Vec::is_empty) {
        return Err(Error::bad_input("`fields` names one field or more.").in_argument("fields"));
    }
    Ok(())
}
