//! Mails that cannot go: told to who asks for them, kept from holding up others, and told of when they are given up.

use std::time::Duration;

use crate::common::*;
use crate::events::Stream;
use crate::mails::{invite_by_mail, is_waiting, mail_of, try_to_invite};
use crate::port::Port;
use crate::sink::{Fault, Sink, Tls};
use crate::smtp::{forgotten, invitation, lab, lab_of, sent, tried};
use mail_parser::MessageParser;
use serde_json::json;
use vouchsafe_server::{Clock, Config, Server};

#[tokio::test]
async fn hosts_of_other_letters_go_in_their_form_in_dns() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab(format!("smtp://{}", sink.address), |config| {
        config.mail_from = Some("B\u{fc}cher <mail@B\u{fc}cher.example>".into());
        config.smtp_hello = Some("Mail.B\u{fc}cher.example".into());
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let (id, answer) = try_to_invite(&lab, &ada, "bob@b\u{fc}cher.example").await;
    assert_eq!(answer.0, 201);
    sent(&sink, 1).await;
    let taken = sink.mails().remove(0);
    // No server on the way has to know more than ASCII.
    assert_eq!(taken.from, "MAIL FROM:<mail@xn--bcher-kva.example>");
    assert_eq!(taken.to, "RCPT TO:<bob@xn--bcher-kva.example>");
    assert_eq!(
        sink.last("EHLO").as_deref(),
        Some("EHLO mail.xn--bcher-kva.example")
    );
    assert!(taken.bytes.is_ascii());
    let mail = MessageParser::default().parse(&taken.bytes).unwrap();
    let to = mail.header_raw("To").unwrap().trim();
    assert_eq!(to, "bob@xn--bcher-kva.example");
    assert_eq!(invitation(&lab, &ada, &id).await["email"], to);
}

#[tokio::test]
async fn both_forms_of_a_host_are_one_mailbox() {
    let lab = Lab::new().await;
    for (n, host) in [
        "b\u{fc}cher.example",
        "xn--bcher-kva.example",
        "B\u{dc}CHER.example",
    ]
    .into_iter()
    .cycle()
    .take(6)
    .enumerate()
    {
        let person = lab.sign_up(&format!("ada{n}")).await;
        let (id, answer) = try_to_invite(&lab, &person, &format!("bob+{n}@{host}")).await;
        if n == 5 {
            assert_eq!(code(&answer), (429, "rate_limited"));
        } else {
            assert_eq!(answer.0, 201);
            let to = format!("bob+{n}@xn--bcher-kva.example");
            assert_eq!(mail_of(&lab, &id).await["to"], to);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_when_it_is_asked_for() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    for email in [
        "jos\u{e9}@example.org",
        "\u{5d3}\u{5d5}\u{5d3}@example.org",
        "bob@exa mple.org",
        "bob@example..org",
        "bob@xn--\u{fc}.example",
    ] {
        let (id, answer) = try_to_invite(&lab, &ada, email).await;
        assert_eq!(code(&answer), (400, "bad_input"), "{email:?}");
        assert!(!is_waiting(&lab, &id).await);
    }
}

#[tokio::test]
async fn the_inviter_is_told_of_a_mail_that_is_given_up() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab_of(&sink, "smtp://127.0.0.1:PORT").await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let mut events = Stream::open(&lab, &ada, None).await;
    assert_eq!(events.event().await.0, "ready");
    sink.fails(Fault::Says("RCPT", "550 5.1.1 user unknown"));
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    for _ in ["made", "given up"] {
        let (kind, record, _) = events.event().await;
        assert_eq!((kind.as_str(), &record), ("invitation", &id));
    }
    let shown = invitation(&lab, &ada, &id).await;
    assert_eq!(shown["state"], "undeliverable");
    assert_eq!(shown["reason"], "refused");
    assert_eq!(shown["email"], "bob@example.org");

    // It is over: nobody can answer it, and it makes room for another.
    let cancel = format!("/invitations/{id}/cancel");
    let cancelled = lab.vault(&ada.token, "POST", &cancel, Some(json!({})));
    assert_eq!(cancelled.await, (200, shown));
    let pool = database(&lab.vault_db.replace("mode=ro", "mode=rw")).await;
    let token = random(16);
    sqlx::query("UPDATE invitations SET token_hash = $1 WHERE id = $2")
        .bind(hash(&token))
        .bind(&id)
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let path = format!("/invitations/{id}/open");
    let body = Some(json!({ "token": token }));
    let opened = lab.vault(&bob.token, "POST", &path, body).await;
    assert_eq!(code(&opened), (410, "invitation_expired"));
    let body = json!({
        "invitationId": id, "token": token, "publicKeyId": lab.publish(&bob).await, "proof": null,
    });
    let accepted = lab.vault(&bob.token, "POST", "/connections", Some(body));
    assert_eq!(code(&accepted.await), (410, "invitation_expired"));
    // Its address goes as that of any other invitation.
    lab.pass(7 * DAY);
    let (token, path) = (lab.token(&ada).await, format!("/invitations/{id}"));
    until(async || {
        let (_, shown) = lab.vault(&token, "GET", &path, None).await;
        shown["email"].is_null().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_code_that_is_given_up_ends_nothing_else() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab_of(&sink, "smtp://127.0.0.1:PORT").await;
    let ada = lab.sign_up("ada").await;
    sink.fails(Fault::Says("RCPT", "451 later"));
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    tried(&lab, &id, 1).await;
    sink.fails(Fault::Says("RCPT", "550 5.1.1 user unknown"));
    let asked = lab.vault(
        &ada.token,
        "POST",
        "/email/code",
        Some(json!({ "language": null })),
    );
    assert_eq!(asked.await.0, 200);
    let pool = database(&lab.vault_db).await;
    until(async || {
        let codes: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = 'code'")
            .fetch_one(&pool)
            .await
            .unwrap();
        (codes == 0).then_some(())
    })
    .await;
    pool.close().await;
    assert_eq!(invitation(&lab, &ada, &id).await["state"], "pending");
}

#[tokio::test]
async fn recipients_whose_server_hangs_hold_up_nobody() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab(format!("smtp://{}", sink.address), |config| {
        config.smtp_timeout = Duration::from_secs(3600);
    })
    .await;
    let ada = lab.sign_up("ada").await;
    sink.fails(Fault::HangsAt("RCPT TO:<hangs"));
    let hanging = async |count: usize| {
        until(async || (sink.count("RCPT TO:<hangs") == count).then_some(())).await;
    };
    // Of one domain three at a time.
    for n in 0..5 {
        invite_by_mail(&lab, &ada, &format!("hangs{n}@tar.example")).await;
    }
    hanging(3).await;
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    forgotten(&lab, &id).await;
    assert_eq!(sink.count("RCPT TO:<hangs"), 3);
    // Of all domains ten.
    for n in 0..10 {
        invite_by_mail(&lab, &ada, &format!("hangs@{n}.example")).await;
    }
    hanging(10).await;
    let late = invite_by_mail(&lab, &ada, "eve@example.org").await;
    assert!(is_waiting(&lab, &late).await);
    sink.fails(None);
    sent(&sink, 17).await;
    forgotten(&lab, &late).await;
    assert_eq!(sink.most_in_hand(), 10);
}

#[tokio::test]
async fn mails_of_a_lost_setup_are_given_up() {
    let (data, nobody) = (tempfile::tempdir().unwrap(), Port::hold());
    let now = Clock::system().now();
    let config = || Config {
        smtp_url: Some(format!("smtp://{}", nobody.address())),
        mail_from: Some("mail@vault.example".into()),
        clock: Clock::new(move || now),
        outbox: Duration::from_millis(5),
        ..Config::new(data.path())
    };
    let server = Server::start(config()).await.unwrap();
    let http = reqwest::Client::new();
    let (vault, keystore) = (server.vault_url(), server.keystore_url());
    let ada = sign_up(&http, keystore, vault, "ada").await;
    let (key, body) = public_key();
    let url = format!("{vault}/v1/public-keys/{key}");
    let put = call(&http, "PUT", &url, Some(&ada.token), Some(body));
    assert_eq!(put.await.0, 201);
    let path = format!("/v1/invitations/{}", v7());
    let body = mail_invitation(&key, "bob@example.org", now + DAY);
    let url = format!("{vault}{path}");
    let put = call(&http, "PUT", &url, Some(&ada.token), Some(body));
    assert_eq!(put.await.0, 201);
    server.stop().await;

    std::fs::remove_file(data.path().join("vault.setup")).unwrap();
    let server = Server::start(config()).await.unwrap();
    let (vault, keystore) = (server.vault_url(), server.keystore_url());
    let token = token(&http, keystore, vault, &ada.session).await;
    let url = format!("{vault}{path}");
    let given_up = until(async || {
        let (_, shown) = call(&http, "GET", &url, Some(&token), None).await;
        (shown["state"] != "pending").then_some(shown)
    });
    let given_up = given_up.await;
    assert_eq!(given_up["state"], "undeliverable");
    assert_eq!(given_up["reason"], "unsent");
    server.stop().await;
}
