//! People whom the app's own sign-in knows: an identity token says who they are, the passphrase opens their keys.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use vouchsafe::flows::Login;
use vouchsafe_server::Clock;
use zeroize::Zeroizing;

use crate::flows::recovery::{NEW, device};
use crate::support::{
    Counting, Fault, Http, PASSPHRASE, Person, World, connect_by_link, passport, run, whole,
};

const ISSUER: &str = "https://accounts.example";

/// An identity provider: its key, and where it publishes it.
struct Provider {
    key: SigningKey,
    keys_url: String,
}

impl Provider {
    fn start() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        let key = SigningKey::from_bytes(&seed);
        let x = BASE64URL_NOPAD.encode(key.verifying_key().as_bytes());
        let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x }] });
        let keys = keys.to_string();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let keys_url = format!("http://{}/keys", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let length = stream.read(&mut [0; 4096]).unwrap();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}",
                    keys.len()
                );
                if length > 0 {
                    stream
                        .write_all(format!("{head}\r\n\r\n{keys}").as_bytes())
                        .unwrap();
                }
            }
        });
        Self { key, keys_url }
    }

    fn world(&self) -> World {
        World::start_with(|config| {
            config.oidc_issuer = Some(ISSUER.into());
            config.oidc_audiences = vec!["app".into()];
            config.oidc_jwks_url = Some(self.keys_url.clone());
        })
    }

    fn token(&self, subject: &str, lasts: i64) -> Zeroizing<String> {
        let now = Clock::system().now() / 1000;
        let claims =
            json!({ "iss": ISSUER, "sub": subject, "aud": "app", "iat": now, "exp": now + lasts });
        let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let header = part(json!({ "alg": "EdDSA", "kid": "1" }));
        let signed = format!("{header}.{}", part(claims));
        let signature = self.key.sign(signed.as_bytes()).to_bytes();
        Zeroizing::new(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
    }

    fn login(&self, subject: &str) -> Login {
        Login::Identity(self.token(subject, 300))
    }

    async fn person(&self, world: &World, subject: &str) -> Person {
        let (http, engine) = (Http::default(), Counting::default());
        let client = world.client_with(http.clone(), engine.clone());
        let made = client
            .sign_up(self.login(subject), PASSPHRASE)
            .await
            .unwrap();
        Person {
            client,
            session: made.session,
            http,
            engine,
            email: String::new(),
            recovery_key: made.recovery_key.to_string(),
        }
    }

    /// The code with which a sign-in fails, or nothing.
    async fn sign_in_code(&self, world: &World, subject: &str, passphrase: &str) -> &'static str {
        let outcome = device(world)
            .0
            .sign_in(self.login(subject), passphrase)
            .await;
        outcome.map_or_else(|error| error.code(), |_| "")
    }
}

#[test]
fn they_share_like_everybody() {
    run(async {
        let provider = Provider::start();
        let world = provider.world();
        let alice = provider.person(&world, "alice").await;
        let bob = provider.person(&world, "bob").await;
        assert_eq!(alice.session.email(), None);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        let received = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(
            (received.card, received.from.name.as_str()),
            (passport(), "Alice")
        );
        let own = alice.session.read_share(share.id).await.unwrap();
        assert_eq!(own.from.name, alice.session.account().to_string());

        // On another device, with another token.
        let login = provider.login("alice");
        let there = device(&world).0.sign_in(login, PASSPHRASE).await.unwrap();
        assert_eq!(there.account(), alice.session.account());
        assert_eq!(there.email(), None);
        assert_eq!(there.card(card.id).await.unwrap().content, card.content);
    });
}

#[test]
fn neither_the_token_nor_the_passphrase_opens_anything_alone() {
    run(async {
        let provider = Provider::start();
        let world = provider.world();
        let alice = provider.person(&world, "alice").await;
        provider.person(&world, "bob").await;
        let wrong = "wrong_credentials";
        assert_eq!(provider.sign_in_code(&world, "alice", NEW).await, wrong);
        assert_eq!(
            provider.sign_in_code(&world, "eve", PASSPHRASE).await,
            wrong
        );
        let (client, http) = device(&world);
        let address = client.sign_in("alice@accounts.example", PASSPHRASE).await;
        assert_eq!(address.unwrap_err().code(), wrong);
        // The same passphrase opens Bob's account for Bob.
        let bob = client
            .sign_in(provider.login("bob"), PASSPHRASE)
            .await
            .unwrap();
        assert_ne!(bob.account(), alice.session.account());
        let theirs = client
            .recover(provider.login("bob"), &alice.recovery_key, NEW)
            .await;
        assert_eq!(theirs.unwrap_err().code(), wrong);
        let taken = client.sign_up(provider.login("alice"), PASSPHRASE).await;
        assert_eq!(taken.unwrap_err().code(), "email_taken");

        let forged = Provider::start().login("alice");
        let error = client.sign_in(forged, PASSPHRASE).await.unwrap_err();
        assert_eq!(error.code(), "identity_rejected");
        assert!(error.to_string().contains("signature"), "{error}");
        let sent = http.sent.borrow().len();
        for token in [String::new(), "a".repeat((16 << 10) + 1)] {
            let login = Login::Identity(Zeroizing::new(token));
            let error = client.sign_in(login, PASSPHRASE).await.unwrap_err();
            assert_eq!(error.code(), "bad_input");
        }
        assert_eq!(http.sent.borrow().len(), sent, "before anything is sent");
    });
}

