//! Tells an app of the protocol's steps as they happen.

use std::fmt;
use std::rc::Rc;

use serde::Serialize;

use crate::api::Transport;
use crate::error::Result;

/// A step that ended.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// The step's number, 1 to 43.
    pub number: u8,
    /// What was done.
    pub title: &'static str,
    /// In milliseconds.
    pub duration: i64,
}

/// Whom to tell; by default nobody.
#[derive(Clone, Default)]
pub struct Steps(Option<Rc<dyn Fn(Step)>>);

impl Steps {
    /// Tells `listener`.
    #[must_use]
    pub fn to(listener: impl Fn(Step) + 'static) -> Self {
        Self(Some(Rc::new(listener)))
    }

    pub(super) async fn run<R>(
        &self,
        clock: &impl Transport,
        number: u8,
        title: &'static str,
        work: impl Future<Output = Result<R>>,
    ) -> Result<R> {
        let Some(listener) = &self.0 else {
            return work.await;
        };
        let start = clock.now();
        let result = work.await?;
        listener(Step {
            number,
            title,
            duration: clock.now() - start,
        });
        Ok(result)
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Steps").field(&self.0.is_some()).finish()
    }
}
