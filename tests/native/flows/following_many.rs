//! A card that many people have: wherever its update is cut, and whoever comes next, each of them ends with its newest version, by
//! one share, and nobody is shown a field that was not chosen for them.

use std::time::Instant;

use futures_util::future::join;
use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::records::{CardContent, Part};
use vouchsafe::flows::{ShareOutcome, ShareRequest};
use vouchsafe::ids::Id;

use crate::flows::following::{of_fields, update};
use crate::support::sample::{is_thorough, sample};
use crate::support::{Fault, PATIENCE, Person, World, connect_by_link, eventually, run, whole};

const FAULTS: [Fault; 2] = [Fault::BeforeSending, Fault::AnswerLost];

/// The cuts are tried in so many parts.
const PARTS: usize = 8;

/// Who comes after a cut.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The same session, with another call that touches the card.
    Call,
    /// A fresh sign-in.
    SignIn,
    /// Another device, which edits the card at the same time.
    Device,
}

/// How many shares there are, by how many people, and how large the card is. Where everything is tried, the editions of an update
/// take several requests.
fn sizes() -> (usize, usize, usize) {
    match is_thorough() {
        true => (200, 10, 20_000),
        false => (24, 4, 100),
    }
}

/// Every other share has both fields, the rest the first one.
fn content(what: &str) -> CardContent {
    let (_, _, bytes) = sizes();
    let open = format!("{what} {}", "x".repeat(bytes));
    CardContent::new(
        "Card",
        &[("open", "Open", &open), ("secret", "Secret", what)],
    )
}

fn shown(content: &CardContent, all: bool) -> CardContent {
    match all {
        true => content.clone(),
        false => content.narrow(&Part::of_fields(&["open"])).into_owned(),
    }
}

fn page() -> PageRequest {
    PageRequest {
        cursor: None,
        limit: Some(200),
    }
}

struct Scene {
    world: World,
    alice: Person,
    /// The same person on another device.
    elsewhere: Person,
    /// Everybody else, with the connections to them, and whether they are shown all.
    people: Vec<(Person, Vec<(Id, bool)>)>,
    card: Id,
    /// The number of edits so far.
    edits: usize,
}

impl Scene {
    async fn set() -> Self {
        let world = World::start();
        let (count, people_count, _) = sizes();
        let alice = world.person("alice").await;
        let key = alice.engine.make_rsa_key().await.unwrap();
        *alice.engine.ready_made.borrow_mut() = Some(key.clone());
        let mut people = Vec::new();
        for person in 0..people_count {
            let peer = world.person(&format!("peer{person}")).await;
            *peer.engine.ready_made.borrow_mut() = Some(key.clone());
            let mut connections = Vec::new();
            for nth in 0..count / people_count {
                let (hers, _) = connect_by_link(&alice, &peer).await;
                connections.push((hers.id, nth.is_multiple_of(2)));
            }
            people.push((peer, connections));
        }
        let card = alice.session.create_card(content("0")).await.unwrap().id;
        let scene = Self {
            elsewhere: world.other_device(&alice).await,
            world,
            alice,
            people,
            card,
            edits: 0,
        };
        for all in [true, false] {
            let outcomes = scene.share(all).await;
            assert_eq!(outcomes.len(), count / 2);
            assert!(outcomes.iter().all(|one| one.result.is_ok()));
        }
        scene
    }

    /// Shares with all to whom all is shown, or with all the others.
    async fn share(&self, all: bool) -> Vec<ShareOutcome> {
        let connections = self.people.iter().flat_map(|(_, connections)| connections);
        let connections: Vec<Id> = connections
            .filter(|(_, shown)| *shown == all)
            .map(|(connection, _)| *connection)
            .collect();
        let request = match all {
            true => whole(self.card, connections[0]),
            false => of_fields(self.card, connections[0], &["open"]),
        };
        let request = ShareRequest {
            connections,
            ..request
        };
        self.alice.session.share_with_many(request).await.unwrap()
    }

    /// Content that the card never had.
    fn edit(&mut self) -> CardContent {
        self.edits += 1;
        content(&self.edits.to_string())
    }

    /// Whether everybody sees this, by one share each. Whatever is seen is one of `possible`, as far as it was chosen.
    async fn is_seen(&self, newest: &CardContent, possible: &[CardContent], when: &str) -> bool {
        let mut all_see_it = true;
        for (person, connections) in &self.people {
            let listed = person.session.incoming_shares(&page()).await;
            let listed = listed.unwrap().items;
            assert_eq!(listed.len(), connections.len(), "{when}: none twice");
            let ids: Vec<Id> = listed.iter().map(|share| share.id).collect();
            let opened = person.session.read_shares(&ids).await.unwrap();
            for (share, opened) in listed.iter().zip(opened) {
                let is_it = |(id, _): &&(Id, bool)| *id == share.connection;
                let (_, all) = connections.iter().find(is_it).unwrap();
                let of_it = listed
                    .iter()
                    .filter(|other| other.connection == share.connection);
                assert_eq!(of_it.count(), 1, "{when}: none twice, and none lost");
                let read = opened.result.unwrap();
                let card = &read.card;
                let mut possible = possible.iter().map(|content| shown(content, *all));
                let names: Vec<&str> = card.fields.iter().map(|field| &*field.name).collect();
                let is_possible = possible.any(|content| content == *card);
                assert!(is_possible, "{when}: {names:?}");
                all_see_it &= *card == shown(newest, *all);
            }
        }
        all_see_it
    }

