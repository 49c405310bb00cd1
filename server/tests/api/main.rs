//! The server over real HTTP, in one program, since linking many takes longer than running them.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod backup;
mod beside;
mod bounds;
mod cards;
mod cluster;
mod common;
mod credentials;
mod deletion;
mod departures;
mod description;
mod editions;
mod email;
mod erasing;
mod events;
mod files;
mod following;
mod http;
mod identities;
mod invitations;
mod issuer;
mod keystore;
mod kills;
mod limits;
mod links;
mod live;
mod mail_form;
mod mails;
mod matrix;
mod migrations;
mod operating;
mod outbox;
mod outsiders;
mod plans;
#[path = "../../../tests/native/support/port.rs"]
mod port;
mod postgres;
#[cfg(unix)]
mod previews;
mod private_files;
mod processes;
mod proxies;
mod published_keys;
mod quotas;
mod readiness;
mod refusals;
mod registrations;
mod repeats;
mod rooms;
mod routes;
#[allow(dead_code, reason = "what these tests do not need others do")]
#[path = "../../../tests/native/support/sample.rs"]
mod sample;
mod seeding;
mod several;
mod shares;
mod sink;
mod sizes;
mod slow;
mod smtp;
mod spaces;
mod starts;
mod stolen;
mod sweeping;
mod tables;
mod traces;
mod undeliverable;
mod watching;
mod wire;
mod writers;
