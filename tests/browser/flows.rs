//! The seed's flow with real fetch against the real services.

use std::cell::RefCell;
use std::rc::Rc;

use vouchsafe::Error;
use vouchsafe::api::fetch::Fetch;
use vouchsafe::api::vault::events::{Event, EventKind};
use vouchsafe::api::{Method, PageRequest, Request, Transport};
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::crypto::records::{CardContent, Delivery, Part};
use vouchsafe::flows::{CardUpdate, Invite, ShareRequest, Trust};
use vouchsafe::ids::Id;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    PASSPHRASE, client, client_of, connect, count_calls, eventually, keystore, new_email, passport,
    person, vault,
};

fn whole(card: Id, connection: Id) -> ShareRequest {
    ShareRequest {
        card,
        connections: vec![connection],
        part: Part::default(),
        expires_at: None,
        accept_unverified: false,
        live: true,
    }
}

#[wasm_bindgen_test]
async fn accounts_and_cards() {
    let client = client();
    let email = new_email("alice");
    let alice = client.sign_up(&email, PASSPHRASE).await.unwrap();
    assert_eq!(alice.recovery_key.split('-').count(), 14);
    let card = alice.session.create_card(passport()).await.unwrap();
    let content = CardContent::new("Passport", &[("number", "Number", "Y456")]);
    let update = CardUpdate {
        id: card.id,
        version: card.version,
        content: content.clone(),
    };
    alice.session.update_card(update).await.unwrap();

    let elsewhere = client.sign_in(&email, PASSPHRASE).await.unwrap();
    assert_eq!(elsewhere.card(card.id).await.unwrap().content, content);
    elsewhere.lock();
    assert_eq!(elsewhere.card(card.id).await.unwrap_err(), Error::Locked);
    elsewhere.unlock(PASSPHRASE).await.unwrap();
    elsewhere.delete_card(card.id, None).await.unwrap();
    assert_eq!(
        alice.session.card(card.id).await.unwrap_err(),
        Error::NotFound
    );
    elsewhere.sign_out().await.unwrap();
    assert_eq!(
        elsewhere.cards(&PageRequest::default()).await.unwrap_err(),
        Error::SessionExpired
    );

    for (email, passphrase) in [
        (email.as_str(), "wrong passphrase"),
        ("nobody@example.org", PASSPHRASE),
    ] {
        assert_eq!(
            client.sign_in(email, passphrase).await.unwrap_err(),
            Error::WrongCredentials
        );
    }
}

#[wasm_bindgen_test]
async fn passphrase_and_recovery_key_are_replaced() {
    const NEW: &str = "a new passphrase, well kept";
    let client = client();
    let email = new_email("alice");
    let alice = client.sign_up(&email, PASSPHRASE).await.unwrap();
    let card = alice.session.create_card(passport()).await.unwrap();
    let session = alice.session;
    session.change_passphrase(PASSPHRASE, NEW).await.unwrap();
    assert_eq!(
        session.card(card.id).await.unwrap().content,
        card.content,
        "this session goes on"
    );
    assert_eq!(
        client.sign_in(&email, PASSPHRASE).await.unwrap_err(),
        Error::WrongCredentials
    );
    let key = session.make_recovery_key(NEW).await.unwrap();
    let lost = client.recover(&email, &alice.recovery_key, "any passphrase");
    assert_eq!(lost.await.unwrap_err(), Error::WrongCredentials);

    let recovered = client.recover(&email, &key, PASSPHRASE).await.unwrap();
    assert_ne!(recovered.recovery_key, key);
    let elsewhere = recovered.session;
    assert_eq!(elsewhere.card(card.id).await.unwrap().content, card.content);
    assert_eq!(
        session.make_recovery_key(NEW).await.unwrap_err(),
        Error::WrongCredentials
    );
    elsewhere.delete_account(PASSPHRASE).await.unwrap();
    assert_eq!(
        client.sign_in(&email, PASSPHRASE).await.unwrap_err(),
        Error::WrongCredentials
    );
}

