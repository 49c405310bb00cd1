//! Shares whose encryption spaces are stored from what a session remembers, while it looks whether that still holds.

use vouchsafe::Error;
use vouchsafe::api::{PageRequest, Request};
use vouchsafe::crypto::records::CardContent;
use vouchsafe::flows::CardUpdate;
use vouchsafe::ids::Id;

use super::aborting::drop_at;
use crate::support::{Person, World, connect_by_link, eventually, passport, run, whole};

/// Two connected people; the first has a card, and both are remembered by her session.
async fn two(world: &World) -> (Person, Person, Id, Id) {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (connection, _) = connect_by_link(&alice, &bob).await;
    let card = alice.card().await.id;
    alice.session.connection(connection.id).await.unwrap();
    (alice, bob, card, connection.id)
}

/// The encryption spaces at the Keystore that hold a key: of those that were deleted ids are left.
async fn spaces(world: &World) -> usize {
    let rows = world.rows("keystore").await;
    let kept = rows.iter().filter(|row| row.starts_with("spaces: "));
    kept.filter(|row| !row.contains(" '' '' ")).count()
}

fn other() -> CardContent {
    CardContent::new("Passport", &[("number", "Number", "P 99999")])
}

#[test]
fn what_is_shared_is_the_card_as_it_is_now() {
    run(async {
        let world = World::start();
        let (alice, bob, card, connection) = two(&world).await;
        let laptop = world.other_device(&alice).await;
        let update = CardUpdate {
            id: card,
            version: 1,
            content: other(),
        };
        laptop.session.update_card(update).await.unwrap();
        let share = alice.session.share(whole(card, connection)).await.unwrap();
        let page = bob.session.incoming_shares(&PageRequest::default()).await;
        let ids: Vec<Id> = page.unwrap().items.iter().map(|share| share.id).collect();
        assert_eq!(ids, [share.id]);
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(read.card, other());
        let page = PageRequest::default();
        let page = laptop.session.outgoing_shares(&page, None).await.unwrap();
        let sent = &page.items[0];
        assert_eq!((sent.share.edition, sent.up_to_date), (1, Some(true)));
        let shares = laptop.session.card(card).await.unwrap().shares;
        assert_eq!(shares, Some(1));
    });
}

#[test]
fn a_share_of_another_device_is_found() {
    run(async {
        let world = World::start();
        let (alice, bob, card, connection) = two(&world).await;
        let laptop = world.other_device(&alice).await;
        let first = laptop.session.share(whole(card, connection)).await.unwrap();
        let again = alice.session.share(whole(card, connection)).await.unwrap();
        assert_eq!((again.id, again.edition), (first.id, 1));
        assert_eq!(alice.session.card(card).await.unwrap().shares, Some(1));
        bob.session.read_share(first.id).await.unwrap();
    });
}

#[test]
fn nothing_stays_of_what_could_not_be_shared() {
    run(async {
        let world = World::start();
        let (alice, bob, card, connection) = two(&world).await;
        let laptop = world.other_device(&alice).await;
        let gone = async || eventually(async || (spaces(&world).await == 0).then_some(())).await;
        // The other person left.
        bob.session.disconnect(connection).await.unwrap();
        let refused = alice.session.share(whole(card, connection)).await;
        assert_eq!(refused.unwrap_err(), Error::NotFound);
        gone().await;

        // The card was deleted.
        let (hers, _) = connect_by_link(&alice, &bob).await;
        alice.session.connection(hers.id).await.unwrap();
        laptop.session.delete_card(card, None).await.unwrap();
        let refused = alice.session.share(whole(card, hers.id)).await;
        assert_eq!(refused.unwrap_err(), Error::NotFound);
        gone().await;
    });
}

/// What the recipient is shown.
async fn listed(person: &Person) -> Vec<Id> {
    let page = person
        .session
        .incoming_shares(&PageRequest::default())
        .await;
    page.unwrap().items.iter().map(|share| share.id).collect()
}

/// A share that fails, since the Vault says that there is no such card.
async fn fail(alice: &Person, card: Id, connection: Id) {
    let reads = |request: &Request| request.url.contains("/cards/");
    alice.http.refuse(reads, 404, "not_found");
    let refused = alice.session.share(whole(card, connection)).await;
    assert_eq!(refused.unwrap_err(), Error::NotFound);
    alice.http.mend();
}

#[test]
fn a_share_that_failed_does_not_come_about_later() {
    run(async {
        let world = World::start();
        let (alice, bob, card, connection) = two(&world).await;
        let session = &alice.session;
        fail(&alice, card, connection).await;
        eventually(async || (spaces(&world).await == 0).then_some(())).await;
        let update = CardUpdate {
            id: card,
            version: 1,
            content: other(),
        };
        let updated = session.update_card(update).await.unwrap();
        assert!(updated.lagging.is_empty());
        assert_eq!(updated.card.shares, Some(0));
        assert!(listed(&bob).await.is_empty());
        session.delete_card(card, None).await.unwrap();
    });
}

#[test]
fn what_is_tried_again_at_once_comes_about() {
    run(async {
        let world = World::start();
        let (alice, bob, card, connection) = two(&world).await;
        let session = &alice.session;
        fail(&alice, card, connection).await;
        let share = session.share(whole(card, connection)).await.unwrap();
        bob.session.read_share(share.id).await.unwrap();

        // A call that is ended while it looks.
        for nth in 0..6 {
            let card = alice.card().await.id;
            let ended = drop_at(&alice.http, nth, session.share(whole(card, connection))).await;
            assert!(ended.is_none(), "{nth}");
            let share = session.share(whole(card, connection)).await.unwrap();
            let read = bob.session.read_share(share.id).await;
            assert_eq!(read.unwrap().card, passport(), "{nth}");
        }
        eventually(async || (spaces(&world).await == 7).then_some(())).await;
        let mut shares = listed(&bob).await;
        shares.sort_unstable();
        shares.dedup();
        assert_eq!(shares.len(), 7);
    });
}
