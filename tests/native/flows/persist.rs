//! What a session keeps beyond its page.

use std::cell::RefCell;
use std::rc::Rc;

use vouchsafe::flows::{Change, Kept};

use crate::support::{
    PASSPHRASE, Person, TestSession, World, by_link, connect_by_link, passport, run, whole,
};

fn resume(person: &Person, kept: &Kept) -> TestSession {
    let keys = kept.keys.as_ref().map(|keys| keys.bytes.as_slice());
    person.client.resume(&kept.state.bytes, keys).unwrap()
}

/// Takes over in `session` what another tab has kept with keys, or without.
fn catch_up(session: &TestSession, kept: &Kept, with_keys: bool) {
    let keys = kept.keys.as_ref().map(|keys| keys.bytes.as_slice());
    session
        .catch_up(&kept.state.bytes, keys, with_keys)
        .unwrap();
}

/// The code with which a call of the session fails.
async fn failure(session: &TestSession) -> &'static str {
    session.create_card(passport()).await.unwrap_err().code()
}

#[test]
fn a_session_goes_on_without_a_passphrase() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();

        let kept = bob.session.keep(true).unwrap();
        bob.http.sent.borrow_mut().clear();
        let again = resume(&bob, &kept);
        assert!(bob.http.sent.borrow().is_empty(), "nothing is sent");
        assert_eq!(again.account(), bob.session.account());
        assert_eq!(again.email().unwrap(), bob.email);
        assert!(!again.is_locked());
        let received = again.read_share(share.id).await.unwrap();
        assert_eq!(received.card, passport());
        again.create_card(passport()).await.unwrap();
    });
}

#[test]
fn a_locked_session_keeps_no_key() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let open = alice.session.keep(true).unwrap();
        let keys: serde_json::Value = serde_json::from_slice(&open.keys.unwrap().bytes).unwrap();
        let kek = keys["kek"].as_str().unwrap();
        assert_eq!(kek.len(), 43);
        let state = String::from_utf8(open.state.bytes.to_vec()).unwrap();
        assert!(!state.contains(kek), "the keys stand apart");

        alice.session.lock();
        let kept = alice.session.keep(true).unwrap();
        assert!(kept.keys.is_none());
        let again = resume(&alice, &kept);
        assert!(again.is_locked());
        assert_eq!(failure(&again).await, "locked");
        again.unlock(PASSPHRASE).await.unwrap();
        again.create_card(passport()).await.unwrap();
    });
}

/// A session that is kept without its keys: each tab has its passphrase typed.
#[test]
fn a_session_kept_locked_holds_no_key_while_it_is_unlocked() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let kept = alice.session.keep(false).unwrap();
        assert!(kept.keys.is_none());
        assert!(!alice.session.is_locked());
        let again = resume(&alice, &kept);
        assert_eq!(failure(&again).await, "locked");
        again.unlock(PASSPHRASE).await.unwrap();

        // The first tab goes on with the other's session of the Keystore, and stays unlocked.
        let invitation = by_link("Bob");
        let over = alice.session.invite(invitation.clone()).await;
        assert_eq!(over.unwrap_err().code(), "session_expired");
        catch_up(&alice.session, &again.keep(false).unwrap(), false);
        alice.session.invite(invitation).await.unwrap();
    });
}

#[test]
fn tabs_follow_one_another() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let other = resume(&alice, &alice.session.keep(true).unwrap());

        // A new session of the Keystore takes the place of the one that both have.
        let better = "something better";
        alice
            .session
            .change_passphrase(PASSPHRASE, better)
            .await
            .unwrap();
        assert_eq!(failure(&other).await, "session_expired");
        catch_up(&other, &alice.session.keep(true).unwrap(), true);
        other.create_card(passport()).await.unwrap();

        alice.session.lock();
        catch_up(&other, &alice.session.keep(true).unwrap(), true);
        assert_eq!(failure(&other).await, "locked");
        alice.session.unlock(better).await.unwrap();
        catch_up(&other, &alice.session.keep(true).unwrap(), true);
        other.create_card(passport()).await.unwrap();

        other.end();
        catch_up(&other, &alice.session.keep(true).unwrap(), true);
        assert_eq!(failure(&other).await, "session_expired");
    });
}

#[test]
fn whoever_keeps_it_is_told_what_changed() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let told: Rc<RefCell<Vec<Change>>> = Rc::default();
        alice.session.watch({
            let told = Rc::clone(&told);
            move |change| told.borrow_mut().push(change)
        });
        let card = alice.card().await;
        alice.session.card(card.id).await.unwrap();
        assert_eq!(told.take(), [], "what was seen is marked elsewhere");
        alice.session.lock();
        assert_eq!(told.take(), [Change::Access]);
        alice.session.unlock(PASSPHRASE).await.unwrap();
        assert_eq!(told.take(), [Change::Access]);
    });
}

#[test]
fn what_is_not_understood_is_refused() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, his) = (
            alice.session.keep(true).unwrap(),
            bob.session.keep(true).unwrap(),
        );
        let (hers_keys, his_keys) = (hers.keys.unwrap().bytes, his.keys.unwrap().bytes);
        let state = String::from_utf8(hers.state.bytes.to_vec()).unwrap();
        assert!(state.contains(r#""form":1,"#));
        let newer = state.replace(r#""form":1,"#, r#""form":2,"#);
        let wrong: [(&[u8], &[u8]); 5] = [
            (b"", &hers_keys),
            (b"{}", &hers_keys),
            (newer.as_bytes(), &hers_keys),
            (state.as_bytes(), &his_keys),
            (state.as_bytes(), b"{}"),
        ];
        for (state, keys) in wrong {
            let error = alice.client.resume(state, Some(keys)).unwrap_err();
            assert_eq!(error.code(), "record_rejected");
        }
        let caught = alice
            .session
            .catch_up(&his.state.bytes, Some(&his_keys), true);
        assert_eq!(caught.unwrap_err().code(), "record_rejected");
        alice.session.sign_out().await.unwrap();
        let over = alice.session.keep(true).err().unwrap();
        assert_eq!(over.code(), "session_expired");
    });
}
