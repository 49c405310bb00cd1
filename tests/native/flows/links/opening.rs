//! Opening: by whom, how often, until when, and with which words.

use vouchsafe::Error;
use vouchsafe::api::vault::links::LinkState;
use vouchsafe::crypto::card_link::CardLink;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::crypto::records::Part;
use vouchsafe::flows::LinkRequest;
use vouchsafe::ids::Id;

use super::{asked, changed, guarded, links_of, of_country, open};
use crate::flows::following::update;
use crate::support::{Counting, Fault, Http, PAGE, World, linked, passport, run};

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
        let but = |change: fn(&mut LinkRequest)| {
            let mut request = good.clone();
            change(&mut request);
            request
        };
        let wrong = [
            (but(|link| link.name = " ".into()), "name"),
            (but(|link| link.name = "A\u{202e}".into()), "name"),
            (but(|link| link.expires_at = 5), "expiresAt"),
            (
                LinkRequest {
                    expires_at: good.expires_at + 90 * day,
                    ..good.clone()
                },
                "expiresAt",
            ),
            (but(|link| link.max_reads = Some(0)), "maxReads"),
            (but(|link| link.part = Part::of_fields(&[])), "fields"),
            (guarded(card, ""), "passphrase"),
        ];
        for (request, argument) in wrong {
            let refused = alice.session.share_by_link(request).await.unwrap_err();
            let told = (refused.code(), refused.argument());
            assert_eq!(told, ("bad_input", Some(argument)), "{refused}");
        }
        assert_eq!(alice.http.sent.borrow().len(), before, "nothing was asked");
        for names in [["number", "colour"], ["number", "number"]] {
            let request = LinkRequest {
                part: Part::of_fields(&names),
                ..good.clone()
            };
            let refused = alice.session.share_by_link(request).await.unwrap_err();
            let told = (refused.code(), refused.argument());
            assert_eq!(told, ("bad_input", Some("fields[1]")), "{refused}");
        }
        let nothing = alice.session.share_by_link(linked(Id::v4([1; 16]))).await;
        assert_eq!(nothing.unwrap_err(), Error::NotFound);

        let link = alice.session.share_by_link(good).await.unwrap();
        open(&world, &link, None).await.unwrap();
        world.pass(day + 1000);
        let over = open(&world, &link, None).await;
        assert_eq!(over.unwrap_err(), Error::ShareExpired);
    });
}
