//! How many round trips a call takes, one after another, and how many requests in all: what it costs somebody far away from the
//! services, and what it costs the services.

use vouchsafe::api::PageRequest;
use vouchsafe::crypto::invitation_link::Ticket;

use crate::support::{Person, World, by_link, run, whole};

/// What a call gives that has to take so many round trips, and so many requests.
async fn within<R>(expected: (usize, usize), person: &Person, call: impl Future<Output = R>) -> R {
    person.http.count_trips();
    let done = call.await;
    let trips = person.http.trips();
    // Nobody waits for claims, which go on meanwhile.
    let lines = trips.iter().flatten();
    let requests = lines.filter(|line| !line.ends_with("/claims")).count();
    assert_eq!((trips.len(), requests), expected, "{trips:#?}");
    done
}

#[test]
fn calls_take_as_many_round_trips_and_requests_as_they_must() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        // A token each, which is good for some minutes.
        let (first, _) = (alice.card().await, bob.card().await);
        // Keys, before what names them.
        let invited = within((2, 3), &alice, alice.session.invite(by_link("Bob"))).await;
        let link = invited.unwrap().link.unwrap();
        let ticket = Ticket::from_link(&link).unwrap();
        let accepted = within((3, 4), &bob, bob.session.accept(&ticket, "Alice")).await;
        let connection = accepted.unwrap().id;
        // Card and connection, the key, the share; at first also the note about who accepted. Then the session knows the other
        // person's keys, and stores the key while it looks at the card and the connection.
        let share = alice.session.share(whole(first.id, connection));
        within((4, 7), &alice, share).await.unwrap();
        let mut cards = vec![first.id];
        for _ in 0..2 {
            let card = alice.card().await;
            let share = alice.session.share(whole(card.id, connection));
            within((2, 6), &alice, share).await.unwrap();
            cards.push(card.id);
        }
        let incoming = async || {
            let page = bob.session.incoming_shares(&PageRequest::default()).await;
            page.unwrap().items
        };
        let ids: Vec<_> = incoming().await.iter().map(|share| share.id).collect();
        assert_eq!(ids.len(), cards.len());
        // A list tells where shares belong, and so does a share.
        let other = world.other_device(&bob).await;
        other.card().await;
        let read = other.session.read_share(ids[0]);
        within((2, 4), &other, read).await.unwrap();
        let again = other.session.read_share(ids[0]);
        within((1, 4), &other, again).await.unwrap();
        assert_eq!(
            other.engine.decryptions.get(),
            1,
            "each key is unwrapped once"
        );
        let rest = &ids[1..];
        let all = bob.session.read_shares(rest);
        for opened in within((1, 4), &bob, all).await.unwrap() {
            opened.result.unwrap();
        }
        assert_eq!(bob.engine.decryptions.get(), rest.len());
        within((1, 2), &alice, alice.session.card(first.id))
            .await
            .unwrap();
    });
}
