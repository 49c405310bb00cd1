//! Inviting and accepting (steps 1-18).

use std::cell::RefCell;
use std::rc::Rc;

use vouchsafe::Error;
use vouchsafe::api::vault::invitations::InvitationState;
use vouchsafe::api::{PageRequest, Transport as _};
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{ConnectionState, Trust};

use crate::support::{PAGE, World, by_link, by_mail, connect_by_link, connect_by_mail, run};

const HOUR: i64 = 3_600_000;
/// Of an invitation.
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[test]
fn a_link_ends_verified_on_both_sides() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, his) = connect_by_link(&alice, &bob).await;
        assert_eq!((hers.trust, his.trust), (Trust::Verified, Trust::Verified));
        assert_eq!(
            (hers.account, his.account),
            (bob.session.account(), alice.session.account())
        );
        assert_eq!((hers.name.as_str(), his.name.as_str()), ("Bob", "Alice"));
        assert_eq!(hers.safety_number, his.safety_number);
        assert_eq!(hers.safety_number.unwrap().split(' ').count(), 12);
    });
}

#[test]
fn a_mail_stays_unverified_until_the_number_is_compared() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, his) = connect_by_mail(&world, &alice, &bob).await;
        assert_eq!(
            (hers.trust, his.trust),
            (Trust::Unverified, Trust::Unverified)
        );
        let number = his.safety_number.unwrap();
        let mistyped = format!(
            "{}{}",
            if number.starts_with('0') { 1 } else { 0 },
            &number[1..]
        );
        let another: String = number
            .chars()
            .map(|digit| match digit {
                ' ' => ' ',
                '0' => '1',
                _ => '0',
            })
            .collect();
        for (typed, code) in [
            (another.as_str(), "safety_number_mismatch"),
            (&mistyped, "bad_input"),
            ("", "bad_input"),
            ("12345", "bad_input"),
            (&number[..number.len() - 1], "bad_input"),
        ] {
            let error = alice.session.mark_verified(hers.id, typed).await;
            assert_eq!(error.unwrap_err().code(), code, "{typed:?}");
        }
        assert_eq!(
            alice.session.connection(hers.id).await.unwrap().trust,
            Trust::Unverified
        );

        let typed = number.replace(' ', "");
        let verified = alice.session.mark_verified(hers.id, &typed).await.unwrap();
        assert_eq!(verified.trust, Trust::Verified);
        let elsewhere = world.other_device(&alice).await;
        assert_eq!(
            elsewhere.session.connection(hers.id).await.unwrap().trust,
            Trust::Verified,
            "it is remembered"
        );
    });
}

#[test]
fn the_list_pins_what_it_shows() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (_, ticket) = alice.invite_by_link("Bob").await;
        bob.session.accept(&ticket, "Alice").await.unwrap();
        let page = alice
            .session
            .connections(&PageRequest::default())
            .await
            .unwrap();
        assert_eq!(
            page.items[0].result.as_ref().unwrap().trust,
            Trust::Verified
        );
        let again = world.other_device(&alice).await;
        let page = again
            .session
            .connections(&PageRequest::default())
            .await
            .unwrap();
        assert_eq!(
            page.items[0].result.as_ref().unwrap().safety_number,
            bob.session
                .connection(ticket.id())
                .await
                .unwrap()
                .safety_number
        );
    });
}

#[test]
fn an_invitation_makes_exactly_one_connection() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (bob, carol) = (world.person("bob").await, world.person("carol").await);
        let (_, ticket) = alice.invite_by_link("Bob").await;
        let first = bob.session.accept(&ticket, "Alice").await.unwrap();
        let again = world
            .other_device(&bob)
            .await
            .session
            .accept(&ticket, "Alice")
            .await
            .unwrap();
        assert_eq!(
            first.id, again.id,
            "the same account gets the same connection"
        );
        assert_eq!(
            carol.session.accept(&ticket, "Alice").await.unwrap_err(),
            Error::InvitationUsed
        );
        let list = carol
            .session
            .connections(&PageRequest::default())
            .await
            .unwrap();
        assert!(list.items.is_empty());
    });
}

