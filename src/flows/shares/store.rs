//! Sealing editions and storing them: as many in one request as fill it.

use futures_util::future::join;

use super::rows::{Next, Plan, Source};
use super::share::Share;
use crate::api::Transport;
use crate::api::vault::shares::{EditionStored, NewEdition, NewShare, ShareCreated};
use crate::crypto::engine::Engine;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::marks::{ContentDigest, Kind, digest_of};
use crate::crypto::records::{Edition, Sent, ShareIds, seal_share};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::connections::{Checked, Trust};
use crate::flows::session::{Session, Work};
use crate::ids::Id;

/// The size from which on a request takes no further share, in bytes. With the share that exceeds it, it stays under the
/// Vault's limit; see [`crate::crypto::padding`].
const FULL_REQUEST_BYTES: usize = 8 << 20;
/// The most records of one request.
const MAX_RECORDS: usize = 200;

/// A share whose row is written, and whose edition is not yet sealed.
pub(super) struct Draft {
    pub(super) ids: ShareIds,
    pub(super) dek: SymmetricKey,
    pub(super) recipient: VerifyingKey,
    pub(super) sent: Sent,
    /// The edition that the Vault has, if it has one.
    pub(super) replaces: Option<u64>,
    /// In milliseconds since 1970.
    pub(super) created_at: i64,
}

/// An edition that is ready to be stored.
struct Sealed {
    ids: ShareIds,
    sent: Sent,
    replaces: Option<u64>,
    created_at: i64,
    digest: ContentDigest,
    share: String,
}

/// What became of an edition.
pub(super) struct Outcome {
    pub(super) ids: ShareIds,
    /// Whether it was to take the place of another.
    pub(super) replaced: bool,
    pub(super) result: Result<Share>,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// The draft of a change over this connection.
    pub(super) async fn draft_change(&self, plan: Plan, checked: &Checked) -> Result<Draft> {
        let pin = checked.peer()?;
        if checked.trust == Trust::Unverified && !plan.sent.accept_unverified {
            return Err(Error::ConnectionUnverified);
        }
        let ids = plan.row.at;
        if ids.to != pin.account {
            return Err(Error::RecordRejected);
        }
        let (dek, _) = self.dek(&ids, checked, &plan.row.space).await?;
        Ok(Draft {
            ids,
            dek,
            recipient: pin.signing_key()?,
            sent: plan.sent,
            replaces: match plan.next {
                Next::Replace(edition) => Some(edition),
                Next::Create | Next::Keep => None,
            },
            created_at: plan.row.created_at,
        })
    }

    /// Steps 28-32: each edition is sealed, and as many as fill a request are stored together.
    pub(super) async fn store_editions(
        &self,
        card: &Source,
        drafts: Vec<Draft>,
        work: &mut Work<'_, T>,
    ) -> Result<Vec<Outcome>> {
        let keys = self.keys()?;
        let made_at = self.now();
        let mut outcomes = Vec::with_capacity(drafts.len());
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for draft in drafts {
            let Draft { ids, sent, .. } = draft;
            let narrowed = sent.fields.as_ref();
            let narrowed = narrowed.map(|names| card.content.narrow(names));
            let edition = Edition {
                number: sent.edition,
                reference: sent.reference.clone(),
                card: narrowed.as_ref().unwrap_or(&card.content),
                made_at,
                expires_at: sent.expires_at,
            };
            let (signing, recipient) = (&keys.signing, &draft.recipient);
            let seal = seal_share(self.engine(), &ids, &draft.dek, signing, recipient, edition);
            let title = "Sign the card and encrypt it with the DEK";
            match self.step(30, title, seal).await {
                Ok(share) => {
                    bytes += share.len();
                    batch.push(Sealed {
                        ids,
                        sent,
                        replaces: draft.replaces,
                        created_at: draft.created_at,
                        digest: digest_of(share.as_bytes()),
                        share,
                    });
                }
                Err(error) => outcomes.push(Outcome {
                    ids,
                    replaced: draft.replaces.is_some(),
                    result: Err(error),
                }),
            }
            if bytes > FULL_REQUEST_BYTES || batch.len() == MAX_RECORDS {
                outcomes.extend(self.store_batch(std::mem::take(&mut batch)).await);
                bytes = 0;
            }
            work.advance().await;
        }
        outcomes.extend(self.store_batch(batch).await);
        Ok(outcomes)
    }

