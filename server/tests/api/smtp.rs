//! Invitation mails, sent to a mail server that encrypts in each way; and what the tests of such mails have in common.

use std::time::Duration;

use crate::common::*;
use crate::mails::{invite_by_mail, is_waiting};
use crate::sink::{Sink, Tls};
use vouchsafe_server::{Config, Server};

pub(crate) const SECOND: i64 = 1000;
pub(crate) const HOUR: i64 = 60 * 60 * SECOND;

pub(crate) async fn lab(url: String, change: impl FnOnce(&mut Config)) -> Lab {
    Lab::with(|config| {
        config.smtp_url = Some(url);
        config.mail_from = Some("Vouchsafe <mail@vault.example>".into());
        config.outbox = Duration::from_millis(5);
        config.sweep = Duration::from_millis(20);
        change(config);
    })
    .await
}

/// A lab with the sink as its mail server, trusting the sink's authority.
pub(crate) async fn lab_of(sink: &Sink, url: &str) -> Lab {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, &sink.authority).unwrap();
    let url = url.replace("PORT", &sink.address.port().to_string());
    let ca = (url.starts_with("smtps:") || url.contains("tls=")) && !url.ends_with("=none");
    lab(url, |config| {
        config.smtp_ca = ca.then(|| file.path().to_owned());
    })
    .await
}

/// The attempts at a mail so far, and the time of the next one.
async fn tries(lab: &Lab, id: &str) -> (i64, i64) {
    let pool = database(&lab.vault_db).await;
    let row = sqlx::query_as("SELECT attempts, next_at FROM outbox WHERE id = $1")
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    row
}

/// Waits until so many attempts have failed; gives how long the next one waits.
pub(crate) async fn tried(lab: &Lab, id: &str, count: i64) -> i64 {
    // Two minutes is for how long a mail belongs to who is sending it.
    let lease = 120 * SECOND;
    until(async || {
        let (attempts, next_at) = tries(lab, id).await;
        let wait = next_at - lab.now();
        (attempts == count && wait != lease).then_some(wait)
    })
    .await
}

pub(crate) async fn sent(sink: &Sink, count: usize) {
    until(async || (sink.mails().len() == count).then_some(())).await;
}

pub(crate) async fn forgotten(lab: &Lab, id: &str) {
    until(async || (!is_waiting(lab, id).await).then_some(())).await;
}

/// The invitation as its inviter sees it, days later too.
pub(crate) async fn invitation(lab: &Lab, inviter: &Person, id: &str) -> serde_json::Value {
    let token = lab.token(inviter).await;
    let path = format!("/invitations/{id}");
    let (status, shown) = lab.vault(&token, "GET", &path, None).await;
    assert_eq!(status, 200);
    shown
}

#[tokio::test]
async fn each_way_of_encrypting_delivers_once() {
    for (tls, url, encrypted) in [
        (Tls::Never, "smtp://127.0.0.1:PORT", false),
        (Tls::Start, "smtp://localhost:PORT?tls=none", false),
        (Tls::Never, "smtp://localhost:PORT?tls=opportunistic", false),
        (Tls::Start, "smtp://localhost:PORT?tls=opportunistic", true),
        (Tls::Start, "smtp://localhost:PORT?tls=required", true),
        (Tls::Implicit, "smtps://ada%40x:p%20w@localhost:PORT", true),
    ] {
        let sink = Sink::open(tls).await;
        let lab = lab_of(&sink, url).await;
        let ada = lab.sign_up("ada").await;
        let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
        forgotten(&lab, &id).await;
        // Another mail is through, and of the first there is still one.
        lab.pass(10 * SECOND);
        let later = invite_by_mail(&lab, &ada, "eve@example.org").await;
        forgotten(&lab, &later).await;
        let mails = sink.mails();
        assert_eq!(mails.len(), 2, "{url}");
        for (mail, to) in mails.iter().zip(["bob@example.org", "eve@example.org"]) {
            assert_eq!(mail.encrypted, encrypted, "{url}");
            assert_eq!(mail.to, format!("RCPT TO:<{to}>"));
            assert_eq!(mail.from, "MAIL FROM:<mail@vault.example>");
        }
        if url.contains('@') {
            let given = data_encoding::BASE64.encode(b"\0ada@x\0p w");
            assert_eq!(sink.last("AUTH"), Some(format!("AUTH PLAIN {given}")));
        }
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_the_right_one() {
    let at = "127.0.0.1:0".parse().unwrap();
    let mut unknown = Sink::open(Tls::Implicit).await;
    unknown.authority = Sink::open(Tls::Implicit).await.authority.clone();
    let start = "smtp://localhost:PORT?tls=required";
    let try_start = "smtp://localhost:PORT?tls=opportunistic";
    let implicit = "smtps://localhost:PORT";
    for (sink, url) in [
        // It cannot encrypt.
        (Sink::open(Tls::Never).await, start),
        // Its certificate is for somebody else.
        (Sink::at(at, Tls::Start, "other.example").await, start),
        (Sink::at(at, Tls::Start, "other.example").await, try_start),
        (Sink::at(at, Tls::Implicit, "other.example").await, implicit),
        // It is vouched for by an authority that is not trusted.
        (unknown, implicit),
    ] {
        let lab = lab_of(&sink, url).await;
        let ada = lab.sign_up("ada").await;
        let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
        assert_eq!(tried(&lab, &id, 1).await, 10 * SECOND, "{url}");
        assert_eq!((sink.count("MAIL"), sink.count("AUTH")), (0, 0), "{url}");
        assert!(is_waiting(&lab, &id).await);
    }
}

#[tokio::test]
async fn a_mail_server_that_is_written_wrongly_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let empty = file("empty.pem", "no certificate");
    let broken = file(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let real = file("real.pem", &Sink::open(Tls::Never).await.authority);
    let missing = folder.path().join("missing.pem");
    let someone = Some("mail@vault.example");
    for (url, from, says) in [
        (Some("smtp://localhost"), None, "--mail-from"),
        (Some("smtp://localhost"), Some(""), "--mail-from"),
        (Some("smtp://localhost"), Some("Cards"), "--mail-from"),
        (
            Some("smtp://localhost"),
            Some("jos\u{e9}@x.example"),
            "--mail-from",
        ),
        (None, Some("a@b, c@d"), "--mail-from"),
    ] {
        let config = Config {
            smtp_url: url.map(str::to_owned),
            mail_from: from.map(str::to_owned),
            ..Config::new(folder.path().join("data"))
        };
        let error = Server::start(config).await.err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
    for (url, ca, says) in [
        (Some("smtp://a:secret@x?tls=maybe"), None, "--smtp-url"),
        (Some("mail.example"), None, "--smtp-url"),
        (Some("smtps://mail.example"), Some(&empty), "--smtp-ca"),
        (Some("smtps://mail.example"), Some(&broken), "--smtp-ca"),
        (Some("smtps://mail.example"), Some(&missing), "--smtp-ca"),
        (Some("smtp://localhost"), Some(&real), "--smtp-ca"),
        (None, Some(&real), "--smtp-url"),
    ] {
        let config = Config {
            smtp_url: url.map(str::to_owned),
            smtp_ca: ca.cloned(),
            mail_from: someone.map(str::to_owned),
            ..Config::new(folder.path().join("data"))
        };
        let error = Server::start(config).await.err().unwrap().to_string();
        assert!(error.contains(says) && !error.contains("secret"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
