//! A new passphrase, a new recovery key.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use vouchsafe::api::PageRequest;
use vouchsafe::api::vault::events::EventKind;

use crate::flows::recovery::{NEW, device, recover_code, sign_in_code};
use crate::support::{
    Fault, PASSPHRASE, Person, World, connect_by_link, eventually, run, snapshot,
};

async fn is_signed_in(person: &Person) -> bool {
    let page = PageRequest::default();
    match person.session.connections(&page).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), "session_expired");
            false
        }
    }
}

#[test]
fn a_new_passphrase_takes_the_place_of_the_old_one() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let other = world.other_device(&alice).await;
        let card = alice.card().await;
        let before = alice.http.sent.borrow().len();
        alice
            .session
            .change_passphrase(PASSPHRASE, NEW)
            .await
            .unwrap();
        let shown: Vec<String> = alice.http.sent.borrow()[before..]
            .iter()
            .map(|request| format!("{:?} {:?}", request.bearer, request.body))
            .collect();
        assert!(!shown.iter().any(|request| request.contains(NEW)));

        assert!(is_signed_in(&alice).await);
        assert!(!is_signed_in(&other).await, "other sessions end");
        assert_eq!(sign_in_code(&world, &alice, NEW).await, "");
        assert_eq!(
            sign_in_code(&world, &alice, PASSPHRASE).await,
            "wrong_credentials"
        );
        // The other device comes back with the new passphrase, and with what it knew.
        other.session.unlock(NEW).await.unwrap();
        assert_eq!(
            other.session.card(card.id).await.unwrap().content,
            card.content
        );
        assert_eq!(recover_code(&world, &alice, &alice.recovery_key).await, "");
    });
}

#[test]
fn a_new_recovery_key_takes_the_place_of_the_old_one() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let other = world.other_device(&alice).await;
        let key = alice.session.make_recovery_key(PASSPHRASE).await.unwrap();
        assert_eq!(key.split('-').count(), 14);
        assert!(is_signed_in(&alice).await);
        assert!(!is_signed_in(&other).await);
        assert_eq!(
            recover_code(&world, &alice, &alice.recovery_key).await,
            "wrong_credentials"
        );
        assert_eq!(sign_in_code(&world, &alice, PASSPHRASE).await, "");
        assert_eq!(recover_code(&world, &alice, &key).await, "");
    });
}

#[test]
fn the_passphrase_is_asked_for() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        let session = &alice.session;
        let count = || alice.http.sent.borrow().len();
        let before = count();
        let short = session.change_passphrase(PASSPHRASE, "short").await;
        assert_eq!(short.unwrap_err().code(), "bad_input");
        assert_eq!(count(), before, "before anything is sent");
        let wrong = "a wrong passphrase";
        for outcome in [
            session.change_passphrase(wrong, NEW).await,
            session.make_recovery_key(wrong).await.map(|_| ()),
            session.delete_account(wrong).await,
        ] {
            assert_eq!(outcome.unwrap_err().code(), "wrong_credentials");
        }
        let sent = alice.http.sent.borrow()[before..].to_vec();
        assert!(sent.iter().all(|request| request.url.contains("/sign-in/")));
        assert!(is_signed_in(&alice).await, "nothing happened");
        assert_eq!(recover_code(&world, &alice, &alice.recovery_key).await, "");

        session.lock();
        let before = count();
        for outcome in [
            session.change_passphrase(PASSPHRASE, NEW).await,
            session.make_recovery_key(PASSPHRASE).await.map(|_| ()),
            session.delete_account(PASSPHRASE).await,
        ] {
            assert_eq!(outcome.unwrap_err().code(), "locked");
        }
        assert_eq!(count(), before);
    });
}

/// A session may be old; the proof of the passphrase is fresh.
#[test]
fn an_old_session_changes_its_passphrase() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        world.pass(24 * 3_600_000);
        alice
            .session
            .change_passphrase(PASSPHRASE, NEW)
            .await
            .unwrap();
        assert_eq!(sign_in_code(&world, &alice, NEW).await, "");
    });
}

