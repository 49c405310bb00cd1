//! What was sealed: every JWE that somebody saw, by key and IV.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

#[derive(Default)]
pub(crate) struct Seen {
    /// A hash of the whole record, by key id and IV.
    records: HashMap<(String, Vec<u8>), u64>,
    hasher: RandomState,
    ivs: HashSet<Vec<u8>>,
    kinds: HashMap<String, usize>,
    /// Records that were seen again, to the letter.
    pub(crate) repeated: usize,
}

impl Seen {
    /// How many different ones.
    pub(crate) fn count(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn of_kind(&self, typ: &str) -> usize {
        self.kinds.get(typ).copied().unwrap_or(0)
    }

    /// Notes a JWE. The same key and IV are allowed for the same bytes only: a request that was sent again.
    pub(crate) fn note(&mut self, jwe: &str) {
        let parts: Vec<&str> = jwe.split('.').collect();
        let header = header_of(jwe).unwrap();
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
        // With HPKE key and IV follow from what is drawn for the record: the encapsulated secret and the wrapped PSK
        // stand for them.
        let (key, iv) = match header["psk_id"].as_str() {
            Some(psk_id) => (parts[1], decode(psk_id)),
            None => (header["kid"].as_str().unwrap(), decode(parts[2])),
        };
        assert_eq!(iv.len(), if parts[2].is_empty() { 384 } else { 12 });
        let hash = self.hasher.hash_one(jwe);
        match self.records.insert((key.to_owned(), iv.clone()), hash) {
            None => {
                *self
                    .kinds
                    .entry(header["typ"].as_str().unwrap().to_owned())
                    .or_default() += 1;
                assert!(self.ivs.insert(iv), "an IV was drawn twice: {header}");
            }
            Some(before) => {
                assert_eq!(before, hash, "a key and an IV were used twice: {header}");
                self.repeated += 1;
            }
        }
    }

    /// Notes every JWE in a request's body.
    pub(crate) fn note_all(&mut self, body: &Value) {
        match body {
            Value::String(text) if header_of(text).is_some() => self.note(text),
            Value::Array(items) => items.iter().for_each(|item| self.note_all(item)),
            Value::Object(members) => members.values().for_each(|member| self.note_all(member)),
            _ => {}
        }
    }
}

/// The header, if this is a compact JWE.
fn header_of(text: &str) -> Option<Value> {
    let (head, rest) = text.split_once('.')?;
    let header: Value =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(head.as_bytes()).ok()?).ok()?;
    let ours = header["enc"] == "A256GCM" || header["alg"] == "HPKE-9";
    (rest.matches('.').count() == 3 && ours).then_some(header)
}

#[test]
fn a_second_use_is_noticed() {
    let jwe = |body: &str| {
        let header = r#"{"alg":"dir","enc":"A256GCM","typ":"vs-card","kid":"k"}"#;
        format!(
            "{}..AAAAAAAAAAAAAAAA.{body}.AAAA",
            BASE64URL_NOPAD.encode(header.as_bytes())
        )
    };
    let mut seen = Seen::default();
    seen.note_all(
        &serde_json::json!({ "cards": [{ "card": jwe("AAAA") }, jwe("AAAA"), "AAAA", "a.b.c" ] }),
    );
    assert_eq!((seen.count(), seen.repeated), (1, 1));
    let twice = std::panic::catch_unwind(move || seen.note(&jwe("BBBB")));
    assert!(twice.is_err());
}