#[test]
fn accepting_goes_on_after_an_interruption() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (_, ticket) = alice.invite_by_link("Bob").await;
        let lost = Rc::new(RefCell::new(0));
        bob.http.tamper({
            let lost = Rc::clone(&lost);
            move |request, mut response| {
                if request.url.ends_with("/v1/connections") {
                    *lost.borrow_mut() += 1;
                    response.status = 502;
                    response.body.clear();
                }
                response
            }
        });
        assert_eq!(
            bob.session
                .accept(&ticket, "Alice")
                .await
                .unwrap_err()
                .code(),
            "server_error"
        );
        assert_eq!(*lost.borrow(), 5, "with the retries");
        let reloaded = world.other_device(&bob).await;
        let his = reloaded.session.accept(&ticket, "Alice").await.unwrap();
        assert_eq!(his.trust, Trust::Verified);
        assert_eq!(
            alice
                .session
                .connection(his.id)
                .await
                .unwrap()
                .safety_number,
            his.safety_number
        );
    });
}

#[test]
fn list_cancel_decline_expire() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (cancelled, cancelled_ticket) = alice.invite_by_link("Bob").await;
        let (declined, declined_ticket) = alice.invite_by_link("Bob").await;
        let soon = vouchsafe::flows::Invite {
            expires_at: Some(vouchsafe::api::Transport::now(&alice.http) + HOUR),
            ..by_link("Bob")
        };
        let expired = alice.session.invite(soon).await.unwrap();
        let expired_ticket = Ticket::from_link(expired.link.as_deref().unwrap()).unwrap();
        let (pending, _) = alice.invite_by_mail(&world, &bob).await;

        assert_eq!(
            alice
                .session
                .cancel_invitation(cancelled.id)
                .await
                .unwrap()
                .state,
            InvitationState::Cancelled
        );
        alice.session.cancel_invitation(cancelled.id).await.unwrap();
        assert_eq!(
            bob.session
                .accept(&cancelled_ticket, "A")
                .await
                .unwrap_err(),
            Error::InvitationCancelled
        );
        bob.session
            .decline_invitation(&declined_ticket)
            .await
            .unwrap();
        assert_eq!(
            bob.session.accept(&declined_ticket, "A").await.unwrap_err(),
            Error::InvitationDeclined
        );
        world.pass(HOUR + 1);
        assert_eq!(
            bob.session.accept(&expired_ticket, "A").await.unwrap_err(),
            Error::InvitationExpired
        );

        let page = alice
            .session
            .invitations(&PageRequest::default())
            .await
            .unwrap();
        let states: Vec<_> = page
            .items
            .iter()
            .map(|item| item.result.as_ref().unwrap())
            .map(|i| (i.id, i.state, i.link.is_some()))
            .collect();
        assert_eq!(
            states,
            [
                (pending.id, InvitationState::Pending, false),
                (expired.id, InvitationState::Expired, false),
                (declined.id, InvitationState::Declined, false),
                (cancelled.id, InvitationState::Cancelled, false),
            ]
        );
    });
}

/// The Vault's clock decides; a device whose clock is wrong only cannot ask for what makes no sense.
#[test]
fn an_invitation_lasts_fourteen_days_unless_the_app_says_otherwise() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let made_at = vouchsafe::api::Transport::now(&alice.http);
        let invitation = alice.session.invite(by_link("Bob")).await.unwrap();
        let life = invitation.expires_at - made_at;
        // The client reads its clock once more than this test.
        assert!((14 * 24 * HOUR..14 * 24 * HOUR + HOUR).contains(&life));
    });
}

