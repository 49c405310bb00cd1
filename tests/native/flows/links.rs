//! Links that show a card to somebody without an account: opened, guarded, counted, brought up to date, revoked.

use std::cell::RefCell;
use std::rc::Rc;

use vouchsafe::api::PageRequest;
use vouchsafe::api::vault::links::LinkState;
use vouchsafe::crypto::card_link::CardLink;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::crypto::records::CardContent;
use vouchsafe::flows::{LinkRequest, LinkShare, LinkView, Remaining};
use vouchsafe::ids::Id;
use vouchsafe::{Error, Result};
use zeroize::Zeroizing;

use crate::flows::following::update;
use crate::support::{
    Counting, Fault, Http, PAGE, Person, World, eventually, linked, passport, run,
};

/// Opens a link as somebody without an account, on a device of their own.
pub(crate) async fn open(
    world: &World,
    link: &LinkShare,
    passphrase: Option<&str>,
) -> Result<LinkView> {
    let link = CardLink::from_link(link.link.as_deref().unwrap()).unwrap();
    world.client().open_link(&link, passphrase).await
}

pub(crate) async fn links_of(person: &Person) -> Vec<LinkShare> {
    let page = PageRequest::default();
    let items = person.session.link_shares(&page).await.unwrap().items;
    items.into_iter().map(|item| item.result.unwrap()).collect()
}

fn guarded(card: Id, passphrase: &str) -> LinkRequest {
    LinkRequest {
        passphrase: Some(Zeroizing::new(passphrase.to_owned())),
        ..linked(card)
    }
}

fn of_country(card: Id) -> LinkRequest {
    LinkRequest {
        fields: Some(vec!["country".into()]),
        ..linked(card)
    }
}

fn changed(number: &str, country: &str) -> CardContent {
    CardContent::new(
        "Passport",
        &[
            ("number", "Number", number),
            ("country", "Country", country),
        ],
    )
}

fn asked(http: &Http, before: usize) -> Vec<String> {
    let sent = http.sent.borrow();
    let sent = sent[before..].iter().map(|request| {
        let path = request.url.splitn(4, '/').nth(3).unwrap();
        let path = path.split('?').next().unwrap();
        format!("{} /{path}", request.method.as_str())
    });
    let quiet = |asked: &String| {
        let ends = ["/settled", "/tokens"];
        !asked.starts_with("GET ") && !ends.iter().any(|end| asked.ends_with(end))
    };
    let mut asked: Vec<String> = sent.filter(quiet).collect();
    asked.sort();
    asked
}

#[test]
fn a_link_shows_a_card_to_somebody_without_an_account() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let whole = alice.session.share_by_link(linked(card.id)).await.unwrap();
        let some = of_country(card.id);
        let some = alice.session.share_by_link(some).await.unwrap();
        let text = whole.link.as_deref().unwrap();
        assert!(text.starts_with(&format!("{PAGE}#vouchsafe=1.s.{}.", whole.id)));

        let (http, engine) = (Http::default(), Counting::default());
        let stranger = world.client_with(http.clone(), engine);
        let link = CardLink::from_link(text).unwrap();
        let view = stranger.open_link(&link, None).await.unwrap();
        assert_eq!((view.card, &*view.claimed_name), (passport(), "Alice"));
        assert_eq!((view.edition, view.expires_at), (1, whole.told.expires_at));
        let vault = format!("POST /vault/v1/links/{}", whole.id);
        let expected = [format!("{vault}/open"), format!("{vault}/read")];
        assert_eq!(asked(&http, 0), expected);
        let mut sent = http.sent.take().into_iter();
        assert!(sent.all(|one| one.bearer.is_none() && one.device.is_none()));
        let view = open(&world, &some, Some("there is none")).await.unwrap();
        assert_eq!(
            (view.card.fields.len(), &*view.card.fields[0].value),
            (1, "Iceland")
        );

        let other = world.other_device(&alice).await;
        let found = links_of(&other).await;
        let ids: Vec<Id> = found.iter().map(|link| link.id).collect();
        assert_eq!(ids, [some.id, whole.id]);
        assert_eq!(found[1].link.as_deref(), Some(text));
        assert_eq!((found[1].card, found[1].live), (card.id, true));
        assert_eq!(
            (found[1].fields.clone(), &found[0].fields),
            (None, &Some(vec!["country".into()]))
        );
        assert_eq!(
            (found[1].told.reads, found[1].told.state),
            (1, LinkState::Open)
        );
        assert!(found[1].told.read_at.is_some());
        assert_eq!(alice.session.card(card.id).await.unwrap().shares, Some(2));

        // A link is neither an invitation nor the other way round.
        assert_eq!(Ticket::from_link(text).unwrap_err().code(), "bad_input");
        let (invitation, _) = alice.invite_by_link("Bob").await;
        let invitation = CardLink::from_link(invitation.link.as_deref().unwrap());
        assert_eq!(invitation.unwrap_err().code(), "bad_input");

        let mallory = world.person("mallory").await;
        let theirs = mallory.session.revoke_link(whole.id).await;
        assert_eq!(theirs, Err(Error::NotFound));
        assert!(links_of(&mallory).await.is_empty());
        for _ in 0..2 {
            other.session.revoke_link(whole.id).await.unwrap();
        }
        assert_eq!(
            open(&world, &whole, None).await.unwrap_err(),
            Error::NotFound
        );
        assert_eq!(links_of(&alice).await.len(), 1);
        assert_eq!(alice.session.card(card.id).await.unwrap().shares, Some(1));
    });
}

