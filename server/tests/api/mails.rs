//! Invitation mails, captured and sent.

use crate::common::*;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

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
async fn held_token(lab: &Lab, id: &str) -> Option<String> {
    let pool = database(&lab.vault_db).await;
    let token = sqlx::query_scalar("SELECT token FROM outbox WHERE id = $1")
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    token
}

async fn invite_by_mail(lab: &Lab, inviter: &Person, email: &str) -> String {
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

/// Takes one mail as a mail server would, and gives its text.
async fn receive(listener: &TcpListener) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 test\r\n").await.unwrap();
    let (mut mail, mut in_data) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return mail;
        }
        let answer: &[u8] = match line.trim_end() {
            "." if in_data => {
                in_data = false;
                b"250 taken\r\n"
            }
            _ if in_data => {
                mail.push_str(&line);
                continue;
            }
            "DATA" => {
                in_data = true;
                b"354 go on\r\n"
            }
            "QUIT" => return mail,
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer).await.unwrap();
        if !mail.is_empty() {
            return mail;
        }
    }
}

#[tokio::test]
async fn smtp_is_tried_again_until_it_works() {
    // The port is found first, and nobody listens there in the beginning.
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let lab = Lab::with(|config| {
        config.smtp_url = Some(format!("smtp://{address}"));
        config.mail_from = "Vouchsafe <mail@vault.example>".into();
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    let pool = database(&lab.vault_db).await;
    until(async || {
        let tried: i64 = sqlx::query_scalar("SELECT attempts FROM outbox")
            .fetch_one(&pool)
            .await
            .unwrap();
        let waits: i64 = sqlx::query_scalar("SELECT next_at FROM outbox")
            .fetch_one(&pool)
            .await
            .unwrap();
        (tried == 1 && waits == lab.now() + 10_000).then_some(())
    })
    .await;
    assert!(
        held_token(&lab, &id).await.is_some(),
        "kept for the next attempt"
    );

    let listener = TcpListener::bind(address).await.unwrap();
    lab.pass(10_000);
    // Another invitation wakes the worker, which finds the first one due too.
    invite_by_mail(&lab, &ada, "eve@example.org").await;
    // Quoted-printable breaks long lines.
    let mails =
        [receive(&listener).await, receive(&listener).await].map(|mail| mail.replace("=\r\n", ""));
    let mail = mails
        .iter()
        .find(|mail| mail.contains("To: bob@example.org"))
        .unwrap();
    assert!(
        mail.contains("mail@vault.example") && mail.contains(&id),
        "{mail}"
    );
    assert!(mail.contains("Content-Type: text/plain"), "{mail}");
    until(async || held_token(&lab, &id).await.is_none().then_some(())).await;
}

#[tokio::test]
async fn cancelled_invitations_keep_no_token() {
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let lab = Lab::with(|config| config.smtp_url = Some(format!("smtp://{address}"))).await;
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