#[test]
fn what_asks_for_the_passphrase_again_shows_a_fresh_token() {
    run(async {
        let provider = Provider::start();
        let world = provider.world();
        let alice = provider.person(&world, "alice").await;
        let session = &alice.session;
        let card = alice.card().await;
        session.lock();
        session.unlock(PASSPHRASE).await.unwrap();
        session.lock();
        world.pass(3_600_000);
        let late = session.unlock(PASSPHRASE).await.unwrap_err();
        assert_eq!(late.code(), "identity_rejected");
        assert!(late.to_string().contains("expired"), "{late}");
        assert!(session.is_locked());

        let renew = |subject: &str| {
            let token = provider.token(subject, 7200);
            session.renew_identity_token(token).unwrap();
        };
        renew("bob");
        let others = session.unlock(PASSPHRASE).await.unwrap_err();
        assert_eq!(others.code(), "wrong_credentials");
        assert!(session.is_locked());
        renew("alice");
        session.unlock(PASSPHRASE).await.unwrap();
        assert_eq!(session.card(card.id).await.unwrap().content, card.content);
        session.change_passphrase(PASSPHRASE, NEW).await.unwrap();
        session.change_passphrase(PASSPHRASE, NEW).await.unwrap();
        let recovery_key = session.make_recovery_key(NEW).await.unwrap();
        let login = Login::Identity(provider.token("alice", 7200));
        let recovered = device(&world)
            .0
            .recover(login, &recovery_key, PASSPHRASE)
            .await;
        let session = recovered.unwrap().session;
        assert_eq!(session.card(card.id).await.unwrap().content, card.content);

        session.delete_account(PASSPHRASE).await.unwrap();
        let login = Login::Identity(provider.token("alice", 7200));
        let anew = device(&world).0.sign_up(login, PASSPHRASE).await.unwrap();
        assert_ne!(anew.session.account(), session.account());
    });
}

#[test]
fn a_session_that_was_kept_needs_a_token_to_unlock() {
    run(async {
        let provider = Provider::start();
        let world = provider.world();
        let alice = provider.person(&world, "alice").await;
        let card = alice.card().await;
        alice.session.lock();
        let kept = alice.session.keep(true).unwrap();
        let text = String::from_utf8_lossy(&kept.state.bytes).into_owned();
        assert!(!text.contains("eyJ"), "no token is kept: {text}");
        let again = alice.client.resume(&kept.state.bytes, None).unwrap();
        assert_eq!(again.email(), None);
        let without = again.unlock(PASSPHRASE).await.unwrap_err();
        assert_eq!(without.code(), "bad_input");
        assert!(without.to_string().contains("identityToken"), "{without}");
        let token = provider.token("alice", 300);
        again.renew_identity_token(token).unwrap();
        again.unlock(PASSPHRASE).await.unwrap();
        assert_eq!(again.card(card.id).await.unwrap().content, card.content);
    });
}

#[test]
fn a_cut_recovery_is_repeated() {
    run(async {
        let provider = Provider::start();
        let world = provider.world();
        let alice = provider.person(&world, "alice").await;
        let card = alice.card().await;
        let (client, http) = device(&world);
        let recover = || client.recover(provider.login("alice"), &alice.recovery_key, NEW);
        http.cut_from(2, Fault::AnswerLost);
        assert_eq!(recover().await.unwrap_err().code(), "offline");
        http.mend();
        let done = recover().await.unwrap();
        let read = done.session.card(card.id).await.unwrap();
        assert_eq!(read.content, card.content);
        assert_eq!(provider.sign_in_code(&world, "alice", NEW).await, "");
    });
}

#[test]
fn a_lost_setup_is_survived_by_recovery_keys() {
    run(async {
        let provider = Provider::start();
        let mut world = provider.world();
        let alice = provider.person(&world, "alice").await;
        let remove = |data: &Path| std::fs::remove_file(data.join("keystore.setup")).unwrap();
        world.restart(remove, |config| config.new_opaque_setup = true);
        let needed = "recovery_needed";
        assert_eq!(
            provider.sign_in_code(&world, "alice", PASSPHRASE).await,
            needed
        );
        assert_eq!(
            provider.sign_in_code(&world, "eve", PASSPHRASE).await,
            needed
        );
        let login = provider.login("alice");
        let recovered = device(&world)
            .0
            .recover(login, &alice.recovery_key, NEW)
            .await;
        assert_eq!(
            recovered.unwrap().session.account(),
            alice.session.account()
        );
        assert_eq!(provider.sign_in_code(&world, "alice", NEW).await, "");
    });
}

#[test]
fn the_session_of_an_address_takes_no_token() {
    run(async {
        let provider = Provider::start();
        let world = provider.world();
        let alice = world.person("alice").await;
        let token = provider.token("alice", 300);
        let error = alice.session.renew_identity_token(token).unwrap_err();
        assert_eq!(error.code(), "bad_input");
        alice.session.lock();
        alice.session.unlock(PASSPHRASE).await.unwrap();
    });
}
