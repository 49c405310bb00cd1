//! Live events.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use vouchsafe::api::vault::events::{Event, EventKind};
use vouchsafe::crypto::records::CardContent;
use vouchsafe::flows::{Change, Subscription};
use vouchsafe::ids::Id;

use crate::flows::following::update;
use crate::support::{
    Fault, PASSPHRASE, Person, TestSession, World, connect_by_link, eventually, passport, run,
    snapshot, whole,
};

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
            let share = alice
                .session
                .share(snapshot(card.id, hers.id))
                .await
                .unwrap();
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
        alice
            .session
            .share(snapshot(card.id, hers.id))
            .await
            .unwrap();
        bob.session.connection(hers.id).await.unwrap();
        assert_eq!(told.borrow().len(), count, "nobody listens any more");
    });
}

/// The shares that a listener was told of.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<Id>>>);

impl Told {
    fn listen(&self, session: &TestSession) -> Subscription {
        let told = Rc::clone(&self.0);
        session
            .on(EventKind::Share, move |event| {
                told.borrow_mut().push(event.id)
            })
            .unwrap()
    }

    async fn hears(&self, shares: &[Id]) {
        eventually(async || (*self.0.borrow() == shares).then_some(())).await;
    }
}

/// Two connected people; the second one hears what the first one shares.
struct Scene {
    world: World,
    alice: Person,
    bob: Person,
    card: Id,
    connection: Id,
}

impl Scene {
    async fn set() -> Self {
        // No comment tells that a stream lives.
        let world = World::start_with(|config| config.heartbeat = Duration::from_secs(3600));
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await.id;
        Self {
            world,
            alice,
            bob,
            card,
            connection: hers.id,
        }
    }

    async fn share(&self) -> Id {
        let request = snapshot(self.card, self.connection);
        self.alice.session.share(request).await.unwrap().id
    }

    /// Waits until Bob's stream is open.
    async fn stream(&self) {
        eventually(async || self.bob.session.last_event().map(drop)).await;
    }
}

#[test]
fn what_comes_while_the_stream_is_being_opened_is_told() {
    run(async {
        let scene = Scene::set().await;
        let told = Told::default();
        let http = &scene.bob.http;
        // The token before is too old: one is fetched first, over a slow line.
        http.clock_offset.fetch_add(300_000, Ordering::Relaxed);
        let is_made = Rc::new(Cell::new(false));
        let made = Rc::clone(&is_made);
        http.keep_answer(
            |request| request.url.ends_with("/tokens"),
            move || !made.get(),
        );
        let _listening = told.listen(&scene.bob.session);
        eventually(async || http.is_keeping.get().then_some(())).await;
        let share = scene.share().await;
        is_made.set(true);
        told.hears(&[share]).await;
    });
}

#[test]
fn a_stream_that_is_dead_is_given_up_by_the_clock() {
    run(async {
        for nudged in [false, true] {
            let scene = Scene::set().await;
            let told = Told::default();
            let _listening = told.listen(&scene.bob.session);
            scene.stream().await;
            let first = scene.share().await;
            told.hears(&[first]).await;

            scene.bob.http.silence_streams();
            let missed = [scene.share().await, scene.share().await];
            let seen = scene.bob.session.last_event();
            // The machine wakes up: less is enough for a page that comes to the front.
            let slept = if nudged { 25_000 } else { 50_000 };
            let clock = &scene.bob.http.clock_offset;
            clock.fetch_add(slept, Ordering::Relaxed);
            if nudged {
                scene.bob.session.nudge();
            }
            told.hears(&[first, missed[0], missed[1]]).await;
            assert_eq!(scene.bob.http.streams.borrow()[1], seen);
        }
    });
}

#[test]
fn what_something_on_the_way_holds_back_is_told_by_looking_back() {
    run(async {
        let scene = Scene::set().await;
        let told = Told::default();
        scene.bob.http.buffer_streams();
        let _listening = told.listen(&scene.bob.session);
        eventually(async || (!scene.bob.http.streams.borrow().is_empty()).then_some(())).await;
        let mut shares = Vec::new();
        for _ in 0..2 {
            shares.push(scene.share().await);
            let clock = &scene.bob.http.clock_offset;
            clock.fetch_add(50_000, Ordering::Relaxed);
            told.hears(&shares).await;
        }
    });
}

