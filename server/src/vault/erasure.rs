//! Erasing what ended, in pieces: each is a transaction of its own, between which others write. What a cut leaves is marked
//! `to_erase`, and goes with the next sweep.

use sqlx::AssertSqlSafe;

use super::events::{Change, Kind};
use super::link_reads::READ_KEPT_MS;
use super::listings::Lists;
use super::state::Vault;
use crate::http::error::Result;
use crate::http::sizes::MAX_ANSWER_BYTES;
use crate::store::columns::from_columns;
use crate::store::db::{PIECE_ROWS, placeholders};

/// The turns of what is erased beside the requests.
pub(super) const ERASING: &str = "erasing";

/// The most connections that end in one transaction, each with its event.
const MAX_ENDED: i64 = 100;

/// The most bytes of one piece, unless it is a single record.
const PIECE_BYTES: usize = MAX_ANSWER_BYTES;

/// Whether the account `$n` is still to be erased. Two may erase it at once, a request and the sweep of another process: who comes
/// last must not meet what its owner, who has come back meanwhile, makes anew.
pub(super) fn still(n: usize) -> String {
    format!("EXISTS (SELECT 1 FROM accounts WHERE accounts.id = ${n} AND accounts.to_erase = 1)")
}

from_columns! {
    /// A record that may be large.
    struct Found {
        id: String,
        size: i64,
    }
}

from_columns! {
    /// A connection that ended with an account, and the person on its other side.
    struct Parted {
        id: String,
        peer: String,
    }
}

/// The rows that are to be erased, and what becomes of them: a statement that gives [`Found`] for `$1` in the order of an
/// index, and one that takes `$1` too and the ids from `$2` on.
struct Erasure<'a> {
    find: &'a str,
    erase: &'a str,
    of: One<'a>,
    /// Their kind, whose lists of files end with them.
    lists: Lists,
}

#[derive(Clone, Copy)]
enum One<'a> {
    Id(&'a str),
    Time(i64),
}

impl Erasure<'_> {
    /// The ids of the next piece. There is none when all is erased.
    async fn next(&self, vault: &Vault) -> Result<Vec<String>> {
        let sql = format!("{} LIMIT {PIECE_ROWS}", self.find);
        let query = sqlx::query_as::<_, Found>(AssertSqlSafe(sql));
        let query = match self.of {
            One::Id(id) => query.bind(id),
            One::Time(time) => query.bind(time),
        };
        let rows = query.fetch_all(&vault.db.read).await?;
        let (mut piece, mut bytes) = (Vec::new(), 0);
        for row in rows {
            bytes += usize::try_from(row.size).unwrap_or(0);
            if bytes > PIECE_BYTES && !piece.is_empty() {
                break;
            }
            piece.push(row.id);
        }
        Ok(piece)
    }

    /// Erases all, piece by piece, in the account's turns.
    async fn run(&self, vault: &Vault, account: &str) -> Result<()> {
        loop {
            let piece = self.next(vault).await?;
            if piece.is_empty() {
                return Ok(());
            }
            let list = placeholders(2, piece.len());
            let sql = format!("{} ({list}) RETURNING id", self.erase);
            let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
            query = match self.of {
                One::Id(id) => query.bind(id),
                One::Time(time) => query.bind(time),
            };
            for id in &piece {
                query = query.bind(id);
            }
            let mut tx = vault.db.begin_as(account).await?;
            // Not those that got a later end meanwhile.
            let erased: Vec<String> = query.fetch_all(&mut *tx).await?;
            let records = erased.iter().map(|id| match self.of {
                One::Id(whose) => self.lists.record(whose, id),
                One::Time(_) => id.clone(),
            });
            let records: Vec<String> = records.collect();
            vault.end_lists(&mut tx, self.lists, &records).await?;
            tx.commit().await?;
            if records.is_empty() {
                // None of what was found is to be erased any more.
                return Ok(());
            }
        }
    }
}

