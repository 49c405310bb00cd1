//! Accepting an invitation (steps 10-18).

use futures_util::future::try_join;

use super::Connection;
use crate::api::Transport;
use crate::api::keystore::connections::Entry;
use crate::api::vault::connections::{ConnectionState, NewConnection, StoredConnection};
use crate::api::vault::invitations::OpenedInvitation;
use crate::crypto::base64url::to_base64url;
use crate::crypto::connection_key::{ConnectionKey, ConnectionPublicKey};
use crate::crypto::engine::Engine;
use crate::crypto::invitation_link::{Side, Ticket};
use crate::crypto::keys::VerifyingKey;
use crate::crypto::records::{
    Note, NoteState, Pin, Role, VerifiedBy, check_publication, make_publication,
    open_connection_key,
};
use crate::error::{Error, Result};
use crate::flows::checks::check_name;
use crate::flows::session::Session;

/// The inviter, as the invitation shows them and as far as it was checked.
struct Inviter {
    pin: Pin,
    signing_key: VerifyingKey,
    connection_key: ConnectionPublicKey,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Accepts an invitation; `name` is what this side calls the inviter. After an interruption it goes on with the
    /// key that it stored, and repeated by the same account it returns the same connection, unless that has ended.
    pub async fn accept(&self, ticket: &Ticket, name: &str) -> Result<Connection> {
        self.keys()?;
        check_name(name)?;
        let id = ticket.id();
        let token = ticket.token()?;
        let open = async { self.services().open_invitation(id, &token.to_text()).await };
        let make_key = self.step(
            11,
            "Make the connection key pairs",
            self.new_connection_key(),
        );
        // The key is made while the invitation is fetched; it is thrown away if there is one already.
        let (opened, key) = try_join(self.step(10, "Open the invitation", open), make_key).await?;
        let inviter = self.check_inviter(ticket, &opened)?;

        let (entry, note, key) = match self.start_accepting(ticket, &inviter, key, name).await {
            Err(Error::Conflict(_)) => self.resume_accepting(ticket, &inviter).await?,
            other => other?,
        };
        let stored = self.connect(ticket, &inviter, &key).await?;
        let checked = self.check_connection(stored, entry, note).await?;
        self.stock_up();
        match checked.state {
            ConnectionState::Active => checked.into_connection(self),
            ConnectionState::Ended => Err(Error::InvitationUsed),
        }
    }

    /// Checks who invites: a signed publication, for a link by the very key that the link names.
    fn check_inviter(&self, ticket: &Ticket, opened: &OpenedInvitation) -> Result<Inviter> {
        if opened.id != ticket.id() {
            return Err(Error::RecordRejected);
        }
        if opened.inviter == self.account() {
            return Err(Error::bad_input(
                "This is your own invitation: give it to the person whom you invite.",
            ));
        }
        let checked = check_publication(
            &opened.publication,
            opened.inviter,
            opened.id,
            Role::Inviter,
        );
        let (signing_key, connection_key) = match (ticket, checked) {
            (Ticket::Link { inviter, .. }, Ok(keys)) if keys.0.kid() == inviter => keys,
            (_, Err(Error::UpdateNeeded)) => return Err(Error::UpdateNeeded),
            (Ticket::Link { .. }, _) => return Err(Error::PeerKeyChanged),
            (Ticket::Mail { .. }, keys) => keys?,
        };
        Ok(Inviter {
            pin: Pin::new(opened.inviter, &signing_key, &connection_key),
            signing_key,
            connection_key,
        })
    }

    /// Steps 12-16: key and note are stored before anything refers to them.
    async fn start_accepting(
        &self,
        ticket: &Ticket,
        inviter: &Inviter,
        key: ConnectionKey,
        name: &str,
    ) -> Result<(Entry, Note, ConnectionKey)> {
        let mut note = Note::new(
            NoteState::Accepting,
            Role::Invitee,
            ticket.delivery(),
            key.public(),
            name,
            self.now(),
        );
        note.pin = Some(inviter.pin.clone());
        if let Ticket::Link {
            inviter, secret, ..
        } = ticket
        {
            note = note.with_secret(secret);
            note.inviter = Some(inviter.clone());
            note.verified_by = Some(VerifiedBy::Link);
        }
        let id = ticket.id();
        let seal = async { self.seal_entry(id, &key, &note) };
        let sealed = self
            .step(12, "Wrap the private keys with the KEK", seal)
            .await?;
        let publication = self.publication(ticket, &key)?;
        self.store_and_publish(id, &sealed, publication, [13, 15])
            .await?;
        self.see_note(id, &note, &sealed.note)?;
        let entry = Entry {
            id,
            key: sealed.key,
            note: sealed.note,
            version: note.version,
            created_at: self.now(),
        };
        Ok((entry, note, key))
    }

    /// An earlier call came at least this far: its key and its pins count.
    async fn resume_accepting(
        &self,
        ticket: &Ticket,
        inviter: &Inviter,
    ) -> Result<(Entry, Note, ConnectionKey)> {
        let keys = self.keys()?;
        let mut entry = self.services().entry(ticket.id()).await?;
        let note = self.open_newest_note(&mut entry).await?;
        if note.role != Role::Invitee {
            return Err(Error::RecordRejected);
        }
        match note.state {
            NoteState::Accepting | NoteState::Accepted => {}
            NoteState::Declined => return Err(Error::InvitationDeclined),
            NoteState::Ended => return Err(Error::InvitationUsed),
            _ => return Err(Error::NotFound),
        }
        if note.pin.as_ref() != Some(&inviter.pin) {
            return Err(Error::PeerKeyChanged);
        }
        let key = open_connection_key(self.account(), &keys.kek, &note.own_key, &entry.key)?;
        let publication = self.publication(ticket, &key)?;
        self.services().publish(publication).await?;
        Ok((entry, note, key))
    }

    fn publication(
        &self,
        ticket: &Ticket,
        key: &ConnectionKey,
    ) -> Result<crate::crypto::records::Publication> {
        make_publication(
            self.account(),
            ticket.id(),
            Role::Invitee,
            &self.keys()?.signing,
            key.public(),
        )
    }

    /// Steps 17-18.
    async fn connect(
        &self,
        ticket: &Ticket,
        inviter: &Inviter,
        key: &ConnectionKey,
    ) -> Result<StoredConnection> {
        let keys = self.keys()?;
        let proof = match ticket {
            Ticket::Link { id, secret, .. } => {
                let theirs = Side {
                    account: inviter.pin.account,
                    signing_key: &inviter.signing_key,
                    connection_key: &inviter.connection_key,
                };
                let ours = Side {
                    account: self.account(),
                    signing_key: keys.signing.public(),
                    connection_key: key.public(),
                };
                Some(to_base64url(&secret.accept_proof(*id, theirs, ours)?))
            }
            Ticket::Mail { .. } => None,
        };
        let body = NewConnection {
            invitation_id: ticket.id(),
            token: ticket.token()?.to_text(),
            public_key_id: key.public().id().to_owned(),
            proof,
        };
        let create = async { self.services().create_connection(&body).await };
        self.step(17, "Create the connection", create).await
    }
}
