//! Invitation mails, sent to a mail server that encrypts in each way and fails in each way.

use std::time::Duration;

use crate::common::*;
use crate::mails::{invite_by_mail, is_waiting};
use crate::port::Port;
use crate::processes::Process;
use crate::sink::{Fault, Sink, Tls};
use mail_parser::{Message, MessageParser, MimeHeaders};
use vouchsafe_server::{Clock, Config, Server};

const SECOND: i64 = 1000;
const HOUR: i64 = 60 * 60 * SECOND;

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
        std::fs::copy(&path, waiting.path().join(path.file_name().unwrap())).unwrap();
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

fn parse(bytes: &[u8]) -> Message<'_> {
    MessageParser::default().parse(bytes).unwrap()
}

#[tokio::test]
async fn a_foreign_reader_finds_text_and_html() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab(format!("smtp://{}", sink.address), |config| {
        config.invitation_urls = vec!["https://app.example/start?a=1&b=2".into()];
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    sent(&sink, 1).await;
    let bytes = sink.mails().remove(0).bytes;
    let mail = parse(&bytes);
    let header = |name: &str| mail.header_raw(name).unwrap().trim().to_owned();
    assert_eq!(header("From"), "Vouchsafe <mail@vault.example>");
    assert_eq!(header("To"), "bob@example.org");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.message_id(), Some(&*format!("{id}@vault.example")));
    assert_eq!(mail.date().unwrap().to_timestamp(), lab.now() / SECOND);
    assert_eq!(mail.subject(), Some("You are invited to connect"));

    let whole = mail.content_type().unwrap();
    assert_eq!(
        (whole.ctype(), whole.subtype()),
        ("multipart", Some("alternative"))
    );
    assert_eq!((mail.text_body_count(), mail.html_body_count()), (1, 1));
    assert_eq!(mail.attachment_count(), 0);
    let (text, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    let mut links = text.split_whitespace().filter(|word| word.contains("://"));
    let (link, refusal) = (links.next().unwrap(), links.next().unwrap());
    assert_eq!(links.next(), None);
    let page = format!("{}/v1/no-more-mails#", lab.server.vault_url());
    assert!(refusal.starts_with(&page) && refusal.ends_with(".bob%40example%2Eorg"));
    assert!(link.starts_with(&format!(
        "https://app.example/start?a=1&b=2#vouchsafe=1.m.{id}."
    )));
    let link = link.replace('&', "&amp;");
    for link in [&*link, refusal] {
        assert!(html.contains(&format!("href=\"{link}\"")), "{html}");
        assert!(html.contains(&format!(">{link}<")), "{html}");
    }
    for part in [&*text, &*html] {
        assert!(part.contains("Somebody who uses Vouchsafe") && part.contains("2027-01-29"));
    }
    // Nothing else leads anywhere, and nothing is loaded.
    let rest = html.replace(&link, "").replace(refusal, "");
    for leading in [
        "://", "http", "src", "url(", "@import", "<img", "<link", "<script",
    ] {
        assert!(!rest.contains(leading), "{leading}: {html}");
    }
}

#[tokio::test]
async fn nothing_of_a_stranger_is_on_the_wire() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab(format!("smtp://{}", sink.address), |_| {}).await;
    for (count, name) in [
        "your-bank.example/login?a=",
        "evil.example/#a=",
        "bank\u{2800}",
        "{link}",
    ]
    .into_iter()
    .enumerate()
    {
        let stranger = lab.sign_up(name).await;
        let id = invite_by_mail(&lab, &stranger, "bob@example.net").await;
        sent(&sink, count + 1).await;
        let bytes = sink.mails().remove(count).bytes;
        let mail = parse(&bytes);
        let headers: Vec<(&str, &str)> = mail.headers_raw().collect();
        for (header, value) in headers {
            let value = value.trim();
            let expected = match header {
                "Message-ID" => format!("<{id}@vault.example>"),
                "From" => "Vouchsafe <mail@vault.example>".to_owned(),
                "To" => "bob@example.net".to_owned(),
                "Subject" => "You are invited to connect".to_owned(),
                "Auto-Submitted" => "auto-generated".to_owned(),
                "Date" | "MIME-Version" | "Content-Type" => continue,
                header => panic!("{header}: {value}"),
            };
            assert_eq!(value, expected, "{header}");
        }
        for body in [mail.body_text(0).unwrap(), mail.body_html(0).unwrap()] {
            assert!(
                !body.contains("example.org") && !body.contains("evil"),
                "{body}"
            );
            assert!(body.is_ascii(), "{body}");
        }
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
