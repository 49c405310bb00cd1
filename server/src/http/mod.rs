//! What carries both services: the process's server, its layers, what requests are read into and answered with.

pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod layers;
pub(crate) mod limits;
pub(crate) mod page;
pub(crate) mod serve;
pub(crate) mod server;
pub(crate) mod values;
