//! Recovering with the recovery key: after a lost passphrase, a lost OPAQUE setup, a lost data folder.

use std::fs;
use std::path::Path;

use vouchsafe::api::PageRequest;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::recovery_key::RecoveryKey;
use vouchsafe::flows::Trust;

use crate::support::{
    Counting, Fault, Http, PASSPHRASE, Person, TestClient, World, connect_by_link, passport, run,
    whole,
};

pub(crate) const NEW: &str = "a new passphrase, well kept";

/// A device that nobody has signed in on.
pub(crate) fn device(world: &World) -> (TestClient, Http) {
    let http = Http::default();
    (world.client_with(http.clone(), Counting::default()), http)
}

/// The code with which the Keystore refuses, or nothing.
pub(crate) async fn sign_in_code(world: &World, person: &Person, passphrase: &str) -> &'static str {
    let (client, _) = device(world);
    let outcome = client.sign_in(&person.email, passphrase).await;
    outcome.map_or_else(|error| error.code(), |_| "")
}

/// Recovers and says how that went. The passphrase is one that nobody has set.
pub(crate) async fn recover_code(
    world: &World,
    person: &Person,
    recovery_key: &str,
) -> &'static str {
    let (client, _) = device(world);
    let outcome = client.recover(&person.email, recovery_key, "only to try");
    outcome.await.map_or_else(|error| error.code(), |_| "")
}

#[test]
fn everything_is_there_on_a_new_device() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, his) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let sent = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        let his_card = bob.card().await;
        let got = bob.session.share(whole(his_card.id, his.id)).await.unwrap();

        let (client, http) = device(&world);
        let recovered = client
            .recover(&alice.email.to_uppercase(), &alice.recovery_key, NEW)
            .await
            .unwrap();
        let session = recovered.session;
        assert_eq!(session.account(), alice.session.account());
        assert_eq!(session.email().unwrap(), alice.email);
        assert_eq!(session.card(card.id).await.unwrap().content, card.content);
        let connection = session.connection(hers.id).await.unwrap();
        assert_eq!(connection.trust, Trust::Verified);
        assert_eq!(connection.safety_number, his.safety_number);
        assert_eq!(session.read_share(got.id).await.unwrap().card, passport());
        assert_eq!(session.read_share(sent.id).await.unwrap().card, passport());
        let another = session.share(whole(card.id, hers.id)).await.unwrap();
        assert_eq!(
            bob.session.read_share(another.id).await.unwrap().card,
            passport()
        );
        let bodies: Vec<String> = http
            .sent
            .borrow()
            .iter()
            .filter_map(|request| request.body.clone())
            .collect();
        for secret in [NEW, &alice.recovery_key, &recovered.recovery_key] {
            assert!(!bodies.iter().any(|body| body.contains(secret)));
        }

        // What was before, opens nothing any more.
        let old = alice.session.connections(&PageRequest::default()).await;
        assert_eq!(old.unwrap_err().code(), "session_expired");
        assert_eq!(
            sign_in_code(&world, &alice, PASSPHRASE).await,
            "wrong_credentials"
        );
        assert_eq!(
            recover_code(&world, &alice, &alice.recovery_key).await,
            "wrong_credentials"
        );
        // And what is now, does.
        assert_eq!(sign_in_code(&world, &alice, NEW).await, "");
        assert_eq!(
            recover_code(&world, &alice, &recovered.recovery_key).await,
            ""
        );
    });
}

#[test]
fn a_recovered_session_is_a_full_one() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let (client, _) = device(&world);
        let recovered = client
            .recover(&alice.email, &alice.recovery_key, NEW)
            .await
            .unwrap();
        // A session of recovery would have ended.
        world.pass(24 * 3_600_000);
        let session = recovered.session;
        assert_eq!(session.card(card.id).await.unwrap().content, card.content);
        session.lock();
        session.unlock(NEW).await.unwrap();
        assert_eq!(session.card(card.id).await.unwrap().content, card.content);
    });
}

#[test]
fn wrong_keys_are_refused() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (client, http) = device(&world);
        let mut misspelt = alice.recovery_key.clone();
        let last = if misspelt.ends_with('Z') { "Y" } else { "Z" };
        misspelt.replace_range(misspelt.len() - 1.., last);
        for (email, key, passphrase) in [
            (alice.email.as_str(), misspelt.as_str(), NEW),
            (&alice.email, "", NEW),
            (&alice.email, PASSPHRASE, NEW),
            (&alice.email, &alice.recovery_key, "short"),
            ("alice", &alice.recovery_key, NEW),
        ] {
            let error = client.recover(email, key, passphrase).await.unwrap_err();
            assert_eq!(error.code(), "bad_input", "{email} {key}");
        }
        assert!(http.sent.borrow().is_empty(), "before anything is sent");

        let another = RecoveryKey::make(&RustEngine).unwrap();
        let another = another.to_written().unwrap();
        let mut seen = Vec::new();
        for (email, key) in [
            (alice.email.as_str(), another.as_str()),
            ("nobody@example.org", &another),
            ("nobody@example.org", &alice.recovery_key),
        ] {
            let before = http.sent.borrow().len();
            let error = client.recover(email, key, NEW).await.unwrap_err();
            let paths: Vec<String> = http.sent.borrow()[before..]
                .iter()
                .map(|request| request.url.replace(&world.keystore, ""))
                .collect();
            seen.push((error.to_string(), error.code(), paths));
        }
        assert_eq!(seen[0].1, "wrong_credentials");
        assert_eq!(seen[0].2, ["/v1/recovery/start", "/v1/sign-in/start"]);
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        assert_eq!(sign_in_code(&world, &alice, PASSPHRASE).await, "");
    });
}