#[test]
fn a_passphrase_is_asked_for_and_ten_wrong_ones_close_the_link() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        // As it is typed on one keyboard, and on another.
        let link = alice
            .session
            .share_by_link(guarded(card, "caf\u{e9}"))
            .await;
        let link = link.unwrap();
        assert!(link.told.passphrase);
        let error = open(&world, &link, None).await.unwrap_err();
        assert_eq!(
            (error.code(), error),
            ("passphrase_needed", Error::PassphraseNeeded)
        );
        let view = open(&world, &link, Some("cafe\u{301}")).await.unwrap();
        assert_eq!(view.card, passport());
        for _ in 0..10 {
            let wrong = open(&world, &link, Some("cafe")).await;
            assert_eq!(wrong.unwrap_err(), Error::WrongCredentials);
        }
        for words in [None, Some("caf\u{e9}")] {
            let over = open(&world, &link, words).await;
            assert_eq!(over.unwrap_err(), Error::ShareExpired);
        }
        let found = links_of(&alice).await.remove(0);
        assert_eq!((found.told.state, found.told.reads), (LinkState::Closed, 1));
        assert_eq!(found.link, None);
        // An update has nothing to bring there, and says nothing of it.
        let updated = update(&alice, card, 1, changed("X2", "Iceland")).await;
        assert!(updated.unwrap().lagging.is_empty());
    });
}

#[test]
fn a_read_whose_answer_was_lost_counts_once() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let request = LinkRequest {
            max_reads: Some(2),
            ..linked(alice.card().await.id)
        };
        let made = alice.session.share_by_link(request).await.unwrap();
        let link = CardLink::from_link(made.link.as_deref().unwrap()).unwrap();
        for fault in Fault::ALL {
            let http = Http::default();
            http.break_with(move |request, attempt| {
                (request.url.ends_with("/read") && attempt < 3).then_some(fault)
            });
            let stranger = world.client_with(http, Counting::default());
            let reads = links_of(&alice).await[0].told.reads;
            let opened = stranger.open_link(&link, None).await;
            match reads {
                2 => assert_eq!(opened.unwrap_err(), Error::ShareExpired),
                _ => assert_eq!(opened.unwrap().card, passport()),
            }
        }
        let found = links_of(&alice).await.remove(0);
        assert_eq!((found.told.reads, found.told.max_reads), (2, Some(2)));
        assert_eq!((found.told.state, found.link), (LinkState::Used, None));
    });
}

#[test]
fn a_link_ends_and_what_cannot_be_one_is_refused() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let good = linked(card);
        let day = 24 * 3600 * 1000;
        let before = alice.http.sent.borrow().len();
        let wrong = [
            LinkRequest {
                name: " ".into(),
                ..good.clone()
            },
            LinkRequest {
                name: "A\u{202e}".into(),
                ..good.clone()
            },
            LinkRequest {
                expires_at: 5,
                ..good.clone()
            },
            LinkRequest {
                expires_at: good.expires_at + 90 * day,
                ..good.clone()
            },
            LinkRequest {
                max_reads: Some(0),
                ..good.clone()
            },
            LinkRequest {
                fields: Some(Vec::new()),
                ..good.clone()
            },
            guarded(card, ""),
        ];
        for request in wrong {
            let refused = alice.session.share_by_link(request).await.unwrap_err();
            assert_eq!(refused.code(), "bad_input", "{refused}");
        }
        assert_eq!(alice.http.sent.borrow().len(), before, "nothing was asked");
        let unknown = LinkRequest {
            fields: Some(vec!["colour".into()]),
            ..good.clone()
        };
        let refused = alice.session.share_by_link(unknown).await.unwrap_err();
        assert_eq!(refused.code(), "bad_input");
        let nothing = alice.session.share_by_link(linked(Id::v4([1; 16]))).await;
        assert_eq!(nothing.unwrap_err(), Error::NotFound);

        let link = alice.session.share_by_link(good).await.unwrap();
        open(&world, &link, None).await.unwrap();
        world.pass(day + 1000);
        let over = open(&world, &link, None).await;
        assert_eq!(over.unwrap_err(), Error::ShareExpired);
    });
}

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

        // Each live link looks once more, behind the call that made it, whether the card is as it was.
        let path = format!("/cards/{card}");
        let looks = || {
            let sent = alice.http.sent.borrow();
            sent.iter().filter(|one| one.url.ends_with(&path)).count()
        };
        eventually(async || (looks() == 4 + 3).then_some(())).await;
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
            let shares = alice.session.card(card).await.unwrap().shares;
            assert_eq!(shares, Some(left), "after {passed} ms");
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

