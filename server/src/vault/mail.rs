//! Mails: what they say, and the two ways they go.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::{Address, error::Error};
use serde::{Deserialize, Serialize};

use super::smtp::{Failure, Smtp};
use crate::clock::DAY;
use crate::config::Config;
use crate::start_error::StartError;
use crate::store::files;

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
    pub(super) link: String,
    pub(super) sent_at: i64,
}

impl Mail {
    /// The mail of an invitation. Of the inviter it holds the address alone, if there is one, which is data here and never
    /// markup.
    pub(super) fn invitation(
        id: String,
        to: String,
        inviter: &str,
        link: String,
        expires_at: i64,
        now: i64,
    ) -> Self {
        let (year, month, day) = date(expires_at);
        let until = format!("{year:04}-{month:02}-{day:02}");
        // A quoted address may hold a URL, which mail programs would make a link of.
        let inviter = match inviter {
            "" => "Somebody".to_owned(),
            address => address.replace("://", ":\u{200b}//"),
        };
        let subject = format!("{inviter} invites you to connect");
        let text = format!(
            "Hello,\n\n{inviter} invites you to connect, so that the two of you can share cards that nobody else can \
             read.\n\nOpen this link to accept or to decline:\n\n{link}\n\nThe link works once, and until {until} \
             (UTC). Whoever has it can accept, so do not pass it on.\n\nIf you do not know the sender, ignore this \
             mail.\n"
        );
        let html = html(&subject, &inviter, &link, &until);
        Self {
            id,
            to,
            subject,
            text,
            html,
            link,
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

/// Colours of a dark mail; those of a light one stand beside the elements, for programs that drop style sheets.
const DARK_STYLE: &str = "@media (prefers-color-scheme: dark) { \
    body { background: #171715 !important; color: #ecece8 !important } \
    .sheet { background: #242421 !important } \
    .quiet { color: #a9a9a1 !important } \
    .link { color: #9db7ff !important } }";

/// The same mail for programs that show HTML. It loads nothing from anywhere.
fn html(subject: &str, inviter: &str, link: &str, until: &str) -> String {
    let [subject, inviter, link] = [subject, inviter, link].map(escape);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{subject}</title>
<style>{DARK_STYLE}</style>
</head>
<body style="margin:0;padding:24px 12px;background:#f3f3f0;color:#1d1d1a;font:16px/1.5 system-ui,sans-serif">
<div class="sheet" style="max-width:480px;margin:0 auto;padding:32px;border-radius:12px;background:#ffffff;overflow-wrap:anywhere">
<p style="margin:0 0 16px">Hello,</p>
<p style="margin:0 0 24px"><strong><bdi>{inviter}</bdi></strong> invites you to connect, so that the two of you can share cards that nobody else can read.</p>
<p style="margin:0 0 24px"><a href="{link}" style="display:inline-block;padding:12px 24px;border-radius:8px;background:#2549c4;color:#ffffff;font-weight:600;text-decoration:none">Accept or decline</a></p>
<p class="quiet" style="margin:0 0 16px;color:#5c5c55;font-size:14px">If the button does not work, open this link:<br><a class="link" href="{link}" style="color:#2549c4">{link}</a></p>
<p class="quiet" style="margin:0 0 16px;color:#5c5c55;font-size:14px">The link works once, and until {until} (UTC). Whoever has it can accept, so do not pass it on.</p>
<p class="quiet" style="margin:0;color:#5c5c55;font-size:14px">If you do not know the sender, ignore this mail.</p>
</div>
</body>
</html>
"#
    )
}

/// Text as it stands in HTML, between tags and in quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
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

/// Tells whether mail can be addressed to this text.
pub(super) fn is_address(email: &str) -> bool {
    email.len() <= 254 && email.parse::<Address>().is_ok()
}

/// Sends mails, or captures them as files.
pub(crate) enum Mailer {
    Smtp(Box<Smtp>),
    Folder(PathBuf),
}

impl Mailer {
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        match (&config.smtp_url, &config.smtp_ca) {
            (Some(url), _) => Ok(Self::Smtp(Box::new(Smtp::new(url, config)?))),
            (None, None) => Ok(Self::Folder(config.file("outbox"))),
            (None, Some(_)) => Err(StartError(
                "Give --smtp-url beside --smtp-ca: without a mail server mails are captured."
                    .into(),
            )),
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
}

async fn capture(folder: &Path, mail: &Mail) -> std::io::Result<()> {
    files::make_folder(folder)?;
    let name = format!("{:015}-{}", mail.sent_at, mail.id);
    let part = folder.join(format!("{name}.part"));
    let mut options = tokio::fs::OpenOptions::from(files::own());
    let mut file = options.create(true).truncate(true).open(&part).await?;
    tokio::io::AsyncWriteExt::write_all(&mut file, &serde_json::to_vec_pretty(mail)?).await?;
    file.sync_all().await?;
    tokio::fs::rename(part, folder.join(format!("{name}.json"))).await
}

/// The captured mails, newest first.
pub(crate) fn captured(folder: &Path) -> std::io::Result<Vec<Mail>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files
        .iter()
        .rev()
        .map(|file| Ok(serde_json::from_slice(&std::fs::read(file)?)?))
        .collect()
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
    fn html_shows_what_it_was_given() {
        let hostile = r#""><script>alert('&')</script>"#;
        let html = html(hostile, hostile, hostile, "2027-01-29");
        let escaped = "&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;";
        assert_eq!(html.matches(escaped).count(), 5);
        assert!(!html.contains("<script") && !html.contains("alert('"));
    }

    #[test]
    fn addresses() {
        assert!(is_address("bob@example.org"));
        for wrong in [
            "",
            "bob",
            "bob@",
            "Bob <bob@example.org>",
            "a@b\r\nBcc: c@d",
            "a@b, c@d",
        ] {
            assert!(!is_address(wrong), "{wrong:?}");
        }
    }
}
