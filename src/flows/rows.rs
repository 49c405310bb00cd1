//! Writing the Keystore's rows of what was shown to others, by shares and by links.

use futures_util::future::try_join;

use crate::api::Transport;
use crate::api::keystore::spaces::{NewSpace, SpaceUpdate};
use crate::crypto::engine::Engine;
use crate::crypto::marks::{ContentDigest, Kind, digest_of};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::session::Session;
use crate::ids::Id;

/// The most records of one request.
const MAX_RECORDS: usize = 200;

impl<T: Transport, E: Engine> Session<T, E> {
    /// Steps 26-27: the Keystore's rows are durable before any share. Of those that change, the share stands beside each. Gives
    /// the errors by space, none where it was stored.
    pub(in crate::flows) async fn write_rows(
        &self,
        new: Vec<NewSpace>,
        changed: Vec<(Id, SpaceUpdate)>,
    ) -> Result<ById<Option<Error>>> {
        let mut written = Vec::with_capacity(new.len() + changed.len());
        let made = new.iter().map(|made| (made.id, made.share, 1, &made.sent));
        let updated = changed
            .iter()
            .map(|(share, update)| (update.id, *share, update.version + 1, &update.sent));
        for (space, share, version, sent) in made.chain(updated) {
            written.push((space, share, version, digest_of(sent.as_bytes())));
        }
        let create = async {
            match new.is_empty() {
                true => Ok(Vec::new()),
                false => self.services().create_spaces(new).await,
            }
        };
        let change = async {
            let mut changed = changed.into_iter().map(|(_, update)| update);
            let mut results = Vec::new();
            loop {
                let batch: Vec<SpaceUpdate> = changed.by_ref().take(MAX_RECORDS).collect();
                if batch.is_empty() {
                    return Ok(results);
                }
                results.extend(self.services().update_spaces(batch).await?);
            }
        };
        let (made, updated) = try_join(create, change).await?;
        let results = made.into_iter().chain(updated);
        let mut told: ById<_> = results.map(|one| (one.id, one.error)).collect();
        let outcome = |(space, share, version, digest): (Id, Id, u64, ContentDigest)| {
            let error = match told.remove(&space) {
                Some(Some(error)) => Some(Error::from(error)),
                Some(None) => self.see_digest(Kind::Sent, share, version, &digest).err(),
                None => Some(crate::api::unreadable()),
            };
            (space, error)
        };
        Ok(written.into_iter().map(outcome).collect())
    }
}
