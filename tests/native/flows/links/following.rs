//! Links that follow their card, and what is left after cuts and losses.

use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::flows::{LinkRequest, Remaining};
use vouchsafe::ids::Id;

use super::{asked, changed, guarded, links_of, of_country, open};
use crate::flows::following::update;
use crate::support::{Fault, World, eventually, linked, passport, run};

#[test]
fn a_live_link_follows_its_card() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let session = &alice.session;
        let live = session.share_by_link(linked(card)).await.unwrap();
        let some = session.share_by_link(of_country(card)).await.unwrap();
        let request = LinkRequest {
            live: false,
            ..guarded(card, "words")
        };
        let still = session.share_by_link(request).await.unwrap();
        let guarded = session.share_by_link(guarded(card, "words")).await.unwrap();

        // Behind the call that made a link its maker looks once more whether the card is as it was.
        let path = format!("/cards/{card}");
        let looks = || {
            let sent = alice.http.sent.borrow();
            sent.iter().filter(|one| one.url.ends_with(&path)).count()
        };
        eventually(async || (looks() == 4 + 4).then_some(())).await;
        session.card(card).await.unwrap();
        let before = alice.http.sent.borrow().len();
        let updated = update(&alice, card, 1, changed("X2", "Iceland"))
            .await
            .unwrap();
        assert!(updated.lagging.is_empty(), "{:?}", updated.lagging);
        assert_eq!(updated.card.shares, Some(4));
        let put = format!("PUT /vault/v1/cards/{card}");
        let expected = [
            "POST /keystore/v1/spaces/of-cards",
            "PUT /keystore/v1/spaces",
            &put,
            "PUT /vault/v1/links",
        ];
        assert_eq!(asked(&alice.http, before), expected);
        let seen = open(&world, &live, None).await.unwrap();
        assert_eq!((seen.card, seen.edition), (changed("X2", "Iceland"), 2));
        let seen = open(&world, &guarded, Some("words")).await.unwrap();
        assert_eq!((seen.card, seen.edition), (changed("X2", "Iceland"), 2));
        // Nothing that it shows has changed.
        assert_eq!(open(&world, &some, None).await.unwrap().edition, 1);
        let seen = open(&world, &still, Some("words")).await.unwrap();
        assert_eq!((seen.card, seen.edition), (passport(), 1));
        let upto: Vec<Option<bool>> = links_of(&alice)
            .await
            .iter()
            .map(|link| link.up_to_date)
            .collect();
        assert_eq!(upto, [Some(true), Some(false), Some(true), Some(true)]);

        let updated = update(&alice, card, 2, changed("X2", "Faroe Islands")).await;
        assert!(updated.unwrap().lagging.is_empty());
        let seen = open(&world, &some, None).await.unwrap();
        assert_eq!(
            (&*seen.card.fields[0].value, seen.edition),
            ("Faroe Islands", 2)
        );

        let error = session.delete_card(card, None).await.unwrap_err();
        assert_eq!(error, Error::CardShared(4));
        session
            .delete_card(card, Some(Remaining::Revoke))
            .await
            .unwrap();
        for link in [live, some] {
            assert_eq!(
                open(&world, &link, None).await.unwrap_err(),
                Error::NotFound
            );
        }
        assert!(links_of(&alice).await.is_empty());
    });
}

