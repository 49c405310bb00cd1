//! Every compact JWE that lies anywhere, tried with every key.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;

use crate::support::jose;

/// Which key, as the protocol names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// From an account's export key.
    Passphrase(String),
    /// From an account's recovery key.
    Recovery(String),
    Kek(String),
    Vault(String),
    Signing(String),
    /// An account's connection key with this id.
    Connection(String, String),
    /// The X-Wing half of the connection key with this id, which opens nothing by itself.
    Seed(String),
    /// The PSK of a peer's copy, which opens nothing by itself either.
    Psk(String),
    /// By encryption space, or link.
    Dek(String),
    /// Something that opens nothing.
    Nothing(String),
}

/// A JWE and what its header says.
#[derive(Clone, Debug)]
pub struct Jwe {
    pub text: String,
    pub typ: String,
    pub kid: String,
    pub ctx: Vec<String>,
}

/// The JWE that begins here, if one does: five parts, of which the last has the 22 letters of a tag, or, with integrated
/// encryption, none.
fn jwe_at(bytes: &[u8]) -> Option<Jwe> {
    let mut ends = Vec::new();
    let mut at = 0;
    while ends.len() < 4 {
        match bytes.get(at)? {
            b'.' => ends.push(at),
            b'-' | b'_' => {}
            letter if letter.is_ascii_alphanumeric() => {}
            _ => return None,
        }
        at += 1;
    }
    let end = match ends[2] - ends[1] {
        1 => at,
        17 => at + 22,
        _ => return None,
    };
    let tag = bytes.get(at..end)?;
    let plain = tag
        .iter()
        .all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(letter));
    if !plain {
        return None;
    }
    let header = BASE64URL_NOPAD.decode(&bytes[..ends[0]]).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    let member = |name: &str| Some(header.get(name)?.as_str()?.to_owned());
    Some(Jwe {
        text: String::from_utf8(bytes[..end].to_vec()).ok()?,
        typ: member("typ")?,
        kid: member("kid")?,
        ctx: member("ctx")?.split('/').map(str::to_owned).collect(),
    })
}

/// All JWEs within some bytes.
pub fn find_jwes(bytes: &[u8], found: &mut BTreeMap<String, Jwe>) {
    for start in 0..bytes.len().saturating_sub(3) {
        if &bytes[start..start + 3] == b"eyJ"
            && let Some(jwe) = jwe_at(&bytes[start..])
        {
            found.entry(jwe.text.clone()).or_insert(jwe);
        }
    }
}

/// A key to try.
enum Key {
    Symmetric([u8; 32]),
    Private(Box<(<RustEngine as Engine>::PrivateKey, Vec<u8>)>),
}

/// The keys that are known, and what they opened.
#[derive(Default)]
pub struct Keys {
    /// Every key with its bytes, tried or not.
    pub known: BTreeSet<(Role, Vec<u8>)>,
    waiting: Vec<(Role, Key)>,
    /// By the text of the JWE: what opened it, and what was inside.
    pub opened: BTreeMap<String, Vec<(Role, Vec<u8>)>>,
}

impl Keys {
    /// Knows a key. Anything of 32 bytes can be tried as one.
    pub fn add(&mut self, role: Role, bytes: &[u8]) {
        if self.known.insert((role.clone(), bytes.to_vec())) {
            let key = Key::Symmetric(bytes.try_into().unwrap());
            self.waiting.push((role, key));
        }
    }

    /// Opens what can be opened, learns the keys that are inside, and goes on until every key was tried on every JWE.
    pub async fn open_all(&mut self, jwes: &BTreeMap<String, Jwe>) {
        while let Some((role, key)) = self.waiting.pop() {
            for jwe in jwes.values() {
                if let Some(plaintext) = open(&key, &jwe.text).await {
                    self.learn(jwe, &plaintext).await;
                    let opened = self.opened.entry(jwe.text.clone()).or_default();
                    opened.push((role.clone(), plaintext));
                }
            }
        }
    }

    /// Takes the key that is inside.
    async fn learn(&mut self, jwe: &Jwe, plaintext: &[u8]) {
        let ctx: Vec<&str> = jwe.ctx.iter().map(String::as_str).collect();
        let role = match (jwe.typ.as_str(), &ctx[..]) {
            ("vs-kek", [account, _]) => Role::Kek((*account).to_owned()),
            ("vs-key", [account, "vault"]) => Role::Vault((*account).to_owned()),
            ("vs-key", [account, "signing"]) => Role::Signing((*account).to_owned()),
            ("vs-key", [account, "connection", id]) => {
                let key = ConnectionKey::from_json(plaintext).unwrap();
                assert_eq!(key.public().id(), *id);
                let role = Role::Connection((*account).to_owned(), (*id).to_owned());
                let pkcs8 = key.rsa().pkcs8();
                if self.known.insert((role.clone(), pkcs8.to_vec())) {
                    let rsa = RustEngine.import_rsa_key(pkcs8).await.unwrap();
                    let seed = jose::from_base64url(&key.xwing().to_text());
                    self.add(Role::Seed((*id).to_owned()), &seed);
                    let private = Key::Private(Box::new((rsa, seed)));
                    self.waiting.push((role, private));
                }
                return;
            }
            ("vs-own" | "vs-claim", [_, _, space]) | ("vs-dek", [_, _, _, space, _]) => {
                Role::Dek((*space).to_owned())
            }
            _ => return,
        };
        let jwk: Value = serde_json::from_slice(plaintext).unwrap();
        let member = if jwk["kty"] == "oct" { "k" } else { "d" };
        self.add(role, &jose::from_base64url(jwk[member].as_str().unwrap()));
    }
}

async fn open(key: &Key, jwe: &str) -> Option<Vec<u8>> {
    match key {
        Key::Symmetric(key) => jose::open(key, jwe),
        Key::Private(key) => {
            let (rsa, seed) = &**key;
            let psk_id = jose::psk_id_of(&jose::header_of(jwe))?;
            let psk = RustEngine.rsa_decrypt(rsa, &psk_id).await.ok()?;
            jose::open_hpke(seed, (&psk, &psk_id), jwe)
        }
    }
}

/// The key that the protocol's table names for a record.
pub fn named_opener(jwe: &Jwe) -> Role {
    let ctx: Vec<&str> = jwe.ctx.iter().map(String::as_str).collect();
    match (jwe.typ.as_str(), &ctx[..]) {
        ("vs-kek", [account, "passphrase", "1"]) => Role::Passphrase((*account).to_owned()),
        ("vs-kek", [account, "recovery"]) => Role::Recovery((*account).to_owned()),
        ("vs-key", [account, "vault" | "signing"] | [account, "connection", _])
        | ("vs-own" | "vs-claim", [account, _, _]) => Role::Kek((*account).to_owned()),
        ("vs-card.2" | "vs-note.2", [account, _])
        | ("vs-sent", [account, _, _, _])
        | ("vs-sent", [account, "link", _]) => Role::Vault((*account).to_owned()),
        ("vs-dek", [_, recipient, _, _, _]) => {
            Role::Connection((*recipient).to_owned(), jwe.kid.clone())
        }
        ("vs-share.2", [_, _, _, space, _, _]) | ("vs-link", [space, _]) => {
            Role::Dek((*space).to_owned())
        }
        _ => panic!("the protocol has no {} at {}", jwe.typ, jwe.ctx.join("/")),
    }
}
