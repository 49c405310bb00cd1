//! Live events.

use std::cell::RefCell;
use std::rc::Rc;

use vouchsafe::api::vault::events::{Event, EventKind};

use crate::support::{World, connect_by_link, eventually, run, whole};

#[test]
fn events_arrive_as_things_happen() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let told: Rc<RefCell<Vec<Event>>> = Rc::default();
        let listen = |kind| {
            let told = Rc::clone(&told);
            bob.session
                .on(kind, move |event| told.borrow_mut().push(event))
                .unwrap()
        };
        let subscriptions = [
            listen(EventKind::Connection),
            listen(EventKind::Share),
            listen(EventKind::Revoked),
        ];
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        // The stream opens in its own time; shares are made until one is told.
        let share = eventually(async || {
            let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
            told.borrow()
                .iter()
                .any(|event| event.kind == EventKind::Share)
                .then_some(share)
        })
        .await;
        alice.session.revoke_share(share.id).await.unwrap();
        let revoked = Event {
            kind: EventKind::Revoked,
            id: share.id,
        };
        eventually(async || told.borrow().contains(&revoked).then_some(())).await;

        let count = told.borrow().len();
        subscriptions
            .iter()
            .for_each(|subscription| subscription.cancel());
        alice.session.share(whole(card.id, hers.id)).await.unwrap();
        bob.session.connection(hers.id).await.unwrap();
        assert_eq!(told.borrow().len(), count, "nobody listens any more");
    });
}
