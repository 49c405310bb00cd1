//! Checks of a connection as the Vault tells of it, against the pins of the private note.

use std::rc::Rc;

use futures_util::future::try_join;
use serde::Serialize;

use crate::api::keystore::connections::Entry;
use crate::api::vault::connections::{ConnectionState, StoredConnection};
use crate::api::{MAX_IDS, Transport};
use crate::crypto::base64url::from_base64url;
use crate::crypto::engine::Engine;
use crate::crypto::invitation_link::Side;
use crate::crypto::records::{
    Delivery, Note, NoteState, Pin, Publication, Role, VerifiedBy, check_publication,
};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::session::{PublishedKeys, Session};
use crate::ids::Id;

/// Certainty that the keys are the other person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// They came from the Vault alone.
    Unverified,
    /// By a link or by comparing.
    Verified,
    /// The Vault serves others than the pinned ones, or than the link proves.
    Changed,
}

/// A connection whose checks are done.
pub(in crate::flows) struct Checked {
    pub(in crate::flows) stored: StoredConnection,
    pub(in crate::flows) entry: Entry,
    pub(in crate::flows) note: Note,
    pub(in crate::flows) trust: Trust,
    pub(super) state: ConnectionState,
}

impl Checked {
    /// Whether nothing can be shared over it any more.
    pub(in crate::flows) fn has_ended(&self) -> bool {
        self.state == ConnectionState::Ended
    }

    /// The other person's pinned keys, if anything may be done with this person.
    pub(in crate::flows) fn peer(&self) -> Result<&Pin> {
        match (&self.note.pin, self.trust) {
            _ if self.has_ended() => Err(Error::NotFound),
            (_, Trust::Changed) | (None, _) => Err(Error::PeerKeyChanged),
            (Some(pin), _) => Ok(pin),
        }
    }

