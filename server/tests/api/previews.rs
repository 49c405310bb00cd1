//! Invitations before anybody has signed in, and the pages and languages of mails.

use crate::common::*;
use crate::mails::mail_of;
use serde_json::{Value, json};

/// Looks at an invitation without a session.
async fn preview(lab: &Lab, id: &str, token: &str) -> Answer {
    let url = format!("{}/v1/invitations/{id}/preview", lab.server.vault_url());
    lab.call("POST", &url, None, Some(json!({ "token": token })))
        .await
}

#[tokio::test]
async fn whoever_holds_an_invitation_sees_where_it_stands() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (id, token) = lab.invite(&ada).await;
    let (status, seen) = preview(&lab, &id, &token).await;
    assert_eq!(status, 200, "{seen}");
    let shape = json!({
        "id": id, "inviter": ada.account, "publication": seen["publication"], "delivery": "link", "state": "pending",
        "email": null, "expiresAt": lab.now() + 14 * DAY,
    });
    assert_eq!(seen, shape);
    let open = format!("/invitations/{id}/open");
    let body = Some(json!({ "token": token }));
    let opened = lab.vault(&bob.token, "POST", &open, body).await.1;
    assert_eq!(opened["publication"], seen["publication"]);

    let nothing = preview(&lab, &v7(), &token).await;
    assert_eq!(code(&nothing), (404, "not_found"));
    assert_eq!(preview(&lab, &id, &random(16)).await, nothing);
    for wrong in ["", "x", &random(15)] {
        assert_eq!(preview(&lab, &id, wrong).await.0, 400);
    }

    // Whatever becomes of it can be told, and nothing is changed by looking.
    let decline = format!("/invitations/{id}/decline");
    let body = Some(json!({ "token": token }));
    assert_eq!(lab.vault(&bob.token, "POST", &decline, body).await.0, 204);
    let (cancelled, its_token) = lab.invite(&ada).await;
    let cancel = format!("/invitations/{cancelled}/cancel");
    lab.vault(&ada.token, "POST", &cancel, Some(json!({})))
        .await;
    let (expired, last_token) = lab.invite(&ada).await;
    lab.pass(14 * DAY);
    for (id, token, state) in [
        (&id, &token, "declined"),
        (&cancelled, &its_token, "cancelled"),
        (&expired, &last_token, "expired"),
    ] {
        for _ in 0..2 {
            assert_eq!(preview(&lab, id, token).await.1["state"], state);
        }
    }
}

