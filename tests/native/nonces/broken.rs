//! A source of randomness that stands still or fails: the client refuses, and nothing that it would have sealed leaves.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use vouchsafe::Result;
use vouchsafe::api::Request;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{CardUpdate, Client, Session, Steps};
use vouchsafe::{Error, ids::Id};

use crate::nonces::seen::Seen;
use crate::support::{
    Hooked, Hooks, Http, PAGE, PASSPHRASE, World, by_link, by_mail, connect_by_link,
    connect_by_mail, passport, run, snapshot, whole,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing is written into the buffer, which is zero.
    Zeros,
    /// One byte over and over.
    Byte,
    /// The same bytes at each draw, which look random.
    Constant,
    /// What was given out last, again.
    Repeats,
    /// An error.
    Fails,
}

const FAULTS: [Fault; 5] = [
    Fault::Zeros,
    Fault::Byte,
    Fault::Constant,
    Fault::Repeats,
    Fault::Fails,
];

/// The Rust engine whose generator breaks after some draws.
type Breaking = Hooked<Generator>;

#[derive(Clone)]
struct Generator {
    fault: Fault,
    good_draws: Rc<Cell<usize>>,
    last: Rc<RefCell<Vec<u8>>>,
}

impl Breaking {
    fn new(fault: Fault, good_draws: usize) -> Self {
        Hooked(Generator {
            fault,
            good_draws: Rc::new(Cell::new(good_draws)),
            last: Rc::default(),
        })
    }
}

impl Hooks for Generator {
    fn fill_random(&self, buffer: &mut [u8]) -> Result<()> {
        if let Some(left) = self.good_draws.get().checked_sub(1) {
            self.good_draws.set(left);
            RustEngine.fill_random(buffer)?;
            *self.last.borrow_mut() = buffer.to_vec();
            return Ok(());
        }
        match self.fault {
            Fault::Zeros => buffer.fill(0),
            Fault::Byte => buffer.fill(0x5a),
            Fault::Constant => (0_u8..)
                .zip(buffer)
                .for_each(|(n, byte)| *byte = n.wrapping_mul(37)),
            Fault::Repeats => {
                let mut last = self.last.borrow_mut();
                if last.is_empty() {
                    last.resize(buffer.len(), 0);
                    RustEngine.fill_random(&mut last)?;
                }
                buffer.copy_from_slice(&last);
            }
            Fault::Fails => return Err(Error::NoRandomness),
        }
        Ok(())
    }
}

/// A page whose generator breaks after some draws.
struct Page {
    http: Http,
    client: Client<Http, Breaking>,
    engine: Breaking,
}

impl Page {
    fn open(world: &World, fault: Fault, good_draws: usize) -> Self {
        let (http, engine) = (Http::default(), Breaking::new(fault, good_draws));
        let client = Client::new(
            http.clone(),
            engine.clone(),
            &world.vault,
            &world.keystore,
            Some(PAGE.into()),
            Steps::default(),
        )
        .unwrap();
        Self {
            http,
            client,
            engine,
        }
    }

    /// Signed in while all was well; the generator breaks after `good_draws` more.
    async fn signed_in(
        world: &World,
        email: &str,
        fault: Fault,
        good_draws: usize,
    ) -> (Self, Session<Http, Breaking>) {
        let page = Self::open(world, fault, usize::MAX);
        let session = page.client.sign_in(email, PASSPHRASE).await.unwrap();
        page.engine.good_draws.set(good_draws);
        page.http.sent.borrow_mut().clear();
        (page, session)
    }

    fn sent(&self) -> Vec<Request> {
        self.http.sent.borrow().clone()
    }

    /// The JWEs among what was sent, none of which uses a key and an IV a second time.
    fn sealed(&self) -> usize {
        let mut seen = Seen::default();
        for body in self
            .sent()
            .iter()
            .filter_map(|request| request.body.as_ref())
        {
            seen.note_all(&serde_json::from_str(body).unwrap());
        }
        seen.count()
    }
}

fn is_refused<R>(result: Result<R>, fault: Fault, what: &str) {
    match result {
        Err(error) => assert_eq!(error.code(), "no_randomness", "{fault:?}, {what}"),
        Ok(_) => panic!("{fault:?}: {what} went through"),
    }
}

#[test]
fn nobody_signs_up_or_in() {
    run(async {
        let world = World::start();
        world.person("alice").await;
        for fault in FAULTS {
            let page = Page::open(&world, fault, 0);
            let (email, client) = ("carol@example.org", &page.client);
            is_refused(client.sign_up(email, PASSPHRASE).await, fault, "sign-up");
            let email = "alice@example.org";
            is_refused(client.sign_in(email, PASSPHRASE).await, fault, "sign-in");
            assert!(page.sent().is_empty(), "{fault:?}: {:?}", page.sent());
        }
    });
}

