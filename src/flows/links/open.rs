//! Opening somebody's link, without an account.

use serde::Serialize;
use zeroize::Zeroizing;

use super::make::check_passphrase;
use crate::api::Transport;
use crate::api::vault::links::{LinkOpening, LinkReading};
use crate::crypto::base64url::to_base64url;
use crate::crypto::card_link::{CardLink, stretch_for_link};
use crate::crypto::engine::{Engine, make_random};
use crate::crypto::records::{CardContent, open_link};
use crate::error::{Error, Result};
use crate::flows::session::Client;

/// What a link shows.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkView {
    /// The card, as far as it is shown.
    pub card: CardContent,
    /// The name that whoever made the link goes by. Nobody has proven it.
    pub claimed_name: String,
    /// Grows with each change, from 1.
    pub edition: u64,
    /// The end, in milliseconds since 1970.
    pub expires_at: i64,
    /// The right to the files, for an hour.
    pub ticket: Zeroizing<String>,
}

impl std::fmt::Debug for LinkView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkView")
            .field("edition", &self.edition)
            .finish_non_exhaustive()
    }
}

impl<T: Transport, E: Engine> Client<T, E> {
    /// Opens a link. Nothing of it is kept. One that has a passphrase is `passphrase_needed` without it.
    pub async fn open_link(&self, link: &CardLink, passphrase: Option<&str>) -> Result<LinkView> {
        check_passphrase(passphrase)?;
        let (id, services) = (link.id, &self.services);
        let opening_token = link.secret.opening_token()?.to_text();
        let opening = LinkOpening { opening_token };
        let needed = services.open_link(id, &opening).await?.passphrase;
        let passphrase = match (needed, passphrase) {
            (true, None) => return Err(Error::PassphraseNeeded),
            (needed, given) => given.filter(|_| needed),
        };
        let stretched = stretch_for_link(&self.engine, id, passphrase).await?;
        let (reading, key) = link.secret.reading_keys(&stretched)?;
        let reading = LinkReading {
            opening_token: opening.opening_token,
            reading_token: reading.to_text(),
            read: to_base64url(&make_random::<16>(&self.engine)?[..]),
        };
        let stored = match services.read_link(id, &reading).await {
            // Without a passphrase nobody can have mistyped anything.
            Err(Error::WrongCredentials) if !needed => return Err(Error::RecordRejected),
            other => other?,
        };
        let (edition, jwe) = (stored.edition, &stored.share);
        let opened = open_link(&self.engine, id, edition, &key, &link.signer, jwe).await?;
        if stored.id != id || opened.expires_at != stored.expires_at {
            return Err(Error::RecordRejected);
        }
        if opened.expires_at <= services.transport.now() {
            return Err(Error::ShareExpired);
        }
        Ok(LinkView {
            card: opened.card,
            claimed_name: opened.name,
            edition,
            expires_at: opened.expires_at,
            ticket: stored.ticket,
        })
    }
}
