//! Ends work that JavaScript does, when nobody waits for it any more.

use web_sys::{AbortController, AbortSignal};

/// An `AbortController` that aborts when it is dropped.
#[derive(Debug)]
pub(crate) struct Abort(AbortController);

impl Abort {
    /// `None` where there is no `AbortController`.
    pub(crate) fn new() -> Option<Self> {
        AbortController::new().ok().map(Self)
    }

    /// The signal, for whoever does the work.
    pub(crate) fn signal(&self) -> AbortSignal {
        self.0.signal()
    }

    /// A way to abort earlier.
    pub(crate) fn controller(&self) -> AbortController {
        self.0.clone()
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}
