//! Live events: one stream for a session, shared by all who listen.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use futures_util::future::{Either, poll_fn, select};

use super::{Change, Inner, Progress, Session};
use crate::api::vault::events::{Event, EventKind, Parser, Start};
use crate::api::{ByteStream, Transport, jitter};
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};

/// The wait before a stream that ended is opened again, in milliseconds; it doubles while nothing comes.
const MIN_WAIT_MS: u32 = 500;
/// The longest such wait, in milliseconds.
const MAX_WAIT_MS: u32 = 30_000;

/// The silence after which a stream is dead though nobody said so, in milliseconds: the machine slept, or a connection was
/// lost on the way. The service sends something every 15 seconds.
const MAX_SILENCE_MS: i64 = 45_000;
/// The same when the page has just come back, in milliseconds.
const SUSPICIOUS_SILENCE_MS: i64 = 20_000;
/// Added to the time since when somebody listens, in milliseconds: what was about to happen is told, too.
const MARGIN_MS: i64 = 5_000;
/// The part of a request's time that is no sign of a slow line, in milliseconds.
const QUICK_MS: i64 = 250;
/// The time between two looks at the clock, in milliseconds. A timer alone would stand still while the machine sleeps.
const LOOK_MS: u32 = 5_000;

/// The shortest wait after another session of the account wrote a card, in milliseconds: it brings the card's shares up to date
/// itself, if nothing cuts it.
const MIN_LAG_MS: u32 = 30_000;
/// A random time up to this one is added, so that of several sessions that heard it one is the first.
const MORE_LAG_MS: u32 = 60_000;

type Listener = Rc<dyn Fn(Event)>;
/// Its key, and the kinds that it hears.
type Entry = (u64, Box<[EventKind]>, Listener);

/// The listeners of a session, and its stream.
#[derive(Default)]
pub(super) struct Live {
    listeners: Rc<Listeners>,
    next_key: Cell<u64>,
    running: Cell<bool>,
    /// Another tab of the account reads the stream, and passes on what it says.
    held: Cell<bool>,
    /// Whether this session waits, before it says that shares may lag.
    lags: Cell<bool>,
    /// The time since when somebody listens, in milliseconds since 1970.
    since: Cell<i64>,
    /// The newest event's. It outlasts the stream, so that whoever listens later hears what came in between.
    last_id: RefCell<Option<String>>,
}

#[derive(Default)]
struct Listeners {
    list: RefCell<Vec<Entry>>,
    bell: Bell,
}

impl Live {
    /// Nobody listens any more.
    pub(super) fn end(&self) {
        self.listeners.list.borrow_mut().clear();
        self.listeners.bell.ring();
    }
}

