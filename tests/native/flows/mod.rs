//! Every flow against the real server over HTTP.

mod aborting;
mod accounts;
mod answers;
pub(crate) mod at_once;
mod cards;
mod connecting;
mod credentials;
mod deletion;
mod email;
mod files;
pub(crate) mod following;
mod following_cuts;
mod following_many;
mod forms;
mod identities;
mod leaving;
pub(crate) mod links;
mod live;
mod persist;
mod previewing;
mod recipients;
mod recovery;
mod renaming;
mod retries;
mod sharing;
mod strangers;
mod two_processes;