impl Vault {
    /// Erases the ciphertexts of shares and links that are over. Their rows stay, so that who asks is told.
    pub(super) async fn erase_expired(&self, now: i64) -> Result<()> {
        let shares = Erasure {
            find: "SELECT id, size FROM shares WHERE size > 0 AND expires_at <= $1",
            erase: "UPDATE shares SET share = '', size = 0, read_edition = NULL, read_at = NULL \
                    WHERE expires_at <= $1 AND id IN",
            of: One::Time(now),
            lists: Lists::Shares,
        };
        shares.run(self, ERASING).await?;
        let links = Erasure {
            find: "SELECT id, size FROM links WHERE size > 0 AND expires_at <= $1",
            erase: "UPDATE links SET share = '', size = 0, reading = '' WHERE expires_at <= $1 AND id IN",
            of: One::Time(now),
            lists: Lists::Links,
        };
        links.run(self, ERASING).await?;
        // The last read of a link may be repeated for a time.
        let used_up = Erasure {
            find: "SELECT id, size FROM links WHERE size > 0 AND reads >= max_reads AND read_at <= $1",
            erase: "UPDATE links SET share = '', size = 0, reading = '' WHERE read_at <= $1 AND id IN",
            of: One::Time(now - READ_KEPT_MS),
            lists: Lists::Links,
        };
        used_up.run(self, ERASING).await
    }

