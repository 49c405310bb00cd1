//! Tells how far a long call is, and lets the page breathe meanwhile.

use std::fmt;
use std::rc::Rc;

use super::Session;
use crate::api::Transport;
use crate::crypto::engine::Engine;

/// The longest work before the page gets its turn to draw and to answer to clicks, in milliseconds.
const MAX_TASK_MS: i64 = 16;
/// The number of pieces from which on reading the answer that they came in was long work already.
const MANY_PIECES: usize = 50;

/// A listener for the pieces of a call's work: how many are done, of how many. By default there is none.
#[derive(Clone, Default)]
pub struct Progress(Option<Rc<dyn Fn(usize, usize)>>);

impl Progress {
    /// Tells `listener`.
    #[must_use]
    pub fn to(listener: impl Fn(usize, usize) + 'static) -> Self {
        Self(Some(Rc::new(listener)))
    }

    fn tell(&self, done: usize, total: usize) {
        if let Some(listener) = &self.0 {
            listener(done, total);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.0.is_some()).finish()
    }
}

/// Work in pieces.
pub(in crate::flows) struct Work<'a, T: Transport> {
    progress: Option<&'a Progress>,
    transport: &'a T,
    done: usize,
    total: usize,
    since: i64,
}

impl<T: Transport> Work<'_, T> {
    /// A piece is done.
    pub(in crate::flows) async fn advance(&mut self) {
        self.done += 1;
        self.tell();
        let now = self.transport.now();
        // A clock that was set back counts as a long time.
        if !(0..MAX_TASK_MS).contains(&(now - self.since)) {
            self.transport.pause().await;
            self.since = self.transport.now();
        }
    }

    /// All is done, whatever was left out.
    pub(in crate::flows) fn finish(mut self) {
        if self.done < self.total {
            self.done = self.total;
            self.tell();
        }
    }

    fn tell(&self) {
        if let Some(progress) = self.progress {
            progress.tell(self.done, self.total);
        }
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// The same session, whose calls tell how far they are.
    #[must_use]
    pub fn reporting(&self, progress: Progress) -> Self {
        Self {
            inner: Rc::clone(&self.inner),
            progress,
        }
    }

    /// Work of so many pieces, which the caller is told of.
    pub(in crate::flows) fn work(&self, total: usize) -> Work<'_, T> {
        let work = Work {
            progress: Some(&self.progress),
            ..self.quiet_work()
        };
        let since = if total < MANY_PIECES { work.since } else { 0 };
        let work = Work {
            total,
            since,
            ..work
        };
        work.tell();
        work
    }

    /// Work that is a part of other work.
    pub(in crate::flows) fn quiet_work(&self) -> Work<'_, T> {
        let transport = &self.services().transport;
        Work {
            progress: None,
            transport,
            done: 0,
            total: 0,
            since: transport.now(),
        }
    }
}
