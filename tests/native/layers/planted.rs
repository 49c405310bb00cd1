//! Small sources in which something is wrong, or nothing: what the search is for, it finds.

use std::collections::{BTreeMap, BTreeSet};

use super::code::Crate;
use super::{wrong_in_client, wrong_in_server};

/// A client in a few lines.
const CLIENT: [(&str, &str); 25] = [
    (
        "lib.rs",
        "pub mod api; mod bindings; pub mod crypto; pub mod error; pub mod flows; pub mod ids; mod js; pub mod json;
        pub use error::Error; pub use flows::Client;",
    ),
    ("error.rs", "pub struct Error;"),
    ("ids.rs", "pub struct Id; use crate::Error;"),
    ("json/mod.rs", ""),
    ("js/mod.rs", "pub mod timer; use js_sys::Promise;"),
    ("js/timer.rs", "pub struct Timer;"),
    (
        "crypto/mod.rs",
        "pub mod engine; pub mod keys; pub mod records;",
    ),
    ("crypto/keys.rs", "pub struct SymmetricKey;"),
    (
        "crypto/records/mod.rs",
        "mod card; pub use card::CardContent; pub use super::keys::*;",
    ),
    ("crypto/records/card.rs", "pub struct CardContent;"),
    ("crypto/engine/mod.rs", "pub mod rust; pub mod web;"),
    ("crypto/engine/rust.rs", ""),
    ("crypto/engine/web.rs", ""),
    ("api/mod.rs", "pub mod fetch; mod services; pub use services::*;"),
    ("api/services.rs", "pub struct Page;"),
    ("api/fetch.rs", ""),
    (
        "flows/mod.rs",
        "pub mod account; pub mod cards; pub mod session; pub mod shares;
        pub use session::{Client, Session}; pub use shares::share::Share;",
    ),
    ("flows/cards.rs", "use super::Session; pub struct Card;"),
    ("flows/session/mod.rs", "mod client; pub use client::Client; pub struct Session; use client::Steps;"),
    ("flows/session/client.rs", "use super::Session; pub struct Client; pub struct Steps;"),
    ("flows/account/mod.rs", "use crate::flows::session::{self, Session};"),
    ("flows/shares/mod.rs", "pub mod share;"),
    ("flows/shares/share.rs", "use crate::flows::{Session, cards::Card}; pub struct Share;"),
    ("bindings/mod.rs", "mod client;"),
    ("bindings/client.rs", "use crate::flows::Client; pub struct Bound;"),
];

/// A server in a few lines.
const SERVER: [(&str, &str); 12] = [
    (
        "lib.rs",
        "mod http; mod jwks; pub mod keystore; mod store; mod token; pub mod vault; pub use vault::Mailer;",
    ),
    ("http/mod.rs", "pub mod extract; pub mod server;"),
    ("http/extract.rs", "pub struct Ids;"),
    (
        "http/server.rs",
        "use crate::{keystore, vault}; fn mount() { vault::routes(); keystore::routes(); }",
    ),
    ("jwks.rs", "pub struct Jwks;"),
    ("token.rs", "use crate::jwks::Jwks; pub struct Token;"),
    ("store/mod.rs", "pub struct Db;"),
    ("main.rs", "use vouchsafe_server::store;"),
    (
        "vault/mod.rs",
        "mod mail; pub fn routes() {} pub use mail::Mailer; pub use crate::token::Token;",
    ),
    (
        "vault/mail.rs",
        "use crate::http::extract::Ids; use super::routes; pub struct Mailer;",
    ),
    ("keystore/mod.rs", "mod tokens; pub fn routes() {}"),
    ("keystore/tokens.rs", "use crate::{store::Db, token};"),
];

/// The sources with something added to one file.
fn with(sources: &[(&str, &str)], path: &str, added: &str) -> BTreeMap<String, String> {
    let mut sources: BTreeMap<String, String> = sources
        .iter()
        .map(|(path, source)| ((*path).to_owned(), (*source).to_owned()))
        .collect();
    *sources.entry(path.to_owned()).or_default() += added;
    sources
}

