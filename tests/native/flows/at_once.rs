//! Two calls of one session at the same time: what one of them changes while the other's answer is on its way is no lie of a service.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::join;
use vouchsafe::api::vault::connections::ConnectionState;
use vouchsafe::api::vault::invitations::InvitationState;
use vouchsafe::api::{PageRequest, Request};
use vouchsafe::crypto::records::CardContent;
use vouchsafe::flows::{Opened, ShareRequest, Trust};

use crate::flows::following::{of_fields, update};
use crate::support::{Person, World, connect_by_link, eventually, linked, passport, run, whole};

/// Makes the second call, all of it, while the answer to this request of the first is on its way.
pub(crate) async fn overtaken<A, B>(
    person: &Person,
    to: impl Fn(&Request) -> bool + 'static,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let is_done = Rc::new(Cell::new(false));
    let done = Rc::clone(&is_done);
    person.http.keep_answer(to, move || !done.get());
    let second = async {
        eventually(async || person.http.is_keeping.get().then_some(())).await;
        let made = second.await;
        is_done.set(true);
        made
    };
    join(first, second).await
}

fn is_to(end: &'static str) -> impl Fn(&Request) -> bool {
    move |request| request.url.split('?').next().unwrap().ends_with(end)
}

fn only<R>(items: Vec<Opened<R>>) -> R {
    let [only] = <[Opened<R>; 1]>::try_from(items).ok().unwrap();
    only.result.unwrap()
}

fn renewed() -> CardContent {
    CardContent::new("Passport", &[("country", "Country", "Norway")])
}

const NOTES: &str = "/keystore/v1/connections/query";

#[test]
fn a_list_of_people_is_overtaken_by_another_that_pins() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let page = PageRequest::default();
        let session = &alice.session;
        for both in [false, true] {
            let (_, ticket) = alice.invite_by_link("Bob").await;
            bob.session.accept(&ticket, "Alice").await.unwrap();
            let pins = session.connections(&page);
            let connections = if both {
                let list = session.connections(&page);
                let (list, pinned) = overtaken(&alice, is_to(NOTES), list, pins).await;
                assert_eq!(
                    list.unwrap().items.len(),
                    pinned.as_ref().unwrap().items.len()
                );
                pinned
            } else {
                let list = session.invitations(&page);
                let (list, pinned) = overtaken(&alice, is_to(NOTES), list, pins).await;
                let invitation = only(list.unwrap().items);
                assert_eq!(invitation.state, InvitationState::Accepted);
                pinned
            };
            for connection in connections.unwrap().items {
                assert_eq!(connection.result.unwrap().trust, Trust::Verified);
            }
        }
        let newest = session.connections(&page).await.unwrap().items.remove(0).id;
        let rename = session.rename_connection(newest, "Robert");
        let (list, _) = overtaken(&alice, is_to(NOTES), session.connections(&page), rename).await;
        let first = list.unwrap().items.remove(0).result.unwrap();
        assert_eq!(first.name, "Robert");
        let rename = session.rename_connection(newest, "Rob");
        let path = format!("/keystore/v1/connections/{newest}");
        let to = move |request: &Request| request.url.ends_with(&path);
        let (one, _) = overtaken(&alice, to, session.connection(newest), rename).await;
        assert_eq!(one.unwrap().name, "Rob");
    });
}

#[test]
fn a_list_of_cards_is_overtaken_by_an_update() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let page = PageRequest::default();
        let list = alice.session.cards(&page);
        let edit = update(&alice, card, 1, renewed());
        let (list, made) = overtaken(&alice, is_to("/vault/v1/cards"), list, edit).await;
        made.unwrap();
        let listed = only(list.unwrap().items);
        assert_eq!((listed.content, listed.version), (renewed(), 2));
        // Their shares are counted meanwhile, too.
        let edit = update(&alice, card, 2, renewed());
        let counts = is_to("/keystore/v1/spaces/counts");
        let (list, made) = overtaken(&alice, counts, alice.session.cards(&page), edit).await;
        made.unwrap();
        assert_eq!(only(list.unwrap().items).version, 3);
    });
}

