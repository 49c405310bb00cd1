//! Mails: what they say, and the two ways they go.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::{Address, error::Error};
use serde::{Deserialize, Serialize};
use url::Url;

use super::address::sendable;
use super::captured::{capture, forget};
use super::mail_html::html;
use super::smtp::{Failure, Smtp};
use super::words::{Words, fill};
use crate::clock::DAY;
use crate::config::Config;
use crate::start_error::StartError;

/// A mail, as it is captured.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Mail {
    pub(super) id: String,
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) text: String,
    #[serde(skip)]
    html: String,
    /// The link of an invitation.
    pub(super) link: Option<String>,
    /// The code that confirms the address.
    pub(super) code: Option<String>,
    /// The link by which the recipient refuses further mails.
    pub(super) refusal_link: String,
    pub(super) sent_at: i64,
}

/// The part of a mail that makes its kind.
pub(super) enum Content {
    /// An invitation. Of its inviter it holds an address that they confirmed, if there is one.
    Invitation {
        named: Option<String>,
        link: String,
        expires_at: i64,
    },
    /// A code for the recipient's own account.
    Code(String),
}

/// A paragraph, for both forms of a mail.
pub(super) enum Paragraph {
    Plain(String),
    /// Of less weight than the others.
    Quiet(String),
    /// A sentence, and the link that it leads to, which has this name where it is a button.
    Link(&'static str, &'static str, String),
    /// A sentence, and the link that it leads to, of less weight.
    QuietLink(String, String),
    Code(String),
}

use Paragraph::{Code, Link, Plain, Quiet, QuietLink};

