//! Marks: a service that serves something older than a device has seen is found out, also by the next session on that device.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::records::{Role, seal_card, seal_share};
use vouchsafe::flows::{CardUpdate, Trust};
use vouchsafe::ids::Id;

use crate::hostile::{SHARES, lie_about_items};
use crate::support::secrets::{Mallory, Secrets, first_edition, place};
use crate::support::{
    Http, PASSPHRASE, Person, TestSession, World, connect_by_link, connect_by_mail, passport, run,
    whole,
};

/// What a device stores of a session, and gives to the next one.
struct Device(Vec<u8>);

impl Device {
    async fn leave(session: &TestSession) -> Self {
        let marks = session.seal_marks().await.unwrap();
        session.sign_out().await.unwrap();
        Self(marks)
    }

    async fn sign_in(&self, person: &Person) -> TestSession {
        let session = person
            .client
            .sign_in(&person.email, PASSPHRASE)
            .await
            .unwrap();
        session.open_marks(&self.0).await.unwrap();
        session
    }
}

/// Keeps the first answer to a request for this path, and serves it from then on when `roll_back` is called.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Option<Value>>>);

impl Recorder {
    fn record(&self, http: &Http, path: &'static str) {
        let kept = self.0.clone();
        http.tamper_json(path, move |answer| {
            kept.borrow_mut().get_or_insert_with(|| answer.clone());
        });
    }

    /// Serves the old record alone and in lists.
    fn roll_back(&self, http: &Http, path: &'static str) {
        let old = self.0.borrow().clone().unwrap();
        http.tamper_json(path, move |answer| {
            if let Some(items) = answer["items"].as_array_mut() {
                items.iter_mut().for_each(|item| *item = old.clone());
            } else if answer.get("version").is_some() {
                *answer = old.clone();
            }
        });
    }
}

const CARDS: &str = "/vault/v1/cards";
const ENTRIES: &str = "/keystore/v1/connections/";

async fn update(session: &TestSession, id: Id, version: u64) {
    let content = passport();
    let update = CardUpdate {
        id,
        version,
        content,
    };
    session.update_card(update).await.unwrap();
}

#[test]
fn an_older_card_is_refused_after_signing_in_again() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let old = Recorder::default();
        old.record(&alice.http, CARDS);
        alice.session.card(card.id).await.unwrap();
        alice.http.honest();
        update(&alice.session, card.id, 1).await;
        let device = Device::leave(&alice.session).await;

        let session = device.sign_in(&alice).await;
        old.roll_back(&alice.http, CARDS);
        let refused = async |session: &TestSession| {
            let error = session.card(card.id).await.unwrap_err();
            assert_eq!(error, Error::RecordRejected);
            let page = session.cards(&PageRequest::default()).await.unwrap();
            let listed = page.items[0].result.as_ref();
            assert_eq!(listed.unwrap_err(), &Error::RecordRejected);
        };
        refused(&session).await;
        // The refusal is remembered by nobody but the mark, which the next session gets again.
        let device = Device::leave(&session).await;
        let session = device.sign_in(&alice).await;
        refused(&session).await;

        // A new device cannot know.
        let elsewhere = world.other_device(&alice).await;
        old.roll_back(&elsewhere.http, CARDS);
        assert_eq!(elsewhere.session.card(card.id).await.unwrap().version, 1);

        // A person says that the service was restored.
        session.accept_older(card.id).unwrap();
        assert_eq!(session.card(card.id).await.unwrap().version, 1);
        let device = Device::leave(&session).await;
        let session = device.sign_in(&alice).await;
        assert_eq!(session.card(card.id).await.unwrap().version, 1);
        alice.http.honest();
        assert_eq!(session.card(card.id).await.unwrap().version, 2);
        old.roll_back(&alice.http, CARDS);
        refused(&session).await;
        let unknown = session.accept_older(alice.session.account()).unwrap_err();
        assert_eq!(unknown, Error::NotFound);
    });
}

/// Two versions of the same number: what a service that forks an account's history would show to two devices.
#[test]
fn another_card_of_the_same_version_is_refused() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        update(&alice.session, card.id, 1).await;
        let device = Device::leave(&alice.session).await;

        // A second ciphertext of version 2, as the account itself would have made it.
        let vault_key = Secrets::of(&alice).vault;
        let account = alice.session.account();
        let content = passport();
        let fork = seal_card(&RustEngine, account, card.id, &vault_key, &content, 2);
        let fork = fork.await.unwrap();
        let show = |http: &Http| {
            let fork = fork.clone();
            http.tamper_json("/vault/v1/cards/", move |answer| {
                answer["card"] = json!(fork);
            });
        };
        let elsewhere = world.other_device(&alice).await;
        show(&elsewhere.http);
        assert_eq!(elsewhere.session.card(card.id).await.unwrap().version, 2);
        let session = device.sign_in(&alice).await;
        show(&alice.http);
        let error = session.card(card.id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
    });
}

#[test]
fn a_lost_verification_is_refused_after_signing_in_again() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_mail(&world, &alice, &bob).await;
        let id = hers.id;
        let old = Recorder::default();
        old.record(&alice.http, ENTRIES);
        alice.session.connection(id).await.unwrap();
        alice.http.honest();
        let number = hers.safety_number.unwrap();
        alice.session.mark_verified(id, &number).await.unwrap();
        let device = Device::leave(&alice.session).await;

        let session = device.sign_in(&alice).await;
        old.roll_back(&alice.http, ENTRIES);
        let error = session.connection(id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
    });
}

