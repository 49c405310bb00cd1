//! What a call does before it has looked: from what the session remembers of the card and of the other persons' keys, encryption
//! spaces are made and stored while the card and the connections are fetched. What is remembered decides nothing: a share is made
//! of what was fetched, and only if that is the same.

use super::plan::Source;
use super::share::ShareRequest;
use super::store::Draft;
use crate::api::Transport;
use crate::api::keystore::spaces::NewSpace;
use crate::crypto::engine::Engine;
use crate::crypto::records::{Pin, ShareIds};
use crate::error::{Error, Result};
use crate::flows::connections::{Checked, Trust};
use crate::flows::session::{Session, Work};
use crate::ids::Id;

/// A share that was drafted from what is remembered.
pub(super) struct Ahead {
    pub(super) draft: Draft,
    /// The keys that its DEK is wrapped for.
    pin: Pin,
}

impl Ahead {
    pub(super) fn ids(&self) -> Option<ShareIds> {
        self.draft.at.person().copied()
    }

    pub(super) fn space(&self) -> Id {
        self.draft.at.space()
    }

    /// Whether the card that was fetched is the one that was remembered.
    pub(super) fn shows(&self, card: &Source) -> bool {
        let sent = &self.draft.sent;
        let shown = card.shown(&sent.part());
        sent.card_version == card.version && shown.is_ok_and(|shown| shown == sent.shown)
    }

    /// Whether the connection that was fetched allows what was drafted.
    pub(super) fn check(&self, checked: &Checked, accept_unverified: bool) -> Result<()> {
        let pin = checked.peer()?;
        if checked.trust == Trust::Unverified && !accept_unverified {
            return Err(Error::ConnectionUnverified);
        }
        match *pin == self.pin {
            true => Ok(()),
            false => Err(Error::PeerKeyChanged),
        }
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Drafts a share for each person whose keys are remembered, if the card is, too. What cannot be drafted is found out
    /// later, and told then.
    pub(super) async fn draft_ahead(
        &self,
        request: &ShareRequest,
        tag: &str,
        work: &mut Work<'_, T>,
    ) -> Vec<(Ahead, NewSpace)> {
        let known = self.inner.memory.borrow().cards.get(request.card);
        let Some((version, content)) = known.filter(|_| request.live) else {
            return Vec::new();
        };
        let is_part = content.check_part(&request.part);
        let card = is_part.and_then(|()| Source::new(request.card, version, content));
        let Ok(card) = card else {
            return Vec::new();
        };
        let mut drafts = Vec::with_capacity(request.connections.len());
        for connection in &request.connections {
            let peer = self
                .inner
                .memory
                .borrow()
                .peer_without(request.card, *connection);
            let allowed =
                |(_, is_verified): &(Pin, bool)| *is_verified || request.accept_unverified;
            let Some((pin, _)) = peer.filter(allowed) else {
                continue;
            };
            let drafted = self.draft_new(*connection, &pin, request, tag, &card).await;
            if let Ok((draft, space)) = drafted {
                drafts.push((Ahead { draft, pin }, space));
            }
            work.advance().await;
        }
        drafts
    }
}
