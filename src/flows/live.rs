//! Live events: one stream for a session, shared by all who listen.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use super::{Inner, Session};
use crate::api::vault::events::{Event, EventKind, Parser};
use crate::api::{ByteStream, Transport, jitter};
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};

const SHORTEST_WAIT: u32 = 500;
const LONGEST_WAIT: u32 = 30_000;

type Listener = Rc<dyn Fn(Event)>;

/// Who listens.
#[derive(Default)]
pub(super) struct Live {
    listeners: Rc<RefCell<Vec<(u64, EventKind, Listener)>>>,
    next_key: Cell<u64>,
    running: Cell<bool>,
}

impl Live {
    /// Nobody listens any more.
    pub(super) fn end(&self) {
        self.listeners.borrow_mut().clear();
    }
}

/// Ends listening when it is cancelled; dropping it does not.
pub struct Subscription {
    listeners: Weak<RefCell<Vec<(u64, EventKind, Listener)>>>,
    key: u64,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// Ends listening.
    pub fn cancel(&self) {
        if let Some(listeners) = self.listeners.upgrade() {
            listeners.borrow_mut().retain(|(key, ..)| *key != self.key);
        }
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Calls `listener` for each event of this kind, from when the stream is open. The stream is opened with the first
    /// listener, reconnects by itself without losing events, and ends after the last one.
    pub fn on(&self, kind: EventKind, listener: impl Fn(Event) + 'static) -> Result<Subscription> {
        self.keys()?;
        let live = &self.0.live;
        let key = live.next_key.get();
        live.next_key.set(key + 1);
        live.listeners
            .borrow_mut()
            .push((key, kind, Rc::new(listener)));
        self.follow_events();
        Ok(Subscription {
            listeners: Rc::downgrade(&live.listeners),
            key,
        })
    }

    /// Opens the stream for those who listen, unless it runs. It ends with the session; a fresh session opens it again.
    pub(super) fn follow_events(&self) {
        if self.is_listening() && !self.0.live.running.replace(true) {
            let inner = Rc::downgrade(&self.0);
            self.services().transport.spawn(run(inner));
        }
    }

    fn is_listening(&self) -> bool {
        !self.0.signed_out.get() && !self.0.live.listeners.borrow().is_empty()
    }

    /// Reads one stream to its end.
    async fn follow(&self, last_id: &mut Option<String>, wait: &mut u32) -> Result<()> {
        let mut stream = self.services().open_events(last_id.clone(), wait).await?;
        let mut parser = Parser::after(last_id.clone());
        while self.is_listening() {
            let Some(bytes) = stream.next().await? else {
                break;
            };
            *wait = SHORTEST_WAIT;
            for event in parser.push(&bytes)? {
                self.tell(event);
            }
            last_id.clone_from(&parser.last_id);
        }
        Ok(())
    }

    fn tell(&self, event: Event) {
        // A listener may add or end listeners, so none is called while the list is borrowed.
        let listeners: Vec<Listener> = self
            .0
            .live
            .listeners
            .borrow()
            .iter()
            .filter(|(_, kind, _)| *kind == event.kind)
            .map(|(.., listener)| Rc::clone(listener))
            .collect();
        for listener in listeners {
            listener(event);
        }
    }
}

/// Follows the stream, again and again, until nobody listens, the session ends, or it is dropped.
async fn run<T: Transport, E: Engine>(inner: Weak<Inner<T, E>>) {
    let mut last_id = None;
    let mut wait = SHORTEST_WAIT;
    loop {
        let Some(session) = inner.upgrade().map(Session) else {
            return;
        };
        let outcome = session.follow(&mut last_id, &mut wait).await;
        if !session.is_listening() || outcome == Err(Error::SessionExpired) {
            session.0.live.running.set(false);
            return;
        }
        let transport = session.services().transport.clone();
        drop(session);
        // Up to twice the wait, so that many clients do not come back at the same moment.
        transport.sleep(wait + jitter(wait)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
