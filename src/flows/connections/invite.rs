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
use crate::flows::checks::{check_email, check_expiry, check_name};
use crate::flows::session::Session;
use crate::ids::Id;

/// How long an invitation is good for by default, in milliseconds: 14 days.
const DEFAULT_LIFE: i64 = 14 * 24 * 3600 * 1000;

/// Whom to invite, and how.
#[derive(Debug, Clone)]
pub struct Invite {
    /// How the invitation travels.
    pub delivery: Delivery,
    /// Where the mail goes.
    pub email: Option<String>,
    /// What this side calls the invited person.
    pub name: String,
    /// When the invitation ends.
    pub expires_at: Option<i64>,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Makes an invitation. With [`Delivery::Link`] the result holds the link, to be handed over by the inviter.
    pub async fn invite(&self, invite: Invite) -> Result<Invitation> {
        let keys = self.keys()?;
        check_name(&invite.name)?;
        check_expiry(invite.expires_at, self.now())?;
        let email = match (invite.delivery, invite.email.as_deref()) {
            (Delivery::Email, Some(email)) => Some(check_email(email)?),
            (Delivery::Email, None) => {
                return Err(Error::bad_input("An invitation by mail needs an `email`."));
            }
            (Delivery::Link, _) => None,
        };
        let base = self.inner.invitation_url.clone();
        if invite.delivery == Delivery::Link && base.is_none() {
            return Err(Error::bad_input(
                "An invitation link needs the `invitationUrl` of `open`.",
            ));
        }

        let id = self.make_id()?;
        let key = self
            .step(
                1,
                "Make the connection keypair",
                ConnectionKey::make(self.engine()),
            )
            .await?;
        let mut note = Note::new(
            NoteState::Invited,
            Role::Inviter,
            invite.delivery,
            key.public(),
            &invite.name,
        );
        let secret = match invite.delivery {
            Delivery::Link => Some(LinkSecret::make(self.engine())?),
            Delivery::Email => None,
        };
        if let Some(secret) = &secret {
            note = note.with_secret(secret);
        }
        let entry = self
            .step(2, "Wrap the private key with the KEK", async {
                self.seal_entry(id, &key, &note)
            })
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

        let token_hash = secret
            .as_ref()
            .map(LinkSecret::token)
            .transpose()?
            .map(|token| token.hash());
        let body = NewInvitation {
            public_key_id: key.public().thumbprint().to_owned(),
            delivery: invite.delivery,
            email,
            token_hash,
            expires_at: invite.expires_at.unwrap_or(self.now() + DEFAULT_LIFE),
        };
        let create = async { self.services().create_invitation(id, &body).await };
        let stored = self.step(7, "Create the invitation", create).await?;
        if stored.id != id {
            return Err(Error::RecordRejected);
        }
        let link = secret
            .zip(base)
            .map(|(secret, base)| to_link(&base, id, keys.signing.public(), &secret));
        Ok(Invitation::new(stored, &note, link))
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
            "Store the wrapped key in the Keystore",
            self.services().create_entry(id, entry),
        );
        let publish = self.step(
            publish,
            "Publish the public key in the Vault",
            self.services().publish(publication),
        );
        try_join(store, publish).await.map(|_| ())
    }
}
