//! The part of a session that outlives its page. It is written and read here, in the clear; whoever stores it seals it first.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Client, Keys, Login, Session};
use crate::api::Transport;
use crate::crypto::base64url::{from_base64url_exact, to_base64url};
use crate::crypto::canonical_json::{from_json, to_json};
use crate::crypto::engine::{Engine, make_random};
use crate::crypto::keys::SymmetricKey;
use crate::crypto::records::{seal_signing_key, seal_vault_key};
use crate::error::{Error, Result};
use crate::ids::Id;

/// Another form is not read.
const FORM: u8 = 1;

/// A difference that should be kept, or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The session was locked or unlocked, or goes on with another session of the Keystore.
    Access,
    /// A newer event was told.
    LastEvent,
    /// Events may have been lost.
    Missed,
    /// The session cannot read events any more, until it is signed in anew.
    Deaf,
    /// Another session wrote a card a while ago, and may have been cut: whoever is told brings shares up to date.
    Lagging,
}

pub(super) type Watcher = Rc<dyn Fn(Change)>;

/// Bytes that are to be sealed before they are stored, and the nonce for it.
pub struct Plain {
    /// Random, for AES-GCM.
    pub iv: Zeroizing<[u8; 12]>,
    /// JSON.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// A session between two pages. Its keys stand apart, so that they can be taken away.
pub struct Kept {
    /// Account and address, with the session of the Keystore.
    pub state: Plain,
    /// The KEK and what it opens; none of a locked session.
    pub keys: Option<Plain>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    form: u8,
    account: Id,
    /// None of somebody who signed in with an identity token, which is not kept.
    email: Option<String>,
    session: Option<Zeroizing<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secrets {
    kek: Zeroizing<String>,
    vault_key: String,
    signing_key: String,
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Calls `watcher` whenever there is something to keep.
    pub fn watch(&self, watcher: impl Fn(Change) + 'static) {
        *self.inner.watcher.borrow_mut() = Some(Rc::new(watcher));
    }

    pub(super) fn changed(&self, change: Change) {
        let watcher = self.inner.watcher.borrow().clone();
        if let Some(watcher) = watcher {
            watcher(change);
        }
    }

    /// The session as it is to be kept, with its keys or without.
    pub fn keep(&self, with_keys: bool) -> Result<Kept> {
        if self.is_over() {
            return Err(Error::SessionExpired);
        }
        let state = State {
            form: FORM,
            account: self.account(),
            email: self.email(),
            session: self.services().session(),
        };
        let state = self.plain(to_json(&state)?)?;
        let keys = self.inner.keys.borrow().clone();
        let Some(keys) = keys.filter(|_| with_keys) else {
            return Ok(Kept { state, keys: None });
        };
        let (account, engine) = (self.account(), self.engine());
        let secrets = Secrets {
            kek: Zeroizing::new(to_base64url(keys.kek.as_bytes())),
            vault_key: seal_vault_key(engine, account, &keys.kek, &keys.vault)?,
            signing_key: seal_signing_key(engine, account, &keys.kek, &keys.signing)?,
        };
        let keys = Some(self.plain(to_json(&secrets)?)?);
        Ok(Kept { state, keys })
    }

    fn plain(&self, bytes: Zeroizing<Vec<u8>>) -> Result<Plain> {
        let iv = make_random(self.engine())?;
        Ok(Plain { iv, bytes })
    }

    /// Takes over what another tab, which has the same session, has kept. Without keys it was locked there, if they are kept
    /// at all.
    pub fn catch_up(&self, state: &[u8], keys: Option<&[u8]>, with_keys: bool) -> Result<()> {
        let state = read_state(state)?;
        if state.account != self.account() {
            return Err(Error::RecordRejected);
        }
        if self.is_over() {
            return Ok(());
        }
        match keys {
            None if !with_keys => {}
            None => self.forget(),
            Some(keys) if self.is_locked() => {
                *self.inner.keys.borrow_mut() = Some(Rc::new(read_keys(self.account(), keys)?));
            }
            Some(_) => {}
        }
        if state.session != self.services().session() {
            self.services().set_session(state.session);
            self.follow_events();
        }
        Ok(())
    }
}

impl<T: Transport, E: Engine> Client<T, E> {
    /// The session that was kept; locked, if its keys were not.
    pub fn resume(&self, state: &[u8], keys: Option<&[u8]>) -> Result<Session<T, E>> {
        let state = read_state(state)?;
        let keys = keys
            .map(|keys| read_keys(state.account, keys))
            .transpose()?;
        let login = state.email.map_or_else(Login::identity, Login::Email);
        let services = self.services_for(&login)?;
        services.set_session(state.session);
        Ok(self.session(services, state.account, login, keys))
    }
}

fn read_state(json: &[u8]) -> Result<State> {
    let state: State = from_json(json)?;
    if state.form == FORM {
        Ok(state)
    } else {
        Err(Error::RecordRejected)
    }
}

fn read_keys(account: Id, json: &[u8]) -> Result<Keys> {
    let secrets: Secrets = from_json(json)?;
    let kek = SymmetricKey::from_bytes(from_base64url_exact(&secrets.kek)?)?;
    Keys::open(account, kek, &secrets.vault_key, &secrets.signing_key)
}