fn wrong_client(path: &str, added: &str) -> BTreeSet<String> {
    wrong_in_client(&Crate::of("vouchsafe", &with(&CLIENT, path, added)))
}

fn wrong_server(path: &str, added: &str) -> BTreeSet<String> {
    wrong_in_server(&Crate::of("vouchsafe_server", &with(&SERVER, path, added)))
}

#[test]
fn what_points_back_in_the_client_is_found() {
    for (path, added, name) in [
        ("crypto/keys.rs", "use crate::flows::Session;", "flows"),
        (
            "crypto/keys.rs",
            "use crate::{error::Error, flows::Session};",
            "flows",
        ),
        ("crypto/keys.rs", "use crate::{error::{Error}, api};", "api"),
        ("crypto/keys.rs", "use crate::{api as net};", "api"),
        ("crypto/keys.rs", "use crate::api::{self as net};", "api"),
        (
            "crypto/keys.rs",
            "use ::vouchsafe::flows::Session;",
            "flows",
        ),
        ("crypto/keys.rs", "use vouchsafe::flows;", "flows"),
        (
            "crypto/keys.rs",
            "use crate as root; fn a() -> root::api::Page {}",
            "api",
        ),
        (
            "crypto/keys.rs",
            "extern crate vouchsafe as own; use own::api::Page;",
            "api",
        ),
        (
            "crypto/records/card.rs",
            "fn a() { crate::bindings::client::x() }",
            "bindings",
        ),
        (
            "crypto/records/card.rs",
            "use super::super::super::api::Page;",
            "api",
        ),
        (
            "crypto/records/card.rs",
            "use super::super::{super::api::Page, keys};",
            "api",
        ),
        ("crypto/records/mod.rs", "use super::super::flows;", "flows"),
        ("crypto/mod.rs", "use super::api::Page;", "api"),
        (
            "crypto/mod.rs",
            "mod tests { use super::super::api::Page; }",
            "api",
        ),
        (
            "crypto/mod.rs",
            "mod tests { fn a(_: super::super::api::Page) {} }",
            "api",
        ),
        ("crypto/mod.rs", "fn a() { use crate::api; }", "api"),
        (
            "crypto/mod.rs",
            "use crate::*; fn a(_: api::Page) {}",
            "api",
        ),
        // Handed on by the crate's root, or by a folder.
        ("crypto/keys.rs", "use crate::Client;", "flows"),
        ("api/services.rs", "fn a(_: crate::Client) {}", "flows"),
        (
            "api/services.rs",
            "use crate::flows::Session as Kept;",
            "flows",
        ),
        ("api/services.rs", "pub(in crate::flows) fn a() {}", "flows"),
        (
            "api/services.rs",
            "impl Page<crate::bindings::client::Bound> for X {}",
            "bindings",
        ),
        (
            "api/services.rs",
            "fn a<T: crate::flows::Session>() {}",
            "flows",
        ),
        ("flows/mod.rs", "use crate::bindings;", "bindings"),
        (
            "flows/mod.rs",
            "pub use crate::bindings::client::Bound;",
            "bindings",
        ),
        (
            "flows/cards.rs",
            "use super::super::bindings::client;",
            "bindings",
        ),
        (
            "error.rs",
            "use crate::crypto::keys::SymmetricKey;",
            "crypto",
        ),
        ("error.rs", "impl From<crate::ids::Id> for Error {}", "ids"),
        ("ids.rs", "use super::api::Page;", "api"),
        ("json/mod.rs", "use crate::crypto;", "crypto"),
        // What `syn` does not parse.
        (
            "crypto/keys.rs",
            "fn a() { println!(\"{}\", crate::flows::name()); }",
            "flows",
        ),
        (
            "crypto/keys.rs",
            "fn a() { vec![Some(super::super::api::Page)]; }",
            "api",
        ),
        (
            "crypto/keys.rs",
            "fn a() { assert!(matches!(b, [.., crate::api::Page])); }",
            "api",
        ),
        (
            "crypto/keys.rs",
            "fn a() { b!(C { x, ..crate::api::Page }); }",
            "api",
        ),
        (
            "crypto/keys.rs",
            "macro_rules! a { () => { use crate::{error::Error, api::Page}; } }",
            "api",
        ),
        (
            "crypto/keys.rs",
            "macro_rules! a { () => { $crate::api::Page } }",
            "api",
        ),
        (
            "crypto/keys.rs",
            "use crate::crypto as own; macro_rules! a { () => { ::vouchsafe::api::Page } }",
            "api",
        ),
        (
            "crypto/keys.rs",
            "use super::super as root; fn a() { b!(root::api::Page) }",
            "api",
        ),
        (
            "crypto/keys.rs",
            "#[serde(with = \"crate::api::times\")] struct A;",
            "api",
        ),
        (
            "crypto/keys.rs",
            "#[derive(crate::api::Wire)] struct A;",
            "api",
        ),
        (
            "crypto/keys.rs",
            "#[cfg(test)] mod tests { use crate::api::Page; }",
            "api",
        ),
        // JavaScript.
        ("flows/mod.rs", "use wasm_bindgen::JsValue;", "wasm_bindgen"),
        (
            "flows/mod.rs",
            "fn a() { let s = \"a\\\"\"; js_sys::global(); }",
            "js_sys",
        ),
        (
            "flows/mod.rs",
            "fn a() { log!(\"{}\", js_sys::global()); }",
            "js_sys",
        ),
        (
            "flows/mod.rs",
            "extern crate js_sys as js_of_the_page;",
            "js_sys",
        ),
        (
            "flows/mod.rs",
            "use js_sys as page; fn a() { page::global(); }",
            "js_sys",
        ),
        (
            "crypto/engine/mod.rs",
            "pub use web_sys::Crypto;",
            "web_sys",
        ),
        ("crypto/engine/mod.rs", "use ::web_sys::Crypto;", "web_sys"),
        (
            "crypto/engine/rust.rs",
            "#[wasm_bindgen] pub fn a() {}",
            "wasm_bindgen",
        ),
        (
            "lib.rs",
            "use serde_wasm_bindgen::to_value;",
            "serde_wasm_bindgen",
        ),
        (
            "api/services.rs",
            "fn a() { web_sys::Request::new(url) }",
            "web_sys",
        ),
        ("flows/cards.rs", "use crate::js::timer::Timer;", "js"),
        ("api/services.rs", "use crate::js::timer;", "js"),
    ] {
        let expected = format!("{path} names {name}");
        let found = wrong_client(path, added);
        // What points back closes circles, too.
        let named: Vec<&String> = found.iter().filter(|line| !line.contains('→')).collect();
        assert_eq!(named, [&expected], "{path}: {added}");
    }
    let stray = wrong_client("files/mod.rs", "use crate::ids::Id;");
    assert_eq!(stray.len(), 1, "{stray:?}");
}

