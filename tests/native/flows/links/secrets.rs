//! The secret of a link, and the text that carries it.

use std::cell::RefCell;
use std::rc::Rc;

use vouchsafe::crypto::card_link::CardLink;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::ids::Id;

use super::guarded;
use crate::support::{Counting, Http, World, run};

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
        good.replace("vouchsafe=", "vouchsafe%3D"),
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
        good.replace("vouchsafe=", "Vouchsafe="),
        good.replace("1.s.", "1%2Es."),
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