#[test]
fn a_cut_change_is_repeated() {
    run(async {
        let world = World::start();
        for nth in 0.. {
            let alice = world.person(&format!("alice-{nth}")).await;
            let card = alice.card().await;
            alice.http.cut_from(nth, Fault::AnswerLost);
            let change = || alice.session.change_passphrase(PASSPHRASE, NEW);
            let first = change().await;
            alice.http.mend();
            if first.is_ok() {
                assert_eq!(nth, 5, "its requests");
                break;
            }
            assert_eq!(first.unwrap_err().code(), "offline");
            change().await.unwrap();
            let read = alice.session.card(card.id).await.unwrap();
            assert_eq!(read.content, card.content);
            assert!(is_signed_in(&alice).await);
            assert_eq!(sign_in_code(&world, &alice, NEW).await, "");
            assert_eq!(
                sign_in_code(&world, &alice, PASSPHRASE).await,
                "wrong_credentials"
            );
        }
    });
}

#[test]
fn a_cut_new_recovery_key_is_made_anew() {
    run(async {
        let world = World::start();
        for nth in 0.. {
            let alice = world.person(&format!("alice-{nth}")).await;
            alice.http.cut_from(nth, Fault::AnswerLost);
            let make = || alice.session.make_recovery_key(PASSPHRASE);
            let first = make().await;
            alice.http.mend();
            if first.is_ok() {
                assert_eq!(nth, 4, "its requests");
                break;
            }
            assert_eq!(first.unwrap_err().code(), "offline");
            let key = make().await.unwrap();
            assert!(is_signed_in(&alice).await);
            assert_eq!(
                recover_code(&world, &alice, &alice.recovery_key).await,
                "wrong_credentials"
            );
            assert_eq!(recover_code(&world, &alice, &key).await, "");
        }
    });
}

/// One request of each is cut once, and the client's own retry gets through.
#[test]
fn a_retry_within_the_call_is_the_same_change() {
    run(async {
        let world = World::start();
        for fault in [Fault::AnswerLost, Fault::AnswerCut] {
            let alice = world.person(&format!("alice-{fault:?}")).await;
            for nth in 0..5 {
                alice.http.cut_once(nth, fault);
                let (old, new) = (
                    format!("{PASSPHRASE} {nth}"),
                    format!("{PASSPHRASE} {}", nth + 1),
                );
                let old = if nth == 0 { PASSPHRASE } else { &old };
                alice.session.change_passphrase(old, &new).await.unwrap();
                assert!(is_signed_in(&alice).await);
            }
            let last = format!("{PASSPHRASE} 5");
            assert_eq!(sign_in_code(&world, &alice, &last).await, "");
            for nth in 0..3 {
                let (client, http) = device(&world);
                let key = alice.session.make_recovery_key(&last).await.unwrap();
                http.cut_once(nth, fault);
                let recovered = client.recover(&alice.email, &key, &last).await.unwrap();
                assert_ne!(recovered.recovery_key, key);
                alice.session.unlock(&last).await.unwrap();
            }
        }
    });
}

