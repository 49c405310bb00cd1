//! Live shares: they follow their card, show what was chosen and nothing else, and are changed when the card is shared again.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::json;
use vouchsafe::api::PageRequest;
use vouchsafe::api::vault::events::{Event, EventKind};
use vouchsafe::api::vault::shares::Receipt;
use vouchsafe::crypto::records::{CardContent, Part};
use vouchsafe::flows::{
    CardUpdate, OutgoingShare, Received, Remaining, Share, ShareRequest, Updated,
};
use vouchsafe::ids::Id;
use vouchsafe::{Error, Result};

use crate::support::secrets::bodies;
use crate::support::{
    Counting, Http, Person, World, connect_by_link, connect_by_mail, eventually, passport, run,
    snapshot, whole,
};

/// A card with three fields.
fn card(number: &str, country: &str, note: &str) -> CardContent {
    CardContent::new(
        "Passport",
        &[
            ("number", "Number", number),
            ("country", "Country", country),
            ("note", "Note", note),
        ],
    )
}

pub(crate) async fn update(
    person: &Person,
    id: Id,
    version: u64,
    content: CardContent,
) -> Result<Updated> {
    let update = CardUpdate {
        id,
        version,
        content,
    };
    person.session.update_card(update).await
}

pub(crate) fn of_fields(card: Id, connection: Id, names: &[&str]) -> ShareRequest {
    ShareRequest {
        part: Part::of_fields(names),
        ..whole(card, connection)
    }
}

async fn read(person: &Person, share: &Share) -> Received {
    person.session.read_share(share.id).await.unwrap()
}

/// The names of the fields that somebody sees.
fn names(received: &Received) -> Vec<&str> {
    let fields = received.card.fields.iter();
    fields.map(|field| field.name.as_str()).collect()
}

async fn shares_of(person: &Person, card: Id) -> Vec<OutgoingShare> {
    let page = PageRequest::default();
    let items = person
        .session
        .shares_of(card, &page)
        .await
        .unwrap()
        .items
        .into_iter();
    items.map(|item| item.result.unwrap()).collect()
}

fn listen(person: &Person, kind: EventKind) -> Rc<RefCell<Vec<Event>>> {
    let told: Rc<RefCell<Vec<Event>>> = Rc::default();
    let heard = Rc::clone(&told);
    let listener = move |event| heard.borrow_mut().push(event);
    person.session.on(kind, listener).unwrap();
    told
}

/// The requests since then, without what goes on in the background.
fn asked(person: &Person, before: usize) -> Vec<String> {
    let sent = person.http.sent.borrow();
    let sent = sent[before..].iter().map(|request| {
        let path = request.url.splitn(4, '/').nth(3).unwrap();
        let path = path.split('?').next().unwrap();
        format!("{} /{path}", request.method.as_str())
    });
    let quiet = |asked: &String| !asked.ends_with("/settled") && !asked.ends_with("/tokens");
    sent.filter(quiet).collect()
}

