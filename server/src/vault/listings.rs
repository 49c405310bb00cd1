//! The files that cards, shares and links list: who may read a file follows from it, and how long it stays.

use std::collections::HashSet;

use sqlx::{AnyConnection, AssertSqlSafe};

use super::state::Vault;
use crate::http::error::{ApiError, Code, Result};
use crate::http::extract::is_each_once;
use crate::http::sizes::MAX_FILES;
use crate::http::values::Id;
use crate::store::db::{Tx, placeholders};

/// The kinds of records that list files.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lists {
    Cards,
    Shares,
    Links,
}

impl Lists {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cards => "card",
            Self::Shares => "share",
            Self::Links => "link",
        }
    }

    /// The name of an account's record among all of its kind.
    pub(super) fn record(self, account: &str, id: &str) -> String {
        match self {
            // Their ids are the account's own.
            Self::Cards => format!("{account} {id}"),
            Self::Shares | Self::Links => id.to_owned(),
        }
    }
}

/// Refuses a list of too many files, or of one twice.
pub(super) fn check_files(files: &[Id]) -> Result<()> {
    match files.len() <= MAX_FILES && is_each_once(files) {
        true => Ok(()),
        false => Err(ApiError::bad_input(format!(
            "List at most {MAX_FILES} files, and each once."
        ))),
    }
}

/// The files that a record lists now.
async fn listed(
    connection: &mut AnyConnection,
    lists: Lists,
    record: &str,
) -> Result<HashSet<String>> {
    let sql = "SELECT file FROM listings WHERE kind = $1 AND record = $2";
    let files = sqlx::query_scalar(sql).bind(lists.as_str()).bind(record);
    Ok(files.fetch_all(connection).await?.into_iter().collect())
}

/// Whether a record lists these files, and no others.
pub(super) async fn lists_these(
    connection: &mut AnyConnection,
    lists: Lists,
    record: &str,
    files: &[Id],
) -> Result<bool> {
    let stored = listed(connection, lists, record).await?;
    Ok(stored.len() == files.len() && files.iter().all(|file| stored.contains(file.as_str())))
}

/// A record that was written before: a conflict if it listed other files then.
pub(super) async fn same_files<T>(
    connection: &mut AnyConnection,
    lists: Lists,
    record: &str,
    files: &[Id],
    before: T,
) -> Result<T> {
    match lists_these(connection, lists, record, files).await? {
        true => Ok(before),
        false => Err(Code::Conflict.into()),
    }
}

/// Keeps files that a record is to list: `not_found`, unless all of them are finished and the account's.
async fn keep(tx: &mut Tx, account: &str, files: &[Id]) -> Result<()> {
    // It holds the rows: who erases them comes before, or finds that they are listed.
    let sql = format!(
        "UPDATE files SET unlisted_at = NULL \
         WHERE account = $1 AND digest IS NOT NULL AND deleted_at IS NULL AND id IN ({})",
        placeholders(2, files.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(account);
    for file in files {
        query = query.bind(file.as_str());
    }
    let kept = query.execute(&mut **tx).await?.rows_affected();
    match usize::try_from(kept) {
        Ok(kept) if kept == files.len() => Ok(()),
        _ => Err(ApiError::new(
            Code::NotFound,
            "Finish the uploads of the files first: one of them is not there.",
        )),
    }
}

/// Lets go of files that a record has listed.
async fn let_go(tx: &mut Tx, files: &[String], now: i64) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE files SET unlisted_at = $1 WHERE id IN ({})",
        placeholders(2, files.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
    for file in files {
        query = query.bind(file);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Lists files under a record of the account, in place of those that were listed before.
pub(super) async fn list_files(
    tx: &mut Tx,
    account: &str,
    (lists, id): (Lists, &Id),
    files: &[Id],
    now: i64,
) -> Result<()> {
    let record = lists.record(account, id.as_str());
    let stored = listed(tx, lists, &record).await?;
    let wanted: HashSet<&str> = files.iter().map(Id::as_str).collect();
    if !files.is_empty() {
        keep(tx, account, files).await?;
    }
    let gone = stored.iter().filter(|file| !wanted.contains(&***file));
    let gone: Vec<String> = gone.cloned().collect();
    if !gone.is_empty() {
        let sql = format!(
            "DELETE FROM listings WHERE kind = $1 AND record = $2 AND file IN ({})",
            placeholders(3, gone.len())
        );
        let mut delete = sqlx::query(AssertSqlSafe(sql));
        delete = delete.bind(lists.as_str()).bind(&record);
        for file in &gone {
            delete = delete.bind(file);
        }
        delete.execute(&mut **tx).await?;
    }
    let new: Vec<&Id> = files
        .iter()
        .filter(|file| !stored.contains(file.as_str()))
        .collect();
    if !new.is_empty() {
        let rows: Vec<String> = (0..new.len())
            .map(|row| format!("($1, $2, ${})", 3 + row))
            .collect();
        let rows = rows.join(", ");
        let sql = format!("INSERT INTO listings (kind, record, file) VALUES {rows}");
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        insert = insert.bind(lists.as_str()).bind(&record);
        for file in new {
            insert = insert.bind(file.as_str());
        }
        insert.execute(&mut **tx).await?;
    }
    let_go(tx, &gone, now).await
}

impl Vault {
    /// Ends the lists of records that are over, by the names that [`Lists::record`] gives.
    pub(super) async fn end_lists(
        &self,
        tx: &mut Tx,
        lists: Lists,
        records: &[String],
    ) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let sql = format!(
            "DELETE FROM listings WHERE kind = $1 AND record IN ({}) RETURNING file",
            placeholders(2, records.len())
        );
        let mut query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(lists.as_str());
        for record in records {
            query = query.bind(record);
        }
        let mut files: Vec<String> = query.fetch_all(&mut **tx).await?;
        files.sort();
        files.dedup();
        for files in files.chunks(MAX_FILES) {
            let_go(tx, files, now).await?;
        }
        Ok(())
    }
}
