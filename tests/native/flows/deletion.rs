//! Deleting an account.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::Value;
use vouchsafe::api::PageRequest;
use vouchsafe::api::vault::events::{Event, EventKind};
use vouchsafe::flows::ConnectionState;

use crate::flows::recovery::{recover_code, sign_in_code};
use crate::support::{
    Fault, PASSPHRASE, Person, World, by_mail, connect_by_link, eventually, run, whole,
};

/// Every envelope that a person's client has sent.
fn envelopes(person: &Person) -> Vec<String> {
    fn find(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) if text.split('.').count() == 5 => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| find(item, found)),
            Value::Object(members) => members.values().for_each(|item| find(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for request in person.http.sent.borrow().iter() {
        if let Some(body) = &request.body {
            find(&serde_json::from_str(body).unwrap(), &mut found);
        }
    }
    found
}

/// The tables whose rows hold a text, each once.
fn tables_with(rows: &[String], text: &str) -> Vec<String> {
    let mut tables: Vec<String> = rows
        .iter()
        .filter(|row| row.contains(text))
        .map(|row| row.split(':').next().unwrap().to_owned())
        .collect();
    tables.dedup();
    tables.sort_unstable();
    tables.dedup();
    tables
}

#[test]
fn nothing_that_says_anything_stays() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, his) = connect_by_link(&alice, &bob).await;
        let (card, his_card) = (alice.card().await, bob.card().await);
        let sent = alice.session.share(whole(card.id, hers.id)).await.unwrap();
        let got = bob.session.share(whole(his_card.id, his.id)).await.unwrap();
        bob.session.read_share(sent.id).await.unwrap();
        alice.session.read_share(got.id).await.unwrap();
        let pending = alice.session.invite(by_mail("carol@example.org")).await;
        pending.unwrap();
        let other = world.other_device(&alice).await;
        let told: Rc<RefCell<Vec<Event>>> = Rc::default();
        let listener = {
            let told = told.clone();
            move |event| told.borrow_mut().push(event)
        };
        bob.session.on(EventKind::Connection, listener).unwrap();

        let account = alice.session.account().to_string();
        let keystore = world.rows("keystore").await;
        assert_eq!(tables_with(&keystore, &alice.email), ["accounts"]);
        alice.session.delete_account(PASSPHRASE).await.unwrap();

        for service in ["keystore", "vault"] {
            let rows = world.rows(service).await;
            assert_eq!(tables_with(&rows, &alice.email), [""; 0], "{service}");
            assert_eq!(
                tables_with(&rows, "carol@example.org"),
                [""; 0],
                "{service}"
            );
            for envelope in envelopes(&alice) {
                assert_eq!(tables_with(&rows, &envelope), [""; 0], "{service}");
            }
            // Ids stay taken, so that nobody comes to stand in somebody's place.
            let expected: &[&str] = match service {
                "keystore" => &["accounts", "sessions", "spaces"],
                _ => &[
                    "accounts",
                    "connections",
                    "invitations",
                    "public_keys",
                    "shares",
                    "spaces",
                ],
            };
            for table in tables_with(&rows, &account) {
                assert!(expected.contains(&table.as_str()), "{service}: {table}");
            }
        }

        // Bob learns of it, and keeps what is his.
        let page = PageRequest::default();
        let ended = bob.session.connection(his.id).await.unwrap();
        assert_eq!(ended.state, ConnectionState::Ended);
        assert_eq!(
            bob.session.read_share(sent.id).await.unwrap_err().code(),
            "not_found"
        );
        assert!(
            bob.session
                .incoming_shares(&page)
                .await
                .unwrap()
                .items
                .is_empty()
        );
        let outgoing = bob.session.outgoing_shares(&page, None).await.unwrap();
        assert!(outgoing.items.is_empty());
        assert_eq!(
            bob.session.card(his_card.id).await.unwrap().content,
            his_card.content
        );
        // One event tells of the connection and of all that went with it.
        let event = Event {
            kind: EventKind::Connection,
            id: his.id,
        };
        eventually(async || told.borrow().contains(&event).then_some(())).await;

        // Nobody gets in any more, on any device.
        assert!(alice.session.is_locked());
        for session in [&alice.session, &other.session] {
            let code = session.cards(&page).await.unwrap_err().code();
            assert_eq!(code, "session_expired");
        }
        assert_eq!(
            sign_in_code(&world, &alice, PASSPHRASE).await,
            "wrong_credentials"
        );
        assert_eq!(
            recover_code(&world, &alice, &alice.recovery_key).await,
            "wrong_credentials"
        );
        assert_eq!(
            alice
                .session
                .delete_account(PASSPHRASE)
                .await
                .unwrap_err()
                .code(),
            "session_expired"
        );
        // The address is free, for somebody else.
        let anew = world.person("alice").await;
        assert_ne!(anew.session.account(), alice.session.account());
        assert!(anew.session.cards(&page).await.unwrap().items.is_empty());
        assert!(
            anew.session
                .connections(&page)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    });
}

