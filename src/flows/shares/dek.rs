//! A share's DEK: found in the session's memory, or opened from the copy that the Keystore has for this account.

use std::cell::RefCell;
use std::rc::Rc;

use crate::api::Transport;
use crate::api::keystore::spaces::{Claim, Space};
use crate::crypto::connection_key::ConnectionKey;
use crate::crypto::engine::Engine;
use crate::crypto::keys::{SymmetricKey, VerifyingKey};
use crate::crypto::records::{
    Pin, ShareIds, open_claim, open_connection_key, open_own_dek, open_peer_dek, seal_claim,
};
use crate::error::{Error, Result};
use crate::flows::by_id::ById;
use crate::flows::connections::Checked;
use crate::flows::session::Session;
use crate::ids::Id;

/// What one call has opened: the own keys of connections, since opening one takes longer than opening a share, and the spaces
/// whose copies it has tried; and the other persons' signing keys, each of which takes about as long to read as a signature to
/// check. It is wiped when the call ends.
#[derive(Default)]
pub(super) struct Opening {
    keys: RefCell<ById<Rc<ConnectionKey>>>,
    signers: RefCell<ById<Rc<VerifyingKey>>>,
    tried: RefCell<ById<()>>,
}

impl Opening {
    /// The signing key of the other person of a connection.
    pub(super) fn signer(&self, connection: Id, pin: &Pin) -> Result<Rc<VerifyingKey>> {
        if let Some(known) = self.signers.borrow().get(&connection) {
            return Ok(Rc::clone(known));
        }
        let key = Rc::new(pin.signing_key()?);
        self.signers
            .borrow_mut()
            .insert(connection, Rc::clone(&key));
        Ok(key)
    }

    /// Whether the copy of a space is tried for the first time.
    fn tries(&self, space: Id) -> bool {
        let mut tried = self.tried.borrow_mut();
        let is_first = !tried.contains(&space);
        tried.insert(space, ());
        is_first
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// The share's DEK, and whether it is still to be claimed. Without a claim that opens this takes a private-key operation.
    pub(super) async fn dek(
        &self,
        ids: &ShareIds,
        connection: &Checked,
        space: &Space,
        opening: &Opening,
    ) -> Result<(SymmetricKey, bool)> {
        let keys = self.keys()?;
        if let Some(dek) = self.inner.memory.borrow().deks.get(&ids.space) {
            // A claim that did not arrive is sent again.
            let unclaimed = matches!(space, Space::Recipient { claim: None, .. });
            return Ok((dek.clone(), unclaimed));
        }
        if !self.is_space_of(ids, space) {
            return Err(Error::RecordRejected);
        }
        match space {
            Space::Sender { own, .. } => Ok((open_own_dek(&keys.kek, ids, own)?, false)),
            Space::Recipient { claim, peer, .. } => {
                let claim = claim.as_deref();
                match claim.map(|claim| open_claim(&keys.kek, ids, claim)) {
                    Some(Ok(dek)) => Ok((dek, false)),
                    // What a later release wrote is not written over.
                    Some(Err(Error::UpdateNeeded)) => Err(Error::UpdateNeeded),
                    // A claim that does not open is none, and is replaced.
                    _ => {
                        let dek = self.first_dek(ids, connection, peer, opening).await?;
                        Ok((dek, true))
                    }
                }
            }
        }
    }

    /// Whether the Keystore's space is of the share's connection, for this account, with the other person of the share.
    fn is_space_of(&self, ids: &ShareIds, space: &Space) -> bool {
        let (space_connection, own, (other, expected)) = match space {
            Space::Sender {
                connection_id,
                recipient,
                ..
            } => (*connection_id, ids.from, (*recipient, ids.to)),
            Space::Recipient {
                connection_id,
                sender,
                ..
            } => (Some(*connection_id), ids.to, (Some(*sender), ids.from)),
        };
        space_connection == Some(ids.connection) && own == self.account() && other == Some(expected)
    }

    /// Step 39: unwraps the peer's copy, which is tried once.
    async fn first_dek(
        &self,
        ids: &ShareIds,
        connection: &Checked,
        jwe: &str,
        opening: &Opening,
    ) -> Result<SymmetricKey> {
        let rejected = |space| self.inner.memory.borrow().rejected_spaces.contains(space);
        if rejected(&ids.space) || !opening.tries(ids.space) {
            return Err(Error::RecordRejected);
        }
        let unwrap = self.unwrap_peer_copy(ids, connection, jwe, opening);
        let title = "Unwrap the DEK with the private keys";
        let unwrapped = self.step(39, title, unwrap).await;
        self.reject_space_after(ids.space, &unwrapped);
        unwrapped
    }

    /// Remembers after a refusal that the peer's copy of this space is not to be tried again. What a later release wrote was
    /// not refused: it is for that release.
    pub(super) fn reject_space_after<R>(&self, space: Id, opened: &Result<R>) {
        if !matches!(opened, Ok(_) | Err(Error::UpdateNeeded)) {
            let mut memory = self.inner.memory.borrow_mut();
            memory.rejected_spaces.insert(space, ());
        }
    }

    async fn unwrap_peer_copy(
        &self,
        ids: &ShareIds,
        connection: &Checked,
        jwe: &str,
        opening: &Opening,
    ) -> Result<SymmetricKey> {
        let id = ids.connection;
        let opened = opening.keys.borrow().get(&id).cloned();
        let key = match opened {
            Some(key) => key,
            None => {
                let (kek, entry) = (&self.keys()?.kek, &connection.entry.key);
                let own_key = &connection.note.own_key;
                let key = open_connection_key(self.account(), kek, own_key, entry)?;
                let key = Rc::new(key);
                opening.keys.borrow_mut().insert(id, Rc::clone(&key));
                key
            }
        };
        let known = self.inner.memory.borrow().private_keys.get(&id).cloned();
        let rsa = match known {
            Some(rsa) => rsa,
            None => {
                let imported = self.engine().import_rsa_key(key.rsa().pkcs8()).await?;
                self.remember(|memory| memory.private_keys.insert(id, imported.clone()));
                imported
            }
        };
        open_peer_dek(self.engine(), &rsa, &key, ids, jwe).await
    }

    /// The claim that saves the next read its private-key operation.
    pub(super) fn make_claim(&self, ids: &ShareIds, dek: &SymmetricKey) -> Result<Claim> {
        Ok(Claim {
            id: ids.space,
            claim: seal_claim(self.engine(), &self.keys()?.kek, ids, dek)?,
        })
    }

    /// Steps 40-42, not waited for: the shares are read whether or not the claims arrive.
    pub(super) fn claim(&self, claims: Vec<Claim>) {
        if claims.is_empty() {
            return;
        }
        let session = self.clone();
        self.services().transport.spawn(async move {
            let store = session.services().claim_spaces(claims);
            let title = "Wrap the DEK with the own KEK and store the claim";
            let _ = session.step(40, title, store).await;
        });
    }
}