/// Nothing that opens a link is ever sent, by whoever makes it or opens it.
#[test]
fn the_secret_of_a_link_stays_with_those_who_have_it() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let made = alice
            .session
            .share_by_link(guarded(alice.card().await.id, "only by telephone"))
            .await
            .unwrap();
        let text = made.link.unwrap();
        let link = CardLink::from_link(&text).unwrap();
        let http = Http::default();
        let seen: Rc<RefCell<Vec<String>>> = Rc::default();
        let answers = Rc::clone(&seen);
        http.tamper(move |_, response| {
            let body = String::from_utf8_lossy(&response.body).into_owned();
            answers.borrow_mut().push(body);
            response
        });
        let stranger = world.client_with(http.clone(), Counting::default());
        stranger
            .open_link(&link, Some("only by telephone"))
            .await
            .unwrap();
        let mut sent: Vec<String> = seen.borrow().clone();
        for one in [&alice.http, &http] {
            for request in one.sent.borrow().iter() {
                sent.push(format!(
                    "{} {}",
                    request.url,
                    request.body.as_deref().unwrap_or("")
                ));
            }
        }
        let opening = link.secret.opening_token().unwrap().to_text();
        assert!(
            sent.iter().any(|text| text.contains(&**opening)),
            "the search finds"
        );
        let secret = link.secret.to_text();
        let stretched = [link.id.as_bytes(), "only by telephone".as_bytes()].concat();
        let (_, key) = link.secret.reading_keys(&stretched).unwrap();
        let jwk = String::from_utf8(key.to_jwk().unwrap().to_vec()).unwrap();
        let key = jwk.split('"').nth(3).unwrap();
        for hidden in [
            &**secret,
            key,
            &link.signer,
            "telephone",
            "Alice",
            "X123",
            "Iceland",
        ] {
            let found = sent.iter().find(|text| text.contains(hidden));
            assert_eq!(found, None, "{hidden}");
        }
    });
}

#[test]
fn a_link_is_read_whole_or_not_at_all() {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let (thumbprint, secret) = ("A".repeat(43), "A".repeat(22));
    let good = format!("vouchsafe=1.s.{id}.{thumbprint}.{secret}");
    let reads = [
        good.clone(),
        format!("https://app.example/#{good}"),
        format!("  see https://app.example/a#b#{good}. Yours, Alice"),
        good.replace(".AAA", ".\nAAA"),
    ];
    for text in reads {
        let link = CardLink::from_link(&text).unwrap();
        assert_eq!(
            (link.id, &link.signer),
            (Id::parse(id).unwrap(), &thumbprint),
            "{text}"
        );
    }
    let mail = format!("vouchsafe=1.m.{id}.{secret}");
    let refused = [
        String::new(),
        good.replace("1.s", "1.l"),
        good.replace("1.s", "2.s"),
        good.replace("1.s", "1.S"),
        mail.clone(),
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        format!("{good}#{good}"),
        format!("vouchsafe=1.s.{id}.{thumbprint}.{}B", &secret[1..]),
        format!("vouchsafe=1.s.{id}.{}B.{secret}", &thumbprint[1..]),
        good.replace(id, &id.to_uppercase()),
        good.replace("vouchsafe=", "vouchsafe%3D"),
    ];
    for text in refused {
        assert_eq!(
            CardLink::from_link(&text).unwrap_err().code(),
            "bad_input",
            "{text}"
        );
    }
    assert!(Ticket::from_link(&mail).is_ok());
    assert!(Ticket::from_link(&good.replace("1.s", "1.l")).is_ok());
    assert_eq!(Ticket::from_link(&good).unwrap_err().code(), "bad_input");
}