#[test]
fn a_cut_deletion_is_repeated() {
    run(async {
        let world = World::start();
        for nth in 0.. {
            let alice = world.person(&format!("alice-{nth}")).await;
            alice.card().await;
            alice.http.cut_from(nth, Fault::AnswerLost);
            let first = alice.session.delete_account(PASSPHRASE).await;
            alice.http.mend();
            if first.is_ok() {
                assert_eq!(nth, 6, "its requests");
                break;
            }
            assert_eq!(first.unwrap_err().code(), "offline");
            alice.session.delete_account(PASSPHRASE).await.unwrap();
            let account = alice.session.account().to_string();
            let vault = world.rows("vault").await;
            assert_eq!(tables_with(&vault, &account), ["accounts"], "{nth}");
            let keystore = world.rows("keystore").await;
            assert_eq!(tables_with(&keystore, &alice.email), [""; 0], "{nth}");
            assert_eq!(
                sign_in_code(&world, &alice, PASSPHRASE).await,
                "wrong_credentials"
            );
        }
    });
}

/// Cut between the services, then the page is loaded anew.
#[test]
fn a_cut_deletion_is_finished_from_anywhere() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let (hers, bob) = (alice.card().await, world.person("bob").await);
        let (connection, _) = connect_by_link(&alice, &bob).await;
        alice.http.break_with(|request, _| {
            let last = request.url.ends_with("/keystore/v1/account");
            last.then_some(Fault::BeforeSending)
        });
        let cut = alice.session.delete_account(PASSPHRASE).await;
        assert_eq!(cut.unwrap_err().code(), "offline");
        let elsewhere = world.other_device(&alice).await;
        let gone = elsewhere.session.card(hers.id).await.unwrap_err();
        assert_eq!(gone.code(), "session_expired", "by the Vault");
        let ended = bob.session.connection(connection.id).await.unwrap();
        assert_eq!(ended.state, ConnectionState::Ended);
        elsewhere.session.delete_account(PASSPHRASE).await.unwrap();
        assert_eq!(
            sign_in_code(&world, &alice, PASSPHRASE).await,
            "wrong_credentials"
        );
    });
}

/// A wrong passphrase deletes nothing, even after a call that was cut.
#[test]
fn a_wrong_passphrase_deletes_nothing() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        alice.http.break_with(|request, _| {
            let last = request.url.ends_with("/vault/v1/account");
            last.then_some(Fault::BeforeSending)
        });
        let cut = alice.session.delete_account(PASSPHRASE).await;
        assert_eq!(cut.unwrap_err().code(), "offline");
        alice.http.mend();
        let wrong = alice.session.delete_account("a wrong passphrase").await;
        assert_eq!(wrong.unwrap_err().code(), "wrong_credentials");
        let read = alice.session.card(card.id).await.unwrap();
        assert_eq!(read.content, card.content);
    });
}