/// Wakes the one who waits.
#[derive(Default)]
struct Bell {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn wait(&self) {
        poll_fn(|context| {
            if self.rung.replace(false) {
                return Poll::Ready(());
            }
            self.waker.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

/// The reason to stop reading a stream.
enum End {
    /// The service ended it, or nobody listens.
    Orderly,
    /// Nothing came for too long.
    Silence,
}

/// Ends listening when it is cancelled; dropping it does not.
pub struct Subscription {
    listeners: Weak<Listeners>,
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
            listeners
                .list
                .borrow_mut()
                .retain(|(key, ..)| *key != self.key);
            listeners.bell.ring();
        }
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// Calls `listener` for each event of this kind, or of these, from now on. The stream is opened
    /// with the first listener, reconnects by itself without losing events, and ends after the last one; a later one goes on
    /// with it.
    pub fn on(
        &self,
        kinds: impl AsRef<[EventKind]>,
        listener: impl Fn(Event) + 'static,
    ) -> Result<Subscription> {
        self.keys()?;
        let live = &self.inner.live;
        if live.listeners.list.borrow().is_empty() {
            live.since.set(self.now());
        }
        let key = live.next_key.get();
        live.next_key.set(key + 1);
        live.listeners
            .list
            .borrow_mut()
            .push((key, kinds.as_ref().into(), Rc::new(listener)));
        self.follow_events();
        Ok(Subscription {
            listeners: Rc::downgrade(&live.listeners),
            key,
        })
    }

    /// Opens the stream for those who listen, unless it runs. It ends with the session; a fresh session opens it again.
    pub(super) fn follow_events(&self) {
        if self.is_wanted(false) && !self.inner.live.running.replace(true) {
            let inner = Rc::downgrade(&self.inner);
            self.services().transport.spawn(run(inner));
        }
    }

    fn is_listening(&self) -> bool {
        !self.inner.signed_out.get() && !self.inner.live.listeners.list.borrow().is_empty()
    }

    /// Whether a stream is of use: to somebody who listens, and none that goes on where another tab reads.
    fn is_wanted(&self, ends: bool) -> bool {
        self.is_listening() && (ends || !self.inner.live.held.get())
    }

    /// Whether another tab reads the stream.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.inner.live.held.get()
    }

    /// Leaves the stream to another tab, or takes it over after the last event that was told here.
    pub fn set_held(&self, held: bool) {
        self.inner.live.held.set(held);
        self.nudge();
        self.follow_events();
    }

    /// Tells what another tab has read.
    pub fn hear(&self, event: Event) {
        self.tell(event);
    }

    /// Asks for what came after the last event that was told, and tells it.
    pub async fn look_back(&self) -> Result<()> {
        let mut wait = MIN_WAIT_MS;
        self.follow(self.start(MARGIN_MS, true), &mut wait)
            .await
            .map(drop)
    }

    /// What a stream begins with: what came since somebody listens, and so many milliseconds before.
    fn start(&self, margin: i64, ends: bool) -> Start {
        Start {
            since: self.inner.live.since.get() - margin,
            ends,
        }
    }

    /// The id of the newest event that was told, for a session that goes on elsewhere.
    #[must_use]
    pub fn last_event(&self) -> Option<String> {
        self.inner.live.last_id.borrow().clone()
    }

    /// Goes on after this event.
    pub fn set_last_event(&self, id: Option<String>) {
        *self.inner.live.last_id.borrow_mut() = id;
    }

    /// The page has come back, from sleep or to the network: does not wait any longer, nor trust a silent stream.
    pub fn nudge(&self) {
        self.inner.live.listeners.bell.ring();
    }

    /// Reads one stream to its end, see [`Services::open_events`].
    async fn follow(&self, start: Start, wait: &mut u32) -> Result<End> {
        let last_id = self.last_event();
        let opening = self.services().open_events(last_id.clone(), start, wait);
        let mut stream = match self.unless_silent(start, opening).await {
            None => return Ok(End::Silence),
            // The service does not know this id: what came after it cannot be told any more.
            Some(Err(Error::BadInput(_))) if last_id.is_some() => {
                self.set_last_event(None);
                self.changed(Change::Missed);
                return Ok(End::Orderly);
            }
            Some(opened) => opened?,
        };
        let mut parser = Parser::after(last_id);
        while self.is_wanted(start.ends) {
            let Some(read) = self.unless_silent(start, stream.next()).await else {
                return Ok(End::Silence);
            };
            let Some(bytes) = read? else {
                break;
            };
            *wait = MIN_WAIT_MS;
            for event in parser.push(&bytes)? {
                if event.kind == EventKind::Card {
                    self.lag_later();
                }
                self.tell(event);
            }
            if parser.last_id != self.last_event() {
                self.set_last_event(parser.last_id.clone());
                self.changed(Change::LastEvent);
            }
        }
        Ok(End::Orderly)
    }

    /// Awaits `work`, but not through a long silence, nor when nobody wants the stream any more.
    async fn unless_silent<R>(&self, start: Start, work: impl Future<Output = R>) -> Option<R> {
        let transport = &self.services().transport;
        let since = transport.now();
        let mut work = pin!(work);
        loop {
            let timer = pin!(transport.watch(LOOK_MS));
            let bell = pin!(self.inner.live.listeners.bell.wait());
            let look = match select(work.as_mut(), select(timer, bell)).await {
                Either::Left((result, _)) => return Some(result),
                Either::Right((look, _)) => look,
            };
            let longest = match look {
                Either::Left(_) => MAX_SILENCE_MS,
                Either::Right(_) => SUSPICIOUS_SILENCE_MS,
            };
            // A clock that was set back counts as a long time.
            let silence = transport.now() - since;
            if !self.is_wanted(start.ends) || !(0..longest).contains(&silence) {
                return None;
            }
        }
    }

    /// Says in a while that shares may lag, once however many cards were written meanwhile; not in a tab that does not read.
    fn lag_later(&self) {
        let live = &self.inner.live;
        if live.held.get() || live.lags.replace(true) {
            return;
        }
        let (inner, transport) = (
            Rc::downgrade(&self.inner),
            self.services().transport.clone(),
        );
        self.services().transport.spawn(async move {
            transport.watch(MIN_LAG_MS + jitter(MORE_LAG_MS)).await;
            let Some(inner) = inner.upgrade() else {
                return;
            };
            let progress = Progress::default();
            let session = Session { inner, progress };
            session.inner.live.lags.set(false);
            if session.keys().is_ok() {
                session.changed(Change::Lagging);
            }
        });
    }

    fn tell(&self, event: Event) {
        // A listener may add or end listeners, so none is called while the list is borrowed.
        let listeners: Vec<Listener> = self
            .inner
            .live
            .listeners
            .list
            .borrow()
            .iter()
            .filter(|(_, kinds, _)| kinds.contains(&event.kind))
            .map(|(.., listener)| Rc::clone(listener))
            .collect();
        for listener in listeners {
            listener(event);
        }
    }
}

/// Follows the stream, again and again, until nobody listens here or another tab reads it, the session ends, or it is dropped.
async fn run<T: Transport, E: Engine>(inner: Weak<Inner<T, E>>) {
    let mut wait = MIN_WAIT_MS;
    let mut is_first = true;
    let mut is_held_back = false;
    loop {
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let session = Session {
            inner,
            progress: Progress::default(),
        };
        let margin = match std::mem::take(&mut is_first) {
            // On a slow line the request takes its time: what comes meanwhile is told, too.
            true => (session.services().took() - QUICK_MS).clamp(0, MARGIN_MS),
            false => MARGIN_MS,
        };
        // Something on the way may hold a stream back until it ends: so the next one ends at once.
        let start = session.start(margin, is_held_back);
        let outcome = match session.is_wanted(false) {
            true => session.follow(start, &mut wait).await,
            false => Ok(End::Orderly),
        };
        is_held_back = matches!(outcome, Ok(End::Silence));
        let is_over = matches!(outcome, Err(Error::SessionExpired));
        if is_over || !session.is_wanted(false) {
            session.inner.live.running.set(false);
            if is_over {
                session.changed(Change::Deaf);
            }
            return;
        }
        if is_held_back {
            continue;
        }
        let transport = session.services().transport.clone();
        let listeners = Rc::clone(&session.inner.live.listeners);
        drop(session);
        // Up to twice the wait, so that many clients do not come back at the same moment.
        let pause = pin!(transport.sleep(wait + jitter(wait)));
        select(pause, pin!(listeners.bell.wait())).await;
        wait = (wait * 2).min(MAX_WAIT_MS);
    }
}