#[test]
fn circles_are_found() {
    for (path, added, circle) in [
        (
            "flows/session/mod.rs",
            "use crate::flows::account;",
            "flows/account → flows/session → flows/account",
        ),
        // Through what `flows` hands on.
        (
            "flows/session/client.rs",
            "use super::super::Share;",
            "flows/session → flows/shares → flows/session",
        ),
        (
            "flows/cards.rs",
            "use crate::flows::Share;",
            "flows/cards.rs → flows/shares → flows/cards.rs",
        ),
    ] {
        let found = wrong_client(path, added);
        assert!(found.contains(circle), "{path}: {added}: {found:?}");
    }
    // Folders in a circle, though no file leads back to itself; over three folders.
    let mut sources = with(
        &CLIENT,
        "flows/shares/list.rs",
        "use super::super::mail; pub struct List;",
    );
    sources.insert(
        "flows/mail/mod.rs".into(),
        "use crate::flows::account::sign_up;".into(),
    );
    sources.insert(
        "flows/account/sign_up.rs".into(),
        "use crate::flows::shares::share::Share;".into(),
    );
    let found = wrong_in_client(&Crate::of("vouchsafe", &sources));
    let expected = "flows/account → flows/shares → flows/mail → flows/account".to_owned();
    assert_eq!(found, BTreeSet::from([expected]));
}

