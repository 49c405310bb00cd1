//! What happens when two people, or two devices, do the same thing at the same moment: exactly one effect, a
//! thousand times each where everything is tried.

mod accept;
mod claim;
mod edit;
mod forging;
mod invite;
mod lab;
mod passphrase;
mod revoke;
