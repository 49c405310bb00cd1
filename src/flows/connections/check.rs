//! Connections: what the Vault tells of them, checked against the pins of the private note.

use futures_util::future::try_join;
use serde::Serialize;

use crate::api::keystore::connections::Entry;
use crate::api::vault::connections::StoredConnection;
use crate::api::{Page, PageRequest, Transport};
use crate::crypto::encoding::from_base64url;
use crate::crypto::engine::Engine;
use crate::crypto::invitation_link::Side;
use crate::crypto::records::{Delivery, Note, NoteState, Pin, Role, VerifiedBy, check_publication};
use crate::crypto::safety_number::derive_safety_number;
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::opened::Opened;
use crate::flows::session::Session;
use crate::ids::Id;

pub use crate::api::vault::connections::ConnectionState;

/// How sure it is that the keys are the other person's.
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

/// A connection with another person.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// The connection; the invitation had the same id.
    pub id: Id,
    /// Whether it is in force.
    pub state: ConnectionState,
    /// What this side calls the other person.
    pub name: String,
    /// The other person's account.
    pub account: Id,
    /// How sure it is.
    pub trust: Trust,
    /// What made it sure.
    pub verified_by: Option<VerifiedBy>,
    /// Sixty digits.
    pub safety_number: Option<String>,
    /// Who invited whom.
    pub role: Role,
    /// When it was made, by the Vault's clock.
    pub created_at: i64,
}

/// A connection whose checks are done.
pub(in crate::flows) struct Checked {
    pub(in crate::flows) stored: StoredConnection,
    pub(in crate::flows) entry: Entry,
    pub(in crate::flows) note: Note,
    trust: Trust,
    state: ConnectionState,
}

impl Checked {
    /// The other person's pinned keys, if anything may be done with this person.
    pub(in crate::flows) fn peer(&self) -> Result<&Pin> {
        match (&self.note.pin, self.trust) {
            _ if self.state == ConnectionState::Ended => Err(Error::NotFound),
            (_, Trust::Changed) | (None, _) => Err(Error::PeerKeyChanged),
            (Some(pin), _) => Ok(pin),
        }
    }

    pub(in crate::flows) fn trust(&self) -> Trust {
        self.trust
    }

    pub(super) fn set_verified(&mut self) {
        self.trust = Trust::Verified;
    }

    pub(super) fn into_connection<T: Transport, E: Engine>(
        self,
        session: &Session<T, E>,
    ) -> Result<Connection> {
        let keys = session.keys()?;
        let safety_number = self.note.pin.as_ref().map(|pin| {
            let ours = (session.account(), keys.signing.public());
            Ok::<_, Error>(derive_safety_number(
                ours,
                (pin.account, &pin.signing_key()?),
            ))
        });
        let account = self
            .note
            .pin
            .as_ref()
            .map_or(self.stored.side(self.note.role.other()).account, |pin| {
                pin.account
            });
        Ok(Connection {
            id: self.stored.id,
            state: self.state,
            name: self.note.name.clone(),
            account,
            trust: self.trust,
            verified_by: self
                .note
                .verified_by
                .filter(|_| self.trust == Trust::Verified),
            safety_number: safety_number.transpose()?,
            role: self.note.role,
            created_at: self.stored.created_at,
        })
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// A page of connections, newest first. New ones are checked and pinned on the way.
    pub async fn connections(&self, page: &PageRequest) -> Result<Page<Opened<Connection>>> {
        self.keys()?;
        let page = self.services().list_connections(page).await?;
        let ids: Vec<Id> = page.items.iter().map(|stored| stored.id).collect();
        let mut entries: ById<Entry> = self
            .services()
            .entries(&ids)
            .await?
            .into_iter()
            .map(|entry| (entry.id, entry))
            .collect();
        let mut work = self.work(page.items.len());
        let mut items = Vec::with_capacity(page.items.len());
        for stored in page.items {
            let id = stored.id;
            let result = match entries.remove(&id) {
                Some(entry) => self
                    .check(stored, entry)
                    .await
                    .and_then(|checked| checked.into_connection(self)),
                // Without a note it was not made here.
                None => Err(Error::RecordRejected),
            };
            items.push(Opened { id, result });
            work.advance().await;
        }
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// One connection, checked and pinned.
    pub async fn connection(&self, id: Id) -> Result<Connection> {
        self.checked_connection(id).await?.into_connection(self)
    }

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
        let (stored, entries) = try_join(
            self.services().stored_connections(ids),
            self.services().entries(ids),
        )
        .await?;
        let mut entries: ById<Entry> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
        let mut work = self.quiet_work();
        let mut checked = ById::default();
        for stored in stored {
            let id = stored.id;
            let result = match entries.remove(&id) {
                Some(entry) => self.check(stored, entry).await,
                None => Err(Error::RecordRejected),
            };
            checked.insert(id, result);
            work.advance().await;
        }
        Ok(checked)
    }

    async fn check(&self, stored: StoredConnection, entry: Entry) -> Result<Checked> {
        let note = self.open_entry_note(&entry)?;
        match self.check_connection(stored.clone(), entry, note).await {
            // Another tab pinned at the same time: its note counts.
            Err(Error::Conflict(_)) => {
                let entry = self.services().entry(stored.id).await?;
                let note = self.open_entry_note(&entry)?;
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
        let (note, trust) = match (note.state, theirs) {
            (NoteState::Cancelled | NoteState::Declined, _) => (note, Trust::Unverified),
            (_, Err(error)) if note.pin.is_none() && note.delivery == Delivery::Email => {
                return Err(error);
            }
            (_, Err(_)) => (note, Trust::Changed),
            (NoteState::Invited, Ok(pin)) => {
                let verified_by = (note.delivery == Delivery::Link).then_some(VerifiedBy::Link);
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
            // `accepting` has its pins: that it came about is noted with the next change, not in a write of its own.
            (_, Ok(_)) => {
                let trust = trust_of(&note);
                (note, trust)
            }
        };
        Ok(Checked {
            stored,
            entry,
            note,
            trust,
            state,
        })
    }

    /// One's own publication must be the one that was made: the key of the note, signed by one's own key.
    fn check_own_side(&self, stored: &StoredConnection, note: &Note) -> Result<()> {
        let own = stored.side(note.role);
        let (signing_key, key) =
            check_publication(&own.publication, self.account(), stored.id, note.role)?;
        let ours = own.account == self.account()
            && signing_key == *self.keys()?.signing.public()
            && key.thumbprint() == note.own_key;
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
        let (signing_key, connection_key) =
            check_publication(&peer.publication, peer.account, stored.id, role)?;
        if note.role == Role::Inviter && note.delivery == Delivery::Link {
            let keys = self.keys()?;
            let own = check_publication(
                &stored.inviter.publication,
                self.account(),
                stored.id,
                Role::Inviter,
            )?;
            let ours = Side {
                account: self.account(),
                signing_key: keys.signing.public(),
                connection_key: &own.1,
            };
            let theirs = Side {
                account: peer.account,
                signing_key: &signing_key,
                connection_key: &connection_key,
            };
            let proof = from_base64url(stored.proof.as_deref().unwrap_or_default())?;
            let secret = note.secret()?.ok_or(Error::RecordRejected)?;
            if !secret.is_accept_proof(&proof, stored.id, ours, theirs)? {
                return Err(Error::PeerKeyChanged);
            }
        }
        Ok(Pin::new(peer.account, &signing_key, &connection_key))
    }
}

fn trust_of(note: &Note) -> Trust {
    if note.verified_by.is_some() {
        Trust::Verified
    } else {
        Trust::Unverified
    }
}
