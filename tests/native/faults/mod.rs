//! Every flow, broken off at each of its requests and taken up again: by a connection that breaks, and by a server that
//! is killed. What people then see is what they would have seen without the break.
//!
//! `VOUCHSAFE_FLOWS=Share,ReadShare` takes these flows alone.

mod crashes;
mod cuts;
mod engine;
mod flow;
mod line;
mod look;
mod reference;
mod scene;
mod stage;
