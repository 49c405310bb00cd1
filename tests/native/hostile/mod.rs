//! A lying Vault and a lying Keystore: the real flows, against the real servers, behind a layer that changes answers.

mod accounts;
mod garbage;
mod kek;
mod keys;
mod later;
mod lies;
mod links;
mod live;
mod marks;
mod notes;
mod peers;
mod recovery;
mod shares;
mod walk;

use serde_json::Value;

use crate::support::{Http, Person};

/// Changes every connection in the Vault's answers.
fn lie_about_connections(http: &Http, mut change: impl FnMut(&mut Value) + 'static) {
    http.tamper_json(
        "/vault/v1/connections",
        move |answer| match answer["items"].as_array_mut() {
            Some(items) => items.iter_mut().for_each(&mut change),
            None => change(answer),
        },
    );
}

/// Changes what the Vault (a share) or the Keystore (a space) answers to queries.
fn lie_about_items(http: &Http, path: &'static str, mut change: impl FnMut(&mut Value) + 'static) {
    http.tamper_json(path, move |answer| {
        for list in ["results", "items"] {
            if let Some(items) = answer[list].as_array_mut() {
                items
                    .iter_mut()
                    .for_each(|item| match item.get_mut("item") {
                        Some(inner) => change(inner),
                        None => change(item),
                    });
            }
        }
    });
}

const SHARES: &str = "/vault/v1/shares/query";
const SPACES: &str = "/keystore/v1/spaces/query";

/// What a person's client asked for since then.
fn asked_since(person: &Person, before: usize) -> Vec<String> {
    person.http.sent.borrow()[before..]
        .iter()
        .map(|request| format!("{} {}", request.method.as_str(), request.url))
        .collect()
}

fn count(person: &Person) -> usize {
    person.http.sent.borrow().len()
}

/// Neither a key nor a card has left.
fn nothing_left(person: &Person, before: usize) {
    let asked = asked_since(person, before);
    assert!(
        !asked.iter().any(|line| line.starts_with("PUT ")
            || line.ends_with("/v1/spaces")
            || line.ends_with("/v1/shares")),
        "{asked:#?}"
    );
}
