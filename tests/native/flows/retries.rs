//! Requests that are sent again, and when they are not.

use std::sync::atomic::Ordering::Relaxed;

use vouchsafe::Result;
use vouchsafe::api::vault::events::EventKind;
use vouchsafe::api::{Method, PageRequest, Request, Transport};
use vouchsafe::flows::{Client, Steps};

use crate::support::{Counting, Fault, Http, PASSPHRASE, Person, World, eventually, passport, run};

/// Answers to requests of this method get another status, as of a proxy.
fn answer_with(http: &Http, method: Method, status: u16, retry_after: Option<u32>) {
    http.tamper(move |request, mut response| {
        if request.method == method {
            response.status = status;
            response.retry_after = retry_after;
            response.body.clear();
        }
        response
    });
}

/// What was sent since then, with every byte that matters.
fn sent_since(person: &Person, before: usize) -> Vec<String> {
    let shown = |request: &Request| {
        let (method, url) = (request.method.as_str(), &request.url);
        format!("{method} {url} {:?} {:?}", request.bearer, request.body)
    };
    person.http.sent.borrow()[before..]
        .iter()
        .map(shown)
        .collect()
}

/// The code of a call, how often it was sent, and the waits between.
async fn outcome(
    person: &Person,
    call: impl Future<Output = Result<()>>,
) -> (&'static str, usize, Vec<u32>) {
    let before = person.http.sent.borrow().len();
    person.http.waits.borrow_mut().clear();
    let code = call.await.map_or_else(|error| error.code(), |()| "");
    let sent = sent_since(person, before);
    assert!(sent.windows(2).all(|pair| pair[0] == pair[1]), "{sent:#?}");
    (code, sent.len(), person.http.waits.take())
}

#[test]
fn a_write_is_sent_again_until_it_is_answered() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            alice
                .http
                .break_with(move |_, attempt| (attempt < 4).then_some(fault));
            let make = async { alice.session.create_card(passport()).await.map(|_| ()) };
            let (code, sent, waits) = outcome(&alice, make).await;
            assert_eq!((code, sent), ("", 5), "{fault:?}");
            for (wait, longest) in waits.iter().zip([200, 400, 800, 1600]) {
                assert!(*wait <= longest, "{waits:?}");
            }
            assert_eq!(waits.len(), 4);
            alice.http.mend();
            let cards = alice.session.cards(&PageRequest::default()).await.unwrap();
            assert_eq!(cards.items.len(), index + 2, "{fault:?}: one card each");
        }
    });
}

#[test]
fn after_five_attempts_the_call_fails() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        let call = || async { alice.session.email_status().await.map(|_| ()) };
        for fault in Fault::ALL {
            alice.http.cut_from(0, fault);
            let (code, sent, waits) = outcome(&alice, call()).await;
            assert_eq!((code, sent, waits.len()), ("offline", 5, 4), "{fault:?}");
        }
        alice.http.mend();
        for (status, expected) in [
            (429, "rate_limited"),
            (502, "server_error"),
            (503, "server_error"),
            (504, "server_error"),
        ] {
            answer_with(&alice.http, Method::Get, status, None);
            let (code, sent, _) = outcome(&alice, call()).await;
            assert_eq!((code, sent), (expected, 5), "{status}");
        }
    });
}

#[test]
fn a_service_that_says_when_it_is_back_is_waited_for_all_the_time() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        let call = || async { alice.session.email_status().await.map(|_| ()) };
        alice.http.let_waits_take_time();
        // Away for twelve seconds, as a database is that is started again.
        let mut away = 12;
        alice.http.tamper(move |_, mut response| {
            if away > 0 {
                away -= 1;
                (response.status, response.retry_after) = (503, Some(1));
                response.body.clear();
            }
            response
        });
        let (code, sent, waits) = outcome(&alice, call()).await;
        assert_eq!((code, sent, waits.len()), ("", 13, 12));
        answer_with(&alice.http, Method::Get, 503, Some(1));
        let (code, sent, waits) = outcome(&alice, call()).await;
        assert_eq!(code, "server_error");
        let waited: u32 = waits.iter().sum();
        assert!(
            (10..=20).contains(&sent) && waited <= 20_000,
            "{sent} {waited}"
        );
    });
}

