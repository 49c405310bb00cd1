//! Invitation mails, as they are captured.

use crate::common::*;
use crate::port::Port;
use serde_json::{Value, json};

async fn mail_of(lab: &Lab, id: &str) -> Value {
    let url = format!("http://{}/dev/mails", lab.server.address());
    until(async || {
        let (status, body) = lab.call("GET", &url, None, None).await;
        assert_eq!(status, 200);
        body["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|mail| mail["id"] == id)
            .cloned()
    })
    .await
}

/// The token that the Vault still holds for a mail.
pub(crate) async fn held_token(lab: &Lab, id: &str) -> Option<String> {
    let pool = database(&lab.vault_db).await;
    let token = sqlx::query_scalar("SELECT token FROM outbox WHERE id = $1")
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    token
}

pub(crate) async fn invite_by_mail(lab: &Lab, inviter: &Person, email: &str) -> String {
    let (key, id) = (lab.publish(inviter).await, v7());
    let body = mail_invitation(&key, email, lab.now() + 14 * DAY);
    let (status, made) = lab
        .vault(
            &inviter.token,
            "PUT",
            &format!("/invitations/{id}"),
            Some(body),
        )
        .await;
    assert_eq!(
        (status, &made["email"], &made["delivery"]),
        (201, &json!(email), &json!("email"))
    );
    id
}

#[tokio::test]
async fn a_mailed_token_accepts_and_is_forgotten() {
    let lab =
        Lab::with(|config| config.invitation_url = Some("https://app.example/start".into())).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let id = invite_by_mail(&lab, &ada, "someone@example.org").await;
    let mail = mail_of(&lab, &id).await;
    let link = mail["link"].as_str().unwrap();
    let token = link
        .strip_prefix(&format!("https://app.example/start#vouchsafe=1.m.{id}."))
        .unwrap();
    let text = mail["text"].as_str().unwrap();
    // 1_800_000_000 seconds are in January 2027; 14 days later it is the 29th.
    for part in [&ada.email, link, "2027-01-29"] {
        assert!(text.contains(part), "{text}");
    }
    let shape = json!({
        "id": id, "to": "someone@example.org", "subject": "ada@example.org invites you to connect", "text": text,
        "link": link, "sentAt": lab.now(),
    });
    assert_eq!(mail, shape);
    until(async || held_token(&lab, &id).await.is_none().then_some(())).await;

    let body = json!({ "invitationId": id, "token": token, "publicKeyId": lab.publish(&bob).await, "proof": null });
    assert_eq!(
        lab.vault(&bob.token, "POST", "/connections", Some(body))
            .await
            .0,
        201
    );
}

#[tokio::test]
async fn a_repeated_invitation_is_mailed_once() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (key, id) = (lab.publish(&ada).await, v7());
    let body = mail_invitation(&key, "bob@example.org", lab.now() + DAY);
    let path = format!("/invitations/{id}");
    let first = lab
        .vault(&ada.token, "PUT", &path, Some(body.clone()))
        .await;
    mail_of(&lab, &id).await;
    let again = lab.vault(&ada.token, "PUT", &path, Some(body)).await;
    assert_eq!((first.0, again.0, first.1), (201, 200, again.1));
    // A later mail has gone, and still there is one of the first.
    let later = invite_by_mail(&lab, &ada, "eve@example.org").await;
    mail_of(&lab, &later).await;
    let url = format!("http://{}/dev/mails", lab.server.address());
    let mails = lab.call("GET", &url, None, None).await.1;
    assert_eq!(mails["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_mailbox_is_shut_unless_it_is_opened() {
    let lab = Lab::with(|config| config.dev_mailbox = false).await;
    let url = format!("http://{}/dev/mails", lab.server.address());
    assert_eq!(
        code(&lab.call("GET", &url, None, None).await),
        (404, "not_found")
    );
}

#[tokio::test]
async fn cancelled_invitations_keep_no_token() {
    let nobody = Port::hold();
    let smtp = format!("smtp://{}", nobody.address());
    let lab = Lab::with(|config| config.smtp_url = Some(smtp)).await;
    let ada = lab.sign_up("ada").await;
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    assert!(held_token(&lab, &id).await.is_some());
    assert_eq!(
        lab.vault(
            &ada.token,
            "POST",
            &format!("/invitations/{id}/cancel"),
            Some(json!({}))
        )
        .await
        .0,
        200
    );
    assert_eq!(held_token(&lab, &id).await, None);
}
