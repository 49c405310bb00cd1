//! A lying Keystore at sign-up and sign-in.

use serde_json::{Value, json};
use vouchsafe::flows::{Client, Steps};

use crate::support::secrets::bodies;
use crate::support::{Counting, Http, PASSPHRASE, Person, World, run};

const START: &str = "/sign-in/start";
const FINISH: &str = "/sign-in/finish";

/// What the Keystore answers to a person at sign-in.
async fn honest_answer(world: &World, person: &Person, path: &'static str) -> Value {
    let http = Http::default();
    let kept = std::rc::Rc::new(std::cell::RefCell::new(Value::Null));
    let keep = kept.clone();
    http.tamper_json(path, move |answer| *keep.borrow_mut() = answer.clone());
    let client = world.client_with(http, Counting::default());
    client.sign_in(&person.email, PASSPHRASE).await.unwrap();
    kept.take()
}

/// The error of a sign-in that is lied to, and what it asked for.
async fn refused(
    world: &World,
    person: &Person,
    path: &'static str,
    change: impl FnMut(&mut Value) + 'static,
) -> (&'static str, Vec<String>) {
    let http = Http::default();
    http.tamper_json(path, change);
    let client = world.client_with(http.clone(), Counting::default());
    let error = client.sign_in(&person.email, PASSPHRASE).await.unwrap_err();
    let asked = http
        .sent
        .borrow()
        .iter()
        .map(|request| request.url.clone())
        .collect();
    (error.code(), asked)
}

#[test]
fn records_of_another_account_open_nothing() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let bobs = honest_answer(&world, &bob, FINISH).await;
        let recovery = bodies(&alice, "/sign-up/finish").remove(0)["kekRecovery"].clone();
        let own = honest_answer(&world, &alice, FINISH).await;
        let members = ["accountId", "kekPassphrase", "vaultKey", "signingKey"];
        let mut lies: Vec<Vec<(&'static str, Value)>> = Vec::new();
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
        lies.push(vec![("kekPassphrase", recovery)]);
        lies.push(vec![("kekPassphrase", own["vaultKey"].clone())]);
        lies.push(vec![("vaultKey", own["signingKey"].clone())]);
        lies.push(vec![("signingKey", own["vaultKey"].clone())]);
        lies.push(vec![("vaultKey", own["kekPassphrase"].clone())]);
        for lie in lies {
            let names: Vec<&str> = lie.iter().map(|(name, _)| *name).collect();
            let (code, asked) = refused(&world, &alice, FINISH, move |answer| {
                for (name, value) in &lie {
                    answer[*name] = value.clone();
                }
            })
            .await;
            assert_eq!(code, "record_rejected", "{names:?}");
            assert_eq!(asked.len(), 2, "nothing follows: {asked:?}");
        }
    });
}

#[test]
fn a_false_server_is_wrong_credentials_and_learns_nothing_more() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let bobs = honest_answer(&world, &bob, START).await["credentialResponse"].clone();
        let own = honest_answer(&world, &alice, START).await["credentialResponse"].clone();
        let flipped = |position: usize| {
            let mut bytes = crate::support::jose::from_base64url(own.as_str().unwrap());
            bytes[position] ^= 1;
            json!(crate::support::jose::to_base64url(&bytes))
        };
        let length = crate::support::jose::from_base64url(own.as_str().unwrap()).len();
        let lies = [
            bobs,
            own.clone(),
            flipped(0),
            flipped(40),
            flipped(length / 2),
            flipped(length - 1),
            json!(""),
            json!("AAAA"),
            json!(crate::support::jose::to_base64url(&vec![0; length])),
        ];
        for lie in lies {
            let shown = format!("{lie:.40}");
            let (code, asked) = refused(&world, &alice, START, move |answer| {
                answer["credentialResponse"] = lie.clone();
            })
            .await;
            assert_eq!(code, "wrong_credentials", "{shown}");
            assert_eq!(asked.len(), 1, "no finish was sent: {shown}");
        }
    });
}