#[test]
fn a_cut_recovery_is_repeated() {
    run(async {
        let world = World::start();
        for nth in 0.. {
            let alice = world.person(&format!("alice-{nth}")).await;
            let card = alice.card().await;
            let (client, http) = device(&world);
            http.cut_from(nth, Fault::AnswerLost);
            let recover = || client.recover(&alice.email, &alice.recovery_key, NEW);
            let first = recover().await;
            http.mend();
            if first.is_ok() {
                assert_eq!(nth, 3, "its requests");
                break;
            }
            assert_eq!(first.unwrap_err().code(), "offline");
            let done = recover().await.unwrap();
            let read = done.session.card(card.id).await.unwrap();
            assert_eq!(read.content, card.content);
            assert_eq!(sign_in_code(&world, &alice, NEW).await, "");
            assert_eq!(
                sign_in_code(&world, &alice, PASSPHRASE).await,
                "wrong_credentials"
            );
            assert_eq!(recover_code(&world, &alice, &done.recovery_key).await, "");
        }
    });
}

#[test]
fn a_lost_setup_is_survived_by_recovery_keys() {
    run(async {
        let mut world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        let remove = |data: &Path| fs::remove_file(data.join("keystore.setup")).unwrap();
        world.restart(remove, |config| config.new_opaque_setup = true);

        let (client, http) = device(&world);
        for email in [alice.email.as_str(), "nobody@example.org"] {
            let error = client.sign_in(email, PASSPHRASE).await.unwrap_err();
            assert_eq!(error.code(), "recovery_needed", "{email}");
            assert!(error.to_string().contains("recovery key"), "{error}");
        }
        assert_eq!(http.sent.borrow().len(), 2, "a final answer");
        // Whoever is signed in goes on, but cannot prove a passphrase that nobody can check.
        assert_eq!(
            alice.session.card(card.id).await.unwrap().content,
            card.content
        );
        let change = alice.session.change_passphrase(PASSPHRASE, NEW).await;
        assert_eq!(change.unwrap_err().code(), "recovery_needed");
        assert_eq!(
            recover_code(&world, &alice, &bob.recovery_key).await,
            "wrong_credentials"
        );

        let recovered = client
            .recover(&bob.email, &bob.recovery_key, NEW)
            .await
            .unwrap();
        let received = recovered.session.read_share(share.id).await.unwrap();
        assert_eq!(received.card, passport());
        assert_eq!(sign_in_code(&world, &bob, NEW).await, "");
        assert_eq!(
            sign_in_code(&world, &alice, PASSPHRASE).await,
            "recovery_needed"
        );
        client
            .recover(&alice.email, &alice.recovery_key, NEW)
            .await
            .unwrap();
        assert_eq!(sign_in_code(&world, &alice, NEW).await, "");
        // With everybody recovered, unknown addresses are wrong as ever.
        let unknown = client.sign_in("nobody@example.org", PASSPHRASE).await;
        assert_eq!(unknown.unwrap_err().code(), "wrong_credentials");
    });
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_restored_data_folder_is_as_it_was() {
    run(async {
        let mut world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        let backup = tempfile::tempdir().unwrap();
        world.restart(|data| copy(data, backup.path()), |_| {});

        alice
            .session
            .change_passphrase(PASSPHRASE, NEW)
            .await
            .unwrap();
        let later = alice.card().await;
        world.restart(
            |data| {
                fs::remove_dir_all(data).unwrap();
                copy(backup.path(), data);
            },
            |_| {},
        );
        let (hers_again, his_again) = (
            world.other_device(&alice).await,
            world.other_device(&bob).await,
        );
        let session = &hers_again.session;
        assert_eq!(session.card(card.id).await.unwrap().content, card.content);
        assert_eq!(
            session.card(later.id).await.unwrap_err().code(),
            "not_found"
        );
        let received = his_again.session.read_share(share.id).await.unwrap();
        assert_eq!(received.card, passport());
        let new = session.share(whole(card.id, hers.id)).await.unwrap();
        let received = his_again.session.read_share(new.id).await.unwrap();
        assert_eq!(received.trust, Trust::Verified);
        assert_eq!(recover_code(&world, &alice, &alice.recovery_key).await, "");
    });
}
