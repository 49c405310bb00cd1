//! Erasing files: uploads that do not go on, files that nothing lists any more, objects that no row names.

use std::collections::HashSet;

use futures_util::StreamExt;
use sqlx::AssertSqlSafe;

use super::erasure::{ERASING, still};
use super::file_parts::object_name;
use super::state::Vault;
use crate::clock::{DAY, HOUR};
use crate::http::error::Result;
use crate::store::columns::from_columns;
use crate::store::db::{PIECE_ROWS, placeholders};

/// So long after its last part an upload is erased, and a file after no row listed it any more.
const FILES_KEPT_MS: i64 = DAY;
/// The time between two looks through the store, and for which an object stays that no row names: a database that was restored
/// may yet be replaced by the newer one.
const STRAYS_KEPT_MS: i64 = DAY;
/// The time until a look that failed is taken again.
const SCAN_AGAIN_MS: i64 = HOUR;
/// The most files whose parts are missing that the log names at once.
const MAX_NAMED: usize = 20;

from_columns! {
    /// A part, by the end of its object's name.
    struct PartObject {
        part: i64,
        object: String,
    }
}

/// What a look through the store finds.
#[derive(Default)]
struct Scan {
    /// The objects of one file, which come one after another.
    file: String,
    names: HashSet<String>,
    /// The finished files that have all their objects.
    whole: HashSet<String>,
    strays: u64,
}

