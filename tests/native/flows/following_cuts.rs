//! Live shares after a cut: whichever session comes next brings them up to date, none twice, none lost, and none with a field that
//! was not chosen.

use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::records::{CardContent, Part};
use vouchsafe::flows::ShareRequest;
use vouchsafe::ids::Id;

use crate::flows::following::{of_fields, update};
use crate::support::secrets::bodies;
use crate::support::{
    Fault, Person, World, connect_by_link, eventually, passport, run, snapshot, whole,
};

const FAULTS: [Fault; 2] = [Fault::BeforeSending, Fault::AnswerLost];

fn content(number: usize) -> CardContent {
    CardContent::new(
        "Passport",
        &[
            ("number", "Number", &format!("X{number}")),
            ("country", "Country", &format!("Country {number}")),
        ],
    )
}

/// A card that is shared with Bob, and its country with Carol.
struct Scene {
    world: World,
    alice: Person,
    bob: Person,
    carol: Person,
    card: Id,
    connections: [Id; 2],
}

impl Scene {
    async fn set() -> Self {
        let world = World::start();
        let alice = world.person("alice").await;
        let (bob, carol) = (world.person("bob").await, world.person("carol").await);
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&alice, &carol).await;
        let card = alice.card().await.id;
        Self {
            connections: [with_bob.id, with_carol.id],
            world,
            alice,
            bob,
            carol,
            card,
        }
    }

    fn request(&self, nth: usize) -> ShareRequest {
        match nth {
            0 => whole(self.card, self.connections[0]),
            _ => of_fields(self.card, self.connections[1], &["country"]),
        }
    }

    async fn share(&self) {
        for nth in 0..2 {
            self.alice.session.share(self.request(nth)).await.unwrap();
        }
    }

    /// Both see this, by one share each.
    async fn everybody_sees(&self, what: &CardContent, when: &str) {
        let chosen = what.narrow(&Part::of_fields(&["country"])).into_owned();
        for (person, expected) in [(&self.bob, what), (&self.carol, &chosen)] {
            let listed = person
                .session
                .incoming_shares(&PageRequest::default())
                .await;
            let listed = listed.unwrap().items;
            assert_eq!(listed.len(), 1, "{when}: one share for {}", person.email);
            let read = person.session.read_share(listed[0].id).await.unwrap();
            assert_eq!(&read.card, expected, "{when}: {}", person.email);
        }
        // What a call left to the background may be writing the same once more.
        let page = PageRequest::default();
        eventually(async || {
            let shares = self.alice.session.shares_of(self.card, &page).await;
            let shares = shares.unwrap().items.into_iter();
            let mut shares = shares.map(|share| share.result.expect(when).up_to_date);
            shares
                .all(|up_to_date| up_to_date == Some(true))
                .then_some(())
        })
        .await;
    }
}

/// Cut at each request in turn, before it and after it: the next sign-in goes on.
#[test]
fn an_update_that_was_cut_is_finished_by_the_next_session() {
    run(async {
        let scene = Scene::set().await;
        scene.share().await;
        let (session, card) = (&scene.alice.session, scene.card);
        let mut lagged = 0;
        for fault in FAULTS {
            for cut in 0.. {
                let version = session.card(card).await.unwrap().version;
                let next = content(version as usize);
                scene.alice.http.cut_from(cut, fault);
                let made = update(&scene.alice, card, version, next.clone()).await;
                scene.alice.http.mend();
                let when = format!("{fault:?} from {cut}");
                let elsewhere = scene.world.other_device(&scene.alice).await;
                elsewhere.session.catch_up_shares().await.unwrap();
                let stored = elsewhere.session.card(card).await.unwrap();
                assert_eq!(stored.shares, Some(2), "{when}");
                scene.everybody_sees(&stored.content, &when).await;
                match made {
                    Ok(updated) if updated.lagging.is_empty() => break,
                    Ok(updated) => {
                        assert_eq!(updated.lagging[0].error.code(), "offline", "{when}");
                        lagged += 1;
                    }
                    Err(error) => assert_eq!(error.code(), "offline", "{when}"),
                }
                assert!(cut < 60, "{when}");
            }
        }
        assert!(lagged > 3, "{lagged}");
        // All is said to be done, and nothing is left to do.
        let quiet = async || {
            let elsewhere = scene.world.other_device(&scene.alice).await;
            elsewhere.session.catch_up_shares().await.unwrap();
            bodies(&elsewhere, "/spaces/of-cards")
                .is_empty()
                .then_some(())
        };
        eventually(quiet).await;
    });
}

