//! Confirming an address by a mailed code.

use crate::common::*;
use crate::mails::{all_are_sent, captured, mail_to};
use futures_util::future::join_all;
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;

async fn ask(lab: &Lab, token: &str) -> Answer {
    lab.vault(
        token,
        "POST",
        "/email/code",
        Some(json!({ "language": null })),
    )
    .await
}

async fn type_in(lab: &Lab, token: &str, code: &str) -> Answer {
    let body = json!({ "code": code });
    lab.vault(token, "POST", "/email/confirm", Some(body)).await
}

async fn status(lab: &Lab, token: &str) -> Value {
    let (status, body) = lab.vault(token, "GET", "/email", None).await;
    assert_eq!(status, 200);
    body
}

/// The newest code to an address.
async fn mailed_code(lab: &Lab, address: &str) -> String {
    mail_to(lab, address).await["code"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A code that is not this one.
fn other(code: &str, by: u32) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:08}", (number + by) % 100_000_000)
}

/// Confirms somebody's address.
pub(crate) async fn confirm(lab: &Lab, person: &Person) {
    assert_eq!(ask(lab, &person.token).await.0, 200);
    let code = mailed_code(lab, &person.email).await;
    assert_eq!(type_in(lab, &person.token, &code).await, (204, Value::Null));
    all_are_sent(lab).await;
}

#[tokio::test]
async fn a_mailed_code_confirms_an_address() {
    let lab =
        Lab::with(|config| config.mail_from = Some("Cards <mail@vault.example>".into())).await;
    let ada = lab.sign_up("ada").await;
    let unconfirmed = json!({ "email": ada.email, "confirmed": false });
    assert_eq!(status(&lab, &ada.token).await, unconfirmed);
    let sent = json!({ "expiresAt": lab.now() + 60 * MINUTE });
    assert_eq!(ask(&lab, &ada.token).await, (200, sent.clone()));
    let mail = mail_to(&lab, &ada.email).await;
    let code = mail["code"].as_str().unwrap();
    assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(mail["subject"], "Your confirmation code");
    assert_eq!(mail["link"], Value::Null);
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains(code) && text.contains("Cards"), "{text}");
    assert!(
        text.contains(mail["refusalLink"].as_str().unwrap()),
        "{text}"
    );

    assert_eq!(type_in(&lab, &ada.token, code).await.0, 204);
    let confirmed = json!({ "email": ada.email, "confirmed": true });
    assert_eq!(status(&lab, &ada.token).await, confirmed);
    let elsewhere = lab.token(&ada).await;
    assert_eq!(status(&lab, &elsewhere).await, confirmed);
}

#[tokio::test]
async fn a_code_is_for_one_account_and_one_hour() {
    let lab = Lab::new().await;
    let (ada, eve) = (lab.sign_up("ada").await, lab.sign_up("eve").await);
    assert_eq!(ask(&lab, &ada.token).await.0, 200);
    let code_of_ada = mailed_code(&lab, &ada.email).await;
    // Eve has no code at first, then one of her own.
    let answer = type_in(&lab, &eve.token, &code_of_ada).await;
    assert_eq!(code(&answer), (403, "wrong_code"));
    assert_eq!(ask(&lab, &eve.token).await.0, 200);
    mailed_code(&lab, &eve.email).await;
    let answer = type_in(&lab, &eve.token, &code_of_ada).await;
    assert_eq!(code(&answer), (403, "wrong_code"));

    lab.pass(60 * MINUTE);
    let token = lab.token(&ada).await;
    let answer = type_in(&lab, &token, &code_of_ada).await;
    assert_eq!(code(&answer), (403, "wrong_code"), "an hour later");
    for wrong in ["", "1234567", "123456789", "1234567x", "\u{661}2345678"] {
        let answer = type_in(&lab, &token, wrong).await;
        assert_eq!(code(&answer), (400, "bad_input"), "{wrong}");
    }
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_old_one() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let first = ask(&lab, &ada.token).await;
    let old = mailed_code(&lab, &ada.email).await;
    // Who asks again at once gets the same one.
    lab.pass(MINUTE - 1);
    assert_eq!(ask(&lab, &ada.token).await, first);
    lab.pass(1);
    assert_ne!(ask(&lab, &ada.token).await, first);
    until(async || (captured(&lab).await.len() == 2).then_some(())).await;
    let new = mailed_code(&lab, &ada.email).await;
    assert_ne!(old, new);
    let answer = type_in(&lab, &ada.token, &old).await;
    assert_eq!(code(&answer), (403, "wrong_code"));
    assert_eq!(type_in(&lab, &ada.token, &new).await.0, 204);
}

