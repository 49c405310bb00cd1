//! Sharing a card with one person or several (steps 19-32). Who has a live share of it gets that one changed.

use serde::Serialize;

use super::plan::Source;
use super::sharing::Sharing;
use super::store::Draft;
use crate::api::Transport;
use crate::api::keystore::spaces::NewSpace;
use crate::api::vault::shares::ShareRecord;
use crate::crypto::engine::Engine;
use crate::crypto::keys::SymmetricKey;
use crate::crypto::records::{
    Audience, Part, Pin, Sent, ShareIds, card_reference, card_tag, seal_own_dek, seal_peer_dek,
    seal_sent,
};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::checks::check_expiry;
use crate::flows::session::Session;
use crate::ids::Id;

/// The most people of one call.
const MAX_RECIPIENTS: usize = 200;
/// The most times that a call looks again, because another device changed the same share meanwhile, or a call was cut before.
const MAX_ROUNDS: usize = 5;

/// A share that is to be made, with one person or several.
#[derive(Debug, Clone)]
pub struct ShareRequest {
    /// The card.
    pub card: Id,
    /// The connections.
    pub connections: Vec<Id>,
    /// What is shown of it; all by default.
    pub part: Part,
    /// The end of reading, in milliseconds since 1970; never by default.
    pub expires_at: Option<i64>,
    /// Whether to share although nobody verified the keys.
    pub accept_unverified: bool,
    /// Whether the share follows the card. Else it stays as the card is now, and is always a new one.
    pub live: bool,
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
    /// Grows with each change, from 1.
    pub edition: u64,
    /// The time of this edition, in milliseconds since 1970, by the Vault's clock.
    pub updated_at: i64,
}

impl Share {
    /// A share as its row says, and the times of its making and of its edition.
    pub(super) fn new(ids: &ShareIds, sent: &Sent, (created_at, updated_at): (i64, i64)) -> Self {
        Self {
            id: ids.share,
            connection: ids.connection,
            space: ids.space,
            from: ids.from,
            to: ids.to,
            created_at,
            expires_at: sent.expires_at,
            edition: sent.edition,
            updated_at,
        }
    }
}

impl From<&ShareRecord> for Share {
    fn from(record: &ShareRecord) -> Self {
        Self {
            id: record.id,
            connection: record.connection_id,
            space: record.space_id,
            from: record.from,
            to: record.to,
            created_at: record.created_at,
            expires_at: record.expires_at,
            edition: record.edition,
            updated_at: record.updated_at,
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
        let keys = self.keys()?;
        // For each person: the key is wrapped, the share is sealed.
        let mut work = self.work(2 * request.connections.len());
        check_request(&request, self.now())?;
        let mut sharing = Sharing {
            session: self,
            request: &request,
            tag: card_tag(&keys.vault, request.card)?,
            outcomes: ById::default(),
            pending: request.connections.clone(),
            over: ById::default(),
            used: ById::default(),
            unfinished: Vec::new(),
            undecided: Vec::new(),
            before: ById::default(),
            lags: false,
        };
        let version = sharing.round(false, &mut work).await?;
        let mut rounds = 1;
        while !sharing.pending.is_empty() && rounds < MAX_ROUNDS {
            if let Err(error) = sharing.round(true, &mut self.quiet_work()).await {
                sharing.fail_rest(&error);
            }
            rounds += 1;
        }
        sharing.fail_rest(&Error::Conflict("The share was changed meanwhile.".into()));
        work.finish();
        let known_to_lag = self.inner.memory.borrow().unsettled.contains(&request.card);
        let version = match sharing.lags || known_to_lag {
            true => None,
            false => Some(version),
        };
        // What was updated or deleted meanwhile did not see the new rows.
        self.follow_if_changed(request.card, version, sharing.made());
        Ok(sharing.finish())
    }

    /// Steps 23-25 for one person: a DEK, wrapped for oneself and for them.
    pub(super) async fn draft_new(
        &self,
        connection: Id,
        pin: &Pin,
        request: &ShareRequest,
        tag: &str,
        card: &Source,
    ) -> Result<(Draft, NewSpace)> {
        let keys = self.keys()?;
        let ids = ShareIds {
            from: self.account(),
            to: pin.account,
            connection,
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
        let sent = Sent {
            version: 1,
            edition: 1,
            card: card.id,
            card_version: card.version,
            shown: card.shown(&request.part)?,
            fields: request.part.fields.clone(),
            files: request.part.files.clone(),
            live: request.live,
            expires_at: request.expires_at,
            accept_unverified: request.accept_unverified,
            reference: Some(card_reference(&keys.vault, card.id, ids.connection)?),
            link: None,
        };
        let at = Audience::Person(ids);
        let space = NewSpace {
            id: ids.space,
            connection_id: Some(ids.connection),
            recipient: Some(ids.to),
            expires_at: request.expires_at,
            own,
            peer: Some(peer),
            share: ids.share,
            sent: seal_sent(self.engine(), &keys.vault, &at, &sent)?,
            tag: Some(tag.to_owned()),
            live: request.live,
        };
        let draft = Draft {
            at,
            dek,
            recipient: Some(pin.signing_key()?),
            sent,
            replaces: None,
            created_at: self.now(),
        };
        Ok((draft, space))
    }

    /// Removes the rest of shares that failed. A share may have come about without an answer, so it goes first: a share
    /// that is listed can be read. A space alone is seen by nobody, for nothing names it.
    pub(super) fn abandon(&self, shares: Vec<ShareIds>) {
        let session = self.clone();
        self.services().transport.spawn(async move {
            for ids in shares {
                match session.services().delete_share(ids.share).await {
                    Ok(()) | Err(Error::NotFound) => session.delete_unused_space(&ids).await,
                    Err(_) => {}
                }
            }
        });
    }

    /// Removes spaces that were stored ahead, and that the Vault was never told of. Until they are gone, nothing in this session
    /// takes their rows for shares.
    pub(super) fn give_up(&self, spaces: Vec<ShareIds>) {
        if spaces.is_empty() {
            return;
        }
        self.remember(|memory| {
            let spaces = spaces.iter().map(|ids| (ids.space, ()));
            memory.given_up.extend(spaces);
        });
        let session = self.clone();
        self.services().transport.spawn(async move {
            for ids in spaces {
                session.delete_unused_space(&ids).await;
                session
                    .inner
                    .memory
                    .borrow_mut()
                    .given_up
                    .remove(&ids.space);
            }
        });
    }

    /// Deletes the space of a share that did not come about, after which no service can bring its row back.
    async fn delete_unused_space(&self, ids: &ShareIds) {
        if self.delete_space_if_there(ids.space).await.is_ok() {
            let _ = self.see_end(ids.share);
        }
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
    request.part.check()
}
