//! The server that carries both services, the layers around their routes, and the types of requests and answers.

mod activity;
pub(crate) mod codes;
mod counters;
pub(crate) mod error;
pub(crate) mod extract;
mod follow;
mod forwarded;
pub(crate) mod layers;
pub(crate) mod limits;
pub(crate) mod octets;
pub(crate) mod page;
pub(crate) mod readiness;
mod refusal;
pub(crate) mod room;
pub(crate) mod serve;
pub(crate) mod server;
pub(crate) mod sizes;
mod target;
pub(crate) mod trace;
pub(crate) mod values;
mod watch;
