//! What an operator does with accounts and mails.

use chrono::DateTime;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;
use vouchsafe_server::Quota;
use vouchsafe_server::admin::{Account, AccountQuotas, Admin, AdminError, Details, Done, Stats};

/// The most of a list that one command shows.
const MAX_ITEMS: i64 = 10_000;

/// The place of the databases, and what is to be done there.
#[derive(Args)]
pub(super) struct AdminOptions {
    #[command(flatten)]
    pub(super) storage: super::Storage,

    /// Print JSON, with times in milliseconds since 1970.
    #[arg(long)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: AdminCommand,
}

#[derive(Subcommand)]
pub(crate) enum AdminCommand {
    /// List, disable and delete accounts.
    #[command(subcommand)]
    Accounts(AccountsCommand),
    /// End sessions.
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Look after mails that do not go.
    #[command(subcommand)]
    Mails(MailsCommand),
    /// Count accounts, what they have, and bytes. It reads every row, which takes its time where there are many.
    Stats,
}

#[derive(Subcommand)]
pub(crate) enum AccountsCommand {
    /// List accounts in the order of their ids, with their addresses or identities as they are stored.
    List {
        /// The most that are shown.
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = limit())]
        limit: u16,

        /// The id behind which to begin: the one that the page before ended with.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Show an account and what it has, of which nobody but its owner can read the content.
    Show {
        #[command(flatten)]
        account: Whose,
    },
    /// Show the quotas that an account has of its own, or change them.
    Quota {
        #[command(flatten)]
        account: Whose,

        /// A quota and its count, or `default` for the server's again, as in `cards=50000 bytes=default`: bytes, cards, shares,
        /// shares_per_connection, invitations, connections, connection_keys, spaces, file_bytes, files, uploads. The names are
        /// those of `quota_exceeded`; counts take effect with the account's next write, and nothing that is there goes.
        #[arg(value_name = "NAME=COUNT", value_parser = quota)]
        changes: Vec<(Quota, Option<i64>)>,
    },
    /// Disable an account: its sessions end, it gets no new ones, and no token of it is taken. What it has stays, and others go
    /// on reading what it shared.
    Disable {
        #[command(flatten)]
        account: Whose,
    },
    /// Give a disabled account back. Its owner signs in again.
    Enable {
        #[command(flatten)]
        account: Whose,
    },
    /// Delete an account, as its owner could: everything that it has is erased, its connections end, what it shared is gone, and
    /// its address is free. The services that run erase within a minute or two.
    Delete {
        #[command(flatten)]
        account: Whose,

        /// Do it. There is no way back.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum SessionsCommand {
    /// End all sessions of an account. The Vault takes a token that it has for up to five minutes.
    End {
        #[command(flatten)]
        account: Whose,
    },
}

#[derive(Subcommand)]
pub(crate) enum MailsCommand {
    /// List mails that were tried twice or more and did not go. The log has the mail server's answers, by the mails' ids.
    Stuck {
        /// The most that are shown.
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = limit())]
        limit: u16,
    },
    /// Try a mail now, or all that are stuck.
    Retry {
        #[command(flatten)]
        mail: Which,
    },
    /// Give a mail up, or all that are stuck. Invitations become undeliverable, and their inviters are told.
    Drop {
        #[command(flatten)]
        mail: Which,
    },
}

/// Whose account.
#[derive(Args)]
pub(crate) struct Whose {
    /// The account's id, address or identity.
    #[arg(value_name = "ACCOUNT")]
    name: String,
}

/// A stuck mail, or all of them.
#[derive(Args)]
#[group(required = true)]
pub(crate) struct Which {
    /// The mail's id.
    id: Option<String>,

    /// All that are stuck.
    #[arg(long)]
    all: bool,
}

fn limit() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=MAX_ITEMS)
}

/// `cards=50000`, or `cards=default`.
fn quota(text: &str) -> Result<(Quota, Option<i64>), String> {
    let form = "give a quota as cards=50000 or cards=default";
    let (name, count) = text.split_once('=').ok_or(form)?;
    let quota = serde_json::from_value(Value::from(name))
        .map_err(|_| format!("there is no quota of this name: {name}"))?;
    let most = match count {
        "default" => None,
        _ => Some(count.parse().ok().filter(|most| *most >= 0).ok_or(form)?),
    };
    Ok((quota, most))
}