#[test]
fn invitations_expire_by_the_vaults_clock() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let set = |person: &crate::support::Person, offset: i64| {
            person
                .http
                .clock_offset
                .store(offset, std::sync::atomic::Ordering::Relaxed);
        };
        let now = vouchsafe::api::Transport::now(&alice.http);
        let until = |at: i64| vouchsafe::flows::Invite {
            expires_at: Some(at),
            ..by_link("Bob")
        };
        let ticket = |invitation: &vouchsafe::flows::Invitation| {
            Ticket::from_link(invitation.link.as_deref().unwrap()).unwrap()
        };
        let first = alice.session.invite(until(now + HOUR)).await.unwrap();
        let second = alice.session.invite(until(now + 3 * HOUR)).await.unwrap();
        // By their clocks both are over; they are not.
        set(&alice, 4 * HOUR);
        set(&bob, 4 * HOUR);
        let late = alice.session.invite(until(now + HOUR)).await.unwrap_err();
        assert_eq!(late.code(), "bad_input");
        bob.session.accept(&ticket(&first), "Alice").await.unwrap();
        set(&alice, 0);
        set(&bob, 0);
        // By their clocks it is not over; it is.
        world.pass(3 * HOUR + 1);
        let refused = bob.session.accept(&ticket(&second), "Alice").await;
        assert_eq!(refused.unwrap_err(), Error::InvitationExpired);
        let refused = bob.session.decline_invitation(&ticket(&second)).await;
        assert_eq!(refused.unwrap_err(), Error::InvitationExpired);
        let late = alice.session.invite(until(now + HOUR)).await.unwrap_err();
        assert_eq!(
            late.code(),
            "bad_input",
            "the Vault does not take it either"
        );
        // What was accepted in time stays, also after the invitation's end.
        let connection = alice.session.connection(first.id).await.unwrap();
        assert_eq!(connection.state, ConnectionState::Active);
        bob.session.accept(&ticket(&first), "Alice").await.unwrap();
    });
}

#[test]
fn a_pending_link_can_be_had_again() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (invitation, _) = alice.invite_by_link("Bob").await;
        let elsewhere = world.other_device(&alice).await;
        let page = elsewhere
            .session
            .invitations(&PageRequest::default())
            .await
            .unwrap();
        let listed = page.items[0].result.as_ref().unwrap();
        assert_eq!(listed.link, invitation.link);
        let ticket = Ticket::from_link(listed.link.as_deref().unwrap()).unwrap();
        bob.session.accept(&ticket, "Alice").await.unwrap();
    });
}

#[test]
fn ones_own_invitation_cannot_be_accepted() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (_, ticket) = alice.invite_by_link("Bob").await;
        assert_eq!(
            alice
                .session
                .accept(&ticket, "Me")
                .await
                .unwrap_err()
                .code(),
            "bad_input"
        );
    });
}

#[test]
fn unusable_invitations_are_refused() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (_, ticket) = alice.invite_by_link("Bob").await;
        let link = alice
            .session
            .invite(by_link("Bob"))
            .await
            .unwrap()
            .link
            .unwrap();
        let before = alice.http.sent.borrow().len();
        let mut unusable = vec![by_mail("nobody"), by_link(""), by_link(&"x".repeat(201))];
        unusable.extend(["B\u{2029}b", "B\u{200b}b", "\u{202e}boB"].map(by_link));
        unusable.push(vouchsafe::flows::Invite {
            expires_at: Some(1),
            ..by_link("Bob")
        });
        unusable.push(vouchsafe::flows::Invite {
            email: None,
            ..by_mail("x")
        });
        for invite in unusable {
            assert_eq!(
                alice.session.invite(invite).await.unwrap_err().code(),
                "bad_input"
            );
        }
        for expires_at in [1, alice.http.now() + 91 * 24 * 3600 * 1000] {
            let refused = alice.session.invite(vouchsafe::flows::Invite {
                expires_at: Some(expires_at),
                ..by_link("Bob")
            });
            assert_eq!(refused.await.unwrap_err().argument(), Some("expiresAt"));
        }
        for name in ["", "A\u{2060}lice"] {
            let refused = alice.session.accept(&ticket, name).await;
            assert_eq!(refused.unwrap_err().code(), "bad_input");
        }
        assert_eq!(alice.http.sent.borrow().len(), before);
        for cut in [0, 10, link.len() - 1, link.len() - 30] {
            assert_eq!(
                Ticket::from_link(&link[..cut]).unwrap_err().code(),
                "bad_input",
                "cut at {cut}"
            );
        }
        for wrong in [
            link.replace("=1.l.", "=1.m."),
            link.replace("=1.", "=2."),
            link.replace('#', "/"),
            format!("{}.x", link.as_str()),
            format!("{}x", link.as_str()),
            format!("{}-", link.as_str()),
            format!("{} {}", link.as_str(), link.as_str()),
            link.to_uppercase(),
            link.replace('#', "?"),
            link.replace('#', "%23"),
            link.replace("=1.", "%3D2."),
        ] {
            assert_eq!(
                Ticket::from_link(&wrong).unwrap_err().code(),
                "bad_input",
                "{wrong}"
            );
        }
    });
}

