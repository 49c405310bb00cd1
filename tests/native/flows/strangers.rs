//! What is no answer of a service: pages of proxies, gates and other servers, and wrong addresses.

use std::sync::atomic::Ordering::Relaxed;

use vouchsafe::api::vault::events::EventKind;
use vouchsafe::api::{PageRequest, Response};
use vouchsafe::{Error, Result};

use crate::support::{
    Counting, Fault, Http, PASSPHRASE, Person, TestClient, World, connect_by_link, eventually,
    passport, run, whole,
};

const PAGE: &str = "text/html; charset=utf-8";

/// What answers in place of a service: status, type, body.
type Answer = (u16, &'static str, &'static str);

fn answer_with(http: &Http, (status, content_type, body): Answer) {
    http.tamper(move |_, _| Response {
        status,
        content_type: content_type.into(),
        retry_after: None,
        body: body.into(),
    });
}

/// The error's words about the answer.
fn cause(error: &Error) -> &str {
    let cause = error
        .cause()
        .and_then(|cause| cause.downcast_ref::<String>());
    cause.map_or("", String::as_str)
}

/// A call ended as its answer says: with `server_error`, whose cause names status and type.
fn is_no_answer(name: &str, result: Result<()>, answer: Answer) {
    let error = result.expect_err(&format!("{name} took {answer:?} for an answer"));
    assert_eq!(error.code(), "server_error", "{name} {answer:?}");
    let said = format!("status {}, type {}", answer.0, answer.1);
    assert_eq!(cause(&error), said, "{name}");
}

/// What says no more than that it worked has to say it in the service's own way.
#[test]
fn a_page_in_place_of_an_answer_is_none() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        let (_, ticket) = bob.invite_by_link("Alice").await;
        let session = &alice.session;
        let answers = [
            (200, PAGE, "<!doctype html><title>Sign in</title>"),
            (200, "text/html", ""),
            (200, "text/plain", "OK"),
            (200, "", ""),
            (200, "application/json", "{}"),
            (200, "application/json", r#"{"items":[],"next":null}"#),
            (201, "text/html", "{}"),
            (202, "application/json", "{}"),
            (203, "text/html", ""),
            (206, "application/json", "{}"),
        ];
        for answer in answers {
            answer_with(&alice.http, answer);
            is_no_answer("revoke", session.revoke_share(share.id).await, answer);
            is_no_answer("delete", session.delete_card(card.id, None).await, answer);
            is_no_answer("disconnect", session.disconnect(hers.id).await, answer);
            is_no_answer("decline", session.decline_invitation(&ticket).await, answer);
            is_no_answer("confirm", session.confirm_email("12345678").await, answer);
            let made = session.create_card(passport()).await.map(drop);
            is_no_answer("create", made, answer);
        }
        // What has a body is not done with without one.
        let nothing = (204, "", "");
        answer_with(&alice.http, nothing);
        let made = session.create_card(passport()).await.map(drop);
        is_no_answer("create", made, nothing);

        // Publishing a key says which one it was.
        alice.http.tamper(|request, mut response| {
            if request.url.contains("/public-keys/") {
                response.body = b"{}".into();
            }
            response
        });
        let invited = session
            .invite(crate::support::by_link("Bob"))
            .await
            .map(drop);
        is_no_answer("invite", invited, (201, "application/json", ""));

        // Nothing of it was taken for done.
        alice.http.honest();
        session.revoke_share(share.id).await.unwrap();
        session.delete_card(card.id, None).await.unwrap();
        for answer in answers {
            answer_with(&alice.http, answer);
            is_no_answer("sign out", session.sign_out().await, answer);
        }
        alice.http.honest();
        session.sign_out().await.unwrap();
    });
}

/// The code, whether it comes again until somebody does something, and the number of requests.
async fn outcome(person: &Person) -> (&'static str, bool, usize) {
    let before = person.http.sent.borrow().len();
    let error = person.session.email_status().await.unwrap_err();
    let sent = person.http.sent.borrow().len() - before;
    (error.code(), error.lasts(), sent)
}

