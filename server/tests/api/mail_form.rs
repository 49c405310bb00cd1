//! Mails as a foreign reader finds them.

use crate::mails::invite_by_mail;
use crate::sink::{Sink, Tls};
use crate::smtp::{SECOND, lab, sent};
use mail_parser::{Message, MessageParser, MimeHeaders};

pub(crate) fn parse(bytes: &[u8]) -> Message<'_> {
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
