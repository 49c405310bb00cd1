//! Inviting somebody to connect (steps 1-9).

use futures_util::future::try_join;

use super::invitations::Invitation;
use crate::api::Transport;
use crate::api::keystore::connections::NewEntry;
use crate::api::vault::invitations::NewInvitation;
use crate::crypto::connection_key::ConnectionKey;
use crate::crypto::engine::Engine;
use crate::crypto::invitation_link::{LinkSecret, to_link};
use crate::crypto::records::{
    Delivery, Note, NoteState, Publication, Role, make_publication, seal_connection_key, seal_note,
};
use crate::error::{Error, Result};
use crate::flows::checks::{check_email, check_name, check_open_end};
use crate::flows::session::Session;
use crate::ids::Id;

/// The lifetime of an invitation for which none is given, in milliseconds: 14 days.
const DEFAULT_LIFETIME_MS: i64 = 14 * 24 * 3600 * 1000;

/// An invitation that is to be made.
#[derive(Debug, Clone)]
pub struct Invite {
    /// Its way to the invited person.
    pub delivery: Delivery,
    /// The address of the mail; only for [`Delivery::Email`].
    pub email: Option<String>,
    /// The page that the mail's link leads to, one of the Vault's list.
    pub page: Option<String>,
    /// The tag of the mail's language.
    pub language: Option<String>,
    /// This side's name for the invited person, 1 to 200 bytes.
    pub name: String,
    /// Its end, in milliseconds since 1970; 14 days from now by default.
    pub expires_at: Option<i64>,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Makes an invitation. With [`Delivery::Link`] the result holds the link, to be handed over by the inviter.
    pub async fn invite(&self, invite: Invite) -> Result<Invitation> {
        let keys = self.keys()?;
        let invite = self.check_invite(invite)?;
        let id = self.make_id()?;
        let make_key = self.new_connection_key();
        let key = self
            .step(1, "Make the connection key pairs", make_key)
            .await?;
        let secret = match invite.delivery {
            Delivery::Link => Some(LinkSecret::make(self.engine())?),
            Delivery::Email => None,
        };
        let note = note_of(&invite, &key, secret.as_ref(), self.now());
        let seal = async { self.seal_entry(id, &key, &note) };
        let entry = self
            .step(2, "Wrap the private keys with the KEK", seal)
            .await?;
        let publication = make_publication(
            self.account(),
            id,
            Role::Inviter,
            &keys.signing,
            key.public(),
        )?;
        self.store_and_publish(id, &entry, publication, [3, 5])
            .await?;
        self.see_note(id, &note, &entry.note)?;

        let body = self.new_invitation(invite, &key, secret.as_ref())?;
        let create = async { self.services().create_invitation(id, &body).await };
        let stored = self.step(7, "Create the invitation", create).await?;
        if stored.id != id {
            return Err(Error::RecordRejected);
        }
        self.stock_up();
        let link = secret
            .zip(self.inner.invitation_url.as_deref())
            .map(|(secret, base)| to_link(base, id, keys.signing.public(), &secret));
        Ok(Invitation::new(stored, &note, link))
    }

    /// The same, if it can be made. Where there is a link, what belongs to a mail is left out.
    fn check_invite(&self, invite: Invite) -> Result<Invite> {
        check_name(&invite.name)?;
        check_open_end(invite.expires_at, self.now())?;
        let email = match (invite.delivery, invite.email) {
            (Delivery::Email, Some(email)) => Some(check_email(&email)?),
            (Delivery::Email, None) => {
                return Err(Error::bad_input("An invitation by mail needs an `email`.")
                    .in_argument("email"));
            }
            (Delivery::Link, _) if self.inner.invitation_url.is_none() => {
                return Err(Error::bad_input(
                    "An invitation link needs the `invitationUrl` of `open`.",
                )
                .in_argument("invitationUrl"));
            }
            (Delivery::Link, _) => None,
        };
        let is_mailed = invite.delivery == Delivery::Email;
        Ok(Invite {
            email,
            page: invite.page.filter(|_| is_mailed),
            language: invite.language.filter(|_| is_mailed),
            ..invite
        })
    }

    fn new_invitation(
        &self,
        invite: Invite,
        key: &ConnectionKey,
        secret: Option<&LinkSecret>,
    ) -> Result<NewInvitation> {
        let token = secret.map(LinkSecret::token).transpose()?;
        Ok(NewInvitation {
            public_key_id: key.public().id().to_owned(),
            delivery: invite.delivery,
            email: invite.email,
            token_hash: token.map(|token| token.hash()),
            page: invite.page,
            language: invite.language,
            expires_at: invite
                .expires_at
                .unwrap_or(self.now() + DEFAULT_LIFETIME_MS),
        })
    }

    /// The connection key and its note, as the Keystore keeps them.
    pub(super) fn seal_entry(&self, id: Id, key: &ConnectionKey, note: &Note) -> Result<NewEntry> {
        let keys = self.keys()?;
        Ok(NewEntry {
            key: seal_connection_key(self.engine(), self.account(), &keys.kek, key)?,
            note: seal_note(self.engine(), self.account(), id, &keys.vault, note)?,
        })
    }

    /// Stores the wrapped key in the Keystore and publishes the public one in the Vault: steps 3-4 and 5-6, or 13-14
    /// and 15-16. Both are durable before anything refers to them.
    pub(super) async fn store_and_publish(
        &self,
        id: Id,
        entry: &NewEntry,
        publication: Publication,
        numbers: [u8; 2],
    ) -> Result<()> {
        let [store, publish] = numbers;
        let store = self.step(
            store,
            "Store the wrapped keys in the Keystore",
            self.services().create_entry(id, entry),
        );
        let publish = self.step(
            publish,
            "Publish the public keys in the Vault",
            self.services().publish(publication),
        );
        try_join(store, publish).await.map(|_| ())
    }
}

fn note_of(invite: &Invite, key: &ConnectionKey, secret: Option<&LinkSecret>, now: i64) -> Note {
    let note = Note::new(
        NoteState::Invited,
        Role::Inviter,
        invite.delivery,
        key.public(),
        &invite.name,
        now,
    );
    match secret {
        Some(secret) => note.with_secret(secret),
        None => note,
    }
}