#[test]
fn waits_grow_and_are_never_the_same() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        alice.http.cut_from(0, Fault::BeforeSending);
        let mut sums = [0; 4];
        let mut first = Vec::new();
        for _ in 0..200 {
            let call = async { alice.session.email_status().await.map(|_| ()) };
            let (.., waits) = outcome(&alice, call).await;
            for (sum, wait) in sums.iter_mut().zip(&waits) {
                *sum += wait;
            }
            first.push(waits[0]);
        }
        // 200 draws from 0 to n lie around n / 2; a tenth off is nine deviations.
        for (sum, longest) in sums.into_iter().zip([200, 400, 800, 1600]) {
            let mean = sum / 200;
            assert!(
                (longest * 3 / 10..=longest * 7 / 10).contains(&mean),
                "{mean} of {longest}"
            );
        }
        first.sort_unstable();
        first.dedup();
        assert!(first.len() > 50, "{first:?}");
    });
}

#[test]
fn a_service_says_when_to_come_back() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        let call = || async { alice.session.email_status().await.map(|_| ()) };
        answer_with(&alice.http, Method::Get, 429, Some(3));
        let (_, sent, waits) = outcome(&alice, call()).await;
        assert_eq!(sent, 5);
        for (wait, longest) in waits.iter().zip([200, 400, 800, 1600]) {
            assert!((3_000..=3_000 + longest).contains(wait), "{waits:?}");
        }
        for asked in [20, 21, 3600, u32::MAX] {
            answer_with(&alice.http, Method::Get, 429, Some(asked));
            let (code, sent, waits) = outcome(&alice, call()).await;
            assert_eq!((code, sent, waits.len()), ("rate_limited", 1, 0));
        }
    });
}

/// Attempts, waits and the token's fetch share the time of one call.
#[test]
fn a_service_that_hangs_costs_the_time_of_one_call() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        alice.http.let_waits_take_time();
        let call = || async { alice.session.email_status().await.map(|_| ()) };
        let timed = async || {
            let (began, before) = (alice.http.now(), alice.http.sent.borrow().len());
            let error = call().await.unwrap_err();
            let sent = alice.http.sent.borrow().len() - before;
            let passed = alice.http.now() - began;
            (error.code(), error.to_string(), sent, passed / 1000)
        };
        // It hangs from the first attempt on.
        alice.http.cut_from(0, Fault::Hangs);
        let (code, text, sent, seconds) = timed().await;
        assert_eq!((code, sent, seconds), ("offline", 1, 20));
        assert!(text.contains("20 seconds"), "{text}");

        // The token took most of the time: the Keystore was away for a while, and then the Vault hangs.
        alice.http.clock_offset.fetch_add(300_000, Relaxed);
        alice.http.break_with(|request, attempt| {
            let token = request.url.ends_with("/tokens");
            match (token, attempt) {
                (true, 0..4) => Some(Fault::BeforeSending),
                (true, _) => None,
                (false, _) => Some(Fault::Hangs),
            }
        });
        let (code, _, sent, seconds) = timed().await;
        assert_eq!((code, sent, seconds), ("offline", 6, 20));

        // The Keystore hangs already: the Vault is not asked.
        alice.http.clock_offset.fetch_add(300_000, Relaxed);
        alice.http.cut_from(0, Fault::Hangs);
        let (code, _, sent, seconds) = timed().await;
        assert_eq!((code, sent, seconds), ("offline", 1, 20));

        // A wait for which too little time is left is not begun.
        alice.http.mend();
        alice.http.clock_offset.store(0, Relaxed);
        call().await.unwrap();
        answer_with(&alice.http, Method::Get, 503, Some(8));
        let (code, _, sent, seconds) = timed().await;
        assert_eq!((code, sent), ("server_error", 3));
        assert!((16..20).contains(&seconds), "{seconds}");
        alice.http.honest();
        call().await.unwrap();
    });
}

#[test]
fn an_app_sets_the_time_of_a_call() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let client = |timeout_ms| {
            let client = Client::new(
                alice.http.clone(),
                Counting::default(),
                &world.vault,
                &world.keystore,
                None,
                Steps::default(),
            );
            client.unwrap().with_timeout(timeout_ms)
        };
        for timeout_ms in [0, 999, 600_001, u32::MAX] {
            assert_eq!(client(timeout_ms).unwrap_err().code(), "bad_input");
        }
        for timeout_ms in [1_000, 600_000] {
            let session = client(timeout_ms)
                .unwrap()
                .sign_in(&alice.email, PASSPHRASE)
                .await
                .unwrap();
            session.cards(&PageRequest::default()).await.unwrap();
            alice.http.let_waits_take_time();
            alice.http.cut_from(0, Fault::Hangs);
            let began = alice.http.now();
            let cards = session.cards(&PageRequest::default()).await;
            assert_eq!(cards.unwrap_err().code(), "offline");
            let passed = alice.http.now() - began;
            let seconds = i64::from(timeout_ms / 1000);
            assert_eq!(passed / 1000, seconds);
            alice.http.mend();
        }
    });
}