    /// Erases what the ends of connections and accounts have left.
    pub(super) async fn erase_the_rest(&self) -> Result<()> {
        let sql = "SELECT id FROM accounts WHERE to_erase = 1";
        let accounts: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.db.read).await?;
        for account in accounts {
            self.erase_account(&account, ERASING).await?;
        }
        let sql = "SELECT id FROM connections WHERE to_erase = 1";
        let connections: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.db.read).await?;
        for connection in connections {
            self.erase_shares(&connection, ERASING).await?;
        }
        Ok(())
    }

    /// Erases the shares of a connection that ended, both ways, and then its spaces.
    pub(super) async fn erase_shares(&self, connection: &str, turns_of: &str) -> Result<()> {
        let shares = Erasure {
            find: "SELECT id, size FROM shares WHERE connection_id = $1 AND deleted_at IS NULL",
            // The time of the end is that of the connection.
            erase: "UPDATE shares SET share = '', size = 0, read_edition = NULL, read_at = NULL, deleted_at = \
                    (SELECT ended_at FROM connections WHERE id = $1) WHERE connection_id = $1 AND id IN",
            of: One::Id(connection),
            lists: Lists::Shares,
        };
        shares.run(self, turns_of).await?;
        let spaces = || {
            let sql = "UPDATE spaces SET deleted_at = (SELECT ended_at FROM connections WHERE id = $1) \
                       WHERE id IN (SELECT id FROM spaces WHERE connection_id = $1 AND deleted_at IS NULL LIMIT 500)";
            sqlx::query(sql).bind(connection)
        };
        self.db.in_pieces(turns_of, spaces).await?;
        sqlx::query("UPDATE connections SET to_erase = 0 WHERE id = $1 AND ended_at IS NOT NULL")
            .bind(connection)
            .execute(&mut *self.db.writer_as(turns_of).await?)
            .await?;
        Ok(())
    }

    /// Erases everything that a deleted account has here, and ends its connections. The other side is told of each.
    pub(super) async fn erase_account(&self, account: &str, turns_of: &str) -> Result<()> {
        let still = still(1);
        // First, so that none is accepted once the connections have ended.
        let sql = format!(
            "UPDATE invitations SET state = 'cancelled' WHERE state = 'pending' AND {still} AND id IN \
             (SELECT id FROM invitations WHERE inviter = $1 AND state = 'pending' LIMIT 500)"
        );
        let cancelled = || sqlx::query(AssertSqlSafe(&*sql)).bind(account);
        self.db.in_pieces(turns_of, cancelled).await?;
        while self.part(account, turns_of).await? {}
        let sql =
            "SELECT id FROM connections WHERE to_erase = 1 AND (inviter = $1 OR invitee = $1)";
        let ended: Vec<String> = sqlx::query_scalar(sql)
            .bind(account)
            .fetch_all(&self.db.read)
            .await?;
        for connection in ended {
            self.erase_shares(&connection, turns_of).await?;
        }
        let cards = Erasure {
            find: "SELECT id, size FROM cards WHERE account = $1 AND deleted_at IS NULL",
            erase: &format!("DELETE FROM cards WHERE account = $1 AND {still} AND id IN"),
            of: One::Id(account),
            lists: Lists::Cards,
        };
        cards.run(self, turns_of).await?;
        let links = Erasure {
            find: "SELECT id, size FROM links WHERE account = $1 AND deleted_at IS NULL",
            erase: &format!(
                "UPDATE links SET share = '', size = 0, opening = '', reading = '', deleted_at = \
                 (SELECT deleted_at FROM accounts WHERE accounts.id = $1) WHERE account = $1 AND {still} AND id IN"
            ),
            of: One::Id(account),
            lists: Lists::Links,
        };
        links.run(self, turns_of).await?;
        self.erase_files(account, turns_of).await?;
        for sql in [
            // Those that were deleted before.
            "DELETE FROM cards WHERE account = $1 AND id IN (SELECT id FROM cards WHERE account = $1 LIMIT 500)",
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE account = $1 LIMIT 500)",
            "DELETE FROM codes WHERE account = $1",
            "UPDATE invitations SET token_hash = '', email = NULL, named = NULL WHERE id IN (SELECT id FROM invitations \
             WHERE inviter = $1 AND (token_hash <> '' OR email IS NOT NULL OR named IS NOT NULL) LIMIT 500)",
            "DELETE FROM events WHERE account = $1 AND seq IN (SELECT seq FROM events WHERE account = $1 LIMIT 500)",
        ] {
            let sql = format!("{sql} AND {still}");
            let piece = || sqlx::query(AssertSqlSafe(&*sql)).bind(account);
            self.db.in_pieces(turns_of, piece).await?;
        }
        let mut tx = self.db.begin_as(turns_of).await?;
        let ended = sqlx::query(
            "UPDATE accounts SET confirmed = NULL, quotas = NULL, to_erase = 0 WHERE id = $1 AND to_erase = 1",
        )
        .bind(account)
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 1 {
            // With those that somebody else wrote for it meanwhile: their numbers begin anew.
            for sql in [
                "DELETE FROM events WHERE account = $1",
                "DELETE FROM event_counts WHERE account = $1",
            ] {
                sqlx::query(sql).bind(account).execute(&mut *tx).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Ends some of the account's connections, and tells the other side. Gives whether there were any.
    async fn part(&self, account: &str, turns_of: &str) -> Result<bool> {
        let mut tx = self.db.begin_as(turns_of).await?;
        let sql = format!(
            "UPDATE connections SET ended_at = $1, to_erase = 1 WHERE {} AND id IN (SELECT id FROM connections \
             WHERE (inviter = $2 OR invitee = $2) AND ended_at IS NULL LIMIT $3) \
             RETURNING id, CASE WHEN inviter = $2 THEN invitee ELSE inviter END AS peer",
            still(2)
        );
        let ended: Vec<Parted> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(self.clock.now())
            .bind(account)
            .bind(MAX_ENDED)
            .fetch_all(&mut *tx)
            .await?;
        if ended.is_empty() {
            return Ok(false);
        }
        let changes = ended
            .iter()
            .map(|connection| Change::new(&connection.peer, Kind::Connection, &connection.id));
        self.record(tx, changes.collect()).await?;
        Ok(true)
    }
}
