//! Mails that wait: tried again, given up, and kept beyond the process, without the tokens that they carry.

use std::time::Duration;

use crate::common::*;
use crate::mail_form::parse;
use crate::mails::{invite_by_mail, is_waiting};
use crate::port::Port;
use crate::processes::Process;
use crate::sink::{Fault, Sink, Tls};
use crate::smtp::{HOUR, SECOND, forgotten, invitation, lab, lab_of, sent, tried};
use serde_json::json;
use vouchsafe_server::{Clock, Config, Server};

#[tokio::test]
async fn waits_grow_to_an_hour_and_end_after_days() {
    let nobody = Port::hold();
    let lab = lab(format!("smtp://{}", nobody.address()), |_| {}).await;
    let ada = lab.sign_up("ada").await;
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    let mut waits = Vec::new();
    for count in 1..128 {
        waits.push(tried(&lab, &id, count).await);
        assert!(is_waiting(&lab, &id).await);
        lab.pass(*waits.last().unwrap());
    }
    let seconds = waits.iter().map(|wait| wait / SECOND);
    let expected = [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600];
    assert_eq!(seconds.take(11).collect::<Vec<_>>(), expected);
    forgotten(&lab, &id).await;
    let given_up = invitation(&lab, &ada, &id).await;
    assert_eq!(
        (&given_up["state"], &given_up["reason"]),
        (&"undeliverable".into(), &"unsent".into())
    );
    let total: i64 = waits.iter().sum();
    assert!((4 * DAY..6 * DAY).contains(&total), "{total}");
}

#[tokio::test]
async fn a_refused_recipient_is_not_asked_again() {
    for (at, reply) in [
        ("RCPT", "550 5.1.1 nobody of this name"),
        ("RCPT", "553 no"),
        ("DATA", "554 no valid recipients"),
        (".", "554 5.6.0 not such a mail"),
    ] {
        let sink = Sink::open(Tls::Never).await;
        let lab = lab_of(&sink, "smtp://127.0.0.1:PORT").await;
        let ada = lab.sign_up("ada").await;
        sink.fails(Fault::Says(at, reply));
        let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
        forgotten(&lab, &id).await;
        let given_up = invitation(&lab, &ada, &id).await;
        let told = (&given_up["state"], &given_up["reason"]);
        assert_eq!(
            told,
            (&"undeliverable".into(), &"refused".into()),
            "{reply}"
        );
        sink.fails(None);
        lab.pass(60 * SECOND);
        invite_by_mail(&lab, &ada, "eve@example.org").await;
        sent(&sink, 1).await;
        assert_eq!(sink.mails()[0].to, "RCPT TO:<eve@example.org>");
        assert_eq!(sink.count("RCPT TO:<bob"), 1, "{reply}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for fault in [
        Fault::Says("RCPT", "451 4.2.0 later"),
        Fault::Says("RCPT", "450 later"),
        Fault::Says(".", "452 4.3.1 full"),
        // What the server says about this Vault can be mended, and the mail goes then.
        Fault::Says("MAIL", "550 5.1.0 not from you"),
        Fault::Says("RCPT", "554 5.7.1 relay access denied"),
        Fault::Says("RCPT", "550 relay not permitted"),
        Fault::Says(
            "RCPT",
            "504 5.5.2 <vault>: Helo command rejected: need fully-qualified hostname",
        ),
        Fault::Says(
            "RCPT",
            "550 5.1.8 Sender address rejected: Domain not found",
        ),
        Fault::Says("EHLO", "554 go away"),
        Fault::Drops,
    ] {
        third_time_sent(fault, PATIENCE).await;
    }
    with_time_out(|limit| third_time_sent(Fault::Hangs, limit)).await;
}

#[tokio::test]
async fn a_wait_that_a_clock_ahead_began_ends_with_it() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab_of(&sink, "smtp://127.0.0.1:PORT").await;
    let ada = lab.sign_up("ada").await;
    sink.fails(Fault::Says("RCPT", "451 4.2.0 later"));
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    tried(&lab, &id, 1).await;
    lab.pass(2 * DAY);
    tried(&lab, &id, 2).await;
    sink.fails(None);
    lab.pass(-2 * DAY);
    sent(&sink, 1).await;
    forgotten(&lab, &id).await;
}

