//! Mails: what they say, and the two ways they go.

use std::path::{Path, PathBuf};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use serde::{Deserialize, Serialize};

use crate::clock::DAY;
use crate::config::Config;
use crate::server::StartError;

/// A mail, as it is captured.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Mail {
    pub(super) id: String,
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) link: String,
    pub(super) sent_at: i64,
}

impl Mail {
    /// The mail of an invitation. It holds nothing that the inviter could write freely.
    pub(super) fn invitation(
        id: String,
        to: String,
        inviter: &str,
        link: String,
        expires_at: i64,
        now: i64,
    ) -> Self {
        let (year, month, day) = date(expires_at);
        let subject = format!("{inviter} invites you to connect");
        let text = format!(
            "Hello,\n\n{inviter} invites you to connect, so that the two of you can share cards that nobody else can \
             read.\n\nOpen this link to accept or to decline:\n\n{link}\n\nThe link works once, and until \
             {year:04}-{month:02}-{day:02} (UTC). Whoever has it can accept, so do not pass it on.\n\nIf you do not \
             know the sender, ignore this mail.\n"
        );
        Self {
            id,
            to,
            subject,
            text,
            link,
            sent_at: now,
        }
    }
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

/// Whether mail can be addressed to this.
pub(super) fn is_address(email: &str) -> bool {
    email.len() <= 254 && email.parse::<Address>().is_ok()
}

/// Sends mails, or captures them as files.
pub(crate) enum Mailer {
    Smtp {
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        from: Mailbox,
    },
    Folder(PathBuf),
}

impl Mailer {
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let Some(url) = &config.smtp_url else {
            return Ok(Self::Folder(config.file("outbox")));
        };
        let bad = |what: &str, error: &dyn std::fmt::Display| {
            StartError(format!("Check {what} ({error})."))
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| bad("--smtp-url", &error))?;
        let from = config
            .mail_from
            .parse()
            .map_err(|error| bad("--mail-from", &error))?;
        Ok(Self::Smtp {
            transport: Box::new(transport.build()),
            from,
        })
    }

    /// Sends one mail. The error is for the log and holds nothing of the mail.
    pub(super) async fn send(&self, mail: &Mail) -> Result<(), String> {
        match self {
            Self::Smtp { transport, from } => {
                let to = mail
                    .to
                    .parse()
                    .map_err(|_| "the address does not parse".to_owned())?;
                let message = Message::builder()
                    .from(from.clone())
                    .to(Mailbox::new(None, to))
                    .subject(&mail.subject)
                    .header(ContentType::TEXT_PLAIN)
                    .body(mail.text.clone())
                    .map_err(|error| error.to_string())?;
                transport.send(message).await.map(drop).map_err(|error| {
                    // The server's own words may repeat the address.
                    error.status().map_or_else(
                        || "no connection".to_owned(),
                        |code| format!("the server said {code}"),
                    )
                })
            }
            Self::Folder(folder) => capture(folder, mail)
                .await
                .map_err(|error| error.to_string()),
        }
    }
}

async fn capture(folder: &Path, mail: &Mail) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let name = format!("{:015}-{}", mail.sent_at, mail.id);
    let part = folder.join(format!("{name}.part"));
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&part).await?;
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