    /// Steps 28-29 and 31-32: new shares with their encryption spaces, and new editions of those that are there.
    async fn store_batch(&self, batch: Vec<Sealed>) -> Vec<Outcome> {
        let (mut new, mut editions) = (Vec::new(), Vec::new());
        let mut sealed = Vec::with_capacity(batch.len());
        for mut one in batch {
            let share = std::mem::take(&mut one.share);
            let (ids, edition, expires_at) = (one.ids, one.sent.edition, one.sent.expires_at);
            match one.replaces {
                None => new.push(NewShare {
                    id: ids.share,
                    connection_id: ids.connection,
                    space_id: ids.space,
                    expires_at,
                    edition,
                    share,
                }),
                Some(replaces) => editions.push(NewEdition {
                    id: ids.share,
                    replaces,
                    edition,
                    expires_at,
                    share,
                }),
            }
            sealed.push(one);
        }
        let (created, updated) = join(self.create(new), self.replace(editions)).await;
        let outcome = |one: Sealed| {
            let id = &one.ids.share;
            let times = match one.replaces {
                None => told(&created, id, |made: &ShareCreated| {
                    (made.error.clone(), made.created_at.map(|at| (at, at)))
                }),
                Some(_) => told(&updated, id, |stored: &EditionStored| {
                    let times = stored.updated_at.map(|at| (one.created_at, at));
                    (stored.error.clone(), times)
                }),
            };
            Outcome {
                ids: one.ids,
                replaced: one.replaces.is_some(),
                result: times.and_then(|times| self.stored(&one, times)),
            }
        };
        sealed.into_iter().map(outcome).collect()
    }

    async fn create(&self, new: Vec<NewShare>) -> Result<ById<ShareCreated>> {
        if new.is_empty() {
            return Ok(ById::default());
        }
        let title = "Create the encryption space and the share in the Vault";
        let created = self.step(31, title, self.services().create_shares(new));
        Ok(created
            .await?
            .into_iter()
            .map(|one| (one.id, one))
            .collect())
    }

    async fn replace(&self, editions: Vec<NewEdition>) -> Result<ById<EditionStored>> {
        if editions.is_empty() {
            return Ok(ById::default());
        }
        let title = "Replace the share's edition in the Vault";
        let stored = self.step(31, title, self.services().update_shares(editions));
        Ok(stored.await?.into_iter().map(|one| (one.id, one)).collect())
    }

    /// Remembers an edition that the Vault has taken.
    fn stored(&self, one: &Sealed, times: (i64, i64)) -> Result<Share> {
        let Sealed { ids, sent, .. } = one;
        self.see_digest(Kind::Share, ids.share, sent.edition, &one.digest)?;
        let mut memory = self.inner.memory.borrow_mut();
        memory.homes.insert(ids.share, ids.into());
        memory.own_spaces.insert(ids.share, ids.space);
        Ok(Share::new(ids, sent, times))
    }
}

/// The times of a share, from what the Vault told of it or why it told nothing.
fn told<R>(
    answers: &Result<ById<R>>,
    id: &Id,
    read: impl Fn(&R) -> (Option<crate::api::WireError>, Option<(i64, i64)>),
) -> Result<(i64, i64)> {
    let answers = answers.as_ref().map_err(Clone::clone)?;
    let answer = answers.get(id).ok_or_else(crate::api::unreadable)?;
    match read(answer) {
        (None, Some(times)) => Ok(times),
        (error, _) => Err(error.map_or_else(crate::api::unreadable, Error::from)),
    }
}
