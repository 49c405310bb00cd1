//! What happens when two people, or two devices, do the same thing at the same moment: a thousand times each, exactly
//! one effect.

mod accept;
mod claim;
mod forging;
mod invite;
mod lab;
mod passphrase;
mod revoke;