#[test]
fn what_happens_before_a_stream_could_be_opened_is_told() {
    run(async {
        let scene = Scene::set().await;
        let told = Told::default();
        let is_away = Rc::new(Cell::new(true));
        scene.bob.http.tamper({
            let is_away = Rc::clone(&is_away);
            move |request, mut response| {
                if is_away.get() && request.url.contains("/events") {
                    response.status = 503;
                }
                response
            }
        });
        let _listening = told.listen(&scene.bob.session);
        eventually(async || (scene.bob.http.streams.borrow().len() > 1).then_some(())).await;
        let share = scene.share().await;
        is_away.set(false);
        told.hears(&[share]).await;
    });
}

#[test]
fn what_happens_between_two_listeners_is_told_to_the_second() {
    run(async {
        let scene = Scene::set().await;
        let told = Told::default();
        let listening = told.listen(&scene.bob.session);
        scene.stream().await;
        let before = scene.share().await;
        told.hears(&[before]).await;
        listening.cancel();
        let between = scene.share().await;
        let _listening = told.listen(&scene.bob.session);
        told.hears(&[before, between]).await;
    });
}

#[test]
fn what_happens_while_a_page_loads_anew_is_told() {
    run(async {
        let scene = Scene::set().await;
        let told = Told::default();
        let listening = told.listen(&scene.bob.session);
        scene.stream().await;
        let last = scene.bob.session.last_event();
        listening.cancel();
        let missed = scene.share().await;
        let again = scene.world.other_device(&scene.bob).await;
        again.session.set_last_event(last);
        let _listening = told.listen(&again.session);
        told.hears(&[missed]).await;
    });
}

#[test]
fn two_tabs_hear_the_same() {
    run(async {
        let scene = Scene::set().await;
        let other = scene.world.other_device(&scene.bob).await;
        let (here, there) = (Told::default(), Told::default());
        let _listening = (
            here.listen(&scene.bob.session),
            there.listen(&other.session),
        );
        scene.stream().await;
        eventually(async || other.session.last_event().map(drop)).await;
        let shares = [scene.share().await, scene.share().await];
        here.hears(&shares).await;
        there.hears(&shares).await;
    });
}

#[test]
fn an_event_that_the_service_does_not_know_is_forgotten() {
    run(async {
        let scene = Scene::set().await;
        let told = Told::default();
        let missed = Rc::new(Cell::new(0));
        scene.bob.session.watch({
            let missed = Rc::clone(&missed);
            move |change| missed.set(missed.get() + i32::from(change == Change::Missed))
        });
        scene.bob.session.set_last_event(Some("tomorrow".into()));
        let _listening = told.listen(&scene.bob.session);
        eventually(async || {
            let last = scene.bob.session.last_event();
            last.filter(|last| last != "tomorrow").map(drop)
        })
        .await;
        let share = scene.share().await;
        told.hears(&[share]).await;
        assert_eq!(missed.get(), 1, "the app is to look for itself");
    });
}

#[test]
fn a_tab_that_takes_over_goes_on_where_the_other_stopped() {
    run(async {
        let scene = Scene::set().await;
        let other = scene.world.other_device(&scene.bob).await;
        other.session.set_held(true);
        let (here, there) = (Told::default(), Told::default());
        let _listening = (
            here.listen(&scene.bob.session),
            there.listen(&other.session),
        );
        scene.stream().await;
        let first = scene.share().await;
        here.hears(&[first]).await;
        assert!(other.http.streams.borrow().is_empty(), "one reads");
        // So the tab that reads passes it on.
        let kind = EventKind::Share;
        other.session.hear(Event { kind, id: first });
        let last = scene.bob.session.last_event();
        other.session.set_last_event(last);
        let missed = scene.share().await;
        other.session.look_back().await.unwrap();
        there.hears(&[first, missed]).await;
        here.hears(&[first, missed]).await;

        scene.bob.session.set_held(true);
        other.session.set_held(false);
        let after = scene.share().await;
        there.hears(&[first, missed, after]).await;
        here.hears(&[first, missed]).await;
        scene.bob.session.set_held(false);
        here.hears(&[first, missed, after]).await;
    });
}

#[test]
fn a_tab_that_takes_over_late_is_told_what_happened_since_it_listens() {
    run(async {
        let scene = Scene::set().await;
        let told = Told::default();
        scene.bob.session.set_held(true);
        let _listening = told.listen(&scene.bob.session);
        let share = scene.share().await;
        // Whoever had the stream told nothing, and is gone.
        let clock = &scene.bob.http.clock_offset;
        clock.fetch_add(60_000, Ordering::Relaxed);
        scene.bob.session.set_held(false);
        told.hears(&[share]).await;
    });
}