/// Does what is asked for, and gives what to print.
pub(crate) async fn run(
    admin: &Admin,
    command: AdminCommand,
    json: bool,
) -> Result<String, AdminError> {
    match command {
        AdminCommand::Accounts(AccountsCommand::List { limit, after }) => {
            let page = admin.accounts(after.as_deref(), limit).await?;
            let mut lines: Vec<String> = page.items.iter().map(line).collect();
            lines.extend(page.next.iter().map(|next| format!("more: --after {next}")));
            Ok(print(json, &page, || lines.join("\n")))
        }
        AdminCommand::Accounts(AccountsCommand::Show { account }) => {
            let details = admin.account(&account.name).await?;
            Ok(print(json, &details, || shown(&details)))
        }
        AdminCommand::Accounts(AccountsCommand::Quota { account, changes }) => {
            let quotas = admin.quotas(&account.name, &changes).await?;
            Ok(print(json, &quotas, || own(&quotas)))
        }
        AdminCommand::Accounts(AccountsCommand::Disable { account }) => {
            let done = admin.disable(&account.name).await?;
            Ok(print(json, &done, || told("disabled", &done)))
        }
        AdminCommand::Accounts(AccountsCommand::Enable { account }) => {
            let done = admin.enable(&account.name).await?;
            Ok(print(json, &done, || told("enabled", &done)))
        }
        AdminCommand::Accounts(AccountsCommand::Delete { account, yes }) => {
            if !yes {
                // Says whether there is such an account, too.
                let details = admin.account(&account.name).await?;
                return Err(AdminError::new(format!(
                    "Add --yes to delete account {} with everything that it has: there is no way back.",
                    details.id
                )));
            }
            let done = admin.delete(&account.name).await?;
            Ok(print(json, &done, || told("deleted", &done)))
        }
        AdminCommand::Sessions(SessionsCommand::End { account }) => {
            let done = admin.end_sessions(&account.name).await?;
            Ok(print(json, &done, || told("signed out", &done)))
        }
        AdminCommand::Mails(MailsCommand::Stuck { limit }) => {
            let mails = admin.stuck_mails(limit).await?;
            let lines = mails.iter().map(|mail| {
                let (next, over) = (time(mail.next_at), time(mail.expires_at));
                format!(
                    "{}  {}  {}  attempts {}  next {next}  over {over}",
                    mail.id, mail.kind, mail.recipient, mail.attempts
                )
            });
            let lines: Vec<String> = lines.collect();
            Ok(print(json, &mails, || lines.join("\n")))
        }
        AdminCommand::Mails(MailsCommand::Retry { mail }) => {
            let mails = admin.retry_mails(mail.id.as_deref()).await?;
            Ok(print(json, &Count { mails }, || {
                format!("mails that a running Vault tries now: {mails}")
            }))
        }
        AdminCommand::Mails(MailsCommand::Drop { mail }) => {
            let mails = admin.drop_mails(mail.id.as_deref()).await?;
            Ok(print(json, &Count { mails }, || {
                format!("mails that a running Vault gives up now: {mails}")
            }))
        }
        AdminCommand::Stats => {
            let stats = admin.stats().await?;
            Ok(print(json, &stats, || counts(&stats)))
        }
    }
}

/// A number of mails.
#[derive(Serialize)]
struct Count {
    mails: u64,
}

fn print(json: bool, value: &impl Serialize, text: impl FnOnce() -> String) -> String {
    match json {
        true => serde_json::to_string(value).unwrap_or_default(),
        false => text(),
    }
}

/// A time as people read it, in UTC.
fn time(millis: i64) -> String {
    match DateTime::from_timestamp_millis(millis) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%SZ").to_string(),
        None => millis.to_string(),
    }
}

fn line(account: &Account) -> String {
    let disabled = match account.disabled_at {
        Some(at) => format!("  disabled {}", time(at)),
        None => String::new(),
    };
    let opened = time(account.created_at);
    format!(
        "{}  {}  opened {opened}{disabled}",
        account.id, account.login
    )
}

fn own(of: &AccountQuotas) -> String {
    let mut lines = vec![format!("account {}", of.id)];
    for (service, quotas) in [("keystore", &of.keystore), ("vault", &of.vault)] {
        let Some(quotas) = quotas else { continue };
        lines.push(match quotas.counts().is_empty() {
            true => format!("{service}: no quotas of its own, those of the server count"),
            false => service.to_owned(),
        });
        let counts = quotas.counts().iter();
        lines.extend(counts.map(|(name, most)| format!("  {name}: {most}")));
    }
    lines.join("\n")
}

fn told(what: &str, done: &Done) -> String {
    let mut text = format!("{what}: account {}", done.id);
    if let Some(sessions) = done.ended_sessions {
        text.push_str(&format!(", sessions ended: {sessions}"));
    }
    let services = done.services.join(" and ");
    text.push_str(&format!(" (at the {services})"));
    text
}

/// What a service has, as lines: what is counted, and how many.
fn section(service: &str, counted: Option<&impl Serialize>) -> Vec<String> {
    let Some(Ok(Value::Object(members))) = counted.map(serde_json::to_value) else {
        return Vec::new();
    };
    let lines = members
        .iter()
        .map(|(name, count)| format!("  {}: {count}", words(name)));
    std::iter::once(service.to_owned()).chain(lines).collect()
}

/// `cardBytes` as `card bytes`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn shown(details: &Details) -> String {
    let mut lines = vec![match &details.account {
        Some(account) => line(account),
        None => details.id.clone(),
    }];
    lines.extend(section("keystore", details.keystore.as_ref()));
    lines.extend(section("vault", details.vault.as_ref()));
    lines.join("\n")
}

fn counts(stats: &Stats) -> String {
    let mut lines = section("keystore", stats.keystore.as_ref());
    lines.extend(section("vault", stats.vault.as_ref()));
    lines.join("\n")
}
