//! The server over real HTTP, in one program, since linking many takes longer than running them.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod backup;
mod cards;
mod common;
mod credentials;
mod deletion;
mod description;
mod email;
mod events;
mod http;
mod identities;
mod invitations;
mod issuer;
mod keystore;
mod limits;
mod mails;
mod matrix;
mod migrations;
mod outsiders;
#[path = "../../../tests/native/support/port.rs"]
mod port;
mod processes;
mod published_keys;
mod refusals;
mod repeats;
mod routes;
mod shares;
mod sink;
mod sizes;
mod slow;
mod smtp;
mod spaces;
mod sweeping;
mod tables;
mod wire;
