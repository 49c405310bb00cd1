//! Sends the mails that wait, tries again after errors, and forgets each mail once it is gone.

use std::sync::Arc;

use super::address::mailbox;
use super::mail::{Content, Mail};
use super::smtp::Failure;
use super::state::Vault;
use crate::clock::{MINUTE, SECOND};
use crate::http::error::Result;
use crate::store::columns::from_columns;
use crate::store::db::Tx;
use crate::store::new_row::NewRow;

/// A mail that is being sent belongs for this time to the process that took it.
const LEASE_MS: i64 = 2 * MINUTE;
/// The longest wait between two attempts.
const MAX_RETRY_WAIT_MS: i64 = 60 * MINUTE;
/// After so many attempts, which is in about five days, a mail is given up.
const MAX_ATTEMPTS: i64 = 128;

/// The kinds of mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MailKind {
    /// An invitation; the mail's id is the invitation's.
    Invitation,
    /// A code that confirms an address.
    Code,
}

impl MailKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Code => "code",
        }
    }
}

/// A mail to put into the outbox.
pub(super) struct NewMail<'a> {
    pub(super) id: &'a str,
    pub(super) kind: MailKind,
    /// The account that caused it.
    pub(super) account: &'a str,
    pub(super) recipient: &'a str,
    /// The address that the mail may name somebody by.
    pub(super) named: Option<&'a str>,
    pub(super) seed: &'a str,
    /// The mail is of no use any more from this time on.
    pub(super) expires_at: i64,
}

from_columns! {
    /// A mail that is due.
    struct DueMail {
        id: String,
        kind: String,
        recipient: String,
        named: Option<String>,
        seed: String,
        expires_at: i64,
        attempts: i64,
        next_at: i64,
    }
}

/// Runs until the server stops.
pub(super) async fn work(vault: &Arc<Vault>) {
    let mut stopping = vault.stopping.clone();
    while !*stopping.borrow() {
        if let Err(error) = vault.send_mails().await {
            tracing::error!(code = ?error.code(), "the outbox could not be worked on");
        }
        tokio::select! {
            () = vault.mail_waits.notified() => {}
            () = tokio::time::sleep(vault.outbox) => {}
            _ = stopping.changed() => {}
        }
    }
}

impl Vault {
    /// Puts a mail into the outbox.
    pub(super) async fn add_mail(&self, tx: &mut Tx, mail: &NewMail<'_>) -> Result<()> {
        let mailbox = self.setup.refused(&mailbox(mail.recipient));
        NewRow::of("outbox")
            .key("id", mail.id)
            .made("kind", mail.kind.as_str())
            .made("account", mail.account)
            .made("recipient", mail.recipient)
            .made("mailbox", &*mailbox)
            .made("named", mail.named)
            .made("seed", mail.seed)
            .made("expires_at", mail.expires_at)
            .made("attempts", 0i64)
            .made("next_at", self.clock.now())
            .add(tx)
            .await
    }

    async fn send_mails(&self) -> Result<()> {
        self.forget_mails().await?;
        let due: Vec<DueMail> = sqlx::query_as(
            "SELECT id, kind, recipient, named, seed, expires_at, attempts, next_at FROM outbox \
             WHERE next_at <= $1 ORDER BY next_at LIMIT 100",
        )
        .bind(self.clock.now())
        .fetch_all(&self.db.read)
        .await?;
        if due.is_empty() {
            return Ok(());
        }
        for mail in due {
            if *self.stopping.borrow() {
                break;
            }
            self.send_mail(mail).await?;
        }
        // An address that a mail went to is not left in the database's log, either.
        Ok(self.db.checkpoint().await?)
    }

    async fn send_mail(&self, due: DueMail) -> Result<()> {
        let now = self.clock.now();
        // Of several processes only one may take the mail.
        let taken = sqlx::query(
            "UPDATE outbox SET next_at = $1, attempts = attempts + 1 WHERE id = $2 AND next_at = $3",
        )
        .bind(now + LEASE_MS)
        .bind(&due.id)
        .bind(due.next_at)
        .execute(&self.db.write)
        .await?;
        if taken.rows_affected() == 0 {
            return Ok(());
        }
        let attempts = due.attempts + 1;
        let mail = self.mail(due, now);
        let sent = self.mailer.send(&mail).await;
        let now = self.clock.now();
        match sent {
            Ok(()) => tracing::info!(mail = mail.id, "mail sent"),
            Err(Failure::Later(error)) if attempts < MAX_ATTEMPTS => {
                let doubled = 1i64 << u32::try_from(attempts - 1).unwrap_or_default().min(12);
                let wait = (10 * SECOND * doubled).min(MAX_RETRY_WAIT_MS);
                tracing::warn!(mail = mail.id, error, wait, "mail not sent");
                sqlx::query("UPDATE outbox SET next_at = $1 WHERE id = $2")
                    .bind(now + wait)
                    .bind(&mail.id)
                    .execute(&self.db.write)
                    .await?;
                return Ok(());
            }
            Err(Failure::Later(error) | Failure::Refused(error)) => {
                tracing::warn!(mail = mail.id, error, attempts, "mail given up");
            }
        }
        // There is no other attempt.
        sqlx::query("DELETE FROM outbox WHERE id = $1")
            .bind(&mail.id)
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    /// The mail, with the token or the code that its row and the setup together give.
    fn mail(&self, due: DueMail, now: i64) -> Mail {
        let content = if due.kind == MailKind::Code.as_str() {
            Content::Code(self.setup.code(&due.id, &due.seed))
        } else {
            let token = self.setup.invitation_token(&due.id, &due.seed).to_text();
            let (base, id) = (&self.invitation_url, &due.id);
            Content::Invitation {
                named: due.named,
                link: format!("{base}#vouchsafe=1.m.{id}.{token}"),
                expires_at: due.expires_at,
            }
        };
        let refusal = self.refusal_link(&due.recipient);
        Mail::new(due.id, due.recipient, content, &self.app, refusal, now)
    }

    /// Erases the mails that shall not go any more: their time is over, their invitation is, or their recipient wants none.
    pub(super) async fn forget_mails(&self) -> Result<()> {
        // A clock that is in doubt ends no mail's time.
        let now = self.passage.now().unwrap_or(i64::MIN);
        sqlx::query(
            "DELETE FROM outbox WHERE expires_at <= $1 OR mailbox IN (SELECT mailbox FROM refusals) OR EXISTS \
             (SELECT 1 FROM invitations WHERE invitations.id = outbox.id AND invitations.state <> 'pending')",
        )
        .bind(now)
        .execute(&self.db.write)
        .await?;
        Ok(())
    }
}
