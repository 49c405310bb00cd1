//! The arrows between the folders of `src`, held by a test: no arrow points back, and JavaScript stays in its files.

use std::path::{Path, PathBuf};

/// For each folder, the modules of the crate's root that its files must not name.
const MUST_NOT_NAME: [(&str, &[&str]); 6] = [
    ("crypto/", &["api", "flows", "bindings"]),
    ("api/", &["flows", "bindings"]),
    ("flows/", &["bindings"]),
    ("error.rs", &["crypto", "api", "flows", "bindings"]),
    ("ids.rs", &["crypto", "api", "flows", "bindings"]),
    ("json/", &["crypto", "api", "flows", "bindings"]),
];

/// Crates that bind to JavaScript.
const JAVASCRIPT: [&str; 6] = [
    "gloo_net",
    "js_sys",
    "serde_wasm_bindgen",
    "wasm_bindgen",
    "wasm_bindgen_futures",
    "web_sys",
];
const MAY_NAME_JAVASCRIPT: [&str; 3] = ["bindings/", "crypto/engine/web.rs", "api/fetch.rs"];
const MAY_NAME_GLOO: &str = "api/fetch.rs";

/// What a file names that it must not. `path` is relative to `src`.
fn violations(path: &str, source: &str) -> Vec<String> {
    let code = code_of(source);
    let tokens = tokens_of(&code);
    let mut found = Vec::new();
    for (folder, forbidden) in MUST_NOT_NAME {
        if path.starts_with(folder) {
            let named = roots_named(path, &tokens);
            found.extend(
                named
                    .into_iter()
                    .filter(|name| forbidden.contains(&name.as_str()))
                    .map(|name| format!("{path} names {name}")),
            );
        }
    }
    for name in JAVASCRIPT {
        let allowed = if name == "gloo_net" {
            path == MAY_NAME_GLOO
        } else {
            MAY_NAME_JAVASCRIPT
                .iter()
                .any(|place| path.starts_with(place))
        };
        if !allowed && tokens.iter().any(|token| token == name) {
            found.push(format!("{path} names {name}"));
        }
    }
    found
}

/// The source without comments and the contents of strings.
fn code_of(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(letter) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            rest = raw.find("\"#").map_or("", |end| &raw[end + 2..]);
        } else if rest.starts_with("'\"'") {
            rest = &rest[3..];
        } else if letter == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|letter| {
                let ends = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                ends
            });
            rest = end.map_or("", |end| &rest[end + 2..]);
        } else {
            code.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    code
}

/// Identifiers, `::`, and single signs.
fn tokens_of(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut open = false;
    for letter in code.chars() {
        let word = letter.is_alphanumeric() || letter == '_';
        match tokens.last_mut() {
            Some(last) if word && open => last.push(letter),
            Some(last) if letter == ':' && last == ":" => last.push(':'),
            _ if letter.is_whitespace() => {}
            _ => tokens.push(letter.into()),
        }
        open = word;
    }
    tokens
}

/// The modules of the crate's root that are named, through `crate::` or a chain of `super::`.
fn roots_named(path: &str, tokens: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let mut after = index + 1;
        let at_root = match tokens[index].as_str() {
            "crate" | "vouchsafe" => true,
            "super" => {
                let mut levels = 1;
                while tokens.get(after).is_some_and(|token| token == "::")
                    && tokens.get(after + 1).is_some_and(|token| token == "super")
                {
                    levels += 1;
                    after += 2;
                }
                // In a nested module of the file the chain is longer by one.
                levels == depth_of(path) || levels == depth_of(path) + 1
            }
            _ => false,
        };
        if at_root && tokens.get(after).is_some_and(|token| token == "::") {
            found.extend(first_names(&tokens[after + 1..]));
        }
        index = after;
    }
    found
}

/// How many `super`s lead from the file to the crate's root.
fn depth_of(path: &str) -> usize {
    path.trim_end_matches(".rs")
        .trim_end_matches("/mod")
        .split('/')
        .count()
}

