//! Two people, or two tabs of one person, invite and accept at the same moment.

use vouchsafe::Result;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{Client, Connection, ConnectionState, Session, Steps, Trust};

use crate::races::forging::Forging;
use crate::races::lab::{Lab, ROUNDS, Tally, on_one_thread, watch};
use crate::support::{Http, PAGE, PASSPHRASE, by_link};

/// Besides the thousand of two people.
const TAB_ROUNDS: usize = ROUNDS / 4;

/// A tab in which somebody is signed in.
struct Tab {
    session: Session<Http, Forging>,
    http: Http,
}

impl Tab {
    async fn sign_up(lab: &Lab, email: &str) -> Self {
        let (http, client) = client(lab);
        let session = client.sign_up(email, PASSPHRASE).await.unwrap().session;
        Self { session, http }
    }

    async fn sign_in(lab: &Lab, email: &str) -> Self {
        let (http, client) = client(lab);
        let session = client.sign_in(email, PASSPHRASE).await.unwrap();
        Self { session, http }
    }

    async fn invite(&self) -> Ticket {
        let made = self.session.invite(by_link("Peer")).await.unwrap();
        Ticket::from_link(&made.link.unwrap()).unwrap()
    }

    async fn accept(&self, ticket: &Ticket) -> Connection {
        self.session.accept(ticket, "Peer").await.unwrap()
    }

    async fn see(&self, ticket: &Ticket) -> Connection {
        self.session.connection(ticket.id()).await.unwrap()
    }

    /// How often it went on with what another tab had stored: it then fetched that.
    fn resumed(&self) -> usize {
        let sent = self.http.sent.borrow();
        let fetched = |url: &str| url.contains("/keystore/v1/connections/");
        sent.iter()
            .filter(|request| request.method.as_str() == "GET" && fetched(&request.url))
            .count()
    }
}

fn client(lab: &Lab) -> (Http, Client<Http, Forging>) {
    let (http, engine) = (Http::default(), Forging::default());
    watch(&http);
    let (vault, keystore) = (&lab.world.vault, &lab.world.keystore);
    let page = Some(PAGE.to_owned());
    let client = Client::new(
        http.clone(),
        engine,
        vault,
        keystore,
        page,
        Steps::default(),
    );
    (http, client.unwrap())
}

/// Both sides see the same connection, with each other in it, verified.
fn agree(one: &Connection, other: &Connection, people: [&Tab; 2]) {
    for (side, peer) in [(one, people[1]), (other, people[0])] {
        assert_eq!(side.trust, Trust::Verified);
        assert_eq!(side.state, ConnectionState::Active);
        assert_eq!(side.account, peer.session.account());
        assert_eq!(side.name, "Peer");
    }
    assert_eq!(one.id, other.id);
    assert!(one.safety_number.is_some());
    assert_eq!(one.safety_number, other.safety_number);
}

/// Exactly these connections were made, and everybody can open every note.
async fn all_is_well(lab: &Lab, tabs: &[&Tab], connections: usize) {
    assert_eq!(lab.in_vault("connections").await, connections);
    assert_eq!(
        lab.in_vault("invitations WHERE state = 'accepted'").await,
        connections
    );
    assert_eq!(lab.in_keystore("connection_keys").await, 2 * connections);
    for tab in tabs {
        let mut page = PageRequest {
            cursor: None,
            limit: Some(200),
        };
        let mut seen = 0;
        loop {
            let found = tab.session.connections(&page).await.unwrap();
            let verified = |opened: &Result<Connection>| opened.as_ref().unwrap().trust;
            assert!(
                found
                    .items
                    .iter()
                    .all(|item| verified(&item.result) == Trust::Verified)
            );
            seen += found.items.len();
            page.cursor = found.next;
            if page.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, connections);
    }
}

#[test]
fn two_people_invite_each_other() {
    on_one_thread(async {
        let lab = Lab::start().await;
        let alice = Tab::sign_up(&lab, "alice@example.org").await;
        let bob = Tab::sign_up(&lab, "bob@example.org").await;
        let mut tally = Tally::new(
            "two people invite each other",
            ["Alice’s first", "Bob’s first"],
            ROUNDS,
        );
        while tally.goes_on() {
            let (hers, his) = tokio::join!(alice.invite(), bob.invite());
            let (made_by_bob, made_by_alice) = tokio::join!(bob.accept(&hers), alice.accept(&his));
            let (seen_by_alice, seen_by_bob) = tokio::join!(alice.see(&hers), bob.see(&his));
            agree(&seen_by_alice, &made_by_bob, [&alice, &bob]);
            agree(&made_by_alice, &seen_by_bob, [&alice, &bob]);
            assert_ne!(made_by_bob.id, made_by_alice.id);
            tally.count(made_by_alice.created_at < made_by_bob.created_at);
        }
        let rounds = tally.tell();
        all_is_well(&lab, &[&alice, &bob], 2 * rounds).await;
    });
}

#[test]
fn two_tabs_of_one_person_invite_and_two_accept() {
    on_one_thread(async {
        let lab = Lab::start().await;
        let alice = Tab::sign_up(&lab, "alice@example.org").await;
        let her_other = Tab::sign_in(&lab, "alice@example.org").await;
        let bob = Tab::sign_up(&lab, "bob@example.org").await;
        let his_other = Tab::sign_in(&lab, "bob@example.org").await;
        let mut tally = Tally::new(
            "two tabs invite, two accept",
            ["first first", "second first"],
            TAB_ROUNDS,
        );
        while tally.goes_on() {
            let (one, other) = tokio::join!(alice.invite(), her_other.invite());
            let (first, second) = tokio::join!(bob.accept(&one), his_other.accept(&other));
            // Each of her tabs sees the connection for the first time, and pins.
            let (seen, seen_too) = tokio::join!(her_other.see(&one), alice.see(&other));
            agree(&seen, &first, [&alice, &bob]);
            agree(&seen_too, &second, [&alice, &bob]);
            assert_ne!(first.id, second.id);
            tally.count(second.created_at < first.created_at);
        }
        let rounds = tally.tell();
        all_is_well(&lab, &[&alice, &bob], 2 * rounds).await;
    });
}

#[test]
fn two_tabs_accept_one_invitation_and_two_tabs_see_it() {
    on_one_thread(async {
        let lab = Lab::start().await;
        let alice = Tab::sign_up(&lab, "alice@example.org").await;
        let her_other = Tab::sign_in(&lab, "alice@example.org").await;
        let bob = Tab::sign_up(&lab, "bob@example.org").await;
        let his_other = Tab::sign_in(&lab, "bob@example.org").await;
        let mut tally = Tally::new(
            "two tabs accept",
            ["second went on", "first went on"],
            TAB_ROUNDS,
        );
        while tally.goes_on() {
            let ticket = alice.invite().await;
            let before = bob.resumed();
            let (one, other) = tokio::join!(bob.accept(&ticket), his_other.accept(&ticket));
            tally.count(bob.resumed() > before);
            let (seen, seen_too) = tokio::join!(alice.see(&ticket), her_other.see(&ticket));
            agree(&seen, &one, [&alice, &bob]);
            agree(&seen_too, &other, [&alice, &bob]);
        }
        let rounds = tally.tell();
        all_is_well(&lab, &[&alice, &her_other, &bob, &his_other], rounds).await;
        // Pinned once: the note that was written at the invitation was replaced once.
        assert_eq!(
            lab.in_keystore("connection_keys WHERE version = 2").await,
            rounds
        );
        assert_eq!(
            lab.in_keystore("connection_keys WHERE version = 1").await,
            rounds
        );
    });
}
