//! Means of JavaScript that more than one folder needs: the engine of browsers and the transport both end what nobody
//! waits for any more, and both wait for the page's timers.

mod abort;
mod timer;

pub(crate) use abort::Abort;
pub(crate) use timer::{Timer, sleep};