#[test]
fn a_listener_hears_several_kinds() {
    run(async {
        let scene = Scene::set().await;
        let told: Rc<RefCell<Vec<EventKind>>> = Rc::default();
        let kinds = [EventKind::Share, EventKind::Revoked];
        let listener = {
            let told = Rc::clone(&told);
            move |event: Event| told.borrow_mut().push(event.kind)
        };
        let listening = scene.bob.session.on(kinds, listener).unwrap();
        scene.stream().await;
        let share = scene.share().await;
        scene.alice.session.revoke_share(share).await.unwrap();
        eventually(async || (*told.borrow() == kinds).then_some(())).await;
        listening.cancel();
    });
}

/// Another device wrote a card, and was cut before its shares followed: whoever heard of the card brings them up to date, once, and
/// not at once.
#[test]
fn who_hears_of_a_card_looks_later_whether_its_shares_lag() {
    run(async {
        let scene = Scene::set().await;
        let (alice, bob) = (&scene.alice, &scene.bob);
        let request = whole(scene.card, scene.connection);
        let share = alice.session.share(request).await.unwrap().id;
        let here = scene.world.other_device(alice).await;
        let held = scene.world.other_device(alice).await;
        let heard: Rc<RefCell<Vec<Id>>> = Rc::default();
        let looks = [Rc::new(Cell::new(0)), Rc::new(Cell::new(0))];
        held.session.set_held(true);
        for (device, looks) in [&here, &held].into_iter().zip(&looks) {
            device.http.holds_long_watches.set(true);
            let (looks, session) = (Rc::clone(looks), device.session.clone());
            // As the package does.
            device.session.watch(move |change| {
                if change == Change::Lagging {
                    looks.set(looks.get() + 1);
                    let session = session.clone();
                    tokio::task::spawn_local(async move { session.catch_up_shares().await });
                }
            });
            let (heard, session) = (Rc::clone(&heard), held.session.clone());
            let is_here = std::ptr::eq(device, &here);
            let listener = move |event: Event| {
                if is_here {
                    heard.borrow_mut().push(event.id);
                    session.hear(event);
                }
            };
            device.session.on(EventKind::Card, listener).unwrap();
        }
        eventually(async || here.session.last_event().map(drop)).await;

        let waits = || here.http.long_watches.borrow().clone();
        let edit = async |version: u64| {
            alice.http.break_with(|request, _| {
                let later = request.method.as_str() == "PUT" && !request.url.contains("/cards/");
                later.then_some(Fault::BeforeSending)
            });
            let content = CardContent::new("Passport", &[("number", "Number", "X2")]);
            let made = update(alice, scene.card, version, content).await.unwrap();
            alice.http.mend();
            assert_eq!(made.lagging[0].error.code(), "offline");
        };
        edit(1).await;
        eventually(async || (heard.borrow().len() == 1).then_some(())).await;
        edit(2).await;
        eventually(async || (heard.borrow().len() == 2).then_some(())).await;
        assert_eq!(waits().len(), 1, "one look for both");
        assert!((30_000..=90_000).contains(&waits()[0]), "{:?}", waits());
        assert_eq!(looks[0].get(), 0, "not at once");
        let seen = bob.session.read_share(share).await.unwrap();
        assert_eq!(seen.card, passport());

        here.http.holds_long_watches.set(false);
        eventually(async || {
            let seen = bob.session.read_share(share).await.unwrap();
            (seen.card.fields[0].value == "X2").then_some(())
        })
        .await;
        assert_eq!(looks[0].get(), 1);

        // Who is locked by then does nothing, and looks again another time.
        here.http.holds_long_watches.set(true);
        edit(3).await;
        eventually(async || (waits().len() == 2).then_some(())).await;
        here.session.lock();
        here.http.holds_long_watches.set(false);
        eventually(async || (here.http.long_watches_over.get() == 2).then_some(())).await;
        assert_eq!(looks[0].get(), 1);
        here.session.unlock(PASSPHRASE).await.unwrap();
        edit(4).await;
        eventually(async || (looks[0].get() == 2).then_some(())).await;
        assert_ne!(waits()[..2], waits()[1..], "each at a time of its own");
        // Nor does who finds that something was missed.
        held.session.look_back().await.unwrap();
        let none: [u32; 0] = [];
        assert_eq!(*held.http.long_watches.borrow(), none);
        assert_eq!(
            looks[1].get(),
            0,
            "who hears from another tab leaves it to that one"
        );
    });
}