#[test]
fn a_proxys_answers_are_told_apart() {
    let long: &'static str = Box::leak("x".repeat(3 << 20).into_boxed_str());
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        let page = "<html><head><title>nginx</title></head></html>";
        let others = r#"{"message":"Unauthorized"}"#;
        let unknown = r#"{"error":{"code":"blocked","message":"x"}}"#;
        for (statuses, bodies, expected) in [
            // Away for a moment.
            (
                &[
                    408, 425, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530,
                ][..],
                &[
                    (PAGE, page),
                    (PAGE, long),
                    ("", ""),
                    ("application/json", others),
                ][..],
                ("server_error", false, 5),
            ),
            (
                &[429],
                &[(PAGE, page), (PAGE, long), ("application/json", others)],
                ("rate_limited", false, 5),
            ),
            // Failed.
            (
                &[500, 501, 505],
                &[(PAGE, page)],
                ("server_error", false, 1),
            ),
            // A gate, another server, a redirect: they stay.
            (
                &[
                    0, 301, 302, 307, 308, 400, 401, 403, 404, 405, 407, 421, 451,
                ],
                &[
                    (PAGE, page),
                    (PAGE, long),
                    ("application/json", others),
                    ("application/json", unknown),
                ],
                ("server_error", true, 1),
            ),
            (
                &[413],
                &[(PAGE, page), ("", ""), ("application/json", others)],
                ("too_large", false, 1),
            ),
        ] {
            for status in statuses {
                for (content_type, body) in bodies {
                    answer_with(&alice.http, (*status, content_type, body));
                    let found = outcome(&alice).await;
                    assert_eq!(found, expected, "{status} {content_type} {}", body.len());
                }
            }
        }
        // The service's own words count in its own type alone.
        let known = r#"{"error":{"code":"not_found","message":"x"}}"#;
        answer_with(&alice.http, (404, PAGE, known));
        assert_eq!(outcome(&alice).await, ("server_error", true, 1));
        answer_with(&alice.http, (404, "Application/JSON;charset=utf-8", known));
        assert_eq!(outcome(&alice).await, ("not_found", false, 1));
    });
}

#[test]
fn a_page_is_no_stream_of_events() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        alice.http.tamper(|request, mut response| {
            if request.url.contains("/events") {
                response.content_type = PAGE.into();
            }
            response
        });
        let waits = alice.http.waits.clone();
        let listening = alice.session.on(EventKind::Share, |_| {}).unwrap();
        eventually(async || (waits.borrow().len() > 2).then_some(())).await;
        listening.cancel();
        assert!(
            waits.borrow()[2] >= 2_000,
            "it is asked for less and less often"
        );
    });
}

/// Clients of addresses that are wrong: the one to blame, the addresses, whether something answers there.
fn misled(world: &World) -> Vec<(&'static str, String, String)> {
    let root = world.vault.strip_suffix("/vault").unwrap();
    let (vault, keystore) = (world.vault.clone(), world.keystore.clone());
    vec![
        ("vault", root.into(), keystore.clone()),
        ("vault", format!("{vault}/v1"), keystore.clone()),
        ("keystore", vault.clone(), root.into()),
        ("keystore", vault.clone(), format!("{root}/dev")),
        ("keystore", keystore, vault),
    ]
}

fn client_of(http: &Http, vault: &str, keystore: &str) -> TestClient {
    let steps = vouchsafe::flows::Steps::default();
    TestClient::new(
        http.clone(),
        Counting::default(),
        vault,
        keystore,
        None,
        steps,
    )
    .unwrap()
}

