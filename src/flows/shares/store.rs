//! Sealing editions and storing them: as many in one request as fill it.

use futures_util::future::join3;

use super::dek::Opening;
use super::plan::{Next, Plan, Source};
use crate::api::keystore::spaces::Space;
use crate::api::vault::shares::{NewEdition, NewShare};
use crate::api::{Transport, WireError};
use crate::crypto::engine::Engine;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::marks::{ContentDigest, digest_of};
use crate::crypto::records::{
    Audience, Edition, LinkContent, Sent, open_own_link_key, seal_link, seal_share,
};
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

/// A share or link whose row is written, and whose edition is not yet sealed.
pub(in crate::flows) struct Draft {
    pub(in crate::flows) at: Audience,
    pub(in crate::flows) dek: SymmetricKey,
    /// None for a link.
    pub(in crate::flows) recipient: Option<VerifyingKey>,
    pub(in crate::flows) sent: Sent,
    /// The edition that the Vault has, if it has one.
    pub(in crate::flows) replaces: Option<u64>,
    /// In milliseconds since 1970.
    pub(in crate::flows) created_at: i64,
}

/// What the Vault told of each edition: an error, or its time, in milliseconds since 1970.
type Told = ById<(Option<WireError>, Option<i64>)>;

/// An edition that is ready to be stored.
struct Sealed {
    at: Audience,
    sent: Sent,
    replaces: Option<u64>,
    created_at: i64,
    digest: ContentDigest,
    share: String,
    files: Vec<Id>,
}

/// What became of an edition: if it was stored, the times of the share's making and of its own, in milliseconds since 1970.
pub(super) struct Outcome {
    pub(super) at: Audience,
    pub(super) sent: Sent,
    /// Whether it was to take the place of another.
    pub(super) replaced: bool,
    pub(super) result: Result<(i64, i64)>,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// The draft of a change, over this connection if it is of a share.
    pub(super) async fn draft_change(
        &self,
        plan: Plan,
        checked: Option<&Checked>,
    ) -> Result<Draft> {
        let row = plan.row;
        let (dek, recipient) = match (&row.at, checked) {
            (Audience::Person(ids), Some(checked)) => {
                let pin = checked.peer()?;
                if checked.trust == Trust::Unverified && !plan.sent.accept_unverified {
                    return Err(Error::ConnectionUnverified);
                }
                if ids.to != pin.account {
                    return Err(Error::RecordRejected);
                }
                let opening = Opening::default();
                let (dek, _) = self.dek(ids, checked, &row.space, &opening).await?;
                (dek, Some(pin.signing_key()?))
            }
            (Audience::Link { from, id }, _) => {
                let Space::Sender { own, .. } = &row.space else {
                    return Err(Error::RecordRejected);
                };
                (open_own_link_key(*from, *id, &self.keys()?.kek, own)?, None)
            }
            (Audience::Person(_), None) => return Err(Error::NotFound),
        };
        Ok(Draft {
            at: row.at,
            dek,
            recipient,
            sent: plan.sent,
            replaces: match plan.next {
                Next::Replace(edition) => Some(edition),
                Next::Create | Next::Keep => None,
            },
            created_at: row.created_at,
        })
    }

    /// Signs and seals what a draft is to show; with the files that it names.
    pub(in crate::flows) async fn seal(
        &self,
        card: &Source,
        draft: &Draft,
    ) -> Result<(String, Vec<Id>)> {
        let (engine, sent, made_at) = (self.engine(), &draft.sent, self.now());
        let card = &*card.content.narrow(&sent.part());
        let sealed = match (&draft.at, &draft.recipient, &sent.reference, &sent.link) {
            (Audience::Person(ids), Some(recipient), Some(reference), _) => {
                let edition = Edition {
                    number: sent.edition,
                    reference: reference.clone(),
                    card,
                    made_at,
                    expires_at: sent.expires_at,
                };
                let signing = &self.keys()?.signing;
                seal_share(engine, ids, &draft.dek, signing, recipient, edition).await
            }
            (Audience::Link { id, .. }, _, _, Some(link)) => {
                let signer = link.signing_key()?;
                let content = LinkContent {
                    share: *id,
                    edition: sent.edition,
                    key: signer.public().to_jwk(),
                    dek: draft.dek.kid().to_owned(),
                    name: link.name.clone(),
                    card,
                    made_at,
                    expires_at: sent.expires_at.ok_or(Error::RecordRejected)?,
                    max_reads: link.max_reads,
                };
                seal_link(engine, &draft.dek, &signer, &content).await
            }
            _ => Err(Error::RecordRejected),
        };
        Ok((sealed?, card.file_ids()))
    }

