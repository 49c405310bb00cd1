//! Sign-up, sign-in, lock, sign-out.

use std::collections::BTreeSet;

use vouchsafe::api::PageRequest;
use zeroize::Zeroizing;

use crate::support::{Counting, Http, PASSPHRASE, World, run};

#[test]
fn sign_up_then_sign_in_from_another_device() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        assert_eq!(alice.recovery_key.split('-').count(), 14);

        let other = world.other_device(&alice).await;
        assert_eq!(other.session.account(), alice.session.account());
        assert_eq!(
            other.session.card(card.id).await.unwrap().content,
            card.content
        );
    });
}

#[test]
fn addresses_are_compared_without_case_and_space() {
    run(async {
        let world = World::start();
        let client = world.client();
        client.sign_up("Zoë@Example.org", PASSPHRASE).await.unwrap();
        let session = client
            .sign_in("  zoe\u{308}@example.ORG ", PASSPHRASE)
            .await
            .unwrap();
        assert_eq!(session.email().unwrap(), "zoë@example.org");
        let taken = client
            .sign_up("ZOË@example.org", PASSPHRASE)
            .await
            .unwrap_err();
        assert_eq!(taken.code(), "email_taken");
    });
}

#[test]
fn passphrases_are_compared_in_nfc() {
    run(async {
        let world = World::start();
        let client = world.client();
        client
            .sign_up("a@example.org", "cafe\u{301} cafe\u{301}")
            .await
            .unwrap();
        client.sign_in("a@example.org", "café café").await.unwrap();
    });
}

#[test]
fn an_unknown_address_and_a_wrong_passphrase_look_the_same() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let seen = |http: &crate::support::Http| http.sent.borrow().len();
        let mut outcomes = Vec::new();
        for (email, passphrase) in [
            (alice.email.as_str(), "wrong passphrase"),
            ("nobody@example.org", PASSPHRASE),
        ] {
            let before = seen(&alice.http);
            let error = alice.client.sign_in(email, passphrase).await.unwrap_err();
            outcomes.push((error.code(), error.to_string(), seen(&alice.http) - before));
        }
        assert_eq!(outcomes[0], outcomes[1]);
        assert_eq!(outcomes[0].0, "wrong_credentials");
    });
}

#[test]
fn unusable_credentials_are_refused_before_any_request() {
    run(async {
        let world = World::start();
        let http = crate::support::Http::default();
        let client = world.client_with(http.clone(), crate::support::Counting::default());
        for (email, passphrase) in [
            ("", PASSPHRASE),
            ("alice", PASSPHRASE),
            ("a b@example.org", PASSPHRASE),
            ("a@example.org", "short"),
            ("a@b", ""),
        ] {
            let error = client.sign_up(email, passphrase).await.unwrap_err();
            assert_eq!(error.code(), "bad_input", "{email:?} {passphrase:?}");
        }
        assert!(http.sent.borrow().is_empty());
    });
}

#[test]
fn lock_forgets_and_unlock_brings_back() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        alice.session.lock();
        assert!(alice.session.is_locked());
        let before = alice.http.sent.borrow().len();
        for code in [
            alice.session.card(card.id).await.unwrap_err().code(),
            alice
                .session
                .cards(&PageRequest::default())
                .await
                .unwrap_err()
                .code(),
            alice
                .session
                .connections(&PageRequest::default())
                .await
                .unwrap_err()
                .code(),
            alice
                .session
                .incoming_shares(&PageRequest::default())
                .await
                .unwrap_err()
                .code(),
        ] {
            assert_eq!(code, "locked");
        }
        assert_eq!(
            alice.http.sent.borrow().len(),
            before,
            "a locked session sends nothing"
        );

        assert_eq!(
            alice
                .session
                .unlock("wrong passphrase")
                .await
                .unwrap_err()
                .code(),
            "wrong_credentials"
        );
        assert!(alice.session.is_locked());
        alice.session.unlock(PASSPHRASE).await.unwrap();
        assert_eq!(
            alice.session.card(card.id).await.unwrap().content,
            card.content
        );
    });
}