#[wasm_bindgen_test]
async fn a_card_goes_over_by_link() {
    let (alice, bob, carol) = (
        person("alice").await,
        person("bob").await,
        person("carol").await,
    );
    let connection = connect(&alice, &bob).await;
    assert_eq!(connection.trust, Trust::Verified);
    let his = bob.connection(connection.id).await.unwrap();
    assert_eq!(
        (his.trust, his.safety_number),
        (Trust::Verified, connection.safety_number)
    );

    let card = alice.create_card(passport()).await.unwrap();
    let share = alice
        .share(ShareRequest {
            part: Part::of_fields(&["country"]),
            ..whole(card.id, connection.id)
        })
        .await
        .unwrap();
    let listed = bob.incoming_shares(&PageRequest::default()).await.unwrap();
    assert_eq!(listed.items[0].id, share.id);
    let (received, calls) = count_calls(bob.read_share(share.id)).await;
    assert_eq!(
        received.unwrap().card,
        CardContent::new("Passport", &[("country", "Country", "Ísland")])
    );
    assert_eq!(
        calls
            .iter()
            .filter(|call| *call == "decrypt:RSA-OAEP")
            .count(),
        1
    );
    eventually(async || {
        let sent = alice
            .outgoing_shares(&PageRequest::default(), None)
            .await
            .unwrap();
        sent.items[0].claimed.then_some(())
    })
    .await;
    let (again, calls) = count_calls(bob.read_share(share.id)).await;
    again.unwrap();
    assert!(
        calls.is_empty(),
        "a second read needs no private key: {calls:?}"
    );

    assert_eq!(
        carol.read_share(share.id).await.unwrap_err(),
        Error::NotFound
    );
    alice.revoke_share(share.id).await.unwrap();
    assert_eq!(bob.read_share(share.id).await.unwrap_err(), Error::NotFound);
}

#[wasm_bindgen_test]
async fn a_mail_is_unverified_until_the_number_is_compared() {
    let (alice, bob) = (person("alice").await, person("bob").await);
    let email = bob.email().unwrap();
    let invite = Invite {
        delivery: Delivery::Email,
        email: Some(email.clone()),
        name: "Bob".into(),
        expires_at: None,
        page: None,
        language: None,
    };
    let invitation = alice.invite(invite).await.unwrap();
    let mails = vault().replace("/vault", "/dev/mails");
    let ticket = eventually(async || {
        let request = Request {
            method: Method::Get,
            url: mails.clone(),
            bearer: None,
            body: None,
            last_event_id: None,
            device: None,
            max_answer: 1 << 20,
        };
        let answer = Fetch::default().send(&request).await.unwrap();
        let list: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let mail = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|mail| mail["to"] == email.as_str())
            .cloned()?;
        Some(Ticket::from_link(mail["link"].as_str().unwrap()).unwrap())
    })
    .await;
    let his = bob.accept(&ticket, "Alice").await.unwrap();
    assert_eq!(his.trust, Trust::Unverified);
    let card = alice.create_card(passport()).await.unwrap();
    assert_eq!(
        alice
            .share(whole(card.id, invitation.id))
            .await
            .unwrap_err(),
        Error::ConnectionUnverified
    );
    alice
        .mark_verified(invitation.id, &his.safety_number.unwrap())
        .await
        .unwrap();
    let share = alice.share(whole(card.id, invitation.id)).await.unwrap();
    assert_eq!(bob.read_share(share.id).await.unwrap().card, passport());
}

#[wasm_bindgen_test]
async fn events_come_through_fetch() {
    let (alice, bob) = (person("alice").await, person("bob").await);
    let connection = connect(&alice, &bob).await;
    let card = alice.create_card(passport()).await.unwrap();
    let told: Rc<RefCell<Vec<Event>>> = Rc::default();
    let listen = |kind| {
        let told = Rc::clone(&told);
        bob.on(kind, move |event| told.borrow_mut().push(event))
            .unwrap()
    };
    let subscriptions = [listen(EventKind::Share), listen(EventKind::Revoked)];
    let share = eventually(async || {
        let request = ShareRequest {
            live: false,
            ..whole(card.id, connection.id)
        };
        let share = alice.share(request).await.unwrap();
        told.borrow()
            .iter()
            .any(|event| event.kind == EventKind::Share)
            .then_some(share)
    })
    .await;
    alice.revoke_share(share.id).await.unwrap();
    let revoked = Event {
        kind: EventKind::Revoked,
        id: share.id,
    };
    eventually(async || told.borrow().contains(&revoked).then_some(())).await;
    subscriptions
        .iter()
        .for_each(|subscription| subscription.cancel());
}

#[wasm_bindgen_test]
async fn a_service_that_is_away_is_offline() {
    let away = "http://127.0.0.1:9/vault";
    let nowhere = client_of(away, "http://127.0.0.1:9/keystore");
    let error = nowhere
        .sign_in("a@example.org", PASSPHRASE)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "offline");
    let cause = error.cause().unwrap().downcast_ref::<JsValue>().unwrap();
    assert!(cause.has_type::<js_sys::TypeError>(), "{cause:?}");

    // The Vault alone is away: nothing is made.
    let half = client_of(away, keystore());
    let email = new_email("alice");
    let error = half.sign_up(&email, PASSPHRASE).await.map(drop);
    assert_eq!(error.unwrap_err().code(), "offline");
    client().sign_up(&email, PASSPHRASE).await.unwrap();
}
