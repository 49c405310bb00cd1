//! Connection keys that are made ahead, as in a browser: nobody waits for one.

use std::rc::Rc;

use tokio::sync::Semaphore;
use vouchsafe::crypto::invitation_link::Ticket;

use crate::support::{Counting, Counts, Hooked, Http, PASSPHRASE, World, by_link, eventually, run};

/// An engine that makes keys ahead, each with a permit.
fn engine() -> (Counting, Rc<Semaphore>) {
    let permits = Rc::new(Semaphore::new(0));
    let counts = Counts {
        permits: Some(Rc::clone(&permits)),
        ..Counts::default()
    };
    (Hooked(counts), permits)
}

/// Waits until no permit is left.
async fn made(permits: &Semaphore) {
    eventually(async || (permits.available_permits() == 0).then_some(())).await;
    // The key is put into the stock behind that.
    tokio::task::yield_now().await;
}

#[test]
fn inviting_waits_for_no_key_that_is_in_stock() {
    run(async {
        let world = World::start();
        let (engine, permits) = engine();
        let client = world.client_with(Http::default(), engine.clone());
        let made_up = client.sign_up("alice@example.org", PASSPHRASE).await;
        let alice = made_up.unwrap().session;
        permits.add_permits(1);
        made(&permits).await;
        assert_eq!(engine.begun_keys.get(), 1);

        alice.invite(by_link("Bob")).await.unwrap();
        assert_eq!(
            engine.begun_keys.get(),
            1,
            "what is made ahead waits for its turn"
        );
        tokio::task::yield_now().await;
        assert_eq!(engine.begun_keys.get(), 2);
        // One that is being made already is waited for.
        let second = tokio::task::spawn_local({
            let alice = alice.clone();
            async move { alice.invite(by_link("Carol")).await.unwrap().id }
        });
        tokio::task::yield_now().await;
        permits.add_permits(1);
        second.await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(engine.begun_keys.get(), 3);

        // A key that is in stock, and one that is not finished, are forgotten with the others.
        for permit in [1, 0] {
            permits.add_permits(permit);
            made(&permits).await;
            let before = engine.begun_keys.get();
            alice.lock();
            alice.unlock(PASSPHRASE).await.unwrap();
            permits.add_permits(2 - permit);
            alice.invite(by_link("Dora")).await.unwrap();
            tokio::task::yield_now().await;
            assert_eq!(engine.begun_keys.get(), before + 2);
        }
    });
}

#[test]
fn accepting_waits_for_no_key_after_a_preview() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (engine, permits) = engine();
        let client = world.client_with(Http::default(), engine.clone());
        let session = client.sign_in(&bob.email, PASSPHRASE).await.unwrap();
        let link = alice.session.invite(by_link("Bob")).await.unwrap().link;
        let ticket = Ticket::from_link(&link.unwrap()).unwrap();
        client.preview_invitation(&ticket).await.unwrap();
        permits.add_permits(1);
        made(&permits).await;
        session.accept(&ticket, "Alice").await.unwrap();
        assert_eq!(engine.begun_keys.get(), 1);
    });
}