/// The Keystore was restored from a backup of before the comparison. The keys are the same: they are verified again, by a new
/// version of the note.
#[test]
fn keys_that_were_verified_are_verified_again_after_a_restoration() {
    run(async {
        let mut world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_mail(&world, &alice, &bob).await;
        let id = hers.id;
        let mut backup: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        let save = |folder: &Path| {
            for path in databases(folder) {
                let bytes = std::fs::read(&path).unwrap();
                backup.push((path, bytes));
            }
        };
        world.restart(save, |_| {});
        let number = hers.safety_number.clone().unwrap();
        let verified = alice.session.mark_verified(id, &number).await.unwrap();
        assert_eq!(verified.trust, Trust::Verified);
        let restore = |folder: &Path| {
            for path in databases(folder) {
                std::fs::remove_file(path).unwrap();
            }
            for (path, bytes) in backup {
                std::fs::write(path, bytes).unwrap();
            }
        };
        world.restart(restore, |_| {});
        let error = alice.session.connection(id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
        alice.session.accept_older(id).unwrap();
        let again = alice.session.connection(id).await.unwrap();
        assert_eq!(again.trust, Trust::Verified);
        assert_eq!(again.safety_number, Some(number));
        // Any device sees it now.
        let elsewhere = world.other_device(&alice).await;
        let seen = elsewhere.session.connection(id).await.unwrap();
        assert_eq!(seen.trust, Trust::Verified);
        assert_eq!(seen.verified_by, verified.verified_by);
    });
}

/// The files of the Keystore's database.
fn databases(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let is_keystores = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("keystore.db")
    };
    paths.filter(is_keystores).collect()
}

/// Somebody who accepts an older note does not accept other keys with it.
#[test]
fn other_keys_than_the_verified_ones_are_refused_whatever_note_is_served() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let mallory = Mallory::new().await;
        let (invitation, ticket) = alice.invite_by_mail(&world, &bob).await;
        let id = invitation.id;
        let invited = Recorder::default();
        invited.record(&alice.http, ENTRIES);
        bob.session.accept(&ticket, "Alice").await.unwrap();
        let hers = alice.session.connection(id).await.unwrap();
        alice.http.honest();
        let number = hers.safety_number.unwrap();
        alice.session.mark_verified(id, &number).await.unwrap();
        alice.session.accept_older(id).unwrap();

        // Both services together: the note of before the acceptance, and somebody else who accepted.
        let publication = mallory.publication(bob.session.account(), id, Role::Invitee);
        let old = invited.0.borrow().clone().unwrap();
        alice.http.tamper(move |request, mut response| {
            let Ok(mut answer) = serde_json::from_slice::<Value>(&response.body) else {
                return response;
            };
            if request.url.contains(ENTRIES) && answer.get("note").is_some() {
                answer = old.clone();
            }
            if request.url.contains("/vault/v1/connections") && answer.get("invitee").is_some() {
                answer["invitee"]["publication"] = publication.clone();
            }
            response.body = serde_json::to_vec(&answer).unwrap();
            response
        });
        let error = alice.session.connection(id).await.unwrap_err();
        assert_eq!(error, Error::PeerKeyChanged);
        alice.http.honest();
    });
}

#[test]
fn a_share_is_written_once() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        bob.session.read_share(share.id).await.unwrap();
        let device = Device::leave(&bob.session).await;

        // Alice and the Vault together show another content under the same id.
        let (secrets, his) = (Secrets::of(&alice), Secrets::of(&bob));
        let (at, dek) = (place(&share), secrets.dek(&alice, &share));
        let mut content = passport();
        content.label = "Another card".into();
        let other = seal_share(
            &RustEngine,
            &at,
            &dek,
            &secrets.signing,
            his.signing.public(),
            first_edition(&content, share.created_at),
        );
        let other = other.await.unwrap();
        let show = |http: &Http| {
            let other = other.clone();
            lie_about_items(http, SHARES, move |item| item["share"] = json!(other));
        };
        let session = device.sign_in(&bob).await;
        show(&bob.http);
        let error = session.read_share(share.id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
        // It opens where nothing was seen: that it is well made is not what refuses it.
        let elsewhere = world.other_device(&bob).await;
        show(&elsewhere.http);
        elsewhere.session.read_share(share.id).await.unwrap();
        // The sender has seen what she sent.
        show(&alice.http);
        let error = alice.session.read_share(share.id).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);
    });
}

#[test]
fn marks_name_nobody_and_open_for_their_account_alone() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let id = alice.session.marks_id().unwrap();
        let none = alice.session.seal_marks().await.unwrap();
        let card = alice.card().await;
        let sealed = alice.session.seal_marks().await.unwrap();
        assert_eq!(none.len(), sealed.len(), "their number is not told");
        for text in [alice.session.account(), card.id].map(|id| id.to_string()) {
            assert!(!id.contains(&text) && !String::from_utf8_lossy(&sealed).contains(&text));
        }
        assert_ne!(bob.session.marks_id().unwrap(), id);
        let error = bob.session.open_marks(&sealed).await.unwrap_err();
        assert_eq!(error, Error::RecordRejected);

        let elsewhere = world.other_device(&alice).await;
        assert_eq!(elsewhere.session.marks_id().unwrap(), id);
        let before = elsewhere.session.marks_changes();
        elsewhere.session.open_marks(&sealed).await.unwrap();
        elsewhere.session.card(card.id).await.unwrap();
        assert_eq!(elsewhere.session.marks_changes(), before, "no news");
        update(&elsewhere.session, card.id, 1).await;
        assert_ne!(elsewhere.session.marks_changes(), before);

        elsewhere.session.lock();
        assert_eq!(elsewhere.session.marks_id(), None);
        let error = elsewhere.session.seal_marks().await.unwrap_err();
        assert_eq!(error, Error::Locked);
        let error = elsewhere.session.accept_older(card.id).unwrap_err();
        assert_eq!(error, Error::Locked);
    });
}