#[test]
fn a_page_gets_a_token_for_the_vault_while_the_keys_are_there() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let fetched = || {
            let sent = alice.http.sent.borrow();
            sent.iter()
                .filter(|request| request.url.ends_with("/tokens"))
                .count()
        };
        let first = alice.session.vault_token(false).await.unwrap();
        let before = fetched();
        assert_eq!(alice.session.vault_token(false).await.unwrap(), first);
        assert_eq!(fetched(), before);
        alice.session.vault_token(true).await.unwrap();
        assert_eq!(fetched(), before + 1);

        alice.session.lock();
        for fresh in [false, true] {
            let refused = alice.session.vault_token(fresh).await;
            assert_eq!(refused.unwrap_err().code(), "locked");
        }
        assert_eq!(fetched(), before + 1);
    });
}

#[test]
fn sign_out_ends_the_session_at_the_keystore() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let bearer = alice.http.bearer_to("/tokens");
        alice.session.sign_out().await.unwrap();
        assert_eq!(
            alice.session.card(card.id).await.unwrap_err().code(),
            "session_expired"
        );
        assert_eq!(
            alice.session.unlock(PASSPHRASE).await.unwrap_err().code(),
            "session_expired"
        );
        alice.session.sign_out().await.unwrap();

        let answer = reqwest::Client::new()
            .get(format!("{}/v1/connections", world.keystore))
            .bearer_auth(bearer)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401);
    });
}

#[test]
fn an_account_knows_its_devices_and_no_other_learns_of_them() {
    run(async {
        let world = World::start();
        let http = Http::default();
        let client = world.client_with(http.clone(), Counting::default());
        let client = client.with_device(Zeroizing::new([7; 32]));
        client.sign_up("Zoë@Example.org", PASSPHRASE).await.unwrap();
        let session = client.sign_in("zoë@example.org", PASSPHRASE).await.unwrap();
        session.cards(&PageRequest::default()).await.unwrap();
        session.lock();
        session.unlock(PASSPHRASE).await.unwrap();
        let shown = |http: &Http, service: &str| -> BTreeSet<Option<String>> {
            let sent = http.sent.borrow();
            let requests = sent.iter().filter(|request| request.url.contains(service));
            requests.map(|request| request.device.clone()).collect()
        };
        // HKDF-SHA-256, as another program has it.
        let hers = Some("E0MQv_9vEhjKPqvqxKhU_KhbBQlZDRwuCaFFP2y5hq4".to_owned());
        for route in ["/sign-up/", "/sign-in/"] {
            assert_eq!(shown(&http, route), [hers.clone()].into(), "{route}");
        }
        assert_eq!(shown(&http, "/vault/"), [None].into());

        client.sign_up("bob@example.org", PASSPHRASE).await.unwrap();
        let known = shown(&http, "/sign-up/");
        assert!(known.len() == 2 && !known.contains(&None), "{known:?}");
        let rows = world.rows("keystore").await;
        let devices = rows.iter().filter(|row| row.starts_with("devices:"));
        assert_eq!(devices.count(), 2);
    });
}

#[test]
fn whoever_signs_in_is_told_of_failures() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        assert_eq!(alice.session.failed_sign_ins(), 0);
        let http = Http::default();
        let client = world.client_with(http.clone(), Counting::default());
        let mut failures = 3;
        http.tamper_json("/sign-in/finish", move |answer| {
            answer["failedSignIns"] = failures.into();
            failures += 1;
        });
        let session = client.sign_in(&alice.email, PASSPHRASE).await.unwrap();
        assert_eq!(session.failed_sign_ins(), 3);
        session.lock();
        session.unlock(PASSPHRASE).await.unwrap();
        assert_eq!(session.failed_sign_ins(), 4);
        session.make_recovery_key(PASSPHRASE).await.unwrap();
        assert_eq!(session.failed_sign_ins(), 5);
    });
}