#[test]
fn an_update_is_overtaken_by_the_next_one() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let path = format!("/vault/v1/cards/{card}");
        let to = move |request: &Request| {
            request.method.as_str() == "PUT" && request.url.ends_with(&path)
        };
        let (one, next) = (
            update(&alice, card, 1, renewed()),
            update(&alice, card, 2, renewed()),
        );
        let (one, next) = overtaken(&alice, to, one, next).await;
        assert_eq!(one.unwrap().card.version, 2);
        assert_eq!(next.unwrap().card.version, 3);
    });
}

#[test]
fn lists_of_shares_and_links_are_overtaken_by_changes() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await.id;
        let (session, page) = (&alice.session, PageRequest::default());
        session.share(whole(card, hers.id)).await.unwrap();
        session.share_by_link(linked(card)).await.unwrap();
        let query = "/keystore/v1/spaces/query";
        let rows = "/keystore/v1/spaces/of-cards";
        let edit = |version: u64| {
            let content = CardContent::new(
                "Passport",
                &[
                    ("number", "Number", &format!("X{version}")),
                    ("country", "Country", "Norway"),
                ],
            );
            update(&alice, card, version, content)
        };
        let narrow = |names: &[&str]| -> ShareRequest { of_fields(card, hers.id, names) };

        let list = session.outgoing_shares(&page, None);
        let (list, made) = overtaken(&alice, is_to(query), list, edit(1)).await;
        assert!(made.unwrap().lagging.is_empty());
        let outgoing = list.unwrap().items.remove(0);
        assert_eq!((outgoing.card, outgoing.live), (Some(card), true));

        let list = session.link_shares(&page);
        let (list, made) = overtaken(&alice, is_to(query), list, edit(2)).await;
        assert!(made.unwrap().lagging.is_empty());
        assert_eq!(only(list.unwrap().items).card, card);

        let list = session.shares_of(card, &page);
        let again = session.share(narrow(&["country"]));
        let (list, made) = overtaken(&alice, is_to(rows), list, again).await;
        made.unwrap();
        let country: Option<Vec<String>> = Some(vec!["country".into()]);
        assert_eq!(only(list.unwrap().items).fields, country);

        // The rows are there already, and the card is not. This device still looks at the card after it shared it; another does not.
        let alice = world.other_device(&alice).await;
        let list = alice.session.shares_of(card, &page);
        let path = format!("/vault/v1/cards/{card}");
        let is_card = move |request: &Request| request.url.ends_with(&path);
        let again = alice.session.share(narrow(&["number"]));
        let (list, made) = overtaken(&alice, is_card, list, again).await;
        made.unwrap();
        let number: Option<Vec<String>> = Some(vec!["number".into()]);
        assert_eq!(only(list.unwrap().items).fields, number);
    });
}

/// The first call has its row, and the second makes the share that the row names.
#[test]
fn a_card_that_is_shared_twice_at_once_is_shared_once() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (connection, _) = connect_by_link(&alice, &bob).await;
        let (session, card) = (&alice.session, alice.card().await.id);
        let makes_row = |request: &Request| {
            request.method.as_str() == "POST" && request.url.ends_with("/keystore/v1/spaces")
        };
        let [first, second] = [(); 2].map(|()| session.share(whole(card, connection.id)));
        let (first, second) = overtaken(&alice, makes_row, first, second).await;
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.id, second.id);
        let sent = session.outgoing_shares(&PageRequest::default(), None).await;
        let sent: Vec<_> = sent.unwrap().items.iter().map(|one| one.share.id).collect();
        assert_eq!(sent, [first.id]);
        assert_eq!(session.card(card).await.unwrap().shares, Some(1));
        let seen = bob.session.read_share(first.id).await.unwrap();
        assert_eq!(seen.card, passport());
    });
}

#[test]
fn a_connection_is_renamed_while_it_is_ended() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (connection, _) = connect_by_link(&alice, &bob).await;
        let session = &alice.session;
        let erases_keys = |request: &Request| {
            request.method.as_str() == "DELETE" && request.url.ends_with("/spaces")
        };
        let rename = session.rename_connection(connection.id, "Robert");
        let end = session.disconnect(connection.id);
        let (ended, renamed) = overtaken(&alice, erases_keys, end, rename).await;
        ended.unwrap();
        renamed.unwrap();
        let now = session.connection(connection.id).await.unwrap();
        assert_eq!(now.state, ConnectionState::Ended);
        assert_eq!(now.name, "Robert");
    });
}