impl Vault {
    /// Erases uploads whose last part came a day ago, and files that no row has listed for a day.
    pub(super) async fn erase_old_files(&self, now: i64) -> Result<()> {
        let end = now - FILES_KEPT_MS;
        // What decides stands there twice: the inner one finds, the outer one sees what others have written meanwhile. Lists are
        // counted file by file: PostgreSQL might read all of them to see that there is none.
        for sql in [
            "UPDATE files SET deleted_at = $1, to_erase = 1 WHERE digest IS NULL AND updated_at <= $2 AND id IN \
             (SELECT id FROM files WHERE digest IS NULL AND deleted_at IS NULL AND updated_at <= $2 LIMIT 500)",
            "UPDATE files SET deleted_at = $1, to_erase = 1 WHERE unlisted_at <= $2 AND id IN \
             (SELECT id FROM files WHERE unlisted_at <= $2 AND deleted_at IS NULL \
             AND (SELECT COUNT(*) FROM listings WHERE listings.file = files.id) = 0 LIMIT 500)",
            // One row lists them no more, but another one does.
            "UPDATE files SET unlisted_at = $1 WHERE unlisted_at <= $2 AND id IN \
             (SELECT id FROM files WHERE unlisted_at <= $2 AND deleted_at IS NULL LIMIT 500)",
        ] {
            let piece = || sqlx::query(sql).bind(now).bind(end);
            self.db.in_pieces(ERASING, piece).await?;
        }
        let sql = "SELECT id FROM files WHERE to_erase = 1";
        let files: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.db.read).await?;
        for file in files {
            self.erase_file(&file, ERASING).await?;
        }
        Ok(())
    }

    /// Erases the files of a deleted account.
    pub(super) async fn erase_files(&self, account: &str, turns_of: &str) -> Result<()> {
        let now = self.clock.now();
        let sql = format!(
            "UPDATE files SET deleted_at = $1, to_erase = 1 WHERE {} AND id IN \
             (SELECT id FROM files WHERE account = $2 AND deleted_at IS NULL LIMIT 500)",
            still(2)
        );
        let mark = || sqlx::query(AssertSqlSafe(&*sql)).bind(now).bind(account);
        self.db.in_pieces(turns_of, mark).await?;
        let sql = "SELECT id FROM files WHERE account = $1 AND to_erase = 1";
        let files = sqlx::query_scalar(sql).bind(account);
        let files: Vec<String> = files.fetch_all(&self.db.read).await?;
        for file in files {
            self.erase_file(&file, turns_of).await?;
        }
        Ok(())
    }

    /// Erases the parts of a file that is marked.
    pub(super) async fn erase_file(&self, file: &str, turns_of: &str) -> Result<()> {
        self.objects.remove_group(file).await?;
        let parts = || {
            let sql = "DELETE FROM parts WHERE file = $1 AND part IN \
                       (SELECT part FROM parts WHERE file = $1 LIMIT 500)";
            sqlx::query(sql).bind(file)
        };
        self.db.in_pieces(turns_of, parts).await?;
        let sql = "UPDATE files SET to_erase = 0, size = 0, parts = 0, digest = NULL, unlisted_at = NULL WHERE id = $1";
        sqlx::query(sql)
            .bind(file)
            .execute(&mut *self.db.writer_as(turns_of).await?)
            .await?;
        Ok(())
    }

    /// Looks through the store once a day. Objects that no row names go at the next look; of parts without an object the log
    /// tells.
    pub(super) async fn scan_objects(&self, now: i64) -> Result<()> {
        let due = "UPDATE owner SET scanned_at = $1 WHERE scanned_at IS NULL OR scanned_at <= $2";
        let due = sqlx::query(due).bind(now).bind(now - STRAYS_KEPT_MS);
        if due.execute(&self.db.write).await?.rows_affected() == 0 {
            return Ok(());
        }
        let scanned = self.scan(now).await;
        if scanned.is_err() {
            let again = sqlx::query("UPDATE owner SET scanned_at = $1");
            let again = again.bind(now - STRAYS_KEPT_MS + SCAN_AGAIN_MS);
            again.execute(&self.db.write).await?;
        }
        scanned
    }

    async fn scan(&self, now: i64) -> Result<()> {
        let (mut scan, mut objects) = (Scan::default(), self.objects.list());
        while let Some(object) = objects.next().await {
            let (file, name) = object?;
            if file != scan.file {
                self.compare(&mut scan, now).await?;
                scan.file = file;
            }
            scan.names.insert(name);
        }
        self.compare(&mut scan, now).await?;
        if scan.strays > 0 {
            let strays = scan.strays;
            tracing::warn!(
                strays,
                "the store of files holds objects that the database does not name: they are removed a day after they were found"
            );
        }
        self.tell_of_missing(&scan.whole, now).await?;
        self.remove_strays(now).await
    }

    /// Compares the objects of a file with its rows.
    async fn compare(&self, scan: &mut Scan, now: i64) -> Result<()> {
        let (file, mut names) = (
            std::mem::take(&mut scan.file),
            std::mem::take(&mut scan.names),
        );
        if names.is_empty() {
            return Ok(());
        }
        let sql = "SELECT part, object FROM parts WHERE file = $1";
        let rows: Vec<PartObject> = sqlx::query_as(sql)
            .bind(&file)
            .fetch_all(&self.db.read)
            .await?;
        let named = rows.iter().map(|row| object_name(row.part, &row.object));
        let missing = named.filter(|name| !names.remove(name)).count();
        if missing == 0 {
            scan.whole.insert(file.clone());
        }
        for name in names {
            scan.strays += 1;
            let sql = "INSERT INTO strays (object, found_at, seen_at) VALUES ($1, $2, $2) \
                       ON CONFLICT (object) DO UPDATE SET seen_at = excluded.seen_at";
            let stray = sqlx::query(sql).bind(format!("{file}/{name}")).bind(now);
            stray
                .execute(&mut *self.db.writer_as(ERASING).await?)
                .await?;
        }
        Ok(())
    }

    /// Tells of finished files that miss objects, in a store that was just looked through.
    async fn tell_of_missing(&self, whole: &HashSet<String>, now: i64) -> Result<()> {
        let (mut after, mut missing) = (String::new(), Vec::new());
        loop {
            let sql = format!(
                "SELECT id FROM files WHERE id > $1 AND digest IS NOT NULL AND deleted_at IS NULL AND updated_at < $2 \
                 ORDER BY id LIMIT {PIECE_ROWS}"
            );
            let files: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(&after)
                .bind(now)
                .fetch_all(&self.db.read)
                .await?;
            let Some(last) = files.last() else { break };
            after.clone_from(last);
            missing.extend(files.into_iter().filter(|file| !whole.contains(file)));
        }
        for file in missing.iter().take(MAX_NAMED) {
            tracing::error!(file, "the store of files has lost parts of a file");
        }
        if missing.len() > MAX_NAMED {
            tracing::error!(files = missing.len(), "so many files have lost parts");
        }
        Ok(())
    }

    /// Removes the objects that no row named at this look, and not a day ago either.
    async fn remove_strays(&self, now: i64) -> Result<()> {
        // Those that were not seen again have got their rows, or are gone.
        let sql = "DELETE FROM strays WHERE object IN (SELECT object FROM strays WHERE seen_at < $1 LIMIT 500)";
        let known = || sqlx::query(sql).bind(now);
        self.db.in_pieces(ERASING, known).await?;
        loop {
            let sql = format!("SELECT object FROM strays WHERE found_at <= $1 LIMIT {PIECE_ROWS}");
            let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(now - STRAYS_KEPT_MS)
                .fetch_all(&self.db.read)
                .await?;
            if found.is_empty() {
                return Ok(());
            }
            let names = found.iter().filter_map(|object| object.split_once('/'));
            let names = names.map(|(file, name)| (file.to_owned(), name.to_owned()));
            self.objects.remove(names.collect()).await?;
            let sql = format!(
                "DELETE FROM strays WHERE object IN ({})",
                placeholders(1, found.len())
            );
            let mut gone = sqlx::query(AssertSqlSafe(sql));
            for object in &found {
                gone = gone.bind(object);
            }
            gone.execute(&mut *self.db.writer_as(ERASING).await?)
                .await?;
        }
    }
}
