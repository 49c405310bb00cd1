//! Tells an app of the protocol's steps as they happen.

use std::fmt;
use std::rc::Rc;

use serde::Serialize;

use crate::api::Transport;

/// A step that ended.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// 1 to 43, as in `docs/protocol.md`.
    pub number: u8,
    /// In a few words.
    pub title: &'static str,
    /// In milliseconds.
    pub duration: i64,
}

/// A listener for steps; by default there is none.
#[derive(Clone, Default)]
pub struct Steps(Option<Rc<dyn Fn(Step)>>);

impl Steps {
    /// Tells `listener`.
    #[must_use]
    pub fn to(listener: impl Fn(Step) + 'static) -> Self {
        Self(Some(Rc::new(listener)))
    }

    /// Tells of a step that began at `start`.
    pub(super) fn tell(&self, number: u8, title: &'static str, start: i64, clock: &impl Transport) {
        if let Some(listener) = &self.0 {
            listener(Step {
                number,
                title,
                duration: clock.now() - start,
            });
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Steps").field(&self.0.is_some()).finish()
    }
}