#[tokio::test]
async fn a_confirmed_inviter_is_named_until_a_week_after() {
    let lab = Lab::with(|config| {
        config.sweep = std::time::Duration::from_millis(20);
        config.rate_limits = false;
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let (before, its_token) = lab.invite(&ada).await;
    crate::email::confirm(&lab, &ada).await;
    let (first, first_token) = lab.invite(&ada).await;
    lab.pass(1);
    let (id, token) = lab.invite(&ada).await;
    let email = async |id: &str, token: &str| {
        let (status, seen) = preview(&lab, id, token).await;
        assert_eq!(status, 200, "{seen}");
        seen["email"].clone()
    };
    assert_eq!(email(&id, &token).await, json!(ada.email));
    assert_eq!(email(&before, &its_token).await, Value::Null);
    lab.pass(14 * DAY + 7 * DAY - 1);
    // The one of a millisecond before is forgotten, and this one is not.
    until(async || (email(&first, &first_token).await == Value::Null).then_some(())).await;
    assert_eq!(email(&id, &token).await, json!(ada.email));
    lab.pass(1);
    until(async || (email(&id, &token).await == Value::Null).then_some(())).await;
}

#[tokio::test]
async fn tokens_are_not_guessed() {
    let lab = Lab::with(|config| config.rate_limits = true).await;
    let ada = lab.sign_up("ada").await;
    let (id, token) = lab.invite(&ada).await;
    for _ in 0..30 {
        assert_eq!(preview(&lab, &id, &random(16)).await.0, 404);
    }
    let refused = preview(&lab, &id, &token).await;
    assert_eq!(code(&refused), (429, "rate_limited"));
    let (other, its_token) = lab.invite(&ada).await;
    assert_eq!(preview(&lab, &other, &its_token).await.0, 200);
}

/// Invites somebody by mail.
async fn mail(lab: &Lab, inviter: &Person, page: Value, language: Value) -> (String, Answer) {
    let id = v7();
    let key = lab.publish(inviter).await;
    let mut body = mail_invitation(&key, "bob@example.org", lab.now() + DAY);
    body["page"] = page;
    body["language"] = language;
    let path = format!("/invitations/{id}");
    let answer = lab.vault(&inviter.token, "PUT", &path, Some(body)).await;
    (id, answer)
}

#[tokio::test]
async fn a_mail_leads_to_the_page_of_its_app_and_speaks_its_language() {
    let lab = Lab::with(|config| {
        let pages = ["https://app.example/start", "https://Other.example"];
        config.invitation_urls = pages.map(String::from).into();
        config.rate_limits = false;
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let [first, other] = ["https://app.example/start", "https://other.example/"];
    for (page, language, leads_to, subject, says) in [
        (
            Value::Null,
            Value::Null,
            first,
            "You are invited to connect",
            "Somebody who uses app.example invites",
        ),
        (
            json!(first),
            json!("en-GB"),
            first,
            "You are invited to connect",
            "Accept or decline",
        ),
        (
            json!("https://other.EXAMPLE"),
            json!("de-AT"),
            other,
            "Sie sind eingeladen, sich zu verbinden",
            "Jemand, der app.example nutzt, l\u{e4}dt",
        ),
        (
            json!(other),
            json!("fr"),
            other,
            "Vous \u{ea}tes invit\u{e9} \u{e0} vous connecter",
            "Une personne qui utilise app.example vous invite",
        ),
        (
            json!(other),
            json!("ES"),
            other,
            "Le invitan a conectarse",
            "Alguien que usa app.example le invita",
        ),
        (
            json!(other),
            json!("ja"),
            other,
            "You are invited to connect",
            "Somebody",
        ),
    ] {
        let (id, made) = mail(&lab, &ada, page, language.clone()).await;
        assert_eq!(made.0, 201, "{made:?}");
        let mail = mail_of(&lab, &id).await;
        assert_eq!(mail["subject"], subject);
        let link = mail["link"].as_str().unwrap();
        assert!(
            link.starts_with(&format!("{leads_to}#vouchsafe=1.m.{id}.")),
            "{link}"
        );
        let text = mail["text"].as_str().unwrap();
        // The name of the button is in the form with a button.
        assert!(text.contains(says) || says == "Accept or decline", "{text}");
        assert!(text.contains(link) && !text.contains('{'), "{text}");
    }
    for page in [
        "https://evil.example/",
        "https://app.example/",
        "https://app.example/start#x",
        "https://app.example/start?x",
        "javascript:alert(1)",
        "",
    ] {
        let (_, refused) = mail(&lab, &ada, json!(page), Value::Null).await;
        assert_eq!(code(&refused), (400, "bad_input"), "{page}");
        assert!(
            refused.1["error"]["message"]
                .as_str()
                .unwrap()
                .contains("--invitation-url")
        );
    }
    for language in ["", "x", "de_AT", "de-", "deutschland", &"de-AT".repeat(8)] {
        let (_, refused) = mail(&lab, &ada, Value::Null, json!(language)).await;
        assert_eq!(code(&refused), (400, "bad_input"), "{language}");
    }
    // A link is handed over: it has no page of the Vault's, and no language.
    let key = lab.publish(&ada).await;
    for (member, value) in [("page", first), ("language", "de")] {
        let mut body = link_invitation(&key, &random(16), lab.now() + DAY);
        body[member] = json!(value);
        let path = format!("/invitations/{}", v7());
        let refused = lab.vault(&ada.token, "PUT", &path, Some(body)).await;
        assert_eq!(code(&refused), (400, "bad_input"), "{member}");
    }
    let body = json!({ "language": "fr-CA" });
    let sent = lab
        .vault(&ada.token, "POST", "/email/code", Some(body))
        .await;
    assert_eq!(sent.0, 200);
    let mail = crate::mails::mail_to(&lab, &ada.email).await;
    assert_eq!(mail["subject"], "Votre code de confirmation");
}
