//! The flow, once recorded, and everything that is known of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::secrecy::ciphertexts::{Jwe, Keys, Role, find_jwes};
use crate::secrecy::flow::{People, play};
use crate::secrecy::recording::{Place, Recording, Service};
use crate::secrecy::scan::Scanner;
use crate::secrecy::secrets::{Kind, Part, Secret, derive, recovery_bytes};
use crate::secrecy::stage::Stage;
use crate::support::jose::{from_base64url, to_base64url};
use crate::support::sample::sample;

/// What is no key is tried as one in so many parts.
const PARTS: usize = 16;

/// What there is to judge.
pub struct Record {
    pub recording: Recording,
    pub scanner: Scanner,
    pub jwes: BTreeMap<String, Jwe>,
    pub keys: Keys,
    /// Ids of accounts, cards and encryption spaces of which no ciphertext may be left.
    pub gone: Vec<String>,
}

/// Lets people do everything, and finds out every secret that was involved.
pub async fn record() -> Record {
    let mut stage = Stage::start().await;
    let mut secrets = Vec::new();
    let people = play(&mut stage, &mut secrets).await;
    let recording = stage.finish();

    let derived: Vec<Secret> = secrets.iter().flat_map(derived).collect();
    secrets.extend(derived);
    secrets.extend(tokens(&recording));
    secrets.extend(setup(&recording));
    let mut jwes = BTreeMap::new();
    for piece in &recording.pieces {
        find_jwes(&piece.bytes, &mut jwes);
    }
    let mut keys = first_keys(&people, &secrets);
    keys.open_all(&jwes).await;
    secrets.extend(account_keys(&people, &keys));
    Record {
        recording,
        scanner: Scanner::new(secrets),
        jwes,
        keys,
        gone: people.gone,
    }
}

/// What a link's secret or a recovery key gives besides keys that wrap.
fn derived(from: &Secret) -> Vec<Secret> {
    let gives: &[(Kind, &str, usize)] = match from.kind {
        Kind::LinkSecret => &[
            (Kind::LinkToken, "invitation token", 16),
            (Kind::AcceptKey, "accept", 32),
        ],
        Kind::RecoveryKey => &[(Kind::RecoveryAuth, "recovery auth", 32)],
        _ => &[],
    };
    gives
        .iter()
        .map(|(kind, info, length)| {
            let info = format!("vouchsafe/1 {info}");
            let value = derive(from.parts[0].as_bytes(), &info, *length);
            Secret::bytes(*kind, &from.name, &value)
        })
        .collect()
}

/// Every session and every Vault token that the Keystore gave out.
fn tokens(recording: &Recording) -> Vec<Secret> {
    let mut tokens = Vec::new();
    for session in members(recording, "session") {
        let bytes = from_base64url(&session);
        tokens.push(Secret::bytes(
            Kind::Session,
            format!("session {}", tokens.len()),
            &bytes,
        ));
    }
    for token in members(recording, "token") {
        // What comes before the signature is no secret.
        let signature = token.rsplit_once('.').unwrap().1;
        let mut secret = Secret::text(
            Kind::VaultToken,
            format!("token {}", tokens.len()),
            signature,
        );
        secret.parts.push(Part::Bytes(from_base64url(signature)));
        tokens.push(secret);
    }
    tokens
}

