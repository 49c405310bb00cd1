//! Records of an older form are read, brought to the newest, and written again; those of a later form are left alone.

use serde_json::{Value, json};
use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::records::Role;
use vouchsafe::flows::Trust;

use crate::support::secrets::{Mallory, Secrets, bodies, claims, text};
use crate::support::{Http, Person, World, connect_by_link, eventually, jose, run, whole};

/// The note of a connection as somebody's client sent it last.
fn sent_note(person: &Person, path: &str) -> String {
    text(&bodies(person, path).pop().unwrap()["note"]).to_owned()
}

/// The same note as the first form had it: without `createdAt`.
fn in_first_form(secrets: &Secrets, note: &str) -> String {
    let json = String::from_utf8(jose::open(secrets.vault.as_bytes(), note).unwrap()).unwrap();
    let (first, _) = json.split_once(r#","createdAt":"#).unwrap();
    let header = jose::header_of(note).replace("vs-note.2", "vs-note");
    let plaintext = jose::pad_to_class(format!("{first}}}").as_bytes());
    jose::seal(secrets.vault.as_bytes(), &header, b"", &plaintext)
}

/// Every entry that the Keystore answers with has this note.
fn serve_note(http: &Http, note: String) {
    http.tamper_json("/keystore/v1/connections", move |answer| {
        if let Some(items) = answer["items"].as_array_mut() {
            items.iter_mut().for_each(|item| item["note"] = json!(note));
        } else if answer.get("note").is_some() {
            answer["note"] = json!(note);
        }
    });
}

#[test]
fn a_note_of_the_first_form_is_read_upgraded_and_rewritten() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (invitation, ticket) = alice.invite_by_link("Bob").await;
        let path = format!("/connections/{}", invitation.id);
        let secrets = Secrets::of(&alice);
        let made = sent_note(&alice, &path);
        assert_eq!(jose::header_value(&made)["typ"], "vs-note.2");

        // A device of hers, after an update of the app: what is stored has the first form.
        let device = world.other_device(&alice).await;
        serve_note(&device.http, in_first_form(&secrets, &made));
        let listed = device.session.invitations(&PageRequest::default()).await;
        let listed = listed.unwrap().items.remove(0).result.unwrap();
        assert_eq!(
            (listed.name, listed.link),
            (invitation.name, invitation.link)
        );
        bob.session.accept(&ticket, "Alice").await.unwrap();
        let connection = device.session.connection(invitation.id).await.unwrap();
        assert_eq!(connection.trust, Trust::Verified);
        device.http.honest();

        let rewritten = sent_note(&device, &format!("{path}/note"));
        assert_eq!(jose::header_value(&rewritten)["typ"], "vs-note.2");
        let json = jose::open(secrets.vault.as_bytes(), &rewritten).unwrap();
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["version"], 2, "another form is another version");
        assert_eq!(
            (&json["name"], &json["createdAt"]),
            (&json!("Bob"), &Value::Null)
        );
        assert_eq!(json["pin"]["account"], json!(bob.session.account()));

        let device = world.other_device(&alice).await;
        let seen = device.session.connection(invitation.id).await.unwrap();
        assert_eq!((seen.trust, seen.name), (Trust::Verified, "Bob".to_owned()));
    });
}

#[test]
fn a_note_of_a_later_form_is_left_alone() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (connection, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let note = sent_note(&alice, &format!("/connections/{}/note", connection.id));
        let header = jose::header_of(&note).replace("vs-note.2", "vs-note.3");
        let later = jose::seal(Secrets::of(&alice).vault.as_bytes(), &header, b"", b"{}");
        let device = world.other_device(&alice).await;
        serve_note(&device.http, later);
        let before = device.http.sent.borrow().len();
        let session = &device.session;
        let number = connection.safety_number.unwrap();
        let errors = [
            session.connection(connection.id).await.err(),
            session.mark_verified(connection.id, &number).await.err(),
            session.disconnect(connection.id).await.err(),
            session.share(whole(card.id, connection.id)).await.err(),
            session.cancel_invitation(connection.id).await.err(),
        ];
        for error in errors {
            assert_eq!(error, Some(Error::UpdateNeeded));
        }
        let page = session.connections(&PageRequest::default()).await.unwrap();
        let listed = page.items[0].result.as_ref();
        assert_eq!(listed.unwrap_err(), &Error::UpdateNeeded);
        for request in &device.http.sent.borrow()[before..] {
            let writes = request.method.as_str() == "PUT" || request.method.as_str() == "DELETE";
            let made = request.url.ends_with("/spaces") || request.url.ends_with("/shares");
            assert!(
                !writes && !made,
                "{} {}",
                request.method.as_str(),
                request.url
            );
        }
        device.http.honest();
        session.connection(connection.id).await.unwrap();
    });
}