/// Wherever an update is cut, the next session brings the link up to date; wherever the making is, no link is left.
#[test]
fn cuts_leave_no_link_behind() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let link = alice.session.share_by_link(linked(card)).await.unwrap();
        for (version, end) in [(1, "/v1/spaces"), (2, "/v1/links")] {
            for fault in [Fault::BeforeSending, Fault::AnswerLost] {
                let version = version * 2 - 1 + u64::from(fault == Fault::AnswerLost);
                alice
                    .http
                    .break_with(move |request, _| request.url.ends_with(end).then_some(fault));
                let new = changed(&format!("X{version}"), "Iceland");
                let updated = update(&alice, card, version, new.clone()).await.unwrap();
                assert!(!updated.lagging.is_empty(), "{end} {fault:?}");
                alice.http.mend();
                let other = world.other_device(&alice).await;
                other.session.catch_up_shares().await.unwrap();
                let seen = open(&world, &link, None).await.unwrap();
                assert_eq!(seen.card, new, "{end} {fault:?}");
                eventually(async || {
                    other.session.catch_up_shares().await.unwrap();
                    let sent = other.http.sent.borrow();
                    let last = sent.last().unwrap().url.clone();
                    last.ends_with("/unsettled").then_some(())
                })
                .await;
            }
        }
        alice.session.revoke_link(link.id).await.unwrap();

        for end in ["/v1/spaces", "/links/"] {
            for fault in Fault::ALL {
                let cut = move |request: &vouchsafe::api::Request| {
                    let is_it = request.url.ends_with(end)
                        || request.url.contains(end) && request.method.as_str() == "PUT";
                    is_it.then_some(fault)
                };
                alice.http.break_with(move |request, _| cut(request));
                let failed = alice.session.share_by_link(linked(card)).await;
                assert_eq!(failed.unwrap_err().code(), "offline", "{end} {fault:?}");
                alice.http.mend();
                eventually(async || {
                    let shares = alice.session.card(card).await.unwrap().shares;
                    (shares == Some(0)).then_some(())
                })
                .await;
                assert!(links_of(&alice).await.is_empty(), "{end} {fault:?}");
            }
        }
    });
}

/// What is left of a link that nobody got is cleared away by an update; not as long as it may be in the making.
#[test]
fn a_row_without_a_link_is_cleared_away() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let is_link = |request: &vouchsafe::api::Request| request.url.contains("/vault/v1/links/");
        alice
            .http
            .break_with(move |request, _| is_link(request).then_some(Fault::BeforeSending));
        let failed = alice.session.share_by_link(linked(card)).await;
        assert_eq!(failed.unwrap_err().code(), "offline");
        let deletes = async || {
            let sent = alice.http.sent.borrow();
            let deleted = sent.iter().filter(|one| one.method.as_str() == "DELETE");
            (deleted.filter(|one| is_link(one)).count() == 5).then_some(())
        };
        eventually(deletes).await;
        alice.http.mend();
        let hour = 3600 * 1000;
        for (version, passed, left) in [(1, 0, 1), (2, hour + 5000, 0)] {
            let clock = &alice.http.clock_offset;
            clock.fetch_add(passed, std::sync::atomic::Ordering::Relaxed);
            let new = changed(&format!("X{version}"), "Iceland");
            let updated = update(&alice, card, version, new).await.unwrap();
            assert!(updated.lagging.is_empty(), "{:?}", updated.lagging);
            // It is erased in the background.
            eventually(async || {
                let shares = alice.session.card(card).await.unwrap().shares;
                (shares == Some(left)).then_some(())
            })
            .await;
        }
    });
}

/// The Keystore has lost what was kept of a link: its maker is told, sees the others, and can revoke it.
#[test]
fn a_link_without_its_row_is_told_and_can_be_revoked() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let lost = alice.session.share_by_link(linked(card)).await.unwrap();
        let other = alice.session.share_by_link(linked(card)).await.unwrap();
        let gone = reqwest::Client::new()
            .delete(format!("{}/v1/spaces/{}", world.keystore, lost.id))
            .bearer_auth(alice.http.bearer_to("/keystore/v1/spaces"))
            .send()
            .await;
        assert_eq!(gone.unwrap().status(), 204);
        let page = PageRequest::default();
        let listed = alice.session.link_shares(&page).await.unwrap().items;
        let listed: Vec<(Id, Option<Error>)> = listed
            .into_iter()
            .map(|item| (item.id, item.result.err()))
            .collect();
        let expected = [(other.id, None), (lost.id, Some(Error::RecordRejected))];
        assert_eq!(listed, expected);
        open(&world, &lost, None).await.unwrap();
        alice.session.revoke_link(lost.id).await.unwrap();
        let closed = open(&world, &lost, None).await.unwrap_err();
        assert_eq!(closed, Error::NotFound);
        assert_eq!(links_of(&alice).await[0].id, other.id);
    });
}
