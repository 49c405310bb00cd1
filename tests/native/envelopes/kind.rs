//! The kinds of records, and the JSON in them as text.

use serde_json::Value;

use crate::support::jose;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    KekPassphrase,
    KekRecovery,
    VaultKey,
    SigningKey,
    ConnectionKey,
    Card,
    Note,
    OwnDek,
    PeerDek,
    Claim,
    Share,
    Sent,
    OwnLinkKey,
    LinkSent,
    Link,
}

pub(crate) const KINDS: [Kind; 15] = [
    Kind::KekPassphrase,
    Kind::KekRecovery,
    Kind::VaultKey,
    Kind::SigningKey,
    Kind::ConnectionKey,
    Kind::Card,
    Kind::Note,
    Kind::OwnDek,
    Kind::PeerDek,
    Kind::Claim,
    Kind::Share,
    Kind::Sent,
    Kind::OwnLinkKey,
    Kind::LinkSent,
    Kind::Link,
];

impl Kind {
    /// Whether the JSON is filled up with spaces.
    pub(crate) fn is_padded(self) -> bool {
        matches!(
            self,
            Self::Card | Self::Note | Self::Share | Self::Sent | Self::LinkSent | Self::Link
        )
    }

    /// The JSON as it goes into the envelope.
    pub(crate) fn fill(self, json: &[u8]) -> Vec<u8> {
        if self.is_padded() {
            jose::pad_to_class(json)
        } else {
            json.to_vec()
        }
    }
}

/// A JSON object's members as they are written, names and all.
pub(crate) fn members(object: &str) -> Vec<String> {
    let inner = &object[1..object.len() - 1];
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut found = vec![String::new()];
    for letter in inner.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        found.last_mut().unwrap().push(letter);
    }
    found
}

pub(crate) fn object(members: &[String]) -> String {
    format!("{{{}}}", members.join(","))
}

/// `json` with one member changed; the order of the others stays.
pub(crate) fn with_member(json: &str, name: &str, value: &Value) -> String {
    let prefix = format!("\"{name}\":");
    let changed: Vec<String> = members(json)
        .into_iter()
        .map(|member| {
            if member.starts_with(&prefix) {
                format!("{prefix}{value}")
            } else {
                member
            }
        })
        .collect();
    assert_ne!(object(&changed), json, "{name} was not changed");
    object(&changed)
}