#[test]
fn an_update_reaches_everybody_in_the_same_call() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (bob, carol) = (world.person("bob").await, world.person("carol").await);
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&alice, &carol).await;
        let made = alice.session.create_card(card("X1", "Iceland", "")).await;
        let made = made.unwrap();
        let to_bob = alice.session.share(whole(made.id, with_bob.id)).await;
        let to_bob = to_bob.unwrap();
        let chosen = of_fields(made.id, with_carol.id, &["country"]);
        let to_carol = alice.session.share(chosen).await.unwrap();
        let still = alice.session.share(snapshot(made.id, with_bob.id)).await;
        let still = still.unwrap();
        assert_eq!((to_bob.edition, to_carol.edition), (1, 1));
        assert_eq!(read(&bob, &to_bob).await.card, card("X1", "Iceland", ""));
        let told = listen(&bob, EventKind::Updated);
        eventually(async || bob.session.last_event().map(drop)).await;

        let before = alice.http.sent.borrow().len();
        let new = card("X2", "Faroe Islands", "renewed");
        let updated = update(&alice, made.id, 1, new.clone()).await.unwrap();
        assert!(updated.lagging.is_empty(), "{:?}", updated.lagging);
        assert_eq!((updated.card.version, updated.card.shares), (2, Some(3)));
        let mut requests = asked(&alice, before);
        requests.sort();
        let expected = [
            "POST /keystore/v1/connections/query",
            "POST /keystore/v1/spaces/of-cards",
            "POST /vault/v1/connections/query",
            &format!("PUT /vault/v1/cards/{}", made.id),
            "PUT /keystore/v1/spaces",
            "PUT /vault/v1/shares",
        ];
        let mut expected = expected.map(str::to_owned);
        expected.sort();
        assert_eq!(
            requests, expected,
            "one request each, whatever their number"
        );

        let event = Event {
            kind: EventKind::Updated,
            id: to_bob.id,
        };
        eventually(async || told.borrow().contains(&event).then_some(())).await;
        let received = read(&bob, &to_bob).await;
        assert_eq!((received.card, received.share.edition), (new.clone(), 2));
        assert_eq!(received.share.created_at, to_bob.created_at);
        let received = read(&carol, &to_carol).await;
        assert_eq!(names(&received), ["country"]);
        assert_eq!(received.card.fields[0].value, "Faroe Islands");
        let received = read(&bob, &still).await;
        assert_eq!(
            (received.card, received.share.edition),
            (card("X1", "Iceland", ""), 1)
        );

        // A field that is added later is shown to whom all was shared, and to nobody else.
        let mut more = new.clone();
        more.fields.extend(
            CardContent::new("L", &[("pin", "PIN", "4711")])
                .fields
                .clone(),
        );
        update(&alice, made.id, 2, more.clone()).await.unwrap();
        assert_eq!(read(&bob, &to_bob).await.card, more);
        let received = read(&carol, &to_carol).await;
        assert_eq!(
            (names(&received), received.share.edition),
            (vec!["country"], 2)
        );
        // And one that is removed is gone.
        let less = CardContent::new("Passport", &[("number", "Number", "X3")]);
        update(&alice, made.id, 3, less.clone()).await.unwrap();
        assert_eq!(read(&bob, &to_bob).await.card, less);
        assert!(names(&read(&carol, &to_carol).await).is_empty());
    });
}

/// What they do not see is changed without a word to them.
#[test]
fn no_edition_is_written_that_shows_nothing_new() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let made = alice.session.create_card(card("X1", "Iceland", "")).await;
        let id = made.unwrap().id;
        let request = of_fields(id, hers.id, &["country"]);
        let share = alice.session.share(request.clone()).await.unwrap();
        for version in 1..4 {
            let content = card(&format!("X{version}"), "Iceland", "changed");
            update(&alice, id, version, content).await.unwrap();
        }
        assert!(bodies(&alice, "/v1/shares").len() == 1, "made once");
        let again = alice.session.share(request.clone()).await.unwrap();
        assert_eq!((again.id, again.edition), (share.id, 1));
        assert_eq!(read(&bob, &share).await.share.edition, 1);
        let outgoing = shares_of(&alice, id).await.remove(0);
        assert_eq!(outgoing.up_to_date, Some(true));

        // Another end is another edition.
        let end = vouchsafe::api::Transport::now(&alice.http) + 3_600_000;
        let until = ShareRequest {
            expires_at: Some(end),
            ..request
        };
        let again = alice.session.share(until).await.unwrap();
        assert_eq!((again.id, again.edition), (share.id, 2));
        let received = read(&bob, &share).await;
        assert_eq!(received.share.expires_at, Some(end));
        assert_eq!(
            bob.session
                .incoming_shares(&PageRequest::default())
                .await
                .unwrap()
                .items
                .len(),
            1
        );
    });
}

#[test]
fn sharing_again_changes_the_share_that_is_there() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (bob, carol) = (world.person("bob").await, world.person("carol").await);
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&alice, &carol).await;
        let made = alice.session.create_card(card("X1", "Iceland", "n")).await;
        let id = made.unwrap().id;
        let first = alice.session.share(whole(id, with_bob.id)).await.unwrap();
        read(&bob, &first).await;
        // Narrowed by another device, together with somebody new.
        let elsewhere = world.other_device(&alice).await;
        let many = ShareRequest {
            connections: vec![with_bob.id, with_carol.id],
            ..of_fields(id, with_bob.id, &["note", "country"])
        };
        let outcomes = elsewhere.session.share_with_many(many).await.unwrap();
        let shares: Vec<&Share> = outcomes
            .iter()
            .map(|one| one.result.as_ref().unwrap())
            .collect();
        assert_eq!((shares[0].id, shares[0].edition), (first.id, 2));
        assert_eq!((shares[0].space, shares[1].edition), (first.space, 1));
        for (person, share) in [(&bob, shares[0]), (&carol, shares[1])] {
            let received = read(person, share).await;
            assert_eq!(names(&received), ["country", "note"]);
            let incoming = person
                .session
                .incoming_shares(&PageRequest::default())
                .await;
            assert_eq!(incoming.unwrap().items.len(), 1, "nobody gets it twice");
        }
        // From then on it follows as it was narrowed.
        update(&alice, id, 1, card("X2", "Norway", "m"))
            .await
            .unwrap();
        assert_eq!(names(&read(&bob, &first).await), ["country", "note"]);
        // A name that the card has not is refused, and nothing is changed.
        let wrong = alice
            .session
            .share(of_fields(id, with_bob.id, &["colour"]))
            .await;
        assert_eq!(wrong.unwrap_err().code(), "bad_input");
        // And widened again.
        let wide = alice.session.share(whole(id, with_bob.id)).await.unwrap();
        assert_eq!((wide.id, wide.edition), (first.id, 4));
        assert_eq!(read(&bob, &first).await.card, card("X2", "Norway", "m"));
    });
}

