//! Sends the mails that wait, several at a time, tries again after errors, and forgets each mail once it is gone. Of a mail that
//! is given up its inviter is told.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{AnyConnection, AssertSqlSafe};
use tokio::task::{Id, JoinSet};
use tracing::Instrument;

use super::address::{domain, mailbox};
use super::erasure::ERASING;
use super::events::{Change, Kind};
use super::invitations::Undeliverable;
use super::mail::{Content, Mail};
use super::smtp::Failure;
use super::state::Vault;
use super::words::Words;
use crate::clock::{MINUTE, SECOND};
use crate::http::error::{ApiError, Result};
use crate::metrics;
use crate::store::columns::{Columns, from_columns};
use crate::store::db::Tx;
use crate::store::new_row::NewRow;

/// A mail that is being sent belongs for this time to the process that took it.
const LEASE_MS: i64 = 2 * MINUTE;
/// The longest wait between two attempts.
const MAX_RETRY_WAIT_MS: i64 = 60 * MINUTE;
/// After so many attempts, which is in about five days, a mail is given up.
pub(super) const MAX_ATTEMPTS: i64 = 128;
/// So many mails are handed over at a time: a mail server that hangs over one holds up no other.
const MAX_SENDING: usize = 10;
/// So many of them go to one domain, whose server may be the one that hangs.
const MAX_SENDING_TO_DOMAIN: usize = 3;
/// Among so many mails that are due the next ones are looked for.
const MAX_DUE: usize = 1000;
/// What is true of a mail that shall not go any more: its recipient wants none, or its invitation is over.
const UNWANTED: &str = "(EXISTS (SELECT 1 FROM refusals WHERE refusals.mailbox = outbox.mailbox) OR EXISTS \
     (SELECT 1 FROM invitations WHERE invitations.id = outbox.id AND invitations.state <> 'pending'))";

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
    /// The page that its link leads to, if it is not the first one.
    pub(super) page: Option<&'a str>,
    /// The tag of its language.
    pub(super) language: Option<&'a str>,
    /// The mail is of no use any more from this time on.
    pub(super) expires_at: i64,
}

from_columns! {
    /// A mail that is due.
    struct DueMail {
        id: String,
        kind: String,
        account: String,
        recipient: String,
        named: Option<String>,
        seed: String,
        page: Option<String>,
        language: Option<String>,
        expires_at: i64,
        attempts: i64,
        next_at: i64,
    }
}

/// The mails that are being handed over, and the domains that they go to.
#[derive(Default)]
struct Sending {
    tasks: JoinSet<Result<()>>,
    domains: HashMap<Id, String>,
}

impl Sending {
    fn is_full(&self) -> bool {
        self.tasks.len() >= MAX_SENDING
    }

    fn has_room_for(&self, domain: &str) -> bool {
        let to_domain = self.domains.values().filter(|other| *other == domain);
        !self.is_full() && to_domain.count() < MAX_SENDING_TO_DOMAIN
    }

    fn add(&mut self, domain: String, work: impl Future<Output = Result<()>> + Send + 'static) {
        let task = self.tasks.spawn(work.in_current_span());
        self.domains.insert(task.id(), domain);
    }

    /// Waits until one has ended. Gives nothing when there is none.
    async fn one_ends(&mut self) -> Option<()> {
        let (id, result) = match self.tasks.join_next_with_id().await? {
            Ok((id, result)) => (id, result),
            Err(error) => (
                error.id(),
                Err(ApiError::internal("a mail broke off", error)),
            ),
        };
        self.domains.remove(&id);
        note(result);
        Some(())
    }
}

fn note(result: Result<()>) {
    if let Err(error) = result {
        tracing::error!(code = ?error.code(), "the outbox could not be worked on");
    }
}

