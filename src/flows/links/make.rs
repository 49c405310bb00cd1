//! Making a link.

use futures_util::future::try_join;
use zeroize::Zeroizing;

use super::list::LinkShare;
use crate::api::Transport;
use crate::api::keystore::spaces::NewSpace;
use crate::api::vault::links::{LinkRecord, NewLink};
use crate::crypto::card_link::stretch_for_link;
use crate::crypto::engine::Engine;
use crate::crypto::invitation_link::LinkSecret;
use crate::crypto::keys::SigningKey;
use crate::crypto::marks::Kind;
use crate::crypto::records::{
    Audience, Part, Sent, SentLink, card_tag, seal_own_link_key, seal_sent,
};
use crate::error::{Error, Result};
use crate::flows::checks::{check_name, check_open_end};
use crate::flows::session::Session;
use crate::flows::shares::{Draft, Source};
use crate::ids::Id;

/// The most bytes of a passphrase, as typed, in UTF-8.
const MAX_PASSPHRASE_BYTES: usize = 1000;

/// A link that is to be made.
#[derive(Clone)]
pub struct LinkRequest {
    /// The card.
    pub card: Id,
    /// What is shown of it; all by default.
    pub part: Part,
    /// The end, in milliseconds since 1970; at most 90 days from now.
    pub expires_at: i64,
    /// How often it may be read; without a bound by default.
    pub max_reads: Option<u64>,
    /// A passphrase that goes another way than the link; none by default.
    pub passphrase: Option<Zeroizing<String>>,
    /// The name that one goes by towards whoever opens it, 1 to 200 bytes.
    pub name: String,
    /// Whether it follows the card.
    pub live: bool,
}

impl std::fmt::Debug for LinkRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkRequest")
            .field("card", &self.card)
            .finish_non_exhaustive()
    }
}

/// Checks a link's passphrase, which is for a link alone: a short one is no reason to refuse it.
pub(super) fn check_passphrase(passphrase: Option<&str>) -> Result<()> {
    match passphrase {
        Some(text) if text.is_empty() || text.len() > MAX_PASSPHRASE_BYTES => {
            Err(Error::bad_input(format!(
                "A passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes."
            ))
            .in_argument("passphrase"))
        }
        _ => Ok(()),
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Makes a link that shows a card to whoever has it.
    pub async fn share_by_link(&self, request: LinkRequest) -> Result<LinkShare> {
        let keys = self.keys()?;
        self.check_link_request(&request)?;
        let (id, engine) = (self.make_id()?, self.engine());
        let stretched = stretch_for_link(
            engine,
            id,
            request.passphrase.as_deref().map(|text| &**text),
        );
        let (card, stretched) = try_join(self.read_card(request.card), stretched).await?;
        card.content.check_part(&request.part)?;
        let card = Source::new(card.id, card.version, card.content)?;
        let (secret, signer) = (LinkSecret::make(engine)?, SigningKey::make(engine)?);
        let (reading, dek) = secret.reading_keys(&stretched)?;
        let own = seal_own_link_key(engine, self.account(), id, &keys.kek, &dek)?;
        let from = self.account();
        let draft = Draft {
            at: Audience::Link { from, id },
            dek,
            recipient: None,
            sent: Sent {
                version: 1,
                edition: 1,
                card: card.id,
                card_version: card.version,
                shown: card.shown(&request.part)?,
                fields: request.part.fields,
                files: request.part.files,
                live: request.live,
                expires_at: Some(request.expires_at),
                accept_unverified: false,
                reference: None,
                link: Some(SentLink {
                    max_reads: request.max_reads,
                    name: request.name,
                    secret: secret.to_text(),
                    signing_key: signer.to_members(),
                }),
            },
            replaces: None,
            created_at: self.now(),
        };
        let (share, files) = self.seal(&card, &draft).await?;
        let link = NewLink {
            opening_hash: secret.opening_token()?.hash(),
            reading_hash: reading.hash(),
            passphrase: request.passphrase.is_some(),
            edition: 1,
            expires_at: request.expires_at,
            max_reads: request.max_reads,
            share,
            files,
        };
        let sent = draft.sent;
        let space = NewSpace {
            id,
            connection_id: None,
            recipient: None,
            expires_at: sent.expires_at,
            own,
            peer: None,
            share: id,
            sent: seal_sent(engine, &keys.vault, &draft.at, &sent)?,
            tag: Some(card_tag(&keys.vault, sent.card)?),
            live: sent.live,
        };
        let stored = self.store_link(space, &link).await?;
        // What was updated or deleted meanwhile did not see the new row.
        self.follow_if_changed(card.id, Some(card.version), vec![draft.at]);
        self.link_share(sent, stored)
    }

    fn check_link_request(&self, request: &LinkRequest) -> Result<()> {
        check_name(&request.name)?;
        check_open_end(Some(request.expires_at), self.now())?;
        check_passphrase(request.passphrase.as_deref().map(|text| &**text))?;
        let (text, argument) = if request.max_reads == Some(0) {
            ("`maxReads` is 1 or more.", "maxReads")
        } else if self.inner.invitation_url.is_none() {
            (
                "A link needs the `invitationUrl` of `open`.",
                "invitationUrl",
            )
        } else {
            return request.part.check();
        };
        Err(Error::bad_input(text).in_argument(argument))
    }

    /// Stores the row, and then what the link shows. Nobody has the link before, so one that is cut is taken back.
    async fn store_link(&self, space: NewSpace, link: &NewLink) -> Result<LinkRecord> {
        let id = space.id;
        let mut unfinished = Unfinished(Some((self, id)));
        let mut errors = self.write_rows(vec![space], Vec::new()).await?;
        if let Some(error) = errors.remove(&id).flatten() {
            return Err(error);
        }
        let stored = self.services().create_link(id, link).await?;
        if stored.id != id {
            return Err(Error::RecordRejected);
        }
        self.see(Kind::Link, id, 1, &link.share)?;
        unfinished.0 = None;
        Ok(stored)
    }
}

/// A link that is being made. When it is dropped, the link is taken back in the background.
struct Unfinished<'a, T: Transport, E: Engine>(Option<(&'a Session<T, E>, Id)>);

impl<T: Transport, E: Engine> Drop for Unfinished<'_, T, E> {
    fn drop(&mut self) {
        if let Some((session, id)) = self.0.take() {
            session.erase_later(id);
        }
    }
}