#[test]
fn what_is_over_is_not_brought_back() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        let soon = ShareRequest {
            expires_at: Some(vouchsafe::api::Transport::now(&alice.http) + 3_600_000),
            ..whole(id, hers.id)
        };
        let first = alice.session.share(soon).await.unwrap();
        // By the services' clock first, and then by everybody's.
        world.pass(3_600_001);
        let second = alice.session.share(whole(id, hers.id)).await.unwrap();
        assert_ne!((second.id, second.space), (first.id, first.space));
        let clock = &alice.http.clock_offset;
        clock.store(3_600_001, std::sync::atomic::Ordering::Relaxed);
        let updated = update(&alice, id, 1, card("X2", "Norway", ""))
            .await
            .unwrap();
        assert!(updated.lagging.is_empty(), "{:?}", updated.lagging);
        assert_eq!(read(&bob, &second).await.share.edition, 2);
        let error = bob.session.read_share(first.id).await.unwrap_err();
        assert_eq!(error, Error::ShareExpired);
    });
}

#[test]
fn people_see_what_they_shared_with_whom() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (bob, carol) = (world.person("bob").await, world.person("carol").await);
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_mail(&world, &alice, &carol).await;
        let (id, other) = (alice.card().await.id, alice.card().await.id);
        let first = alice.session.share(whole(id, with_bob.id)).await.unwrap();
        let chosen = ShareRequest {
            accept_unverified: true,
            ..of_fields(id, with_carol.id, &["country"])
        };
        let second = alice.session.share(chosen).await.unwrap();
        let still = alice
            .session
            .share(snapshot(id, with_bob.id))
            .await
            .unwrap();
        alice
            .session
            .share(whole(other, with_bob.id))
            .await
            .unwrap();

        let elsewhere = world.other_device(&alice).await;
        let listed = shares_of(&elsewhere, id).await;
        let seen: Vec<_> = listed
            .iter()
            .map(|one| {
                (
                    one.share.id,
                    one.card,
                    one.fields.clone(),
                    one.live,
                    one.up_to_date,
                )
            })
            .collect();
        let country = Some(vec!["country".to_owned()]);
        assert_eq!(
            seen,
            [
                (still.id, Some(id), None, false, Some(true)),
                (second.id, Some(id), country, true, Some(true)),
                (first.id, Some(id), None, true, Some(true)),
            ]
        );
        let counts = elsewhere
            .session
            .cards(&PageRequest::default())
            .await
            .unwrap();
        let counts = counts.items.into_iter().map(|card| card.result.unwrap());
        let counts: Vec<_> = counts.map(|card| (card.id, card.shares)).collect();
        assert_eq!(counts, [(other, Some(1)), (id, Some(3))]);
        assert_eq!(elsewhere.session.card(id).await.unwrap().shares, Some(3));
        let outgoing = alice
            .session
            .outgoing_shares(&PageRequest::default(), None)
            .await;
        assert!(outgoing.unwrap().items.iter().all(|one| one.card.is_some()));

        // The card has the same name towards Bob when it comes again; another card, and towards Carol, another.
        let name = read(&bob, &first).await.reference;
        assert!(name.is_some());
        assert_ne!(read(&carol, &second).await.reference, name);
        elsewhere.session.revoke_share(first.id).await.unwrap();
        let again = alice.session.share(whole(id, with_bob.id)).await.unwrap();
        assert_ne!(again.id, first.id);
        assert_eq!(read(&bob, &again).await.reference, name);
        assert_eq!(read(&bob, &still).await.reference, name);

        // Deleting asks what becomes of them.
        let error = alice.session.delete_card(id, None).await.unwrap_err();
        assert_eq!(error, Error::CardShared(3));
        alice.session.card(id).await.unwrap();
        elsewhere
            .session
            .delete_card(id, Some(Remaining::Revoke))
            .await
            .unwrap();
        for (person, share) in [(&bob, &again), (&bob, &still), (&carol, &second)] {
            let error = person.session.read_share(share.id).await.unwrap_err();
            assert_eq!(error, Error::NotFound);
        }
        assert_eq!(alice.session.card(id).await.unwrap_err(), Error::NotFound);
        alice
            .session
            .delete_card(other, Some(Remaining::Keep))
            .await
            .unwrap();
        let kept = shares_of(&alice, other).await.remove(0);
        assert_eq!(read(&bob, &kept.share).await.card, passport());
    });
}