/// Two devices at once: one wins, and the account opens with what has won.
#[test]
fn of_two_devices_at_once_one_wins() {
    run(async {
        let world = World::start();
        for round in 0..6 {
            let alice = world.person(&format!("alice-{round}")).await;
            let other = world.other_device(&alice).await;
            let (third, _) = device(&world);
            let card = alice.card().await;
            let hers = alice.session.change_passphrase(PASSPHRASE, "hers, and new");
            let (email, key) = (&alice.email, &alice.recovery_key);
            let mut won = Vec::new();
            let (passphrase, key) = match round % 3 {
                0 => {
                    let theirs = other
                        .session
                        .change_passphrase(PASSPHRASE, "theirs, and new");
                    let (hers, theirs) = tokio::join!(hers, theirs);
                    let now = if hers.is_ok() {
                        "hers, and new"
                    } else {
                        "theirs, and new"
                    };
                    won.extend([hers, theirs]);
                    (now, key.clone())
                }
                1 => {
                    let theirs = other.session.make_recovery_key(PASSPHRASE);
                    let (hers, theirs) = tokio::join!(hers, theirs);
                    let now = if hers.is_ok() {
                        "hers, and new"
                    } else {
                        PASSPHRASE
                    };
                    let key = theirs.as_ref().map_or(key.clone(), |key| key.to_string());
                    won.extend([hers, theirs.map(|_| ())]);
                    (now, key)
                }
                _ => {
                    let (hers, theirs) = tokio::join!(hers, third.recover(email, key, NEW));
                    let now = if hers.is_ok() { "hers, and new" } else { NEW };
                    let key = theirs
                        .as_ref()
                        .map_or(key.clone(), |made| made.recovery_key.to_string());
                    won.extend([hers, theirs.map(|_| ())]);
                    (now, key)
                }
            };
            assert_eq!(
                won.iter().filter(|outcome| outcome.is_ok()).count(),
                1,
                "{won:?}"
            );
            for error in won.into_iter().filter_map(Result::err) {
                let code = error.code();
                assert!(
                    ["conflict", "session_expired", "wrong_credentials"].contains(&code),
                    "{error}"
                );
            }
            let (client, _) = device(&world);
            let session = client.sign_in(email, passphrase).await.unwrap();
            assert_eq!(session.card(card.id).await.unwrap().content, card.content);
            let recovered = client.recover(email, &key, NEW).await.unwrap();
            let read = recovered.session.card(card.id).await.unwrap();
            assert_eq!(read.content, card.content, "the keys are the same");
        }
    });
}

/// The session changes under calls that are under way; none of them notices.
#[test]
fn calls_under_way_go_over_to_the_fresh_session() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let bob = world.person("bob").await;
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let changed = Cell::new(false);
        let calls = async {
            let mut count = 0;
            while !changed.get() {
                let call = || async {
                    let (card, connection) = tokio::join!(
                        alice.session.card(card.id),
                        alice.session.connection(hers.id)
                    );
                    card.unwrap();
                    connection.unwrap();
                };
                join_all((0..8).map(|_| call())).await;
                count += 1;
            }
            count
        };
        let changes = async {
            let mut old = PASSPHRASE.to_owned();
            for round in 0..4 {
                let new = format!("{NEW} {round}");
                alice.session.change_passphrase(&old, &new).await.unwrap();
                old = new;
            }
            changed.set(true);
        };
        let (count, ()) = tokio::join!(calls, changes);
        assert!(count > 4, "{count}");
    });
}

#[test]
fn who_listens_goes_on_listening() {
    run(async {
        let mut world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let other = world.other_device(&bob).await;
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let listen = |person: &Person| {
            let told = Rc::new(RefCell::new(0));
            let count = told.clone();
            let listener = move |_| *count.borrow_mut() += 1;
            person.session.on(EventKind::Share, listener).unwrap();
            told
        };
        let (told, told_other) = (listen(&bob), listen(&other));
        let hears = async |told: &Rc<RefCell<usize>>| {
            let before = *told.borrow();
            eventually(async || {
                alice
                    .session
                    .share(snapshot(card.id, hers.id))
                    .await
                    .unwrap();
                (*told.borrow() > before).then_some(())
            })
            .await;
        };
        hears(&told).await;
        hears(&told_other).await;
        bob.session
            .change_passphrase(PASSPHRASE, NEW)
            .await
            .unwrap();
        // Every stream ends, and a new one needs a new token, hence a session that has not ended.
        for person in [&bob, &other] {
            person.http.clock_offset.store(600_000, Ordering::Relaxed);
        }
        let asked = || {
            let sent = other.http.sent.borrow();
            let tokens = sent
                .iter()
                .filter(|request| request.url.ends_with("/tokens"));
            tokens.count()
        };
        let before = asked();
        world.restart(|_| {}, |_| {});
        hears(&told).await;
        eventually(async || (asked() >= before + 2).then_some(())).await;
        assert!(!is_signed_in(&other).await);
        other.session.unlock(NEW).await.unwrap();
        hears(&told_other).await;
    });
}