/// The values of a member in the Keystore's answers.
fn members(recording: &Recording, name: &str) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    let beginning = format!("\"{name}\":\"");
    for piece in &recording.pieces {
        if piece.place == Place::Answers(Service::Keystore) {
            let text = String::from_utf8_lossy(&piece.bytes);
            let after = text.split(&beginning).skip(1);
            values.extend(after.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    values
}

/// Both setups: what the Keystore keys OPAQUE and the tokens with, the secret of its seals, and what the Vault keys its mails
/// with.
fn setup(recording: &Recording) -> Vec<Secret> {
    let file = |name: &str| -> Value {
        let mut setups = recording.pieces.iter();
        let file = setups.find(|piece| piece.place == Place::Setup && piece.name == name);
        serde_json::from_slice(&file.unwrap().bytes).unwrap()
    };
    let (keystore, vault) = (file("keystore.setup"), file("vault.setup"));
    let member = |file: &Value, name: &str| from_base64url(file[name].as_str().unwrap());
    let mut opaque = member(&keystore, "opaque");
    // The seed and the private key; a public one follows.
    opaque.truncate(96);
    [
        ("opaque", opaque),
        ("secret", member(&keystore, "secret")),
        ("tokenKey", member(&keystore, "tokenKey")),
        ("mailSecret", member(&vault, "mailSecret")),
    ]
    .map(|(name, bytes)| Secret::bytes(Kind::Setup, name, &bytes))
    .into()
}

/// The keys from which all others are found, and values that must open nothing.
fn first_keys(people: &People, secrets: &[Secret]) -> Keys {
    let mut keys = Keys::default();
    for person in &people.all {
        for export_key in &person.witness.seen.borrow().export_keys {
            let wrapping = derive(export_key, "vouchsafe/1 kek passphrase", 32);
            keys.add(Role::Passphrase(person.account()), &wrapping);
            for half in export_key.chunks(32) {
                keys.add(Role::Nothing("export key".into()), half);
            }
            let other = derive(export_key, "vouchsafe/1 kek recovery", 32);
            keys.add(Role::Nothing("export key as recovery key".into()), &other);
        }
        for psk in &person.witness.seen.borrow().psks {
            keys.add(Role::Psk(to_base64url(psk)), psk);
        }
        let own = |secret: &&Secret| secret.kind == Kind::RecoveryKey && secret.name == person.name;
        for recovery_key in secrets.iter().filter(own) {
            let bytes = recovery_key.parts[0].as_bytes();
            let wrapping = derive(bytes, "vouchsafe/1 kek recovery", 32);
            keys.add(Role::Recovery(person.account()), &wrapping);
        }
    }
    // Anything else of the right length, raw and by every derivation that there is.
    let mut others = Vec::new();
    for secret in secrets {
        for part in &secret.parts {
            let bytes = part.as_bytes();
            let mut add = |key: &[u8]| others.push((secret.kind, key.to_vec()));
            bytes.chunks_exact(32).for_each(&mut add);
            if secret.kind == Kind::RecoveryKey {
                continue;
            }
            for info in ["kek passphrase", "kek recovery", "recovery auth", "accept"] {
                add(&derive(bytes, &format!("vouchsafe/1 {info}"), 32));
            }
        }
    }
    for (kind, key) in sample("keys that open nothing", PARTS, others) {
        keys.add(Role::Nothing(format!("{kind:?}")), &key);
    }
    keys
}

/// The keys of the accounts, as they were made or found.
fn account_keys(people: &People, keys: &Keys) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for person in &people.all {
        let seen = person.witness.seen.borrow();
        for key in &seen.export_keys {
            secrets.push(Secret::bytes(Kind::ExportKey, person.name, key));
        }
        for key in &seen.rsa_keys {
            secrets.push(Secret::rsa_key(person.name, key));
        }
        for psk in &seen.psks {
            secrets.push(Secret::bytes(Kind::Psk, person.name, psk));
        }
    }
    for (role, key) in &keys.known {
        let kind = match role {
            Role::Passphrase(_) | Role::Recovery(_) => Kind::WrappingKey,
            Role::Kek(_) => Kind::Kek,
            Role::Vault(_) => Kind::VaultKey,
            Role::Signing(_) => Kind::SigningKey,
            Role::Seed(_) => Kind::ConnectionKey,
            Role::Dek(_) => Kind::Dek,
            _ => continue,
        };
        secrets.push(Secret::bytes(kind, format!("{role:?}"), key));
    }
    secrets
}

/// The 32 bytes behind a written recovery key are those that the client reads.
#[test]
fn recovery_keys_are_read_as_the_client_reads_them() {
    use vouchsafe::crypto::engine::rust::RustEngine;
    use vouchsafe::crypto::recovery_key::RecoveryKey;
    let key = RecoveryKey::make(&RustEngine).unwrap();
    let bytes = recovery_bytes(&key.to_written().unwrap());
    let wrapping = derive(&bytes, "vouchsafe/1 kek recovery", 32);
    assert_eq!(key.wrapping_key().unwrap().as_bytes(), &wrapping[..]);
}