/// The card was written, and nothing else: the next call that touches it brings everything up to date, too.
#[test]
fn an_update_that_was_cut_is_finished_by_the_next_call() {
    run(async {
        let scene = Scene::set().await;
        scene.share().await;
        let (alice, card) = (&scene.alice, scene.card);
        for round in 0..3 {
            let version = alice.session.card(card).await.unwrap().version;
            let next = content(version as usize);
            alice.http.break_with(|request, _| {
                let later = request.method.as_str() == "PUT" && !request.url.contains("/cards/");
                later.then_some(Fault::BeforeSending)
            });
            let made = update(alice, card, version, next.clone()).await.unwrap();
            assert_eq!(made.lagging[0].error.code(), "offline");
            alice.http.mend();
            let expected = match round {
                0 => {
                    let page = PageRequest::default();
                    alice.session.shares_of(card, &page).await.unwrap();
                    next
                }
                1 => {
                    alice.session.share(scene.request(0)).await.unwrap();
                    next
                }
                _ => {
                    let last = content(99);
                    update(alice, card, version + 1, last.clone())
                        .await
                        .unwrap();
                    last
                }
            };
            let chosen = expected.narrow(&Part::of_fields(&["country"])).into_owned();
            for (person, expected) in [(&scene.bob, &expected), (&scene.carol, &chosen)] {
                eventually(async || {
                    let listed = person
                        .session
                        .incoming_shares(&PageRequest::default())
                        .await;
                    let id = listed.unwrap().items[0].id;
                    let read = person.session.read_share(id).await.unwrap();
                    (read.card == *expected).then_some(())
                })
                .await;
            }
        }
    });
}

/// The rows say already what the shares are to show, and the Vault does not have it. An update to the same, here or on another
/// device, leaves none behind.
#[test]
fn an_update_that_was_cut_is_finished_by_one_that_changes_nothing() {
    run(async {
        let scene = Scene::set().await;
        scene.share().await;
        let (alice, card) = (&scene.alice, scene.card);
        let elsewhere = scene.world.other_device(alice).await;
        for (round, next) in [alice, &elsewhere].into_iter().enumerate() {
            let version = alice.session.card(card).await.unwrap().version;
            let cut = content(100 + round);
            alice.http.break_with(|request, _| {
                let stores = request.url.ends_with("/vault/v1/shares");
                stores.then_some(Fault::BeforeSending)
            });
            let made = update(alice, card, version, cut.clone()).await.unwrap();
            assert_eq!(made.lagging.len(), 2);
            alice.http.mend();
            let made = update(next, card, version + 1, cut.clone()).await.unwrap();
            assert!(made.lagging.is_empty(), "{:?}", made.lagging);
            scene.everybody_sees(&cut, &format!("round {round}")).await;
        }
    });
}

/// Sharing that was cut is done by the same call, made again from anywhere: one share each.
#[test]
fn sharing_that_was_cut_makes_no_second_share() {
    run(async {
        for fault in FAULTS {
            let scene = Scene::set().await;
            let mut failed = 0;
            for cut in 0.. {
                let device = scene.world.other_device(&scene.alice).await;
                device.http.cut_from(cut, fault);
                let made = device.session.share(scene.request(0)).await;
                device.http.mend();
                match made {
                    Ok(_) => break,
                    Err(error) => assert_eq!(error.code(), "offline"),
                }
                failed += 1;
                assert!(failed < 60);
            }
            scene.alice.session.share(scene.request(0)).await.unwrap();
            scene.alice.session.share(scene.request(1)).await.unwrap();
            scene
                .everybody_sees(&passport(), &format!("{fault:?}"))
                .await;
        }
    });
}

