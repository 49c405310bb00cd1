//! A signed-in person's session: its keys and its lock, its events, what it has seen, what it keeps and tells.
//!
//! Every other folder of flows adds methods to [`Session`]; this one names none of them.

mod client;
mod keys;
mod live;
mod lock;
mod login;
mod marks;
mod memory;
mod persist;
mod progress;
mod steps;
mod stock;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use futures_util::TryFutureExt as _;
use zeroize::Zeroizing;

use crate::api::{Services, Transport};
use crate::crypto::engine::{Engine, Watched, make_random};
use crate::crypto::marks::Marks;
use crate::error::{Error, Result};
use crate::ids::Id;

use live::Live;
use memory::Memory;
use persist::Watcher;
use stock::Stock;

pub use client::Client;
pub(in crate::flows) use keys::Keys;
pub use live::Subscription;
pub use login::Login;
pub(in crate::flows) use memory::{PublishedKeys, ShareHome};
pub use persist::{Change, Kept, Plain};
pub use progress::Progress;
pub(in crate::flows) use progress::Work;
pub use steps::{Step, Steps};

/// A signed-in person. Clones are the same session; each tells its own listener how far a call is.
pub struct Session<T: Transport, E: Engine> {
    pub(in crate::flows) inner: Rc<Inner<T, E>>,
    progress: Progress,
}

/// The part that all clones share.
pub(in crate::flows) struct Inner<T: Transport, E: Engine> {
    services: Services<T>,
    engine: Watched<E>,
    pub(in crate::flows) invitation_url: Option<String>,
    steps: Steps,
    pub(in crate::flows) receipts: bool,
    account: Id,
    login: RefCell<Login>,
    keys: RefCell<Option<Rc<Keys>>>,
    pub(in crate::flows) memory: RefCell<Memory<E::PrivateKey>>,
    /// These stay when the keys are forgotten: what this device saw must not be rolled back by a lock.
    marks: RefCell<Marks>,
    marks_changes: Cell<u32>,
    live: Live,
    stock: Rc<Stock>,
    /// Is told what there is to keep.
    watcher: RefCell<Option<Watcher>>,
    failed_sign_ins: Cell<u64>,
    signed_out: Cell<bool>,
    /// The Keystore was asked to delete the account, and perhaps did.
    pub(in crate::flows) deleting: Cell<bool>,
}

impl<T: Transport, E: Engine> Clone for Session<T, E> {
    fn clone(&self) -> Self {
        self.reporting(self.progress.clone())
    }
}

impl<T: Transport, E: Engine> fmt::Debug for Session<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("account", &self.inner.account)
            .finish_non_exhaustive()
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    fn new(
        client: &Client<T, E>,
        services: Services<T>,
        account: Id,
        login: Login,
        keys: Option<Keys>,
    ) -> Self {
        let inner = Inner {
            services,
            engine: client.engine.clone(),
            invitation_url: client.invitation_url.clone(),
            steps: client.steps.clone(),
            receipts: client.receipts,
            account,
            login: RefCell::new(login.normalise(&client.engine)),
            keys: RefCell::new(keys.map(Rc::new)),
            memory: RefCell::default(),
            marks: RefCell::default(),
            marks_changes: Cell::new(0),
            live: Live::default(),
            stock: Rc::clone(&client.stock),
            watcher: RefCell::default(),
            failed_sign_ins: Cell::new(0),
            signed_out: Cell::new(false),
            deleting: Cell::new(false),
        };
        Self {
            inner: Rc::new(inner),
            progress: Progress::default(),
        }
    }

    /// The account id.
    #[must_use]
    pub fn account(&self) -> Id {
        self.inner.account
    }

    /// Other sign-ins to this account that were begun and not finished, between the last two times that the passphrase was
    /// proven. It is the Keystore's word.
    #[must_use]
    pub fn failed_sign_ins(&self) -> u64 {
        self.inner.failed_sign_ins.get()
    }

    pub(in crate::flows) fn tell_failed_sign_ins(&self, count: u64) {
        self.inner.failed_sign_ins.set(count);
    }

    pub(in crate::flows) fn services(&self) -> &Services<T> {
        &self.inner.services
    }

    pub(in crate::flows) fn engine(&self) -> &Watched<E> {
        &self.inner.engine
    }

    pub(in crate::flows) fn now(&self) -> i64 {
        self.services().transport.now()
    }

    /// The keys, if the session is neither over nor locked.
    pub(in crate::flows) fn keys(&self) -> Result<Rc<Keys>> {
        if self.is_over() {
            return Err(Error::SessionExpired);
        }
        self.inner.keys.borrow().clone().ok_or(Error::Locked)
    }

    /// The token that shows the account to the Vault, for the page's own requests: those for files. A fresh one, where the
    /// last was refused.
    pub async fn vault_token(&self, fresh: bool) -> Result<String> {
        self.keys()?;
        self.services().token_to_show(fresh).await
    }

    /// Remembers something, unless the session is locked: then nothing of it stays.
    pub(in crate::flows) fn remember(&self, remember: impl FnOnce(&mut Memory<E::PrivateKey>)) {
        if !self.is_locked() {
            remember(&mut self.inner.memory.borrow_mut());
        }
    }

    /// An id for a new record; in the order of ids records have the order of time.
    pub(in crate::flows) fn make_id(&self) -> Result<Id> {
        Ok(Id::v7(self.now(), &*make_random(self.engine())?))
    }

    /// Goes on with this Keystore session; the one before ends. Calls that are under way, and who listens, go over to it.
    pub(in crate::flows) async fn adopt(&self, session: Zeroizing<String>) {
        let before = self.services().fresh();
        before.set_session(self.services().set_session(Some(session)));
        self.changed(Change::Access);
        self.follow_events();
        // It is of no more use; should ending it fail, its age ends it.
        let _ = before.end_session().await;
    }

    /// Does a step of the protocol, and tells of it when it worked.
    pub(in crate::flows) fn step<R>(
        &self,
        number: u8,
        title: &'static str,
        work: impl Future<Output = Result<R>>,
    ) -> impl Future<Output = Result<R>> {
        let clock = &self.services().transport;
        let start = clock.now();
        work.inspect_ok(move |_| self.inner.steps.tell(number, title, start, clock))
    }
}