#[tokio::test]
async fn a_code_is_tried_five_times() {
    let lab = Lab::new().await;
    for at_once in [false, true] {
        let ada = lab.sign_up(&format!("ada-{at_once}")).await;
        assert_eq!(ask(&lab, &ada.token).await.0, 200);
        let right = mailed_code(&lab, &ada.email).await;
        let wrong: Vec<String> = (1..=20).map(|by| other(&right, by)).collect();
        if at_once {
            let tries = wrong.iter().map(|wrong| type_in(&lab, &ada.token, wrong));
            for answer in join_all(tries).await {
                assert_eq!(code(&answer), (403, "wrong_code"));
            }
        } else {
            for wrong in &wrong[..5] {
                let answer = type_in(&lab, &ada.token, wrong).await;
                assert_eq!(code(&answer), (403, "wrong_code"));
            }
        }
        let answer = type_in(&lab, &ada.token, &right).await;
        assert_eq!(
            code(&answer),
            (403, "wrong_code"),
            "the right one, too late"
        );
    }
    // Four wrong ones leave the fifth.
    let bob = lab.sign_up("bob").await;
    assert_eq!(ask(&lab, &bob.token).await.0, 200);
    let right = mailed_code(&lab, &bob.email).await;
    for by in 1..5 {
        type_in(&lab, &bob.token, &other(&right, by)).await;
    }
    assert_eq!(type_in(&lab, &bob.token, &right).await.0, 204);
}

#[tokio::test]
async fn an_account_gets_five_codes_an_hour() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    for _ in 0..5 {
        assert_eq!(ask(&lab, &lab.token(&ada).await).await.0, 200);
        lab.pass(MINUTE);
    }
    let token = lab.token(&ada).await;
    assert_eq!(code(&ask(&lab, &token).await), (429, "rate_limited"));
    lab.pass(55 * MINUTE);
    assert_eq!(ask(&lab, &lab.token(&ada).await).await.0, 200);
}

#[tokio::test]
async fn an_account_that_is_deleted_confirms_nothing() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    confirm(&lab, &ada).await;
    let bob = lab.sign_up("bob").await;
    assert_eq!(ask(&lab, &bob.token).await.0, 200);
    for person in [&ada, &bob] {
        let proof = lab.proof(person).await;
        let gone = lab.vault(&proof, "DELETE", "/account", None).await;
        assert_eq!(gone.0, 204);
        let gone = lab
            .keystore(&person.session, "DELETE", "/account", None)
            .await;
        assert_eq!(gone.0, 204);
    }
    let pool = database(&lab.vault_db).await;
    let left = "SELECT (SELECT COUNT(*) FROM codes) + (SELECT COUNT(*) FROM outbox) \
                + (SELECT COUNT(*) FROM accounts WHERE confirmed IS NOT NULL)";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(left, 0);
    // Somebody else of the same address begins anew.
    let next = lab.sign_up("ada").await;
    assert_eq!(status(&lab, &next.token).await["confirmed"], false);
}

#[tokio::test]
async fn an_address_that_no_mail_can_go_to_gets_no_code() {
    let lab = Lab::new().await;
    for email in [
        "your-bank.example/login?a=@evil.example",
        "zo\u{eb}@example.org",
    ] {
        let person = sign_up_as(&lab, email).await;
        assert_eq!(code(&ask(&lab, &person.token).await), (400, "bad_input"));
    }
}

#[tokio::test]
async fn codes_and_their_rows_go_when_their_hour_is_over() {
    let lab = Lab::with(|config| config.sweep = std::time::Duration::from_millis(20)).await;
    let ada = lab.sign_up("ada").await;
    assert_eq!(ask(&lab, &ada.token).await.0, 200);
    lab.pass(60 * MINUTE);
    let pool = database(&lab.vault_db).await;
    until(async || {
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM codes")
            .fetch_one(&pool)
            .await
            .unwrap();
        (left == 0).then_some(())
    })
    .await;
    pool.close().await;
}
