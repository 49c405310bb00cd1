//! Answers that are too large, or end early.

use vouchsafe::api::{Method, PageRequest};
use vouchsafe::{Error, Quota};

use crate::support::{World, connect_by_link, passport, run, whole};

/// An answer that is good but for its length.
#[test]
fn an_answer_is_not_read_beyond_the_bound_of_its_route() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        // As much white space as fits, and a byte more.
        for (more, is_good) in [(1 << 20, true), (2 << 20, false)] {
            alice.http.tamper(move |request, mut response| {
                if request.url.contains("/cards/") {
                    response.body.resize(response.body.len() + more, b' ');
                }
                response
            });
            let read = alice.session.card(card.id).await;
            assert_eq!(read.is_ok(), is_good, "{more} bytes more");
            if let Err(error) = read {
                assert_eq!(error.code(), "server_error");
            }
        }
        // A list without ciphertexts is smaller.
        alice.http.tamper(|request, mut response| {
            if request.url.contains("/shares/incoming") {
                response.body.resize(300 << 10, b' ');
            }
            response
        });
        let listed = alice.session.incoming_shares(&PageRequest::default()).await;
        assert_eq!(listed.unwrap_err().code(), "server_error");
    });
}

#[test]
fn what_an_answer_leaves_out_is_asked_for() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            let card = alice.card().await;
            ids.push(
                alice
                    .session
                    .share(whole(card.id, hers.id))
                    .await
                    .unwrap()
                    .id,
            );
        }
        bob.http.tamper_json("/shares/query", |answer| {
            answer["results"].as_array_mut().unwrap().truncate(1);
        });
        let before = bob.http.sent.borrow().len();
        // One is asked for twice, and read twice.
        ids.push(ids[0]);
        let opened = bob.session.read_shares(&ids).await.unwrap();
        let found: Vec<_> = opened.iter().map(|share| share.id).collect();
        assert_eq!(found, ids);
        assert!(
            opened.iter().all(|share| share.result.is_ok()),
            "{opened:?}"
        );
        let queries = bob.http.sent.borrow()[before..]
            .iter()
            .filter(|request| request.method == Method::Post)
            .filter(|request| request.url.ends_with("/shares/query"))
            .count();
        assert_eq!(queries, 3);

        // A Vault that answers nothing is not asked for ever.
        bob.http.tamper_json("/shares/query", |answer| {
            answer["results"].as_array_mut().unwrap().clear();
        });
        for opened in bob.session.read_shares(&ids).await.unwrap() {
            assert_eq!(opened.result.unwrap_err().code(), "not_found");
        }
    });
}

#[test]
fn a_quota_has_its_name() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        for (quota, expected) in [
            (r#","quota":"cards""#, Some(Quota::Cards)),
            (r#","quota":"made up""#, None),
            ("", None),
        ] {
            let body = format!(
                r#"{{"error":{{"code":"quota_exceeded","message":"Delete a card first."{quota}}},"requestId":"1"}}"#
            );
            alice.http.tamper(move |request, mut response| {
                if request.method == Method::Put {
                    response.status = 403;
                    response.body = body.clone().into_bytes();
                }
                response
            });
            let error = alice.session.create_card(passport()).await.unwrap_err();
            match expected {
                Some(quota) => {
                    let text = "Delete a card first.".into();
                    assert_eq!(error, Error::QuotaExceeded(quota, text));
                    assert_eq!(error.quota().map(Quota::name), Some("cards"));
                }
                None => assert_eq!(error.code(), "server_error"),
            }
        }
    });
}
