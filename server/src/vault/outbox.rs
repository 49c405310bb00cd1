//! Sends the mails that wait, tries again after errors, and erases each token once its mail is gone.

use std::sync::Arc;

use super::mail::Mail;
use super::smtp::Failure;
use super::state::Vault;
use crate::clock::{MINUTE, SECOND};
use crate::http::error::Result;
use crate::store::columns::from_columns;

/// A mail that is being sent belongs for this time to the process that took it.
const LEASE_MS: i64 = 2 * MINUTE;
/// The longest wait between two attempts.
const MAX_RETRY_WAIT_MS: i64 = 60 * MINUTE;
/// After so many attempts, which is in about five days, a mail is given up.
const MAX_ATTEMPTS: i64 = 128;

from_columns! {
    /// A mail that is due.
    struct DueMail {
        id: String,
        recipient: String,
        inviter_email: String,
        token: String,
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
    async fn send_mails(&self) -> Result<()> {
        // An invitation that nobody can accept any more is not mailed.
        self.forget_tokens().await?;
        let due: Vec<DueMail> = sqlx::query_as(
            "SELECT id, recipient, inviter_email, token, expires_at, attempts, next_at FROM outbox \
             WHERE token IS NOT NULL AND next_at <= $1 ORDER BY next_at LIMIT 100",
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
        // A token that went out is not left in the database's log, either.
        Ok(self.db.checkpoint().await?)
    }

    async fn send_mail(&self, due: DueMail) -> Result<()> {
        let now = self.clock.now();
        // Of several processes only one may take the mail.
        let taken = sqlx::query("UPDATE outbox SET next_at = $1, attempts = attempts + 1 WHERE id = $2 AND next_at = $3 AND token IS NOT NULL")
            .bind(now + LEASE_MS)
            .bind(&due.id)
            .bind(due.next_at)
            .execute(&self.db.write)
            .await?;
        if taken.rows_affected() == 0 {
            return Ok(());
        }
        let link = format!(
            "{}#vouchsafe=1.m.{}.{}",
            self.invitation_url, due.id, due.token
        );
        let attempts = due.attempts + 1;
        let mail = Mail::invitation(
            due.id,
            due.recipient,
            &due.inviter_email,
            link,
            due.expires_at,
            now,
        );
        let sent = self.mailer.send(&mail).await;
        let now = self.clock.now();
        let sql = match sent {
            Ok(()) => {
                tracing::info!(invitation = mail.id, "mail sent");
                sqlx::query("UPDATE outbox SET token = NULL, sent_at = $1 WHERE id = $2").bind(now)
            }
            Err(Failure::Later(error)) if attempts < MAX_ATTEMPTS => {
                let doubled = 1i64 << u32::try_from(attempts - 1).unwrap_or_default().min(12);
                let wait = (10 * SECOND * doubled).min(MAX_RETRY_WAIT_MS);
                tracing::warn!(invitation = mail.id, error, wait, "mail not sent");
                sqlx::query("UPDATE outbox SET next_at = $1 WHERE id = $2 AND token IS NOT NULL")
                    .bind(now + wait)
            }
            // There is no other attempt, and without one the token is of no use.
            Err(Failure::Later(error) | Failure::Refused(error)) => {
                tracing::warn!(invitation = mail.id, error, attempts, "mail given up");
                sqlx::query("UPDATE outbox SET token = NULL, next_at = $1 WHERE id = $2").bind(now)
            }
        };
        sql.bind(&mail.id).execute(&self.db.write).await?;
        Ok(())
    }
}
