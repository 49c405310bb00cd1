//! Tells how far a long call is, and lets the page breathe meanwhile.

use std::fmt;
use std::rc::Rc;

use super::Session;
use crate::api::Transport;
use crate::crypto::engine::Engine;

/// After so many milliseconds of work a page gets its turn: it is to draw, and to answer to clicks.
const LONGEST_TASK: i64 = 16;
/// For so many pieces, reading the answer that they came in was work, too.
const MANY: usize = 50;

/// Who is told how many pieces of a call's work are done, and of how many; by default nobody.
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
        if !(0..LONGEST_TASK).contains(&(now - self.since)) {
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
        let since = if total < MANY { work.since } else { 0 };
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