#[test]
fn services_that_meet_are_found() {
    for (path, added, name) in [
        ("vault/mail.rs", "use crate::keystore::routes;", "keystore"),
        (
            "vault/mail.rs",
            "fn a() { super::super::keystore::routes(); }",
            "keystore",
        ),
        (
            "vault/mail.rs",
            "fn a() { log!(crate::keystore::routes()); }",
            "keystore",
        ),
        ("keystore/tokens.rs", "use crate::vault::Mailer;", "vault"),
        ("keystore/mod.rs", "use crate::Mailer;", "vault"),
        // Even what is not its own.
        ("keystore/mod.rs", "use crate::vault::Token;", "vault"),
        ("store/mod.rs", "use crate::vault;", "vault"),
        ("http/extract.rs", "use crate::keystore;", "keystore"),
        (
            "http/mod.rs",
            "pub use crate::keystore::routes;",
            "keystore",
        ),
        ("token.rs", "use super::keystore;", "keystore"),
        (
            "jwks.rs",
            "#[serde(with = \"crate::vault::times\")] struct A;",
            "vault",
        ),
        ("clock.rs", "use crate::vault;", "vault"),
        ("main.rs", "use vouchsafe_server::keystore;", "keystore"),
    ] {
        let expected = format!("{path} names {name}");
        let found = wrong_server(path, added);
        assert!(found.contains(&expected), "{path}: {added}: {found:?}");
    }
    let circle = wrong_server("jwks.rs", "use crate::token::Token;");
    let expected = "jwks.rs → token.rs → jwks.rs".to_owned();
    assert_eq!(circle, BTreeSet::from([expected]));
}

#[test]
fn what_is_allowed_is_not_reported() {
    for (path, added) in [
        (
            "bindings/client.rs",
            "use crate::{api, crypto, flows, js}; use wasm_bindgen::prelude::*;",
        ),
        (
            "flows/shares/share.rs",
            "use crate::{api::Page, crypto::keys::SymmetricKey}; use super::super::Session;",
        ),
        (
            "api/services.rs",
            "use crate::crypto::records::CardContent; use crate::error::Error; fn a() { crate::Error; }",
        ),
        (
            "api/fetch.rs",
            "use js_sys::Function; use web_sys::AbortController; use crate::js::timer::Timer;",
        ),
        (
            "crypto/engine/web.rs",
            "use web_sys::Crypto; use super::super::keys; use crate::js;",
        ),
        (
            "crypto/keys.rs",
            "use super::records; use crate::error; // crate::flows, wasm_bindgen",
        ),
        (
            "crypto/keys.rs",
            "/// See [`crate::flows::Session`].\nstruct A;",
        ),
        (
            "crypto/keys.rs",
            "fn a() { let a = \"crate::flows\"; let b = r#\"js_sys\"#; let c = '\"'; let d = 1; }",
        ),
        ("crypto/records/card.rs", "use super::super::keys;"),
        (
            "crypto/records/card.rs",
            "fn a() { assert!(b.crate_name::<u8>(), \"crate::flows\"); }",
        ),
        (
            "flows/mod.rs",
            "fn a() { let api = 1; fn bindings() {} self::api::x(); bindings(); }",
        ),
        (
            "flows/mod.rs",
            "mod tests { use super::*; fn a(_: Session) {} }",
        ),
        (
            "crypto/keys.rs",
            "mod flows { pub struct A; } use flows::A; fn a() { flows::A; self::flows::A; }",
        ),
        (
            "crypto/keys.rs",
            "mod tests { use super::*; mod api {} fn a() { api::x(); } }",
        ),
    ] {
        assert_eq!(
            wrong_client(path, added),
            BTreeSet::new(),
            "{path}: {added}"
        );
    }
    for (path, added) in [
        (
            "vault/mail.rs",
            "use super::Token; use crate::vault; // crate::keystore",
        ),
        (
            "keystore/tokens.rs",
            "use crate::token::Token; use crate::keystore::routes;",
        ),
        ("http/server.rs", "use crate::vault::Mailer;"),
    ] {
        assert_eq!(
            wrong_server(path, added),
            BTreeSet::new(),
            "{path}: {added}"
        );
    }
}