/// `a` of `a::b`; `a` and `c` of `{a::b, c}`.
fn first_names(tokens: &[String]) -> Vec<String> {
    if tokens.first().is_none_or(|first| first != "{") {
        return tokens.first().cloned().into_iter().collect();
    }
    let mut found = Vec::new();
    let mut depth = 0;
    let mut expected = false;
    for token in tokens {
        match token.as_str() {
            "{" => {
                depth += 1;
                expected = depth == 1;
            }
            "}" => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            "," => expected = depth == 1,
            name => {
                if expected {
                    found.push(name.to_owned());
                }
                expected = false;
            }
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_arrow_points_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let relative = |file: &PathBuf| {
        let path = file.strip_prefix(&root).unwrap();
        path.to_str().unwrap().replace('\\', "/")
    };
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| violations(&relative(file), &std::fs::read_to_string(file).unwrap()))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    for place in [
        "bindings/",
        "flows/",
        "crypto/",
        "api/",
        "api/fetch.rs",
        "crypto/engine/web.rs",
    ] {
        assert!(
            files.iter().any(|file| relative(file).starts_with(place)),
            "{place} is gone: change this test with it"
        );
    }
    // What the folders do name shows that the search sees real files.
    for (file, name) in [
        ("flows/share.rs", "crypto"),
        ("api/vault/connections.rs", "crypto"),
        ("flows/mod.rs", "api"),
    ] {
        let code = code_of(&std::fs::read_to_string(root.join(file)).unwrap());
        let named = roots_named(file, &tokens_of(&code));
        assert!(
            named.iter().any(|root| root == name),
            "{file} no longer names {name}"
        );
    }
}

#[test]
fn a_planted_violation_is_found() {
    for (path, source) in [
        ("crypto/keys.rs", "use crate::flows::Session;"),
        (
            "crypto/keys.rs",
            "use crate::{error::Result, flows::Session};",
        ),
        (
            "crypto/keys.rs",
            "use crate::{error::{Error, Result}, api};",
        ),
        ("crypto/records/card.rs", "fn a() { crate::bindings::x() }"),
        (
            "crypto/records/card.rs",
            "use super::super::super::api::Page;",
        ),
        ("crypto/records/mod.rs", "use super::super::flows;"),
        ("crypto/mod.rs", "use super::api::Page;"),
        (
            "crypto/mod.rs",
            "mod tests { use super::super::api::Page; }",
        ),
        ("crypto/keys.rs", "use ::vouchsafe::flows::Session;"),
        ("api/call.rs", "use crate :: flows :: Session;"),
        ("api/vault/cards.rs", "let x: crate::bindings::Client;"),
        ("flows/mod.rs", "use crate::bindings;"),
        ("flows/share.rs", "use super::super::bindings::convert;"),
        ("error.rs", "use crate::crypto::keys::SymmetricKey;"),
        ("ids.rs", "use super::api::Page;"),
        ("flows/mod.rs", "use wasm_bindgen::JsValue;"),
        ("flows/mod.rs", "let s = \"a\\\"\"; js_sys::global();"),
        ("crypto/engine/mod.rs", "pub use web_sys::Crypto;"),
        ("crypto/engine/rust.rs", "#[wasm_bindgen]"),
        ("lib.rs", "use serde_wasm_bindgen::to_value;"),
        ("api/call.rs", "gloo_net::http::Request::get(url)"),
        ("bindings/client.rs", "use gloo_net::http::Request;"),
    ] {
        assert_eq!(violations(path, source).len(), 1, "{path}: {source}");
    }
}

#[test]
fn what_is_allowed_is_not_reported() {
    for (path, source) in [
        (
            "bindings/client.rs",
            "use crate::{api, crypto, flows}; use wasm_bindgen::prelude::*;",
        ),
        (
            "flows/share.rs",
            "use crate::{api::Page, crypto::keys::SymmetricKey}; use super::Session;",
        ),
        (
            "api/call.rs",
            "use crate::crypto::records::Role; use crate::error::Error;",
        ),
        (
            "api/fetch.rs",
            "use gloo_net::http::Request; use web_sys::AbortController;",
        ),
        (
            "crypto/engine/web.rs",
            "use web_sys::Crypto; use super::super::opaque;",
        ),
        (
            "crypto/keys.rs",
            "use super::encoding; use crate::error; // crate::flows, wasm_bindgen",
        ),
        (
            "crypto/keys.rs",
            "let a = \"crate::flows\"; let b = r#\"js_sys\"#; let c = '\"'; let d = 1;",
        ),
        ("crypto/records/card.rs", "use super::super::encoding;"),
        (
            "flows/mod.rs",
            "let api = 1; fn bindings() {} self::api::x();",
        ),
    ] {
        assert_eq!(violations(path, source), [""; 0], "{path}: {source}");
    }
}
