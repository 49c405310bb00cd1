//! Confirming one's address, so that mails name one by it.

use vouchsafe::Error;
use vouchsafe::api::vault::email::EmailStatus;

use crate::support::{World, by_mail, run};

#[test]
fn a_mailed_code_confirms_the_address_for_every_device() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        let status = |confirmed| EmailStatus {
            email: Some("alice@example.org".into()),
            confirmed,
        };
        assert_eq!(alice.session.email_status().await, Ok(status(false)));
        alice.session.send_email_code(None).await.unwrap();
        let mail = world.mail_to(&alice.email).await;
        let code = mail["code"].as_str().unwrap();
        let (first, second) = code.split_at(4);

        let wrong = format!("{second}{first}");
        if wrong != code {
            let refused = alice.session.confirm_email(&wrong).await;
            assert_eq!(refused, Err(Error::WrongCode));
        }
        let typed = format!(" {first}-{second}\n");
        assert_eq!(alice.session.confirm_email(&typed).await, Ok(()));
        assert_eq!(alice.session.email_status().await, Ok(status(true)));
        let elsewhere = world.other_device(&alice).await;
        assert_eq!(elsewhere.session.email_status().await, Ok(status(true)));

        alice
            .session
            .invite(by_mail("bob@example.org"))
            .await
            .unwrap();
        let mail = world.mail_to("bob@example.org").await;
        let text = mail["text"].as_str().unwrap();
        assert!(text.contains("alice@example.org invites you"), "{text}");
    });
}

#[test]
fn what_is_no_code_is_not_sent() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        alice.session.email_status().await.unwrap();
        let before = alice.http.sent.borrow().len();
        for typed in ["", "1234567", "123456789", "1234567x", "\u{661}2345678"] {
            let refused = alice.session.confirm_email(typed).await.unwrap_err();
            assert_eq!(refused.code(), "bad_input", "{typed:?}");
        }
        alice.session.lock();
        let locked = alice.session.confirm_email("12345678").await;
        assert_eq!(locked, Err(Error::Locked));
        assert_eq!(alice.http.sent.borrow().len(), before);
    });
}
