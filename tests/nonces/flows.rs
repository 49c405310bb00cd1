//! The flows of two people who reload their pages, behind a network that sends requests twice and loses answers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use vouchsafe::api::{Request, Response, Transport};
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{CardUpdate, Client, Session, Steps};
use vouchsafe::{Error, Result};

use crate::seen::Seen;
use crate::support::{
    Body, Http, PAGE, PASSPHRASE, World, by_link, by_mail, eventually, passport, run, whole,
};

const LOADS: usize = 12;

/// The answer to every so many-th write is lost.
const LOST: usize = 5;

type TestSession = Session<Bad, RustEngine>;

/// A network that sends each request twice, and loses answers; and a look at what was sealed.
#[derive(Clone, Default)]
struct Bad {
    http: Http,
    seen: Rc<RefCell<Seen>>,
    writes: Rc<Cell<usize>>,
    lost: Rc<Cell<usize>>,
}

impl Bad {
    fn note(&self, request: &Request) {
        let body = request.body.as_deref();
        if let Some(body) = body.and_then(|body| serde_json::from_str(body).ok()) {
            self.seen.borrow_mut().note_all(&body);
        }
    }
}

impl Transport for Bad {
    type Stream = Body;

    async fn send(&self, request: Request) -> Result<Response> {
        self.note(&request);
        let answer = self.http.send(request.clone()).await?;
        // A session is made by one request and no other.
        if request.url.contains("/sign-") {
            return Ok(answer);
        }
        if request.url.contains("/cards/") && request.body.is_some() {
            self.writes.set(self.writes.get() + 1);
            if self.writes.get().is_multiple_of(LOST) {
                self.lost.set(self.lost.get() + 1);
                return Err(Error::Offline("The answer was lost.".into()));
            }
        }
        self.note(&request);
        self.http.send(request).await
    }

    async fn open_stream(&self, request: Request) -> Result<(u16, Body)> {
        self.http.open_stream(request).await
    }

    async fn sleep(&self, _: u32) {}

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.http.spawn(task);
    }

    fn now(&self) -> i64 {
        self.http.now()
    }
}

fn client(world: &World, network: &Bad) -> Client<Bad, RustEngine> {
    let page = Some(PAGE.to_owned());
    let steps = Steps::default();
    let (vault, keystore) = (&world.vault, &world.keystore);
    Client::new(network.clone(), RustEngine, vault, keystore, page, steps).unwrap()
}

/// Writes a card until it is there. A write whose answer was lost may have happened.
async fn write_cards(session: &TestSession) -> vouchsafe::flows::Card {
    let mut card = loop {
        match session.create_card(passport()).await {
            Err(Error::Offline(_)) => {}
            made => break made.unwrap(),
        }
    };
    for _ in 0..4 {
        let update = || CardUpdate {
            id: card.id,
            version: card.version,
            content: passport(),
        };
        card = loop {
            match session.update_card(update()).await {
                Err(Error::Offline(_)) => {}
                Err(Error::Conflict(_)) => break session.card(card.id).await.unwrap(),
                made => break made.unwrap(),
            }
        };
    }
    card
}

#[test]
fn reloads_and_retries() {
    run(async {
        let world = World::start();
        let network = Bad::default();
        let client_of = || client(&world, &network);
        let (alice, bob) = ("alice@example.org", "bob@example.org");
        let hers = client_of()
            .sign_up(alice, PASSPHRASE)
            .await
            .unwrap()
            .session;
        let his = client_of().sign_up(bob, PASSPHRASE).await.unwrap().session;
        let invitation = hers.invite(by_link("Bob")).await.unwrap();
        let ticket = Ticket::from_link(invitation.link.as_deref().unwrap()).unwrap();
        his.accept(&ticket, "Alice").await.unwrap();
        hers.connection(invitation.id).await.unwrap();
        let pending = hers.invite(by_mail("carol@example.org")).await.unwrap();
        hers.cancel_invitation(pending.id).await.unwrap();

        for load in 0..LOADS {
            let alice = client_of().sign_in(alice, PASSPHRASE).await.unwrap();
            let card = write_cards(&alice).await;
            let share = alice.share(whole(card.id, invitation.id)).await.unwrap();
            let bob = client_of().sign_in(bob, PASSPHRASE).await.unwrap();
            bob.read_share(share.id).await.unwrap();
            // Another tab reads it too, and claims it again.
            let other = client_of()
                .sign_in("bob@example.org", PASSPHRASE)
                .await
                .unwrap();
            other.read_share(share.id).await.unwrap();
            eventually(async || (network.seen.borrow().of_kind("vs-claim") > load).then_some(()))
                .await;
        }

        let seen = network.seen.borrow();
        for typ in [
            "vs-kek", "vs-key", "vs-card", "vs-note", "vs-own", "vs-dek", "vs-claim", "vs-share",
        ] {
            assert!(seen.of_kind(typ) > 0, "no {typ} was sealed");
        }
        assert!(seen.count() > 9 * LOADS, "{} records", seen.count());
        assert!(seen.repeated > 6 * LOADS, "{} retries", seen.repeated);
        assert!(
            network.lost.get() >= LOADS,
            "{} answers lost",
            network.lost.get()
        );
        println!(
            "{} records over {} page loads, {} sent again, {} answers lost: no key and IV twice",
            seen.count(),
            3 * LOADS + 2,
            seen.repeated,
            network.lost.get()
        );
    });
}