/// Nobody gets an account with which nothing can be done.
#[test]
fn a_wrong_address_is_named_before_anything_is_made() {
    run(async {
        let world = World::start();
        let refused = async |http: &Http, blamed: (&str, &str), client: &TestClient| {
            let (option, address) = blamed;
            let mut errors = Vec::new();
            for sign_up in [false, true] {
                http.sent.borrow_mut().clear();
                let result = if sign_up {
                    client
                        .sign_up("new@example.org", PASSPHRASE)
                        .await
                        .map(drop)
                } else {
                    client.check().await
                };
                let error = result.unwrap_err();
                let named = format!("`{option}` of open() ({address}): ");
                assert!(error.to_string().starts_with(&named), "{error}");
                let sent = http.sent.borrow();
                assert!(sent.iter().all(|request| request.body.is_none()));
                errors.push(error);
            }
            errors.remove(1)
        };
        for (option, vault, keystore) in misled(&world) {
            let http = Http::default();
            let client = client_of(&http, &vault, &keystore);
            let address = if option == "vault" { &vault } else { &keystore };
            let error = refused(&http, (option, address), &client).await;
            assert_eq!((error.code(), error.lasts()), ("server_error", true));
            assert!(error.to_string().contains("no such service"), "{error}");
            assert_eq!(cause(&error), "status 404, type application/json");
        }

        let (vault, keystore) = (&world.vault, &world.keystore);
        for (option, address) in [("vault", vault), ("keystore", keystore)] {
            let http = Http::default();
            let client = client_of(&http, vault, keystore);
            let to_it = format!("{address}/");
            http.break_with(move |request, _| {
                request
                    .url
                    .starts_with(&to_it)
                    .then_some(Fault::BeforeSending)
            });
            let error = refused(&http, (option, address), &client).await;
            assert_eq!((error.code(), error.lasts()), ("offline", false));
            // A browser tells no more than that; but what answers, and is kept from the page, is not offline.
            http.hides.set(true);
            let error = refused(&http, (option, address), &client).await;
            assert_eq!((error.code(), error.lasts()), ("server_error", true));
            assert!(error.to_string().contains("CORS"), "{error}");

            http.mend();
            let gate = format!("{address}/");
            http.tamper(move |request, mut response| {
                if request.url.starts_with(&gate) {
                    (response.status, response.content_type) = (403, PAGE.into());
                }
                response
            });
            let error = refused(&http, (option, address), &client).await;
            assert_eq!(cause(&error), format!("status 403, type {PAGE}"));
        }

        let (http, steps) = (Http::default(), vouchsafe::flows::Steps::default());
        let twice = TestClient::new(http, Counting::default(), vault, vault, None, steps);
        assert_eq!(twice.unwrap_err().code(), "bad_input");
        let client = client_of(&Http::default(), vault, keystore);
        client.check().await.unwrap();
        client.sign_up("new@example.org", PASSPHRASE).await.unwrap();
    });
}

/// Whoever has an account is not told that a record is missing where the address is wrong.
#[test]
fn a_record_is_not_missing_where_the_address_is_wrong() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let root = world.vault.strip_suffix("/vault").unwrap();
        let http = Http::default();
        // The token stays good: the path is lost on the way.
        let client = client_of(&http, &world.vault, &world.keystore);
        let session = client.sign_in(&alice.email, PASSPHRASE).await.unwrap();
        session.card(card.id).await.unwrap();
        let stray = reqwest::get(format!("{root}/v1/cards/{}", card.id))
            .await
            .unwrap();
        let stray = (
            stray.status().as_u16(),
            stray.bytes().await.unwrap().to_vec(),
        );
        http.tamper(move |request, mut response| {
            if request.url.contains("/vault/") {
                (response.status, response.body) = stray.clone();
            }
            response
        });
        for error in [
            session.card(card.id).await.unwrap_err(),
            session.revoke_share(card.id).await.unwrap_err(),
            session.cards(&PageRequest::default()).await.unwrap_err(),
        ] {
            assert_eq!((error.code(), error.lasts()), ("server_error", true));
            assert!(error.to_string().contains("address"), "{error}");
        }
    });
}

/// A token is good for as long as it lasts since it came, whatever the clocks say.
#[test]
fn clocks_that_differ_cost_no_token() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let tokens = |person: &Person| {
            let sent = person.http.sent.borrow();
            sent.iter()
                .filter(|request| request.url.ends_with("/tokens"))
                .count()
        };
        let hour = 3_600_000;
        for offset in [-24 * hour, -hour, -300_000, 0, 300_000, hour, 24 * hour] {
            let other = world.other_device(&alice).await;
            other.http.clock_offset.store(offset, Relaxed);
            let read = async || other.session.card(card.id).await.unwrap();
            for _ in 0..5 {
                read().await;
            }
            assert_eq!(tokens(&other), 1, "a clock that is {offset} ms off");
            other.http.clock_offset.fetch_add(200_000, Relaxed);
            read().await;
            assert_eq!(tokens(&other), 1);
            // Before it ends, there is another; and so there is when the clock was set back.
            for (step, expected) in [(50_000, 2), (-hour, 3), (hour, 4)] {
                other.http.clock_offset.fetch_add(step, Relaxed);
                read().await;
                read().await;
                assert_eq!(tokens(&other), expected, "{offset} {step}");
            }
        }
        // The services' clock goes another way than this one.
        world.pass(-hour);
        let other = world.other_device(&alice).await;
        for _ in 0..5 {
            other.session.card(card.id).await.unwrap();
        }
        assert_eq!(tokens(&other), 1);
    });
}