#[test]
fn keys_of_a_later_form_are_not_pinned() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let mallory = Mallory::new().await;
        let (invitation, ticket) = alice.invite_by_link("Bob").await;
        let later = |account, role| {
            let mut publication = mallory.publication(account, invitation.id, role);
            let statement = text(&publication["statement"]).to_owned();
            let header = jose::header_of(&statement).replace("vs-keys", "vs-keys.2");
            let jwk = mallory.signing.to_jwk().unwrap();
            let signed = jose::sign(&jwk, &header, &jose::payload_of(&statement));
            publication["statement"] = json!(signed);
            publication
        };
        let hers = later(alice.session.account(), Role::Inviter);
        bob.http
            .tamper_json("/open", move |answer| answer["publication"] = hers.clone());
        let accepted = bob.session.accept(&ticket, "Alice").await;
        assert_eq!(accepted.unwrap_err(), Error::UpdateNeeded);
        let stored = format!("/connections/{}", invitation.id);
        assert!(bodies(&bob, &stored).is_empty(), "nothing was pinned");

        bob.http.honest();
        bob.session.accept(&ticket, "Alice").await.unwrap();
        let his = later(bob.session.account(), Role::Invitee);
        alice
            .http
            .tamper_json("/vault/v1/connections", move |answer| {
                answer["invitee"]["publication"] = his.clone();
            });
        let seen = alice.session.connection(invitation.id).await;
        assert_eq!(seen.unwrap_err(), Error::UpdateNeeded);
        let noted = format!("/connections/{}/note", invitation.id);
        assert!(bodies(&alice, &noted).is_empty(), "nothing was pinned");
        alice.http.honest();
        let seen = alice.session.connection(invitation.id).await.unwrap();
        assert_eq!(seen.trust, Trust::Verified);
    });
}

/// A share whose peer's copy, or content, has a later form is asked for again as often as somebody likes.
#[test]
fn a_share_of_a_later_form_is_not_taken_for_a_forged_one() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (connection, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        let share = alice.session.share(whole(card.id, connection.id)).await;
        let share = share.unwrap();
        let later = |jwe: &Value| {
            let typ = text(&jose::header_value(text(jwe))["typ"]).to_owned();
            let kind = typ.split('.').next().unwrap();
            let header = jose::header_of(text(jwe)).replace(&typ, &format!("{kind}.4"));
            let (_, rest) = text(jwe).split_once('.').unwrap();
            json!(format!("{}.{rest}", jose::to_base64url(header.as_bytes())))
        };
        for (path, list, member) in [
            ("/keystore/v1/spaces/query", "items", "peer"),
            ("/vault/v1/shares/query", "results", "share"),
        ] {
            bob.http.tamper_json(path, move |answer| {
                let item = &mut answer[list][0];
                let item = if list == "items" {
                    item
                } else {
                    &mut item["item"]
                };
                item[member] = later(&item[member]);
            });
            for _ in 0..2 {
                let read = bob.session.read_share(share.id).await;
                assert_eq!(read.unwrap_err(), Error::UpdateNeeded, "{member}");
            }
            bob.http.honest();
        }
        let read = bob.session.read_share(share.id).await.unwrap();
        assert_eq!(read.share.id, share.id);

        // A claim is neither passed over for the peer's copy, nor replaced.
        eventually(async || claims(&bob).pop()).await;
        let device = world.other_device(&bob).await;
        device
            .http
            .tamper_json("/keystore/v1/spaces/query", move |answer| {
                let item = &mut answer["items"][0];
                item["claim"] = later(&item["claim"]);
            });
        let read = device.session.read_share(share.id).await;
        assert_eq!(read.unwrap_err(), Error::UpdateNeeded, "claim");
        assert!(claims(&device).is_empty());
    });
}