#[test]
fn readers_tell_if_their_app_wants_it() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let id = alice.card().await.id;
        let mut shares = vec![alice.session.share(whole(id, hers.id)).await.unwrap()];
        for _ in 0..4 {
            shares.push(alice.session.share(snapshot(id, hers.id)).await.unwrap());
        }
        let ids: Vec<Id> = shares.iter().map(|share| share.id).collect();
        bob.session.read_shares(&ids).await.unwrap();
        eventually(async || bodies(&bob, "/spaces/claims").pop()).await;
        assert!(bodies(&bob, "/shares/read").is_empty(), "off by default");

        let (http, engine) = (Http::default(), Counting::default());
        let client = world
            .client_with(http.clone(), engine.clone())
            .with_receipts();
        let session = client.sign_in(&bob.email, crate::support::PASSPHRASE).await;
        let reader = Person {
            client,
            session: session.unwrap(),
            http,
            engine,
            email: bob.email.clone(),
            recovery_key: String::new(),
        };
        let told = listen(&alice, EventKind::Read);
        eventually(async || alice.session.last_event().map(drop)).await;
        let readings = async || {
            let shares = shares_of(&alice, id).await.into_iter();
            shares
                .map(|one| one.read.map(|Receipt { edition, .. }| edition))
                .collect::<Vec<_>>()
        };
        assert_eq!(readings().await, [None; 5]);
        for _ in 0..2 {
            for opened in reader.session.read_shares(&ids).await.unwrap() {
                opened.result.unwrap();
            }
        }
        eventually(async || (readings().await == [Some(1); 5]).then_some(())).await;
        let sent = bodies(&reader, "/shares/read");
        assert_eq!(sent.len(), 1, "one request for all, and none a second time");
        eventually(async || (told.borrow().len() == 5).then_some(())).await;

        update(&alice, id, 1, card("X2", "Norway", ""))
            .await
            .unwrap();
        read(&reader, &shares[0]).await;
        eventually(async || (readings().await[4] == Some(2)).then_some(())).await;
        let last = json!([{ "id": shares[0].id, "edition": 2 }]);
        assert_eq!(bodies(&reader, "/shares/read")[1]["reads"], last);
    });
}

#[test]
fn kind_and_data_are_kept_with_the_card() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let with = |kind: &str, data: &str| {
            let mut content = card("X1", "Iceland", "");
            content.kind = Some(kind.into());
            content.data = Some(data.into());
            content
        };
        let content = with("login", r#"{"icon":"key","order":1.5}"#);
        let made = alice.session.create_card(content.clone()).await.unwrap();
        let elsewhere = world.other_device(&alice).await;
        assert_eq!(
            elsewhere.session.card(made.id).await.unwrap().content,
            content
        );
        let share = alice.session.share(whole(made.id, hers.id)).await.unwrap();
        assert_eq!(read(&bob, &share).await.card, content);
        // Chosen fields are these fields: what the app keeps beside them may say what the others are.
        let chosen = of_fields(made.id, hers.id, &["number"]);
        alice.session.share(chosen).await.unwrap();
        let received = read(&bob, &share).await;
        let shown = (&received.card.kind, &received.card.data);
        assert_eq!(shown, (&content.kind, &None));

        for (kind, data, code) in [
            ("", "{}", "bad_input"),
            (&*"x".repeat(101), "{}", "bad_input"),
            ("a\nb", "{}", "bad_input"),
            ("login", "{", "bad_input"),
            (
                "login",
                &*format!("\"{}\"", "x".repeat(16 << 10)),
                "too_large",
            ),
        ] {
            let error = alice
                .session
                .create_card(with(kind, data))
                .await
                .unwrap_err();
            assert_eq!(error.code(), code);
        }
    });
}