    /// Steps 28-32: each edition is sealed, and as many as fill a request are stored together.
    pub(super) async fn store_editions(
        &self,
        card: &Source,
        drafts: Vec<Draft>,
        work: &mut Work<'_, T>,
    ) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(drafts.len());
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for draft in drafts {
            let seal = self.seal(card, &draft);
            // The protocol counts no steps of links.
            let sealed = match draft.at.person() {
                Some(_) => {
                    let title = "Sign the card and encrypt it with the DEK";
                    self.step(30, title, seal).await
                }
                None => seal.await,
            };
            let Draft {
                at,
                sent,
                replaces,
                created_at,
                ..
            } = draft;
            match sealed {
                Ok((share, files)) => {
                    bytes += share.len();
                    batch.push(Sealed {
                        at,
                        sent,
                        replaces,
                        created_at,
                        digest: digest_of(share.as_bytes()),
                        share,
                        files,
                    });
                }
                Err(error) => outcomes.push(Outcome {
                    at,
                    sent,
                    replaced: replaces.is_some(),
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

    /// Steps 28-29 and 31-32: new shares with their encryption spaces, and new editions of shares and links that are there.
    async fn store_batch(&self, batch: Vec<Sealed>) -> Vec<Outcome> {
        let (mut new, mut shares, mut links) = (Vec::new(), Vec::new(), Vec::new());
        let mut sealed = Vec::with_capacity(batch.len());
        for mut one in batch {
            let share = std::mem::take(&mut one.share);
            let files = std::mem::take(&mut one.files);
            let (edition, expires_at) = (one.sent.edition, one.sent.expires_at);
            let editions = match one.at {
                Audience::Person(_) => &mut shares,
                Audience::Link { .. } => &mut links,
            };
            match (one.replaces, one.at) {
                (Some(replaces), at) => editions.push(NewEdition {
                    id: at.share(),
                    replaces,
                    edition,
                    expires_at,
                    share,
                    files,
                }),
                (None, Audience::Person(ids)) => new.push(NewShare {
                    id: ids.share,
                    connection_id: ids.connection,
                    space_id: ids.space,
                    expires_at,
                    edition,
                    share,
                    files,
                }),
                // A link is made together with its first edition.
                (None, Audience::Link { .. }) => {}
            }
            sealed.push(one);
        }
        let create = self.create(new);
        let (replace, replace_links) = (self.replace(shares, false), self.replace(links, true));
        let (created, shares, links) = join3(create, replace, replace_links).await;
        let outcome = |one: Sealed| {
            let replaced = one.replaces.is_some();
            let told = match (replaced, one.at.person()) {
                (false, _) => &created,
                (true, Some(_)) => &shares,
                (true, None) => &links,
            };
            let result = told.as_ref().map_err(Clone::clone).and_then(|told| {
                let (error, at) = told
                    .get(&one.at.share())
                    .ok_or_else(crate::api::unreadable)?;
                let at = match (error, at) {
                    (None, Some(at)) => *at,
                    (Some(error), _) => return Err(error.clone().into()),
                    (None, None) => return Err(crate::api::unreadable()),
                };
                self.stored(&one)?;
                Ok((if replaced { one.created_at } else { at }, at))
            });
            Outcome {
                at: one.at,
                sent: one.sent,
                replaced,
                result,
            }
        };
        sealed.into_iter().map(outcome).collect()
    }

    async fn create(&self, new: Vec<NewShare>) -> Result<Told> {
        if new.is_empty() {
            return Ok(Told::default());
        }
        let title = "Create the encryption space and the share in the Vault";
        let created = self.step(31, title, self.services().create_shares(new));
        Ok(created
            .await?
            .into_iter()
            .map(|one| (one.id, (one.error, one.created_at)))
            .collect())
    }

    async fn replace(&self, editions: Vec<NewEdition>, are_links: bool) -> Result<Told> {
        if editions.is_empty() {
            return Ok(Told::default());
        }
        let title = "Replace the share's edition in the Vault";
        let stored = self.services().update_editions(editions, are_links);
        let stored = match are_links {
            true => stored.await,
            false => self.step(31, title, stored).await,
        };
        Ok(stored?
            .into_iter()
            .map(|one| (one.id, (one.error, one.updated_at)))
            .collect())
    }

    /// Remembers an edition that the Vault has taken.
    fn stored(&self, one: &Sealed) -> Result<()> {
        self.see_written(one.at.mark(), one.at.share(), one.sent.edition, &one.digest)?;
        if let Some(ids) = one.at.person() {
            let mut memory = self.inner.memory.borrow_mut();
            memory.homes.insert(ids.share, ids.into());
            memory.own_spaces.insert(ids.share, ids.space);
        }
        Ok(())
    }
}