#[test]
fn costs_are_not_asked_of_the_server() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let http = Http::default();
        http.tamper_json(START, |answer| {
            for name in ["memory", "passes", "ksf", "context", "version"] {
                answer[name] = json!(1);
            }
        });
        let client = world.client_with(http, Counting::default());
        client.sign_in(&alice.email, PASSPHRASE).await.unwrap();
    });
}

#[test]
fn a_suite_that_is_not_known_asks_for_an_update() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        for suite in [0, 2, 257, u64::MAX] {
            let (code, asked) = refused(&world, &alice, START, move |answer| {
                answer["suite"] = json!(suite);
            })
            .await;
            assert_eq!(code, "update_needed", "{suite}");
            assert_eq!(asked.len(), 1, "no finish was sent: {asked:?}");
        }
    });
}

/// Whoever stands between under an address of their own, and passes everything on as if it were the Keystore's, gets no
/// proof of the passphrase.
#[test]
fn a_relay_under_another_address_is_wrong_credentials() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let own = world.keystore.clone();
        let relay = own.replace("127.0.0.1", "localhost");
        let http = Http::default();
        let as_the_relay = relay.clone();
        http.tamper(move |request, mut response| {
            if request.url.ends_with(START) {
                let body = request.body.as_deref().unwrap();
                let body = body.replace(&as_the_relay, &own);
                response.body = send_on(format!("{own}/v1{START}"), body);
            }
            response
        });
        let client = Client::new(
            http.clone(),
            Counting::default(),
            &world.vault,
            &relay,
            None,
            Steps::default(),
        )
        .unwrap();
        let relayed = client.sign_in(&alice.email, PASSPHRASE).await;
        assert_eq!(relayed.unwrap_err().code(), "wrong_credentials");
        assert_eq!(http.sent.borrow().len(), 1, "no finish was sent");
        // By itself the address is a good one: the Keystore has it on its list.
        http.honest();
        client.sign_in(&alice.email, PASSPHRASE).await.unwrap();
    });
}

/// Posts a body, and gives the answer's.
fn send_on(url: String, body: String) -> Vec<u8> {
    let send = || async {
        let request = reqwest::Client::new().post(url).body(body);
        let request = request.header("content-type", "application/json");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap().to_vec()
    };
    let runtime = || tokio::runtime::Runtime::new().unwrap().block_on(send());
    std::thread::scope(|threads| threads.spawn(runtime).join().unwrap())
}

#[test]
fn the_session_is_the_one_that_was_asked_for() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let http = Http::default();
        http.tamper_json(FINISH, |answer| {
            answer["email"] = json!("mallory@example.org")
        });
        let client = world.client_with(http, Counting::default());
        match client.sign_in(&alice.email, PASSPHRASE).await {
            Ok(session) => assert_eq!(session.email().unwrap(), alice.email),
            Err(error) => assert!(!error.code().is_empty()),
        }
    });
}

#[test]
fn passphrases_are_never_sent() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.session.lock();
        alice.session.unlock(PASSPHRASE).await.unwrap();
        for request in alice.http.sent.borrow().iter() {
            let body = request.body.as_deref().unwrap_or_default();
            assert!(!body.contains(PASSPHRASE));
            assert!(!body.contains(&crate::support::jose::to_base64url(PASSPHRASE.as_bytes())));
        }
    });
}

/// Times are numbers that a server may choose; no choice makes the client panic.
#[test]
fn absurd_times_of_tokens_are_survived() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        for time in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
            let device = world.other_device(&alice).await;
            device
                .http
                .tamper_json("/keystore/v1/tokens", move |answer| {
                    answer["expiresAt"] = json!(time);
                });
            for _ in 0..2 {
                let read = device.session.card(card.id).await.unwrap();
                assert_eq!(read.content, card.content, "{time}");
            }
        }
    });
}