/// Runs until the server stops, and lets the mails end that are being handed over.
pub(super) async fn work(vault: &Arc<Vault>) {
    let mut stopping = vault.stopping.clone();
    let mut sending = Sending::default();
    while !*stopping.borrow() {
        tokio::select! {
            sent = vault.send_mails(&mut sending) => note(sent),
            // What waits for an answer that never comes begins anew.
            () = vault.db.peers.lost() => {}
        }
        tokio::select! {
            () = vault.mail_waits.notified() => {}
            () = tokio::time::sleep(vault.outbox) => {}
            Some(()) = sending.one_ends() => {
                if sending.tasks.is_empty() {
                    // An address that a mail went to is not left in the database's log, either.
                    note(vault.db.checkpoint().await.map_err(Into::into));
                }
            }
            _ = stopping.changed() => {}
        }
    }
    while sending.one_ends().await.is_some() {}
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
            .made("page", mail.page)
            .made("language", mail.language)
            .made("expires_at", mail.expires_at)
            .made("attempts", 0i64)
            .made("next_at", self.clock.now())
            .add(tx)
            .await
    }

    /// Begins to send what is due and has room. What was tried less often goes first, so that what hangs waits for the rest.
    async fn send_mails(self: &Arc<Self>, sending: &mut Sending) -> Result<()> {
        self.forget_mails().await?;
        if sending.is_full() {
            return Ok(());
        }
        for mail in self.due_mails().await? {
            let domain = domain(&mail.recipient).to_owned();
            if !sending.has_room_for(&domain) {
                continue;
            }
            if self.take_mail(&mail).await? {
                let vault = Arc::clone(self);
                sending.add(domain, async move {
                    tokio::select! {
                        sent = vault.send_mail(mail) => sent,
                        () = vault.db.peers.lost() => Ok(()),
                    }
                });
            } else {
                self.forget_unwanted(&mail.id).await?;
            }
        }
        Ok(())
    }

    /// The mails that are due, those first that were tried less often, as many as are looked at.
    async fn due_mails(&self) -> Result<Vec<DueMail>> {
        let now = self.clock.now();
        // No wait is longer: such a time was set while the clock was ahead.
        sqlx::query("UPDATE outbox SET next_at = $1 WHERE next_at > $2")
            .bind(now)
            .bind(now + MAX_RETRY_WAIT_MS.max(LEASE_MS))
            .execute(&self.db.write)
            .await?;
        // The counts of attempts that there are, each found from the one before: what is not due is passed over.
        let counts: Vec<i64> = sqlx::query_scalar(
            "WITH RECURSIVE counts (attempts) AS (SELECT MIN(attempts) FROM outbox UNION ALL \
             SELECT (SELECT MIN(attempts) FROM outbox WHERE outbox.attempts > counts.attempts) FROM counts \
             WHERE counts.attempts IS NOT NULL) SELECT attempts FROM counts WHERE attempts IS NOT NULL",
        )
        .fetch_all(&self.db.read)
        .await?;
        let sql = format!(
            "SELECT {} FROM outbox WHERE attempts = $1 AND next_at <= $2 ORDER BY next_at LIMIT $3",
            DueMail::COLUMNS
        );
        let mut due: Vec<DueMail> = Vec::new();
        for attempts in counts {
            let left = MAX_DUE.saturating_sub(due.len());
            let tried = sqlx::query_as(AssertSqlSafe(&*sql))
                .bind(attempts)
                .bind(now)
                .bind(i64::try_from(left).unwrap_or(i64::MAX));
            due.extend(tried.fetch_all(&self.db.read).await?);
            if due.len() >= MAX_DUE {
                break;
            }
        }
        Ok(due)
    }

    /// Takes a mail. Of several processes only one may, and none once it is unwanted, which it may be since it was found.
    async fn take_mail(&self, due: &DueMail) -> Result<bool> {
        let taken = sqlx::query(AssertSqlSafe(format!(
            "UPDATE outbox SET next_at = $1, attempts = attempts + 1 \
             WHERE id = $2 AND next_at = $3 AND NOT {UNWANTED}"
        )))
        .bind(self.clock.now() + LEASE_MS)
        .bind(&due.id)
        .bind(due.next_at)
        .execute(&self.db.write)
        .await?;
        Ok(taken.rows_affected() == 1)
    }

    /// Hands a mail over that was taken.
    async fn send_mail(&self, due: DueMail) -> Result<()> {
        let (account, attempts) = (due.account.clone(), due.attempts + 1);
        if attempts > MAX_ATTEMPTS {
            return self.give_up(&account, &due.id, Undeliverable::Unsent).await;
        }
        let mail = self.mail(due, self.clock.now());
        let (reason, error) = match self.mailer.send(&mail).await {
            Ok(()) => {
                metrics::mail(metrics::Mail::Sent);
                tracing::info!(mail = mail.id, "mail sent");
                return forget_mail(&mut *self.db.write.acquire().await?, &mail.id).await;
            }
            Err(Failure::Later(error)) if attempts < MAX_ATTEMPTS => {
                let doubled = 1i64 << u32::try_from(attempts - 1).unwrap_or_default().min(12);
                let wait = (10 * SECOND * doubled).min(MAX_RETRY_WAIT_MS);
                metrics::mail(metrics::Mail::Failed);
                tracing::warn!(mail = mail.id, error, wait, "mail not sent");
                sqlx::query("UPDATE outbox SET next_at = $1 WHERE id = $2")
                    .bind(self.clock.now() + wait)
                    .bind(&mail.id)
                    .execute(&self.db.write)
                    .await?;
                return Ok(());
            }
            Err(Failure::Later(error)) => (Undeliverable::Unsent, error),
            Err(Failure::Refused(error)) => (Undeliverable::Refused, error),
        };
        tracing::warn!(mail = mail.id, error, attempts, "mail given up");
        self.give_up(&account, &mail.id, reason).await
    }

    /// Erases a mail that was found and not taken, if it is because nobody wants it any more.
    async fn forget_unwanted(&self, id: &str) -> Result<()> {
        let sql = format!("DELETE FROM outbox WHERE id = $1 AND {UNWANTED}");
        let gone = sqlx::query(AssertSqlSafe(sql)).bind(id);
        gone.execute(&self.db.write).await?;
        Ok(())
    }

    /// Ends the attempts at a mail. Its invitation, if it is one that still waits, ends with them, and the inviter is told.
    async fn give_up(&self, account: &str, id: &str, reason: Undeliverable) -> Result<()> {
        metrics::mail(metrics::Mail::GivenUp);
        let mut tx = self.db.begin_as(account).await?;
        forget_mail(&mut tx, id).await?;
        let ended = sqlx::query(
            "UPDATE invitations SET state = 'undeliverable', reason = $1, over_at = $2 \
             WHERE id = $3 AND state = 'pending' AND expires_at > $2",
        )
        .bind(reason.as_str())
        .bind(self.clock.now())
        .bind(id)
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(tx.commit().await?);
        }
        let change = Change::new(account, Kind::Invitation, id);
        self.record(tx, vec![change]).await
    }

    /// The mail, with the token or the code that its row and the setup together give.
    fn mail(&self, due: DueMail, now: i64) -> Mail {
        let content = if due.kind == MailKind::Code.as_str() {
            Content::Code(self.setup.code(&due.id, &due.seed))
        } else {
            let token = self.setup.invitation_token(&due.id, &due.seed).to_text();
            let base = due.page.as_deref().unwrap_or(&self.pages[0]);
            let id = &due.id;
            Content::Invitation {
                named: due.named,
                link: format!("{base}#vouchsafe=1.m.{id}.{token}"),
                expires_at: due.expires_at,
            }
        };
        let refusal = self.refusal_link(&due.recipient);
        let words = Words::of(due.language.as_deref());
        Mail::new(
            due.id,
            due.recipient,
            content,
            (&self.app, words),
            refusal,
            now,
        )
    }

    /// How many mails wait, at most so many.
    pub(crate) async fn mails_waiting(&self) -> Result<i64> {
        let count = "SELECT COUNT(*) FROM (SELECT id FROM outbox LIMIT 10000) AS waiting";
        Ok(sqlx::query_scalar(count).fetch_one(&self.db.read).await?)
    }

    /// Erases the mails whose time is over. One that nobody wants any more goes with the cause, or when it is due.
    pub(super) async fn forget_mails(&self) -> Result<()> {
        // A clock that is in doubt ends no mail's time.
        let Some(now) = self.passage.now() else {
            return Ok(());
        };
        let over = || {
            let sql = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE expires_at <= $1 LIMIT 500)";
            sqlx::query(sql).bind(now)
        };
        Ok(self.db.in_pieces(ERASING, over).await?)
    }
}

/// Erases a mail, if there is one.
pub(super) async fn forget_mail(connection: &mut AnyConnection, id: &str) -> Result<()> {
    let gone = sqlx::query("DELETE FROM outbox WHERE id = $1").bind(id);
    gone.execute(connection).await?;
    Ok(())
}
