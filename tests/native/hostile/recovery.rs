//! A lying Keystore at recovery, and where passphrase and recovery key are replaced.

use serde_json::{Value, json};
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::{SigningKey, SymmetricKey};
use vouchsafe::crypto::records::{Wrap, open_kek, seal_signing_key, seal_vault_key};
use vouchsafe::crypto::recovery_key::RecoveryKey;

use crate::hostile::{asked_since, count};
use crate::support::jose;
use crate::support::secrets::{Secrets, bodies, text};
use crate::support::{Counting, Http, PASSPHRASE, Person, TestClient, World, run};

const START: &str = "/recovery/start";
const FINISH: &str = "/sign-in/finish";
const REGISTER: &str = "/credentials/start";
const NEW: &str = "a new passphrase, well kept";

fn device(world: &World) -> (TestClient, Http) {
    let http = Http::default();
    (world.client_with(http.clone(), Counting::default()), http)
}

/// What the Keystore answers to a person who recovers. A recovery that ends here changes nothing.
async fn honest_answer(world: &World, person: &Person, key: &str) -> Value {
    let (client, http) = device(world);
    let kept = std::rc::Rc::new(std::cell::RefCell::new(Value::Null));
    let keep = kept.clone();
    http.tamper_json(START, move |answer| {
        *keep.borrow_mut() = answer.take();
    });
    client.recover(&person.email, key, NEW).await.unwrap_err();
    kept.take()
}

/// The error of a recovery that is lied to, and what it asked for.
async fn refused(
    world: &World,
    (person, key): (&Person, &str),
    path: &'static str,
    change: impl FnMut(&mut Value) + 'static,
) -> (&'static str, Vec<String>) {
    let (client, http) = device(world);
    http.tamper_json(path, change);
    let error = client.recover(&person.email, key, NEW).await.unwrap_err();
    let sent = http.sent.borrow();
    let asked = sent.iter().map(|request| request.url.clone()).collect();
    (error.code(), asked)
}

fn flipped(jwe: &Value, part: usize) -> Value {
    let mut parts: Vec<String> = text(jwe).split('.').map(str::to_owned).collect();
    let mut bytes = jose::from_base64url(&parts[part]);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    parts[part] = jose::to_base64url(&bytes);
    json!(parts.join("."))
}

#[test]
fn nothing_is_sent_after_a_record_that_does_not_open() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let old = honest_answer(&world, &alice, &alice.recovery_key).await;
        let key = alice.session.make_recovery_key(PASSPHRASE).await.unwrap();
        let own = honest_answer(&world, &alice, &key).await;
        let bobs = honest_answer(&world, &bob, &bob.recovery_key).await;
        let passphrase = bodies(&alice, "/sign-up/finish").remove(0)["kekPassphrase"].clone();
        let members = ["accountId", "kekRecovery", "vaultKey", "signingKey"];

        let mut lies: Vec<Vec<(&str, Value)>> = Vec::new();
        for member in members {
            lies.push(vec![(member, bobs[member].clone())]);
        }
        lies.push(
            members
                .map(|member| (member, bobs[member].clone()))
                .to_vec(),
        );
        lies.push(
            members[1..]
                .iter()
                .map(|member| (*member, bobs[*member].clone()))
                .collect(),
        );
        lies.push(vec![("kekRecovery", old["kekRecovery"].clone())]);
        lies.push(vec![("kekRecovery", passphrase)]);
        lies.push(vec![("kekRecovery", own["vaultKey"].clone())]);
        lies.push(vec![("vaultKey", own["signingKey"].clone())]);
        lies.push(vec![("signingKey", own["vaultKey"].clone())]);
        lies.push(vec![("vaultKey", own["kekRecovery"].clone())]);
        for member in &members[1..] {
            for part in [0, 2, 3, 4] {
                lies.push(vec![(*member, flipped(&own[*member], part))]);
            }
        }
        for lie in lies {
            let shown = format!("{lie:.300?}");
            let (code, asked) = refused(&world, (&alice, &key), START, move |answer| {
                for (name, value) in &lie {
                    answer[*name] = value.clone();
                }
            })
            .await;
            assert_eq!(code, "record_rejected", "{shown}");
            assert_eq!(asked.len(), 1, "nothing follows: {asked:?} {shown}");
        }
        // All that was refused has changed nothing.
        let (client, _) = device(&world);
        client.sign_in(&alice.email, PASSPHRASE).await.unwrap();
        client.recover(&alice.email, &key, NEW).await.unwrap();
    });
}

#[test]
fn a_keystore_that_pretends_not_to_know_the_key_gets_nothing() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (client, http) = device(&world);
        http.tamper(|request, mut response| {
            if request.url.ends_with(START) {
                response.status = 401;
                let refusal = json!({ "error": { "code": "wrong_credentials", "message": "No." } });
                response.body = serde_json::to_vec(&refusal).unwrap();
            }
            response
        });
        let error = client
            .recover(&alice.email, &alice.recovery_key, NEW)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "wrong_credentials");
        let sent = http.sent.borrow();
        let written = |request: &&vouchsafe::api::Request| request.url.contains("/credentials");
        assert!(!sent.iter().any(|request| written(&request)));
    });
}

