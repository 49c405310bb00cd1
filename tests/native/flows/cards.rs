//! Cards of one's own.

use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::records::CardContent;
use vouchsafe::flows::CardUpdate;

use crate::support::{World, connect_by_link, passport, run, whole};

#[test]
fn create_list_read_update_delete() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let first = alice.card().await;
        let second = alice
            .session
            .create_card(CardContent::new("Library", &[]))
            .await
            .unwrap();
        let page = alice
            .session
            .cards(&PageRequest {
                cursor: None,
                limit: Some(1),
            })
            .await
            .unwrap();
        assert_eq!(
            page.items[0].result.as_ref().unwrap().id,
            second.id,
            "newest first"
        );
        let next = alice
            .session
            .cards(&PageRequest {
                cursor: page.next,
                limit: Some(1),
            })
            .await
            .unwrap();
        assert_eq!(next.items[0].result.as_ref().unwrap().content, passport());
        assert_eq!(next.next, None);

        let content = CardContent::new("Passport", &[("number", "Number", "Y456")]);
        let update = CardUpdate {
            id: first.id,
            version: first.version,
            content: content.clone(),
        };
        let updated = alice
            .session
            .update_card(update.clone())
            .await
            .unwrap()
            .card;
        assert_eq!((updated.version, updated.content), (2, content.clone()));
        assert_eq!(alice.session.card(first.id).await.unwrap().content, content);
        assert!(
            matches!(
                alice.session.update_card(update).await,
                Err(Error::Conflict(_))
            ),
            "written elsewhere meanwhile"
        );

        alice.session.delete_card(first.id, None).await.unwrap();
        assert_eq!(
            alice.session.card(first.id).await.unwrap_err(),
            Error::NotFound
        );
        let left = alice.session.cards(&PageRequest::default()).await.unwrap();
        assert_eq!(left.items.len(), 1);
    });
}

#[test]
fn the_vault_gets_ciphertext_only() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.card().await;
        let sent = alice.http.sent.borrow();
        let bodies: Vec<&String> = sent
            .iter()
            .filter_map(|request| request.body.as_ref())
            .collect();
        assert!(bodies.iter().any(|body| body.contains("\"card\"")));
        for secret in [
            "Passport",
            "Iceland",
            "X123",
            "UGFzc3Bvcn",
            crate::support::PASSPHRASE,
        ] {
            assert!(!bodies.iter().any(|body| body.contains(secret)), "{secret}");
        }
    });
}

#[test]
fn a_page_that_is_none_is_refused_and_says_by_which_choice() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await.id;
        let choice = |cursor: Option<&str>, limit| PageRequest {
            cursor: cursor.map(str::to_owned),
            limit,
        };
        for (page, argument) in [
            (choice(None, Some(0)), "limit"),
            (choice(None, Some(201)), "limit"),
            (choice(None, Some(u64::MAX)), "limit"),
            (choice(Some("?"), None), "cursor"),
            // Which ones there are the services know.
            (choice(Some("AAAA"), None), "cursor"),
        ] {
            let cards = alice.session.cards(&page).await.map(drop);
            let shares = alice.session.shares_of(card, &page).await.map(drop);
            let sent = alice.session.outgoing_shares(&page, Some(card)).await;
            for refused in [cards, shares, sent.map(drop)] {
                let error = refused.unwrap_err();
                let told = (error.code(), error.argument());
                assert_eq!(told, ("bad_input", Some(argument)), "{page:?}");
            }
        }
    });
}

#[test]
fn unusable_cards_are_refused_and_nothing_is_sent() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let before = alice.http.sent.borrow().len();
        for data in ["\"\\ud83d\"", "{\"\\ude00\":1}", "NaN", ""] {
            let mut card = CardContent::new("A", &[]);
            card.data = Some(data.into());
            let refused = alice.session.create_card(card).await.unwrap_err();
            assert_eq!(refused.argument(), Some("data"), "{data}");
        }
        let blank = alice.session.create_card(CardContent::new(" \u{a0}", &[]));
        let refused = blank.await.unwrap_err();
        assert_eq!(refused.argument(), Some("label"));
        assert!(refused.to_string().contains("not white space alone"));
        let cases = [
            (CardContent::new("", &[]), "bad_input"),
            (CardContent::new(&"x".repeat(1001), &[]), "bad_input"),
            (CardContent::new("A", &[("", "L", "V")]), "bad_input"),
            (CardContent::new("A\u{2028}B", &[]), "bad_input"),
            (
                CardContent::new("A", &[("n", "L\u{200b}", "V")]),
                "bad_input",
            ),
            (
                CardContent::new("A", &[("n", "L", "V"), ("n", "L", "V")]),
                "bad_input",
            ),
            (
                CardContent::new("A", &[("n", "L", &"x".repeat(1 << 20))]),
                "too_large",
            ),
        ];
        for (card, code) in cases {
            assert_eq!(
                alice.session.create_card(card).await.unwrap_err().code(),
                code
            );
        }
        assert_eq!(alice.http.sent.borrow().len(), before);
    });
}

/// The whole chain of limits, from the client's to the Vault's; see `src/crypto/padding.rs`.
#[test]
fn a_largest_card_passes_whole_and_one_byte_more_is_not_sent() {
    run(async {
        let world = World::start();
        let [alice, bob] = [world.person("alice").await, world.person("bob").await];
        let (connection, _) = connect_by_link(&alice, &bob).await;
        let content = |value: &str| CardContent::new("Large", &[("n", "L", value)]);
        let around = r#"{"card":{"label":"Large","kind":null,"data":null,"fields":[{"name":"n","label":"L","value":""}]},"version":1}"#;
        let largest = "x".repeat((1 << 20) - around.len());

        let card = alice.session.create_card(content(&largest)).await.unwrap();
        let read = alice.session.card(card.id).await.unwrap();
        assert_eq!(read.content.fields[0].value, largest);
        let share = alice
            .session
            .share(whole(card.id, connection.id))
            .await
            .unwrap();
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(read.card.fields[0].value, largest);

        let before = alice.http.sent.borrow().len();
        let more = alice.session.create_card(content(&format!("{largest}x")));
        assert_eq!(more.await.unwrap_err().code(), "too_large");
        assert_eq!(alice.http.sent.borrow().len(), before);
    });
}

#[test]
fn an_older_version_is_refused_by_who_saw_a_newer_one() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let card = alice.card().await;
        let path = format!("/cards/{}", card.id);
        let old = reqwest::Client::new()
            .get(format!("{}/v1{path}", world.vault))
            .bearer_auth(alice.http.bearer_to("/vault/v1/cards"))
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .to_vec();
        let content = CardContent::new("Passport", &[("number", "Number", "new")]);
        alice
            .session
            .update_card(CardUpdate {
                id: card.id,
                version: 1,
                content,
            })
            .await
            .unwrap();
        alice.http.tamper(move |request, mut response| {
            if request.url.ends_with(&path) {
                response.body.clone_from(&old);
            }
            response
        });
        assert_eq!(
            alice.session.card(card.id).await.unwrap_err(),
            Error::RecordRejected
        );
    });
}