#[test]
fn other_answers_are_final() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        for status in [400, 404, 409, 410, 500, 501] {
            answer_with(&alice.http, Method::Get, status, Some(1));
            let call = async { alice.session.email_status().await.map(|_| ()) };
            let (code, sent, waits) = outcome(&alice, call).await;
            assert_eq!((code, sent, waits.len()), ("server_error", 1, 0));
        }
        alice.http.honest();
        let sign_in = async {
            let client = &alice.client;
            client.sign_in(&alice.email, PASSPHRASE).await.map(|_| ())
        };
        let before = alice.http.sent.borrow().len();
        sign_in.await.unwrap();
        assert_eq!(alice.http.sent.borrow().len() - before, 2);
    });
}

/// The server keeps its own limits, and says in its own words when to come back.
#[test]
fn the_servers_limit_is_believed() {
    run(async {
        let world = World::start_with(|config| config.rate_limits = true);
        let alice = world.person("alice").await;
        let sign_in = async || alice.client.sign_in(&alice.email, PASSPHRASE).await;
        sign_in().await.unwrap();
        let start = {
            let sent = alice.http.sent.borrow();
            sent[sent.len() - 2].clone()
        };
        while alice.http.send(&start).await.unwrap().status != 429 {
            assert!(alice.http.sent.borrow().len() < 200);
        }
        assert_eq!(sign_in().await.unwrap_err().code(), "rate_limited");
        assert!(alice.http.waits.borrow().is_empty(), "it asks for minutes");
    });
}

#[test]
fn the_token_for_the_vault_is_asked_for_again_too() {
    run(async {
        let world = World::start();
        for fault in Fault::ALL {
            let alice = world.person(&format!("alice-{fault:?}")).await;
            alice.http.break_with(move |request, attempt| {
                assert!(attempt > 2 || request.url.ends_with("/tokens"));
                (attempt < 2).then_some(fault)
            });
            alice.card().await;
            assert_eq!(alice.http.waits.borrow().len(), 2);
        }
    });
}

#[test]
fn what_is_cut_before_the_server_has_it_all_does_nothing() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        for fault in [Fault::BeforeSending, Fault::ServerNeverGetsAll] {
            alice.http.cut_from(0, fault);
            alice.session.create_card(passport()).await.unwrap_err();
            alice.http.mend();
            let cards = alice.session.cards(&PageRequest::default()).await.unwrap();
            assert_eq!(cards.items.len(), 1, "{fault:?}");
        }
        for (made, fault) in [Fault::AnswerLost, Fault::AnswerCut]
            .into_iter()
            .enumerate()
        {
            alice.http.cut_from(0, fault);
            alice.session.create_card(passport()).await.unwrap_err();
            alice.http.mend();
            let cards = alice.session.cards(&PageRequest::default()).await.unwrap();
            assert_eq!(cards.items.len(), made + 2, "{fault:?}");
        }
    });
}

/// The stream's own way back: growing waits with a random part, and a service's word about them.
#[test]
fn the_event_stream_comes_back_with_growing_waits() {
    run(async {
        let world = World::start();
        let waits_when = async |retry_after: Option<u32>, count: usize| {
            let person = world.person(&format!("person-{count}")).await;
            person.card().await;
            person.http.tamper(move |request, mut response| {
                if request.url.contains("/events") {
                    response.status = 429;
                    response.retry_after = retry_after;
                }
                response
            });
            let subscription = person.session.on(EventKind::Share, |_| {}).unwrap();
            let waits = person.http.waits.clone();
            eventually(async || (waits.borrow().len() >= count).then_some(())).await;
            subscription.cancel();
            waits.take()
        };
        let waits = waits_when(None, 8).await;
        let shortest = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
        for (wait, shortest) in waits.iter().zip(shortest) {
            assert!((shortest..=2 * shortest).contains(wait), "{waits:?}");
        }
        for (asked, waited) in [(40, 40_000), (u32::MAX, 600_000)] {
            let count = if asked == 40 { 2 } else { 3 };
            for wait in waits_when(Some(asked), count).await.iter().take(count) {
                assert!((waited..=2 * waited).contains(wait), "{asked}: {wait}");
            }
        }
    });
}