/// The Keystore has the row, and the Vault never got the share: an update makes it, and so does a call to share. Where the Vault
/// has used the id up, another takes its place.
#[test]
fn a_row_without_a_share_gets_one() {
    run(async {
        let scene = Scene::set().await;
        let (alice, card) = (&scene.alice, scene.card);
        let half = async |nth| {
            alice.http.break_with(|request, _| {
                let stores = request.url.ends_with("/v1/shares");
                stores.then_some(Fault::BeforeSending)
            });
            let error = alice.session.share(scene.request(nth)).await.unwrap_err();
            assert_eq!(error.code(), "offline");
            alice.http.mend();
        };
        half(0).await;
        half(1).await;
        update(alice, card, 1, content(2)).await.unwrap();
        scene.everybody_sees(&content(2), "updated").await;

        // The Vault has lost the share for good: its id is used.
        let page = PageRequest::default();
        let listed = scene
            .bob
            .session
            .incoming_shares(&page)
            .await
            .unwrap()
            .items;
        let bearer = alice.http.bearer_to("/vault/v1");
        let address = format!("{}/v1/shares/{}", scene.world.vault, listed[0].id);
        let gone = reqwest::Client::new()
            .delete(address)
            .bearer_auth(bearer)
            .send()
            .await;
        assert_eq!(gone.unwrap().status(), 204);
        let again = alice.session.share(scene.request(0)).await.unwrap();
        assert_ne!(again.id, listed[0].id);
        scene.everybody_sees(&content(2), "replaced").await;
    });
}

/// A snapshot has no second try: what nobody was told of is taken back.
#[test]
fn a_snapshot_whose_call_failed_does_not_stay() {
    run(async {
        let scene = Scene::set().await;
        scene.alice.http.break_with(|request, _| {
            let stores = request.url.ends_with("/vault/v1/shares");
            stores.then_some(Fault::AnswerLost)
        });
        let request = snapshot(scene.card, scene.connections[0]);
        let error = scene.alice.session.share(request).await.unwrap_err();
        assert!(matches!(error, Error::Offline(_)));
        scene.alice.http.mend();
        eventually(async || {
            let listed = scene
                .bob
                .session
                .incoming_shares(&PageRequest::default())
                .await;
            listed.unwrap().items.is_empty().then_some(())
        })
        .await;
        eventually(async || {
            let card = scene.alice.session.card(scene.card).await.unwrap();
            (card.shares == Some(0)).then_some(())
        })
        .await;
    });
}

/// With a connection that ended there is nothing to do, and with keys that changed nothing may be done.
#[test]
fn nothing_is_sent_over_a_connection_that_is_not_what_it_was() {
    run(async {
        let scene = Scene::set().await;
        scene.share().await;
        scene
            .carol
            .session
            .disconnect(scene.connections[1])
            .await
            .unwrap();
        let made = update(&scene.alice, scene.card, 1, content(2))
            .await
            .unwrap();
        assert!(made.lagging.is_empty(), "{:?}", made.lagging);

        let dora = scene.world.person("dora").await;
        let (with_dora, _) = connect_by_link(&scene.alice, &dora).await;
        let other = scene.alice.session.connection(with_dora.id).await.unwrap();
        scene
            .alice
            .http
            .tamper_json("/vault/v1/connections/query", move |answer| {
                for item in answer["items"].as_array_mut().unwrap() {
                    item["invitee"]["account"] = serde_json::json!(other.account);
                }
            });
        let made = update(&scene.alice, scene.card, 2, content(3))
            .await
            .unwrap();
        assert!(
            made.lagging
                .iter()
                .any(|one| one.error == Error::PeerKeyChanged)
        );
        scene.alice.http.honest();
        let listed = scene
            .bob
            .session
            .incoming_shares(&PageRequest::default())
            .await
            .unwrap()
            .items;
        assert_eq!(
            scene
                .bob
                .session
                .read_share(listed[0].id)
                .await
                .unwrap()
                .card,
            content(2)
        );
        // Once the keys are right again, the next session does it.
        let elsewhere = scene.world.other_device(&scene.alice).await;
        elsewhere.session.catch_up_shares().await.unwrap();
        assert_eq!(
            scene
                .bob
                .session
                .read_share(listed[0].id)
                .await
                .unwrap()
                .card,
            content(3)
        );
    });
}