#[test]
fn a_false_registration_replaces_nothing() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let key = alice.recovery_key.as_str();
        let honest = {
            let (client, http) = device(&world);
            let carol = world.person("carol").await;
            let kept = std::rc::Rc::new(std::cell::RefCell::new(Value::Null));
            let keep = kept.clone();
            http.tamper_json(REGISTER, move |answer| *keep.borrow_mut() = answer.clone());
            let recovered = client.recover(&carol.email, &carol.recovery_key, NEW).await;
            recovered.unwrap();
            kept.take()
        };
        let length = jose::from_base64url(text(&honest["registrationResponse"])).len();
        for lie in [
            json!(""),
            json!("AAAA"),
            json!(jose::to_base64url(&vec![0; length])),
            json!(jose::to_base64url(&vec![0xff; length])),
            json!(7),
        ] {
            let shown = lie.to_string();
            let (code, asked) = refused(&world, (&alice, key), REGISTER, move |answer| {
                answer["registrationResponse"] = lie.clone();
            })
            .await;
            assert_eq!(code, "server_error", "{shown}");
            assert_eq!(asked.len(), 2, "{asked:?}");
        }
        for version in [0, 2, 3] {
            let (code, _) = refused(&world, (&alice, key), START, move |answer| {
                answer["credentialsVersion"] = json!(version);
            })
            .await;
            assert_eq!(code, "conflict", "{version}");
        }
        let (client, _) = device(&world);
        client.sign_in(&alice.email, PASSPHRASE).await.unwrap();
        client.recover(&alice.email, key, NEW).await.unwrap();
    });
}

/// Whoever once held the KEK could seal another vault key under it; a session knows which one is right.
#[test]
fn a_session_does_not_take_other_keys_at_a_change() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let secrets = Secrets::of(&alice);
        let vault = SymmetricKey::make(&RustEngine).unwrap();
        let vault = seal_vault_key(&RustEngine, secrets.account, &secrets.kek, &vault).unwrap();
        let signing = SigningKey::make(&RustEngine).unwrap();
        let signing =
            seal_signing_key(&RustEngine, secrets.account, &secrets.kek, &signing).unwrap();
        let bobs = bodies(&bob, "/sign-up/finish").remove(0);
        let lies = [
            ("vaultKey", json!(vault)),
            ("signingKey", json!(signing)),
            ("vaultKey", bobs["vaultKey"].clone()),
            ("kekPassphrase", bobs["kekPassphrase"].clone()),
            ("accountId", json!(bob.session.account())),
        ];
        for (name, value) in lies {
            alice
                .http
                .tamper_json(FINISH, move |answer| answer[name] = value.clone());
            let before = count(&alice);
            for outcome in [
                alice.session.change_passphrase(PASSPHRASE, NEW).await,
                alice
                    .session
                    .make_recovery_key(PASSPHRASE)
                    .await
                    .map(|_| ()),
                alice.session.delete_account(PASSPHRASE).await,
            ] {
                assert_eq!(outcome.unwrap_err().code(), "record_rejected", "{name}");
            }
            let asked = asked_since(&alice, before);
            assert_eq!(asked.len(), 6, "two of each sign-in: {asked:#?}");
        }
        alice.http.honest();
        alice
            .session
            .change_passphrase(PASSPHRASE, NEW)
            .await
            .unwrap();
    });
}

/// The KEK is the same after every change, and leaves under nothing but its wraps.
#[test]
fn the_kek_never_changes() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let secrets = Secrets::of(&alice);
        alice
            .session
            .change_passphrase(PASSPHRASE, NEW)
            .await
            .unwrap();
        let second = alice.session.make_recovery_key(NEW).await.unwrap();
        let recovered = alice
            .client
            .recover(&alice.email, &second, PASSPHRASE)
            .await;
        let third = recovered.unwrap().recovery_key;

        let updates = bodies(&alice, "/credentials");
        assert_eq!(updates.len(), 3);
        assert_eq!(updates[0]["recovery"], Value::Null);
        assert_eq!(updates[1]["passphrase"], Value::Null);
        for (update, key) in [(&updates[1], &second), (&updates[2], &third)] {
            let wrapping = RecoveryKey::from_written(key)
                .unwrap()
                .wrapping_key()
                .unwrap();
            let wrap = text(&update["recovery"]["kekRecovery"]);
            let kek = open_kek(secrets.account, Wrap::Recovery, &wrapping, wrap).unwrap();
            assert_eq!(kek.kid(), secrets.kek.kid());
        }
        for (update, kind) in [
            (&updates[0]["passphrase"]["kekPassphrase"], "passphrase/1"),
            (&updates[2]["passphrase"]["kekPassphrase"], "passphrase/1"),
            (&updates[2]["recovery"]["kekRecovery"], "recovery"),
        ] {
            let header = jose::header_value(text(update));
            assert_eq!(header["typ"], "vs-kek");
            assert_eq!(header["ctx"], format!("{}/{kind}", secrets.account));
            assert_eq!(jose::open(secrets.kek.as_bytes(), text(update)), None);
        }
        let sent: Vec<String> = bodies(&alice, "").iter().map(Value::to_string).collect();
        let sent = sent.join(" ");
        for secret in [PASSPHRASE, NEW, &alice.recovery_key, &second, &third] {
            assert!(!sent.contains(secret));
            assert!(!sent.contains(&jose::to_base64url(secret.as_bytes())));
        }
        assert!(!sent.contains(&jose::to_base64url(secrets.kek.as_bytes())));
    });
}