impl Mail {
    /// The mail to one recipient. `app` is the operator's name for what people use.
    pub(super) fn new(
        id: String,
        to: String,
        content: Content,
        (app, words): (&str, &'static Words),
        refusal_link: String,
        now: i64,
    ) -> Self {
        let (subject, mut paragraphs) = content.paragraphs(app, words);
        let question = fill(&words.refuse, &[("app", app)]);
        paragraphs.push(QuietLink(question, refusal_link.clone()));
        let (link, code) = match content {
            Content::Invitation { link, .. } => (Some(link), None),
            Content::Code(code) => (None, Some(code)),
        };
        let texts: Vec<String> = paragraphs.iter().map(Paragraph::text).collect();
        Self {
            id,
            to,
            subject: subject.to_owned(),
            text: texts.join("\n\n") + "\n",
            html: html(subject, &paragraphs, words),
            link,
            code,
            refusal_link,
            sent_at: now,
        }
    }

    /// The mail as it goes over the wire. Its id stays the same from attempt to attempt, so that a mail that arrived
    /// twice can be told.
    fn message(&self, from: &Mailbox, to: Address) -> Result<Message, Error> {
        let sent_at = Duration::from_millis(u64::try_from(self.sent_at).unwrap_or_default());
        Message::builder()
            .message_id(Some(format!("<{}@{}>", self.id, from.email.domain())))
            .date(UNIX_EPOCH + sent_at)
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(&self.subject)
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .multipart(MultiPart::alternative_plain_html(
                self.text.clone(),
                self.html.clone(),
            ))
    }
}

impl Content {
    /// The subject, in which nothing stands that somebody chose, and the text.
    fn paragraphs(&self, app: &str, words: &'static Words) -> (&'static str, Vec<Paragraph>) {
        let hello = Plain(words.hello.clone());
        match self {
            Self::Invitation {
                named,
                link,
                expires_at,
            } => {
                let words = &words.invitation;
                let (invites, known) = match named {
                    Some(_) => (&words.from, &words.shown),
                    None => (&words.from_somebody, &words.not_shown),
                };
                let (year, month, day) = date(*expires_at);
                let date = format!("{year:04}-{month:02}-{day:02}");
                let address = named.as_deref().unwrap_or_default();
                let say = |sentence| {
                    fill(
                        sentence,
                        &[("app", app), ("address", address), ("date", &date)],
                    )
                };
                let paragraphs = vec![
                    hello,
                    Plain(say(invites)),
                    Link(&words.answer, &words.open, link.clone()),
                    Quiet(say(&words.once)),
                    Quiet(say(known)),
                ];
                (&words.subject, paragraphs)
            }
            Self::Code(code) => {
                let words = &words.code;
                let say = |sentence| fill(sentence, &[("app", app)]);
                let paragraphs = vec![
                    hello,
                    Plain(say(&words.confirms)),
                    Code(code.clone()),
                    Quiet(say(&words.type_in)),
                    Quiet(say(&words.ignore)),
                ];
                (&words.subject, paragraphs)
            }
        }
    }
}

impl Paragraph {
    fn text(&self) -> String {
        match self {
            Plain(text) | Quiet(text) | Code(text) => text.clone(),
            Link(_, sentence, link) => format!("{sentence}\n\n{link}"),
            QuietLink(sentence, link) => format!("{sentence}\n\n{link}"),
        }
    }
}

/// The operator's name for what people use: the one that mails come from, or the host of the page.
pub(super) fn app_name(mail_from: Option<&str>, invitation_url: &str) -> String {
    let from = mail_from.and_then(|from| from.parse().ok());
    let name = from.and_then(|from: Mailbox| from.name);
    let host = || {
        let host = Url::parse(invitation_url).ok()?.host_str()?.to_owned();
        Some(host)
    };
    name.or_else(host)
        .unwrap_or_else(|| "this service".to_owned())
}

/// The day of a time, in the Gregorian calendar.
fn date(time: i64) -> (i64, i64, i64) {
    // Counted in eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
    let days = time.div_euclid(DAY) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The sender of `--mail-from`, its address as mail servers take it.
fn sender(text: &str) -> Result<Mailbox, StartError> {
    let from: Result<Mailbox, _> = text.parse();
    let sent = from.ok().and_then(|from| {
        let address = from.email.to_string();
        // An operator's own name for a machine may have characters that people's addresses do not.
        let sent = sendable(&address)
            .ok()
            .or_else(|| address.is_ascii().then_some(address));
        Some(Mailbox::new(from.name, sent?.parse().ok()?))
    });
    sent.ok_or_else(|| {
        StartError(format!(
            "Write --mail-from {text:?} as one address, like mail@app.example or \"Example App <mail@app.example>\"."
        ))
    })
}

/// Sends mails, or captures them as files.
pub(crate) enum Mailer {
    Smtp(Box<Smtp>),
    Folder(PathBuf),
}

impl Mailer {
    /// The way that is configured; `host` is that of the Vault.
    pub(crate) fn new(config: &Config, host: &str) -> Result<Self, StartError> {
        let from = config.mail_from.as_deref().map(sender).transpose()?;
        match (&config.smtp_url, from) {
            (Some(url), Some(from)) => {
                let smtp = Smtp::new(url, from, host, config)?;
                Ok(Self::Smtp(Box::new(smtp)))
            }
            (Some(_), None) => Err(StartError(
                "Give --mail-from beside --smtp-url: the address that mails come from.".into(),
            )),
            (None, _) if config.smtp_ca.is_some() || config.smtp_hello.is_some() => Err(StartError(
                "Give --smtp-url beside --smtp-ca and --smtp-hello: without a mail server mails are captured."
                    .into(),
            )),
            (None, _) => Ok(Self::Folder(config.file("outbox"))),
        }
    }

    /// Sends one mail.
    pub(super) async fn send(&self, mail: &Mail) -> Result<(), Failure> {
        match self {
            Self::Smtp(smtp) => {
                let no_mail = |what: &str| Failure::Refused(format!("{what} makes no mail"));
                let to: Address = mail.to.parse().map_err(|_| no_mail("the address"))?;
                let message = mail
                    .message(&smtp.from, to.clone())
                    .map_err(|_| no_mail("the text"))?;
                smtp.send(to, &message).await
            }
            Self::Folder(folder) => capture(folder, mail)
                .await
                .map_err(|error| Failure::Later(error.to_string())),
        }
    }

    /// Erases the mails that were captured before this time.
    pub(super) async fn forget_captured(&self, before: i64) -> std::io::Result<()> {
        match self {
            Self::Smtp(_) => Ok(()),
            Self::Folder(folder) => forget(folder, before).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(951_782_400_000), (2000, 2, 29));
        assert_eq!(date(1_735_689_599_999), (2024, 12, 31));
        assert_eq!(date(4_107_542_400_000), (2100, 3, 1));
    }

    #[test]
    fn mails_come_from_one_address() {
        let from = |text| sender(text).map(|from| from.to_string());
        for (text, sent) in [
            ("mail@vault.example", "mail@vault.example"),
            (
                "Cards <mail@B\u{fc}cher.example>",
                "Cards <mail@xn--bcher-kva.example>",
            ),
            ("vouchsafe@localhost", "vouchsafe@localhost"),
        ] {
            assert_eq!(from(text), Ok(sent.into()));
        }
        for wrong in ["", "Cards", "a@b, c@d", "jos\u{e9}@vault.example", "mail@"] {
            assert!(from(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_operator_names_the_app() {
        let url = "https://app.example/start";
        assert_eq!(app_name(Some("Cards <mail@vault.example>"), url), "Cards");
        assert_eq!(app_name(Some("mail@vault.example"), url), "app.example");
        assert_eq!(app_name(None, url), "app.example");
        assert_eq!(app_name(None, ""), "this service");
    }
}