    /// Everybody sees this, and Alice is told so before long.
    async fn everybody_sees(&self, newest: &CardContent, when: &str) {
        let only = std::slice::from_ref(newest);
        assert!(self.is_seen(newest, only, when).await, "{when}");
        // A call in the background may be at work, too, and writes the same once more.
        eventually(async || self.is_told_so(when).await.then_some(())).await;
        let (count, ..) = sizes();
        let card = self.alice.session.card(self.card).await.unwrap();
        assert_eq!((&card.content, card.shares), (newest, Some(count as u64)));
    }

    /// Whether Alice is told on another device that all shares are up to date.
    async fn is_told_so(&self, when: &str) -> bool {
        let (mut asked, mut told) = (page(), Vec::new());
        loop {
            let device = &self.elsewhere.session;
            let shares = device.shares_of(self.card, &asked).await.unwrap();
            for share in shares.items {
                let share = share.result.unwrap();
                assert!(share.live, "{when}");
                told.push(share.up_to_date == Some(true));
            }
            asked.cursor = shares.next;
            if asked.cursor.is_none() {
                break;
            }
        }
        let (count, ..) = sizes();
        assert_eq!(told.len(), count, "{when}");
        told.into_iter().all(|is_up_to_date| is_up_to_date)
    }

    /// The same before long. Looking at large shares takes most of the time, so it is counted, too.
    async fn everybody_will_see(&self, newest: &CardContent, possible: &[CardContent], when: &str) {
        let (began, mut looks) = (Instant::now(), 0);
        while !self.is_seen(newest, possible, when).await {
            looks += 1;
            let has_time = began.elapsed() < PATIENCE || looks < 20;
            assert!(has_time, "{when}: it does not come about");
        }
        self.everybody_sees(newest, when).await;
    }

    /// Edits the card on the other device, after whoever was faster. Gives what was written.
    async fn edit_elsewhere(&self, next: &CardContent, when: &str) {
        let session = &self.elsewhere.session;
        loop {
            let version = session.card(self.card).await.unwrap().version;
            match update(&self.elsewhere, self.card, version, next.clone()).await {
                Err(Error::Conflict(_)) => {}
                // What it left to the other device is for the next who comes.
                Ok(updated) if !updated.lagging.is_empty() => {
                    session.catch_up_shares().await.unwrap();
                    return;
                }
                made => return drop(made.expect(when)),
            }
        }
    }

    /// Cuts an update from this request on, and lets somebody come next.
    async fn cut(&mut self, nth: usize, fault: Fault, next: Next) {
        let when = format!("{fault:?} from request {nth}, then {next:?}");
        println!("{when}");
        let before = self.alice.session.card(self.card).await.unwrap();
        let (mine, theirs) = (self.edit(), self.edit());
        let mut possible = vec![before.content.clone(), mine.clone()];
        self.alice.http.cut_from(nth, fault);
        let made = update(&self.alice, self.card, before.version, mine.clone());
        match next {
            Next::Device => {
                possible.push(theirs.clone());
                let (_, ()) = join(made, self.edit_elsewhere(&theirs, &when)).await;
                self.alice.http.mend();
                return self.everybody_sees(&theirs, &when).await;
            }
            Next::Call | Next::SignIn => {
                let made = made.await;
                self.alice.http.mend();
                match made {
                    Ok(updated) => {
                        let mut lagging = updated.lagging.iter();
                        assert!(lagging.all(|one| one.error.code() == "offline"), "{when}");
                    }
                    Err(error) => assert_eq!(error.code(), "offline", "{when}"),
                }
            }
        }
        self.is_seen(&mine, &possible, &when).await;
        if matches!(next, Next::SignIn) {
            let fresh = self.world.other_device(&self.alice).await;
            fresh.session.catch_up_shares().await.unwrap();
            let now = fresh.session.card(self.card).await.unwrap().content;
            return self.everybody_sees(&now, &when).await;
        }
        // Each of the calls that touch the card.
        match nth % 3 {
            0 => {
                let session = &self.alice.session;
                // A page of them, and not all.
                let page = PageRequest::default();
                session.shares_of(self.card, &page).await.unwrap();
            }
            1 => {
                let again = self.share(nth.is_multiple_of(2)).await;
                assert!(again.iter().all(|one| one.result.is_ok()), "{when}");
            }
            _ => {
                let version = self.alice.session.card(self.card).await.unwrap().version;
                let last = self.edit();
                possible.push(last.clone());
                let made = update(&self.alice, self.card, version, last).await;
                assert!(made.unwrap().lagging.is_empty(), "{when}");
            }
        }
        let now = self.alice.session.card(self.card).await.unwrap().content;
        self.everybody_will_see(&now, &possible, &when).await;
    }
}

#[test]
fn an_update_with_many_shares_is_finished_after_any_cut() {
    run(async {
        let began = Instant::now();
        let mut scene = Scene::set().await;
        let made = began.elapsed().as_secs_f64();
        // The requests of an update that nobody cuts.
        let before = scene.alice.http.sent.borrow().len();
        let next = scene.edit();
        let updated = update(&scene.alice, scene.card, 1, next.clone()).await;
        assert!(updated.unwrap().lagging.is_empty());
        let requests = scene.alice.http.sent.borrow().len() - before;
        scene.everybody_sees(&next, "uncut").await;

        let mut cuts = Vec::new();
        for nth in 0..requests {
            for fault in FAULTS {
                for next in [Next::Call, Next::SignIn, Next::Device] {
                    cuts.push((nth, fault, next));
                }
            }
        }
        let cuts = sample("cuts of an update with many shares", PARTS, cuts);
        let tried = cuts.len();
        for (nth, fault, next) in cuts {
            scene.cut(nth, fault, next).await;
        }
        let (count, ..) = sizes();
        let all = began.elapsed().as_secs_f64();
        println!("{count} shares in {made:.1} s; {requests} requests, {tried} cuts in {all:.1} s");
    });
}
