//! Calls that are ended in the middle, and what they tell on the way.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use vouchsafe::api::PageRequest;
use vouchsafe::crypto::records::Part;
use vouchsafe::flows::{Progress, ShareRequest};
use vouchsafe::ids::Id;

use crate::support::{
    Http, PASSPHRASE, Person, World, by_link, connect_by_link, eventually, passport, run,
};

/// Drops the call when it has begun its `nth` request, counted from 0. `None`: it was dropped.
pub(super) async fn drop_at<R>(
    http: &Http,
    nth: usize,
    call: impl Future<Output = R>,
) -> Option<R> {
    let before = http.sent.borrow().len();
    let mut call = pin!(call);
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending if http.sent.borrow().len() > before + nth => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Somebody with three connections, and a card.
async fn circle(world: &World) -> (Person, Vec<Person>, ShareRequest) {
    let alice = world.person("alice").await;
    let (mut others, mut connections) = (Vec::new(), Vec::new());
    for name in ["bob", "carol", "dave"] {
        let other = world.person(name).await;
        connections.push(connect_by_link(&alice, &other).await.0.id);
        others.push(other);
    }
    let request = ShareRequest {
        card: alice.card().await.id,
        connections,
        part: Part::default(),
        expires_at: None,
        accept_unverified: false,
        live: false,
    };
    (alice, others, request)
}

async fn sent_shares(person: &Person) -> Vec<Id> {
    let page = PageRequest::default();
    let page = person.session.outgoing_shares(&page, None).await.unwrap();
    page.items.iter().map(|item| item.share.id).collect()
}

#[test]
fn shares_of_a_call_that_was_ended_are_taken_back() {
    run(async {
        let world = World::start();
        let (alice, others, request) = circle(&world).await;
        let mut nth = 0;
        loop {
            let call = alice.session.share_with_many(request.clone());
            let Some(outcomes) = drop_at(&alice.http, nth, call).await else {
                eventually(async || sent_shares(&alice).await.is_empty().then_some(())).await;
                nth += 1;
                continue;
            };
            let outcomes = outcomes.unwrap();
            assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
            break;
        }
        assert!(nth >= 4, "it was ended at {nth} requests only");
        assert_eq!(sent_shares(&alice).await.len(), 3);
        for other in &others {
            let page = PageRequest::default();
            let listed = other.session.incoming_shares(&page).await.unwrap().items;
            assert_eq!(listed.len(), 1);
            let read = other.session.read_share(listed[0].id).await.unwrap();
            assert_eq!(read.card, passport());
        }
    });
}

#[test]
fn a_share_that_was_ended_when_it_had_arrived_is_taken_back() {
    run(async {
        let world = World::start();
        let (alice, others, request) = circle(&world).await;
        let call = alice.session.share_with_many(request);
        let page = PageRequest::default();
        let arrived = eventually(async || {
            let listed = others[0].session.incoming_shares(&page).await.unwrap();
            (!listed.items.is_empty()).then_some(())
        });
        // The answer is on its way when the recipient sees the share.
        alice.http.hold_answers_to("/shares");
        tokio::select! {
            _ = call => panic!("it was answered"),
            () = arrived => {}
        }
        eventually(async || sent_shares(&alice).await.is_empty().then_some(())).await;
    });
}

#[test]
fn a_call_that_was_ended_can_be_made_again() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (invitation, ticket) = alice.invite_by_link("Bob").await;
        for nth in 0.. {
            let call = bob.session.accept(&ticket, "Alice");
            if let Some(connection) = drop_at(&bob.http, nth, call).await {
                assert_eq!(connection.unwrap().id, invitation.id);
                break;
            }
        }
        for nth in 0.. {
            let call = alice.session.invite(by_link("Carol"));
            if let Some(made) = drop_at(&alice.http, nth, call).await {
                assert!(made.unwrap().link.is_some());
                break;
            }
        }
        let better = "something better";
        for nth in 0.. {
            let call = alice.session.change_passphrase(PASSPHRASE, better);
            if let Some(changed) = drop_at(&alice.http, nth, call).await {
                changed.unwrap();
                break;
            }
        }
        for nth in 0.. {
            alice.session.lock();
            let call = alice.session.unlock(better);
            if let Some(unlocked) = drop_at(&alice.http, nth, call).await {
                unlocked.unwrap();
                break;
            }
        }
        alice.session.create_card(passport()).await.unwrap();
        let connection = alice.session.connection(invitation.id).await.unwrap();
        assert_eq!(connection.name, "Bob");
    });
}

#[test]
fn long_calls_tell_how_far_they_are_and_let_others_have_their_turn() {
    run(async {
        let world = World::start();
        let (alice, _others, request) = circle(&world).await;
        let told: Rc<RefCell<Vec<(usize, usize)>>> = Rc::default();
        let session = alice.session.reporting(Progress::to({
            let told = Rc::clone(&told);
            let clock = Rc::clone(&alice.http.clock_offset);
            // Each piece takes long.
            move |done, total| {
                told.borrow_mut().push((done, total));
                clock.fetch_add(20, Ordering::Relaxed);
            }
        }));
        let counts = |total: usize| (0..=total).map(|done| (done, total)).collect::<Vec<_>>();
        let page = PageRequest::default();

        let outcomes = session.share_with_many(request).await.unwrap();
        assert_eq!(told.take(), counts(6));
        let made = outcomes
            .into_iter()
            .map(|outcome| outcome.result.unwrap().id);
        session
            .read_shares(&made.collect::<Vec<_>>())
            .await
            .unwrap();
        assert_eq!(told.take(), counts(3));
        session.connections(&page).await.unwrap();
        assert_eq!(told.take(), counts(3));
        session.invitations(&page).await.unwrap();
        assert_eq!(told.take(), counts(3));

        for _ in 0..4 {
            alice.card().await;
        }
        let before = alice.http.pauses.get();
        session.cards(&page).await.unwrap();
        assert_eq!(told.take(), counts(5));
        assert_eq!(alice.http.pauses.get() - before, 5);
    });
}
