//! What a person does: a folder for each thing, in it a file for each action.
//!
//! The flows are generic over a [`Transport`] and an [`Engine`], so that the very same code runs in a browser and in
//! native tests against the real services. Step numbers are those of `docs/protocol.md`.

mod account;
mod by_id;
mod cards;
mod connections;
mod session;
mod shares;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use serde::Serialize;

use by_id::ById;

use crate::api::{Page, Services, Transport};
use crate::crypto::engine::{Engine, Watched, make_random};
use crate::crypto::keys::{SigningKey, SymmetricKey};
use crate::error::{Error, Result};
use crate::ids::Id;

pub use account::SignedUp;
pub use cards::{Card, CardUpdate};
pub use connections::{Connection, ConnectionState, Invitation, Invite, Trust};
pub use session::{Change, Kept, Login, Plain, Progress, Step, Steps, Subscription};
pub use shares::{OutgoingShare, Person, Received, Share, ShareOutcome, ShareRequest};

/// A record that was opened, or why it was not: a page never fails for one bad record.
#[derive(Debug)]
pub struct Opened<R> {
    /// The record's id.
    pub id: Id,
    /// The record.
    pub result: Result<R>,
}

/// Knows the services; signs people up and in.
pub struct Client<T, E> {
    services: Services<T>,
    engine: Watched<E>,
    invitation_url: Option<String>,
    steps: Steps,
}

impl<T: Transport, E: Engine> Client<T, E> {
    /// A client of the services at these base URLs. `invitation_url` is the page that invitation links lead to.
    pub fn new(
        transport: T,
        engine: E,
        vault: &str,
        keystore: &str,
        invitation_url: Option<String>,
        steps: Steps,
    ) -> Result<Self> {
        let services = Services::new(transport, vault, keystore)?;
        Ok(Self {
            services,
            engine: Watched::new(engine),
            invitation_url,
            steps,
        })
    }

    fn session(
        &self,
        services: Services<T>,
        account: Id,
        login: Login,
        keys: Option<Keys>,
    ) -> Session<T, E> {
        let inner = Inner {
            services,
            engine: self.engine.clone(),
            invitation_url: self.invitation_url.clone(),
            steps: self.steps.clone(),
            account,
            login: RefCell::new(login.normalise(&self.engine)),
            keys: RefCell::new(keys.map(Rc::new)),
            memory: RefCell::new(Memory::default()),
            live: session::Live::default(),
            watcher: RefCell::new(None),
            signed_out: Cell::new(false),
            deleting: Cell::new(false),
        };
        Session(Rc::new(inner), Progress::default())
    }
}

impl<T, E> fmt::Debug for Client<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// The keys of an unlocked session.
struct Keys {
    kek: SymmetricKey,
    vault: SymmetricKey,
    signing: SigningKey,
}

/// What a session learns and may forget.
struct Memory<P> {
    /// Connection private keys that were imported.
    private_keys: ById<P>,
    /// DEKs by encryption space.
    deks: ById<SymmetricKey>,
    /// Where a share belongs, as the Vault tells: its connection and encryption space.
    places: ById<(Id, Id)>,
    /// The encryption spaces of one's own shares, as made or checked here.
    own_spaces: ById<Id>,
    /// Spaces whose peer copy did not open: tried once, never again.
    rejected_spaces: ById<()>,
    /// The newest version of each note and card; an older one is refused.
    versions: ById<u64>,
}

impl<P> Default for Memory<P> {
    fn default() -> Self {
        Self {
            private_keys: ById::default(),
            deks: ById::default(),
            places: ById::default(),
            own_spaces: ById::default(),
            rejected_spaces: ById::default(),
            versions: ById::default(),
        }
    }
}

struct Inner<T: Transport, E: Engine> {
    services: Services<T>,
    engine: Watched<E>,
    invitation_url: Option<String>,
    steps: Steps,
    account: Id,
    login: RefCell<Login>,
    keys: RefCell<Option<Rc<Keys>>>,
    memory: RefCell<Memory<E::PrivateKey>>,
    live: session::Live,
    /// Is told what there is to keep.
    watcher: RefCell<Option<session::Watcher>>,
    signed_out: Cell<bool>,
    /// The Keystore was asked to delete the account, and perhaps did.
    deleting: Cell<bool>,
}

/// A signed-in person. Clones are the same session; each tells its own listener how far a call is.
pub struct Session<T: Transport, E: Engine>(Rc<Inner<T, E>>, Progress);

impl<T: Transport, E: Engine> Clone for Session<T, E> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0), self.1.clone())
    }
}

impl<T: Transport, E: Engine> fmt::Debug for Session<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("account", &self.0.account)
            .finish_non_exhaustive()
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// The account id.
    #[must_use]
    pub fn account(&self) -> Id {
        self.0.account
    }

    /// Whether the keys are forgotten.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.keys.borrow().is_none()
    }

    fn services(&self) -> &Services<T> {
        &self.0.services
    }

    fn engine(&self) -> &Watched<E> {
        &self.0.engine
    }

    fn now(&self) -> i64 {
        self.0.services.transport.now()
    }

    fn keys(&self) -> Result<Rc<Keys>> {
        if self.0.signed_out.get() {
            return Err(Error::SessionExpired);
        }
        self.0.keys.borrow().clone().ok_or(Error::Locked)
    }

    fn make_id(&self) -> Result<Id> {
        Ok(Id::v7(self.now(), &*make_random(self.engine())?))
    }

    /// Remembers a version, and refuses one that is older than one seen before.
    fn see_version(&self, id: Id, version: u64) -> Result<()> {
        let mut memory = self.0.memory.borrow_mut();
        let newest = memory.versions.get(&id).copied().unwrap_or(0);
        if version < newest {
            return Err(Error::RecordRejected);
        }
        let newer = version > newest;
        memory.versions.insert(id, version);
        drop(memory);
        if newer {
            self.changed(Change::Versions);
        }
        Ok(())
    }

    async fn step<R>(
        &self,
        number: u8,
        title: &'static str,
        work: impl Future<Output = Result<R>>,
    ) -> Result<R> {
        let clock = &self.0.services.transport;
        let start = clock.now();
        let result = work.await;
        if result.is_ok() {
            self.0.steps.tell(number, title, start, clock);
        }
        result
    }
}

/// A page of opened records.
impl<R> Page<R> {
    fn map<S>(self, convert: impl FnMut(R) -> S) -> Page<S> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next: self.next,
        }
    }
}

/// Checks a time given as the end of something.
fn check_expiry(expires_at: Option<i64>, now: i64) -> Result<()> {
    if expires_at.is_some_and(|end| end <= now) {
        return Err(Error::bad_input("`expiresAt` is in the past."));
    }
    Ok(())
}

/// Checks a name that one person gives to another.
fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.len() > 200 {
        return Err(Error::bad_input("A name has 1 to 200 bytes."));
    }
    Ok(())
}

impl<R: Serialize> Serialize for Opened<R> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.result {
            Ok(record) => record.serialize(serializer),
            Err(error) => Failure {
                id: self.id,
                error: error.into(),
            }
            .serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct Failure {
    id: Id,
    error: Reason,
}

/// An error as JavaScript gets it inside a result.
#[derive(Debug, Serialize)]
pub struct Reason {
    code: &'static str,
    message: String,
}

impl From<&Error> for Reason {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
        }
    }
}