/// At whichever draw the generator breaks: either the call fails, or it had all that it needed.
#[test]
fn sign_up_refuses_at_every_draw() {
    run(async {
        let world = World::start();
        for fault in FAULTS {
            let mut made = None;
            for good_draws in 0..100 {
                let page = Page::open(&world, fault, good_draws);
                let email = format!("{fault:?}@example.org").to_lowercase();
                let result = page.client.sign_up(&email, PASSPHRASE).await;
                if result.is_ok() {
                    made = Some((good_draws, page.sealed()));
                    break;
                }
                is_refused(result, fault, "sign-up");
                assert_eq!(page.sealed(), 0, "{fault:?} after {good_draws} draws");
            }
            // One draw to compare with, two for OPAQUE, one id, four keys, four IVs; a new constant is not yet a
            // repetition at the last of them.
            let needed = if fault == Fault::Constant { 11 } else { 12 };
            assert_eq!(made, Some((needed, 4)), "{fault:?}");
        }
    });
}

#[test]
fn nothing_is_shared_at_whichever_draw_it_breaks() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await.id;
        for fault in FAULTS {
            let mut made = None;
            for good_draws in 0..100 {
                let (page, session) =
                    Page::signed_in(&world, &alice.email, fault, good_draws).await;
                let result = session.share(snapshot(card, hers.id)).await;
                if result.is_ok() {
                    made = Some((good_draws, page.sealed()));
                    break;
                }
                is_refused(result, fault, "share");
                let shares = page.sent();
                let share = shares
                    .iter()
                    .find(|request| request.url.ends_with("/v1/shares"));
                assert!(share.is_none(), "{fault:?} after {good_draws} draws");
                page.sealed();
            }
            // Two ids, the DEK, its two wraps (an IV; a PSK, and two blocks for X-Wing), and the IVs of share and row.
            let needed = if fault == Fault::Constant { 8 } else { 9 };
            assert_eq!(made, Some((needed, 4)), "{fault:?}");
        }
    });
}

#[test]
fn every_other_flow_refuses() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (by_link_made, _) = connect_by_link(&alice, &bob).await;
        let (by_mail_made, _) = connect_by_mail(&world, &alice, &bob).await;
        let card = alice.card().await;
        let share = whole(card.id, by_link_made.id);
        let share = alice.session.share(share).await.unwrap();
        let (_, ticket) = alice.invite_by_link("Bob").await;
        for fault in FAULTS {
            alices_flows(&world, fault, &alice.email, card.id, &by_mail_made).await;
            bobs_flows(&world, fault, &bob.email, share.id, &ticket).await;
        }
    });
}

async fn alices_flows(
    world: &World,
    fault: Fault,
    email: &str,
    card: Id,
    unverified: &vouchsafe::flows::Connection,
) {
    let (page, session) = Page::signed_in(world, email, fault, 0).await;
    is_refused(session.create_card(passport()).await, fault, "create");
    let update = CardUpdate {
        id: card,
        version: 1,
        content: passport(),
    };
    is_refused(session.update_card(update).await, fault, "update");
    is_refused(session.invite(by_link("Carol")).await, fault, "invite");
    is_refused(
        session.invite(by_mail("c@example.org")).await,
        fault,
        "invite",
    );
    let number = unverified.safety_number.as_deref().unwrap();
    is_refused(
        session.mark_verified(unverified.id, number).await,
        fault,
        "verify",
    );
    wrote_nothing(&page, fault);
    assert_eq!(
        session.card(card).await.unwrap().version,
        1,
        "reading goes on"
    );
}

async fn bobs_flows(world: &World, fault: Fault, email: &str, share: Id, ticket: &Ticket) {
    let (page, session) = Page::signed_in(world, email, fault, 0).await;
    is_refused(session.accept(ticket, "Alice").await, fault, "accept");
    // The first read claims the key, which seals it.
    is_refused(session.read_share(share).await, fault, "read");
    wrote_nothing(&page, fault);
}

fn wrote_nothing(page: &Page, fault: Fault) {
    assert_eq!(page.sealed(), 0, "{fault:?}");
    let sent = page.sent();
    let written = sent.iter().find(|request| request.method.as_str() == "PUT");
    assert!(written.is_none(), "{fault:?}: {written:?}");
}