#[test]
fn a_link_is_found_in_what_was_copied_with_it() {
    let by_link = format!("=1.l.{ID}.{0}.{1}", "A".repeat(43), "A".repeat(22));
    let by_mail = format!("=1.m.{ID}.{}", "A".repeat(22));
    for link in [by_link, by_mail].map(|end| format!("{PAGE}#vouchsafe{end}")) {
        let fragment = link.split_once('#').unwrap().1;
        let broken = format!("{}\r\n {}", &link[..60], &link[60..]);
        let copied = [
            "",
            ".",
            "...",
            ")",
            ">",
            "]",
            "\"",
            ",",
            "!",
            "\n",
            " Bye",
            ".\nBye",
            "%E2%80%8B",
            "&x=y",
        ]
        .map(|behind| format!("{link}{behind}"));
        let further = [
            link.clone(),
            link.replace('=', "%3D"),
            link.replace('=', "%3d"),
            fragment.to_owned(),
            format!(" {fragment} "),
            format!("Here it is:\n<{link}>\nBye"),
            broken,
        ];
        for text in copied.iter().chain(&further) {
            let read = Ticket::from_link(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
            assert_eq!(read.id().to_string(), ID, "{text:?}");
            assert_eq!(
                *read.token().unwrap().to_text(),
                *Ticket::from_link(&link).unwrap().token().unwrap().to_text()
            );
        }
    }
}

#[test]
fn disconnecting_ends_it_for_both() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, his) = connect_by_link(&alice, &bob).await;
        alice.session.disconnect(hers.id).await.unwrap();
        alice.session.disconnect(hers.id).await.unwrap();
        assert_eq!(
            alice.session.connection(hers.id).await.unwrap().state,
            ConnectionState::Ended
        );
        assert_eq!(
            bob.session.connection(his.id).await.unwrap().state,
            ConnectionState::Ended
        );
        let card = bob.card().await;
        assert_eq!(
            bob.session
                .share(crate::support::whole(card.id, his.id))
                .await
                .unwrap_err(),
            Error::NotFound
        );
    });
}

#[test]
fn an_invitation_is_of_no_use_once_its_connection_has_ended() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        for ends_it in [&alice, &bob] {
            let (_, ticket) = alice.invite_by_link("Bob").await;
            let made = bob.session.accept(&ticket, "Alice").await.unwrap();
            let again = bob.session.accept(&ticket, "Alice").await.unwrap();
            assert_eq!(again.id, made.id);
            ends_it.session.disconnect(made.id).await.unwrap();
            for device in [&bob, &world.other_device(&bob).await] {
                let used = device.session.accept(&ticket, "Alice").await;
                assert_eq!(used.unwrap_err(), Error::InvitationUsed);
            }
        }
    });
}