async fn third_time_sent(fault: Fault, smtp_timeout: Duration) {
    let sink = Sink::open(Tls::Never).await;
    let url = format!("smtp://{}", sink.address);
    let lab = lab(url, |config| config.smtp_timeout = smtp_timeout).await;
    let ada = lab.sign_up("ada").await;
    sink.fails(fault);
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    assert_eq!(tried(&lab, &id, 1).await, 10 * SECOND);
    lab.pass(10 * SECOND);
    assert_eq!(tried(&lab, &id, 2).await, 20 * SECOND);
    assert!(is_waiting(&lab, &id).await);
    assert_eq!(sink.mails().len(), 0);
    sink.fails(None);
    lab.pass(20 * SECOND);
    sent(&sink, 1).await;
    forgotten(&lab, &id).await;
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn a_mailed_token_is_nowhere_in_the_data() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab_of(&sink, "smtp://127.0.0.1:PORT").await;
    let ada = lab.sign_up("ada").await;
    sink.fails(Fault::Says("RCPT", "451 later"));
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    tried(&lab, &id, 1).await;
    // The folder as it is while the mail waits.
    let waiting = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(lab.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, waiting.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let pool = database(&lab.vault_db).await;
    let seed: String = sqlx::query_scalar("SELECT seed FROM outbox")
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    sink.fails(None);
    lab.pass(10 * SECOND);
    forgotten(&lab, &id).await;
    let mail = sink.mails().remove(0);
    let text = parse(&mail.bytes).body_text(0).unwrap().into_owned();
    let token = text.split_once(&format!("{id}.")).unwrap().1;
    let token = token.split_whitespace().next().unwrap();
    assert_eq!(token.len(), 22);
    assert!(!holds(waiting.path(), token));
    assert!(!holds(lab.folder.path(), token));
    // What it was made from goes with it.
    gone(&lab, &seed).await;
}

#[tokio::test]
async fn the_queue_outlives_the_process() {
    let (data, port) = (tempfile::tempdir().unwrap(), Port::hold());
    let smtp = format!("smtp://{}", port.address());
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--smtp-url",
        &smtp,
        "--mail-from",
        "mail@vault.example",
    ];
    let mut process = Process::start(&arguments, data.path()).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let url = |service: &str| format!("http://{}/{service}", process.address);
    let ada = sign_up(&http, &url("keystore"), &url("vault"), "ada").await;
    let (key, body) = public_key();
    let put = async |path: String, body| {
        let url = format!("{}/v1{path}", url("vault"));
        call(&http, "PUT", &url, Some(&ada.token), Some(body)).await
    };
    assert_eq!(put(format!("/public-keys/{key}"), body).await.0, 201);
    let id = v7();
    let now = Clock::system().now();
    let body = mail_invitation(&key, "bob@example.org", now + DAY);
    assert_eq!(put(format!("/invitations/{id}"), body).await.0, 201);
    let pool = database(&format!(
        "sqlite://{}?mode=ro",
        data.path().join("vault.db").display()
    ))
    .await;
    let attempts = "SELECT attempts FROM outbox WHERE next_at > $1";
    until(async || {
        sqlx::query_scalar::<_, i64>(attempts)
            .bind(now)
            .fetch_optional(&pool)
            .await
            .unwrap()
            .filter(|attempts| *attempts > 0)
    })
    .await;
    pool.close().await;
    process.child.kill().await.unwrap();

    let sink = Sink::at(port.address(), Tls::Never, "localhost").await;
    let config = |later: i64| Config {
        smtp_url: Some(smtp.clone()),
        mail_from: Some("mail@vault.example".into()),
        clock: Clock::new(move || now + later),
        outbox: Duration::from_millis(5),
        ..Config::new(data.path())
    };
    // A new process honours the wait of the old one: it sends what is due, and nothing else.
    let server = Server::start(config(5 * SECOND)).await.unwrap();
    let (vault, keystore) = (server.vault_url(), server.keystore_url());
    let fresh = token(&http, keystore, vault, &ada.session).await;
    let body = Some(mail_invitation(&key, "eve@example.org", now + DAY));
    let url = format!("{vault}/v1/invitations/{}", v7());
    let answer = call(&http, "PUT", &url, Some(&fresh), body).await;
    assert_eq!(answer.0, 201);
    sent(&sink, 1).await;
    server.stop().await;
    let server = Server::start(config(HOUR)).await.unwrap();
    sent(&sink, 2).await;
    server.stop().await;
    let server = Server::start(config(2 * HOUR)).await.unwrap();
    server.stop().await;
    let to: Vec<String> = sink.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(
        to,
        ["RCPT TO:<eve@example.org>", "RCPT TO:<bob@example.org>"]
    );
}

#[tokio::test]
async fn a_mail_goes_with_what_makes_it_unwanted() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab_of(&sink, "smtp://127.0.0.1:PORT").await;
    let ada = lab.sign_up("ada").await;
    // One arrives, so that its mailbox can refuse others.
    invite_by_mail(&lab, &ada, "bob@example.org").await;
    sent(&sink, 1).await;
    let mail = sink.mails().remove(0);
    let text = parse(&mail.bytes).body_text(0).unwrap().into_owned();
    let (_, token) = text.split_once("no-more-mails#").unwrap();
    let token = &token[..22];
    sink.fails(Fault::Says("RCPT", "451 4.2.0 later"));
    let to_bob = invite_by_mail(&lab, &ada, "bob@example.org").await;
    let to_eve = invite_by_mail(&lab, &ada, "eve@example.org").await;
    let cancelled = invite_by_mail(&lab, &ada, "eve@example.org").await;
    for id in [&to_bob, &to_eve, &cancelled] {
        tried(&lab, id, 1).await;
    }
    // None of them is due meanwhile.
    let url = format!("{}/v1/mail/refusals", lab.server.vault_url());
    let refusal = json!({ "address": "bob@example.org", "token": token, "refused": true });
    assert_eq!(lab.call("POST", &url, None, Some(refusal)).await.0, 204);
    assert!(!is_waiting(&lab, &to_bob).await);
    let path = format!("/invitations/{cancelled}/cancel");
    let answer = lab.vault(&ada.token, "POST", &path, Some(json!({}))).await;
    assert_eq!(answer.0, 200);
    assert!(!is_waiting(&lab, &cancelled).await);
    assert!(is_waiting(&lab, &to_eve).await);
    // One that is refused before it is tried goes when it is due.
    sink.fails(None);
    let late = invite_by_mail(&lab, &ada, "bob@example.org").await;
    forgotten(&lab, &late).await;
    lab.pass(10 * SECOND);
    sent(&sink, 2).await;
    assert_eq!(sink.mails()[1].to, "RCPT TO:<eve@example.org>");
}