    /// The other person's pinned keys, and whether they are verified, if anything may be done with them.
    fn known(&self) -> Option<(&Pin, bool)> {
        let pin = self.peer().ok()?;
        Some((pin, self.trust == Trust::Verified))
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    pub(super) async fn checked_connection(&self, id: Id) -> Result<Checked> {
        self.keys()?;
        let (stored, entry) = try_join(
            self.services().stored_connection(id),
            self.services().entry(id),
        )
        .await?;
        if stored.id != id || entry.id != id {
            return Err(Error::RecordRejected);
        }
        self.check(stored, entry).await
    }

    /// Several connections at once, each with its own result.
    pub(in crate::flows) async fn checked_connections(
        &self,
        ids: &[Id],
    ) -> Result<ById<Result<Checked>>> {
        let mut work = self.quiet_work();
        let mut checked = ById::default();
        for ids in ids.chunks(MAX_IDS) {
            let (stored, entries) = try_join(
                self.services().stored_connections(ids),
                self.services().entries(ids),
            )
            .await?;
            let mut entries: ById<Entry> =
                entries.into_iter().map(|entry| (entry.id, entry)).collect();
            for stored in stored {
                let id = stored.id;
                let result = match entries.remove(&id) {
                    Some(entry) => self.check(stored, entry).await,
                    None => Err(Error::RecordRejected),
                };
                checked.insert(id, result);
                work.advance().await;
            }
        }
        Ok(checked)
    }

    pub(super) async fn check(
        &self,
        stored: StoredConnection,
        mut entry: Entry,
    ) -> Result<Checked> {
        let note = self.open_newest_note(&mut entry).await?;
        match self.check_connection(stored.clone(), entry, note).await {
            // Another tab pinned at the same time: its note counts.
            Err(Error::Conflict(_)) => {
                let mut entry = self.services().entry(stored.id).await?;
                let note = self.open_newest_note(&mut entry).await?;
                self.check_connection(stored, entry, note).await
            }
            other => other,
        }
    }

    /// Checks both publications and the proof; pins at first sight; else compares with the pins.
    pub(super) async fn check_connection(
        &self,
        stored: StoredConnection,
        entry: Entry,
        note: Note,
    ) -> Result<Checked> {
        self.check_own_side(&stored, &note)?;
        let state = match note.state {
            NoteState::Cancelled | NoteState::Declined => {
                // The Vault made a connection of an invitation that was taken back.
                if stored.state == ConnectionState::Active {
                    self.services().end_connection(stored.id).await?;
                }
                ConnectionState::Ended
            }
            NoteState::Ended => ConnectionState::Ended,
            _ => stored.state,
        };
        let theirs = self.their_keys(&stored, &note);
        let was_verified = match &theirs {
            Ok(pin) => self.was_verified(stored.id, pin)?,
            Err(_) => None,
        };
        let (note, trust) = match (note.state, theirs) {
            (NoteState::Cancelled | NoteState::Declined, _) => (note, Trust::Unverified),
            (_, Err(Error::UpdateNeeded)) => return Err(Error::UpdateNeeded),
            (_, Err(error)) if note.pin.is_none() && note.delivery == Delivery::Email => {
                return Err(error);
            }
            (_, Err(_)) => (note, Trust::Changed),
            (NoteState::Invited, Ok(_)) if was_verified == Some(false) => {
                return Err(Error::PeerKeyChanged);
            }
            (NoteState::Invited, Ok(pin)) => {
                let verified = was_verified.is_some() || note.delivery == Delivery::Link;
                let verified_by = verified.then(|| way_of(note.delivery));
                let note = self
                    .write_note(stored.id, note, |note| {
                        note.state = NoteState::Accepted;
                        note.pin = Some(pin);
                        note.verified_by = verified_by;
                    })
                    .await?;
                let trust = trust_of(&note);
                (note, trust)
            }
            (_, Ok(pin)) if note.pin.as_ref() != Some(&pin) => (note, Trust::Changed),
            // An older note was accepted, which does not know yet what this device has seen: that these keys are verified.
            (NoteState::Accepting | NoteState::Accepted, Ok(_))
                if note.verified_by.is_none() && was_verified == Some(true) =>
            {
                let note = self
                    .write_note(stored.id, note, |note| {
                        note.state = NoteState::Accepted;
                        note.verified_by = Some(way_of(note.delivery));
                    })
                    .await?;
                (note, Trust::Verified)
            }
            // `accepting` has its pins: that it came about is noted with the next change, not in a write of its own.
            (_, Ok(_)) => {
                let trust = trust_of(&note);
                (note, trust)
            }
        };
        if stored.state == ConnectionState::Ended && !note.state.is_over() {
            self.leave_later(stored.id, note.clone());
        }
        let checked = Checked {
            stored,
            entry,
            note,
            trust,
            state,
        };
        self.remember(|memory| memory.remember_peer(checked.stored.id, checked.known()));
        Ok(checked)
    }

    /// One's own publication must be the one that was made: the key of the note, signed by one's own key.
    fn check_own_side(&self, stored: &StoredConnection, note: &Note) -> Result<()> {
        let own = stored.side(note.role);
        let published = self.published(stored.id, self.account(), note.role, &own.publication)?;
        let (signing_key, key) = &*published;
        let ours = own.account == self.account()
            && signing_key == self.keys()?.signing.public()
            && key.id() == note.own_key;
        if ours {
            Ok(())
        } else {
            Err(Error::RecordRejected)
        }
    }

    /// The other side's keys, if the statement holds, and for the inviter of a link also the proof.
    fn their_keys(&self, stored: &StoredConnection, note: &Note) -> Result<Pin> {
        let role = note.role.other();
        let peer = stored.side(role);
        if peer.account == self.account() {
            return Err(Error::RecordRejected);
        }
        let published = self.published(stored.id, peer.account, role, &peer.publication)?;
        let (signing_key, connection_key) = &*published;
        if note.role == Role::Inviter && note.delivery == Delivery::Link {
            let keys = self.keys()?;
            let publication = &stored.inviter.publication;
            let own = self.published(stored.id, self.account(), Role::Inviter, publication)?;
            let ours = Side {
                account: self.account(),
                signing_key: keys.signing.public(),
                connection_key: &own.1,
            };
            let theirs = Side {
                account: peer.account,
                signing_key,
                connection_key,
            };
            let proof = from_base64url(stored.proof.as_deref().unwrap_or_default())?;
            let secret = note.secret()?.ok_or(Error::RecordRejected)?;
            if !secret.is_accept_proof(&proof, stored.id, ours, theirs)? {
                return Err(Error::PeerKeyChanged);
            }
        }
        Ok(Pin::new(peer.account, signing_key, connection_key))
    }

    /// The keys of a publication that holds. One and the same is checked once: its signature does not become another.
    fn published(
        &self,
        connection: Id,
        account: Id,
        role: Role,
        publication: &Publication,
    ) -> Result<Rc<PublishedKeys>> {
        let known = self
            .inner
            .memory
            .borrow()
            .published(connection, account, role, publication);
        if let Some(known) = known {
            return Ok(known);
        }
        let keys = Rc::new(check_publication(publication, account, connection, role)?);
        self.remember(|memory| {
            memory.remember_published(connection, account, role, publication, &keys);
        });
        Ok(keys)
    }
}

/// The way in which keys are verified.
fn way_of(delivery: Delivery) -> VerifiedBy {
    match delivery {
        Delivery::Email => VerifiedBy::SafetyNumber,
        Delivery::Link => VerifiedBy::Link,
    }
}

fn trust_of(note: &Note) -> Trust {
    if note.verified_by.is_some() {
        Trust::Verified
    } else {
        Trust::Unverified
    }
}
